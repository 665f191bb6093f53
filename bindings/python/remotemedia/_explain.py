"""Why a value can't cross: the slow second look, taken only after packing failed.

It finds the place (`inputs[2].gain`), says what is there and what to write instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .errors import MarshalError

DEEPEST = 500
"""How many lists and maps may be nested; deeper structures can't be packed."""


def explain(value: Any, name: str, reject: Callable[[Any], str | None]) -> MarshalError | None:
    """The error that names the first value below `value` that can't cross, or None if all can.

    `name` is what the path begins with. `reject` says what is wrong with a value that is none of plain Python's, or
    None if nothing is.
    """
    # An explicit stack: the structure may be deeper than Python's own.
    stack: list[tuple[Any, str, int]] = [(value, name, 0)]
    while stack:
        value, path, depth = stack.pop()
        kind = type(value)
        if depth > DEEPEST:
            shown = path if len(path) < 80 else path[:60] + "..."
            return MarshalError(f"{shown}: nested deeper than {DEEPEST} levels, or it contains itself")
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
                    return MarshalError(
                        f"{path}: the key {key!r} is {_a(type(key).__name__)}; keys of a dict must be str: "
                        f"write {{str(key): value}}"
                    )
                complaint = _text(key)
                if complaint:
                    return MarshalError(f"{path}: in a key, {complaint}")
            stack.extend((entry, path + _key(key), depth + 1) for key, entry in reversed(list(value.items())))
        elif kind is datetime:
            if value.tzinfo is None:
                complaint = "a datetime without a time zone is no moment; write value.astimezone()"
        else:
            complaint = reject(value)
        if complaint:
            return MarshalError(f"{path}: {complaint}")
    return None


def complaint_about_type(value: Any) -> str:
    """What to say of a type that never crosses."""
    kind = type(value)
    for base in (bool, int, float, str, bytes, list, tuple, dict, datetime):
        if isinstance(value, base):
            return (
                f"{kind.__name__} is a subclass of {base.__name__} and would come back as {base.__name__}; "
                f"write {base.__name__}(value) if that is meant"
            )
    if isinstance(value, (set, frozenset)):
        return f"{_a(kind.__name__)} has no order; write sorted(value) or list(value)"
    if isinstance(value, complex):
        return "a complex number can't cross; write [value.real, value.imag] or numpy.complex128(value)"
    if hasattr(value, "__anext__"):
        return f"{_a(kind.__name__)} can't cross; write [entry async for entry in value]"
    if hasattr(value, "__next__"):
        return f"{_a(kind.__name__)} can't cross; write list(value)"
    if hasattr(value, "__await__"):
        return f"{_a(kind.__name__)} can't cross; await it first"
    if getattr(value, "is_cuda", False) is True:
        return "the tensor is on a GPU; write value.cpu()"
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return (
        f"{_a(name)} can't cross; pass None, bool, int, float, str, bytes, list, dict, datetime, a numpy array, "
        "a table, Audio, Video, File or Tensor"
    )


def _integer(value: int) -> str | None:
    if -(2**63) <= value < 2**64:
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
