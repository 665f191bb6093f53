"""The types that values have in tables of pyarrow: of each kind of value, and of values as they are.

pyarrow is imported when it is asked for, and never before.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import LibraryError
from ..media import Audio, File, Tensor
from ..video import Video

Shape = str | tuple["Shape"] | dict[str, "Shape"]
"""What a value looks like, without pyarrow: a kind, a tuple with what a list has in it, or a map's fields.

Kinds are those of ports, as far as they have one type each (`KINDS`); "texts" is a map of text by text, and "float32"
a sample.
"""

KINDS = ("null", "bool", "int", "float", "str", "bytes", "timestamp", "audio", "video", "tensor", "file")
"""The kinds of which each has one type. Lists, maps and tables have one only if it is known what is in them."""

ARRAYS = ("audio", "tensor")
"""The kinds that are arrays of samples."""


def pyarrow_for(call: str) -> Any:
    """The module pyarrow. Raises `LibraryError`, which says what to install, in the name of `call`."""
    try:
        import pyarrow
    except ImportError:
        raise LibraryError(f"{call} needs pyarrow; pip install pyarrow") from None
    return pyarrow


def type_of_shape(shape: Shape, arrays: bool = True) -> Any:
    """The type for values of a shape. Without `arrays` audio, video and tensors have no samples, only their form."""
    import pyarrow

    if isinstance(shape, tuple):
        return pyarrow.list_(type_of_shape(shape[0], arrays))
    if isinstance(shape, dict):
        return pyarrow.struct([(name, type_of_shape(each, arrays)) for name, each in shape.items()])
    if shape in _MEDIA:
        form, memory = _MEDIA[shape]
        return type_of_shape(form | memory if arrays else form)
    plain = {
        "null": pyarrow.null(),
        "bool": pyarrow.bool_(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "float32": pyarrow.float32(),
        "str": pyarrow.string(),
        "bytes": pyarrow.binary(),
        "timestamp": pyarrow.timestamp("us", "UTC"),
        "texts": pyarrow.map_(pyarrow.string(), pyarrow.string()),
    }
    return plain[shape]


def type_of_values(values: Iterable[Any]) -> Any:
    """The type for values as they are, by what is seen of them: null where there is none.

    Raises `pyarrow.ArrowInvalid` or `TypeError` for values that have no type in common.
    """
    import pyarrow

    given = [value for value in values if value is not None]
    kinds = {kind_of(value) for value in given}
    if kinds == {"map"}:
        keys = dict.fromkeys(key for value in given for key in value)
        return pyarrow.struct([(key, type_of_values(value.get(key) for value in given)) for key in keys])
    if kinds == {"list"}:
        return pyarrow.list_(type_of_values(each for value in given for each in value))
    if len(kinds) == 1 and (kind := next(iter(kinds))) is not None:
        return type_of_shape(kind)
    found = pyarrow.infer_type(given)
    require_types(given, found)
    # pyarrow looks at the types of numbers alone.
    if found == pyarrow.int64() and max(given) >= 1 << 63:
        if min(given) < 0:
            raise TypeError(f"no type of integers has both {min(given)} and {max(given)}")
        return pyarrow.uint64()
    return found


def require_types(values: Iterable[Any], type_: Any) -> None:
    """Raises `TypeError` for a value that pyarrow would turn into another one to fit a type of scalars."""
    import pyarrow

    types = pyarrow.types
    kinds: tuple[type, ...]
    if types.is_integer(type_):
        kinds = (int,)
    elif types.is_floating(type_):
        kinds = (float, int)
    elif types.is_boolean(type_):
        kinds = (bool,)
    elif types.is_string(type_) or types.is_large_string(type_):
        kinds = (str,)
    elif types.is_binary(type_) or types.is_large_binary(type_):
        kinds = (bytes, bytearray, memoryview)
    elif types.is_timestamp(type_):
        kinds = (datetime.datetime,)
    else:
        return
    for value in values:
        is_whole = kinds == (int,) and isinstance(value, float) and value.is_integer()
        if value is None or is_whole or (isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))):
            continue
        raise TypeError(f"{value!r} is a value of the type {type(value).__name__}")


def kind_of(value: Any) -> str | None:
    """The kind of a value that is no scalar of Python; None for those."""
    if isinstance(value, Audio):
        return "audio"
    if isinstance(value, File):
        return "file"
    if isinstance(value, Video):
        return "video"
    if isinstance(value, Tensor) or (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return "tensor"
    if isinstance(value, Mapping):
        return "map"
    return "list" if isinstance(value, (list, tuple)) else None


_MEDIA: dict[str, tuple[dict[str, Shape], dict[str, Shape]]] = {
    "audio": (
        {"rate": "int", "channels": "int", "frames": "int", "layout": "str", "pts_ns": "int"},
        {"samples": (("float32",),)},
    ),
    "tensor": ({"dtype": "str", "shape": ("int",)}, {"data": "bytes"}),
    "video": ({"format": "str", "width": "int", "height": "int", "pts_ns": "int"}, {"planes": ("bytes",)}),
    "file": ({"path": "str", "data": "bytes", "mime": "str"}, {}),
}
"""Of each kind the fields that describe it, and those that are its memory."""
