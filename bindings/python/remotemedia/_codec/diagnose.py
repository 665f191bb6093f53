"""Finds out why a value can't cross: a slow second look, taken only after packing failed.

It finds the place (`inputs[2].gain`), says what is there and what to write instead.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from .._media.arrays import describe_mask
from .._media.element_types import SIZES
from .._media.scalars import LEAST_INTEGER, MOST_INTEGER
from .._problem.own_results import cure_for_value
from ..errors import MarshalError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""The time that timestamps count from."""

FIRST_MOMENT, LAST_MOMENT = (each.replace(tzinfo=timezone.utc) - EPOCH for each in (datetime.min, datetime.max))
"""The first and the last time that a datetime in UTC can be, as spans from there."""

DEEPEST = 500
"""How many lists and maps may be nested; deeper structures can't be packed."""


def explain(value: Any, name: str, reject: Callable[[Any], str | None], deepest: int = DEEPEST) -> MarshalError | None:
    """The error that names the first value below `value` that can't cross, or None if all can.

    `name` is what the path begins with. `reject` says what is wrong with a value that is none of plain Python's, or
    None if nothing is.
    """
    # An explicit stack: the structure may be deeper than Python's own.
    stack: list[tuple[Any, str, int]] = [(value, name, 0)]
    while stack:
        value, path, depth = stack.pop()
        kind = type(value)
        if depth > deepest:
            shown = path if len(path) < 80 else path[:60] + "..."
            return MarshalError(f"{shown}: nested deeper than {deepest} levels, or it contains itself")
        complaint: str | None = None
        if value is None or kind in (bool, float, bytes, bytearray):
            pass
        elif kind is int:
            complaint = _integer(value)
        elif kind is str:
            complaint = _text(value)
        elif kind in (list, tuple):
            stack.extend((entry, f"{path}[{index}]", depth + 1) for index, entry in reversed(list(enumerate(value))))
        elif kind is dict:
            for key in value:
                if type(key) is not str:
                    text = "key.value" if isinstance(key, Enum) and type(key.value) is str else "str(key)"
                    return MarshalError(
                        f"{path}: the key {key!r} is {_a(type(key).__name__)}; keys of a dict must be str: "
                        f"write {{{text}: value}}"
                    )
                complaint = _text(key)
                if complaint:
                    return MarshalError(f"{path}: in a key, {complaint}")
            stack.extend((entry, path + _key(key), depth + 1) for key, entry in reversed(list(value.items())))
        elif kind is datetime:
            complaint = describe_moment(value)
        elif kind is memoryview:
            complaint = None if value.c_contiguous else "the memoryview is not contiguous; write bytes(value)"
        else:
            complaint = reject(value)
        if complaint:
            return MarshalError(f"{path}: {complaint}")
    return None


def describe_moment(value: datetime) -> str | None:
    """What is wrong with a datetime; None if it can cross."""
    if value.utcoffset() is None:
        return "a datetime without a time zone is no moment; write value.astimezone()"
    if not FIRST_MOMENT <= value - EPOCH <= LAST_MOMENT:
        return (
            f"the datetime {value.isoformat()} is outside of the years 1 to 9999 in UTC; "
            "write value.replace(tzinfo=datetime.timezone.utc) if its zone does not matter"
        )
    return None


def describe_array(array: Any) -> str | None:
    """What is wrong with the type of a numpy array, or of its elements; None if it can cross."""
    complaint = describe_mask(array)
    if complaint is not None:
        return complaint
    name = type(array).__name__
    if name not in ("ndarray", "memmap"):
        return (
            f"{name} is a subclass of ndarray and would come back as ndarray; "
            "write numpy.asarray(value) if that is meant"
        )
    dtype = array.dtype
    if dtype.name in SIZES and (dtype.kind in "biufc" or dtype.name == "bfloat16"):
        return None
    if dtype.names is not None:
        return f"an array with fields {list(dtype.names)} can't cross; pass each as an array of its own: value[name]"
    if dtype.kind == "O":
        return "an array of Python objects can't cross; give it a numeric dtype: value.astype('float64')"
    if dtype.kind in "US":
        return "an array of strings can't cross; write value.tolist()"
    if dtype.kind in "mM":
        return f"an array of {dtype.name} can't cross; write value.astype('int64') and pass the unit beside it"
    if dtype.type.__name__ == "void":
        return f"an array of {dtype.name} can't cross; write value.tobytes()"
    # To numpy the small types of ml_dtypes are of the kind of void.
    wide = {"c": "complex128", "V": "float32"}.get(dtype.kind, "float64")
    return f"an array of {dtype.name} can't cross; write value.astype('{wide}')"


