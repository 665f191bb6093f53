"""Arrays of pyarrow made of values: numbers, text, and media as structs whose memory is copied as a whole."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import MarshalError
from ..media import Audio, File, Tensor
from ..video import Video
from .arrow_types import kind_of, require_types, type_of_values


def table_of_columns(columns: Mapping[str, Sequence[Any]], schema: Any, known: Mapping[str, Any]) -> Any:
    """A table of these columns: with the types of a `pyarrow.Schema`, or with those that are known or that values show.

    A column that only the schema has is null. Raises `MarshalError` for one that the schema lacks, and for values that
    are not of its type.
    """
    import pyarrow

    is_found = schema is None
    if is_found:
        types = {name: known.get(name) or _type_of_column(name, values) for name, values in columns.items()}
        schema = pyarrow.schema(list(types.items()))
    for name, values in columns.items():
        if name not in schema.names and any(value is not None for value in values):
            raise MarshalError(f"a result has the column {name!r}, and the schema has not; add it to the schema")
    rows = len(next(iter(columns.values()), ()))
    arrays = [column_of(field, columns.get(field.name, [None] * rows), is_found) for field in schema]
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def column_of(field: Any, values: Sequence[Any], is_found: bool = False) -> Any:
    """An array of the type of a field. Raises `MarshalError`, which names the field, for values of another one.

    `is_found` says that the type is what these values show.
    """
    import pyarrow

    try:
        return _array_of(values, field.type)
    except (pyarrow.ArrowException, TypeError, OverflowError) as error:
        if is_found:
            raise _no_common_type(field.name, error) from None
        raise MarshalError(f"the column {field.name!r} is {field.type} in the schema: {error}") from None


def _array_of(values: Sequence[Any], type_: Any) -> Any:
    """An array of a type. Raises `pyarrow.ArrowException`, `TypeError` or `MarshalError` for values of another one."""
    import pyarrow

    if pyarrow.types.is_struct(type_):
        return _structs(values, type_)
    if pyarrow.types.is_map(type_):
        return pyarrow.array([list(each.items()) if isinstance(each, Mapping) else each for each in values], type_)
    if pyarrow.types.is_list(type_):
        return _lists(values, type_)
    require_types(values, type_)
    return pyarrow.array(values, type_)


def _type_of_column(name: str, values: Sequence[Any]) -> Any:
    import pyarrow

    try:
        return type_of_values(values)
    except (pyarrow.ArrowException, TypeError) as error:
        raise _no_common_type(name, error) from None


def _no_common_type(name: str, error: Exception) -> MarshalError:
    return MarshalError(f"the values of the column {name!r} have no type in common: {error}")


def _structs(values: Sequence[Any], type_: Any) -> Any:
    import pyarrow

    rows = [None if value is None else _fields_of(value) for value in values]
    known = {field.name for field in type_}
    for value, row in zip(values, rows, strict=True):
        # What a struct leaves out of media was left out on purpose.
        unknown = (
            None if row is None or kind_of(value) != "map" else next((key for key in row if key not in known), None)
        )
        if unknown is not None:
            raise MarshalError(f"a result has the key {unknown!r}, which the schema lacks; it has {sorted(known)}")
    children = [_array_of([None if row is None else row.get(f.name) for row in rows], f.type) for f in type_]
    if not children:
        return pyarrow.array([None if row is None else {} for row in rows], type_)
    is_null = pyarrow.array([row is None for row in rows], pyarrow.bool_())
    return pyarrow.StructArray.from_arrays(children, fields=list(type_), mask=is_null)


def _lists(values: Sequence[Any], type_: Any) -> Any:
    import pyarrow

    offsets = array("i", [0])
    place = 0
    for value in values:
        place += 0 if value is None else len(value)
        offsets.append(place)
    is_null = pyarrow.array([value is None for value in values], pyarrow.bool_())
    given = [value for value in values if value is not None]
    if type_.value_type == pyarrow.float32() and all(kind_of(value) == "tensor" for value in given):
        parts = [pyarrow.py_buffer(_memory_of(value)) for value in given]
        floats = [pyarrow.Array.from_buffers(type_.value_type, len(part) // 4, [None, part]) for part in parts]
        items = pyarrow.concat_arrays(floats) if floats else pyarrow.array([], type_.value_type)
    else:
        items = _array_of([each for value in given for each in value], type_.value_type)
    starts = pyarrow.Array.from_buffers(pyarrow.int32(), len(offsets), [None, pyarrow.py_buffer(offsets)])
    return pyarrow.ListArray.from_arrays(starts, items, type=type_, mask=is_null)


def _fields_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Audio):
        form: dict[str, Any] = {"rate": value.rate, "channels": value.channels, "frames": value.frames}
        return {**form, "layout": value.layout, "pts_ns": value.pts_ns, "samples": _channels_of(value)}
    if isinstance(value, File):
        return {"path": value.path, "data": None if value.data is None else bytes(value.data), "mime": value.mime}
    if isinstance(value, Video):
        form = {"format": value.format, "width": value.width, "height": value.height, "pts_ns": value.pts_ns}
        return {**form, "planes": [_memory_of(plane) for plane in value.planes]}
    if kind_of(value) == "tensor":
        return {"dtype": str(value.dtype), "shape": list(value.shape), "data": _memory_of(value)}
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"{type(value).__name__} is no map")


def _channels_of(audio: Audio) -> list[Any]:
    samples = audio.samples
    if not isinstance(samples, Tensor):
        return list(samples)
    step = audio.frames * 4
    return [
        Tensor(samples.data[at : at + step], "float32", (audio.frames,))
        for at in range(0, audio.channels * step, step or 1)
    ]


def _memory_of(value: Any) -> bytes:
    return bytes(value.data) if isinstance(value, Tensor) else bytes(value.tobytes())