def describe_type(value: Any) -> str:
    """The complaint about a value whose type never crosses."""
    kind = type(value)
    if isinstance(value, datetime):
        return _moment_of_another_type(value)
    own = cure_for_value(value)
    if own is not None:
        return f"{_a(kind.__name__)} can't cross; {own}"
    for base in (bool, int, float, str, bytes, list, tuple, dict):
        if isinstance(value, base):
            return (
                f"{kind.__name__} is a subclass of {base.__name__} and would come back as {base.__name__}; "
                f"write {base.__name__}(value) if that is meant"
            )
    if isinstance(value, (set, frozenset)):
        return f"{_a(kind.__name__)} has no order; write sorted(value) or list(value)"
    if isinstance(value, complex):
        return "a complex number can't cross; write [value.real, value.imag] or numpy.complex128(value)"
    if hasattr(value, "typecode") and hasattr(value, "buffer_info"):
        return f"an array of typecode {value.typecode!r} can't cross; write value.tolist()"
    if getattr(value, "is_cuda", False) is True or hasattr(value, "__cuda_array_interface__"):
        return f"the {kind.__name__} is on a GPU; write value.cpu()"
    cure = _cure(value)
    if cure is not None:
        return f"{_a(_full_name(kind))} can't cross; {cure}"
    return (
        f"{_a(_full_name(kind))} can't cross; pass None, bool, int, float, str, bytes, list, dict, datetime, "
        "a numpy array, a table, Audio, Video, File or Tensor"
    )


_CURES = {
    "decimal.Decimal": "write str(value) to keep its digits, or float(value)",
    "fractions.Fraction": "write [value.numerator, value.denominator], or float(value)",
    "uuid.UUID": "write str(value) or value.bytes",
    "datetime.date": "write value.isoformat()",
    "datetime.time": "write value.isoformat()",
    "datetime.timedelta": "write value // datetime.timedelta(microseconds=1), or value.total_seconds()",
    "types.SimpleNamespace": "write vars(value)",
    "collections.UserString": "write str(value)",
    "io.BytesIO": "write value.getvalue()",
    "io.StringIO": "write value.getvalue()",
    "io._IOBase": "write value.read(), or pass remotemedia.File(path)",
    "polars.lazyframe.frame.LazyFrame": "write value.collect()",
    "pandas.api.typing.NAType": "write None",
    "pandas._libs.missing.NAType": "write None",
}
"""What to write instead of values of a type, or of one derived from it."""


def _cure(value: Any) -> str | None:
    for base in type(value).__mro__:
        cure = _CURES.get(_full_name(base))
        if cure is not None:
            return cure
    read = getattr(value, "read", None)
    if callable(read):
        return f"write {'await ' if inspect.iscoroutinefunction(read) else ''}value.read()"
    if hasattr(value, "__anext__"):
        return "write [entry async for entry in value]"
    if hasattr(value, "__await__"):
        return "await it first"
    if isinstance(value, Mapping):
        return "write dict(value)"
    if hasattr(value, "to_numpy"):
        return "write value.to_numpy()"
    if hasattr(value, "__next__") or isinstance(value, Sequence) or _full_name(type(value)) == "collections.deque":
        return "write list(value)"
    return None


def _moment_of_another_type(value: datetime) -> str:
    name = type(value).__name__
    if str(value) == "NaT":
        return "NaT is no moment; write None"
    pythonic = hasattr(value, "to_pydatetime")
    loses = ", without its nanoseconds" if pythonic else ""
    write = "value.to_pydatetime()" if pythonic else "datetime.combine(value.date(), value.timetz())"
    return f"{name} is a subclass of datetime and would come back as datetime{loses}; write {write} if that is meant"


def describe_unicode(value: Any, error: UnicodeEncodeError) -> str:
    """The complaint about a value of which a text can't be encoded."""
    wrong = f"a lone surrogate {error.object[error.start]!r} at index {error.start}"
    return f"a text of this {type(value).__name__} has {wrong}, which is no character"


def _full_name(kind: type) -> str:
    # Types that are written in C name their module `_io` for `io`; what a script defines has none to name.
    module = kind.__module__.lstrip("_")
    return kind.__qualname__ if module in ("builtins", "main__") else f"{module}.{kind.__qualname__}"


def _integer(value: int) -> str | None:
    if LEAST_INTEGER <= value <= MOST_INTEGER:
        return None
    return f"integer {_short(value)} does not fit 64 bits"


def _short(value: int) -> str:
    size = abs(value)
    sign = "-" if value < 0 else ""
    power = size.bit_length() - 1
    if size == 1 << power:
        return f"{sign}2^{power}"
    return f"{sign}{size}" if power < 128 else f"of {power + 1} bits"


def _text(value: str) -> str | None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        return (
            f"the text has a lone surrogate {value[error.start]!r} at index {error.start}, which is no character; "
            'write value.encode("utf-8", "replace").decode()'
        )
    return None


def _key(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key)}]"


def _a(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
