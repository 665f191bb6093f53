"""Arrays in NumPy's file format, written without NumPy.

The format is that of `numpy.lib.format`, version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

from ...media import Audio

MAGIC = b"\x93NUMPY\x01\x00"
ALIGNMENT = 64
"""The data of an array begins at a multiple of this, so that it can be mapped into memory."""


class NoArray(ValueError):
    """Values that make no array, with the reason as a clause."""


class _Array(NamedTuple):
    type: str
    shape: tuple[int, ...]
    data: memoryview


def npy(values: Sequence[Any], *, is_one: bool = False) -> Iterator[bytes]:
    """The bytes of a .npy file with all values of a sink.

    Audio and tensors of two dimensions and more are joined along their last one, which is time: audio is float32 of
    shape (channels, frames). Vectors become the rows of a matrix, numbers the elements of a vector; with `is_one` the
    only value stays what it is. Raises `NoArray` for other values, and for those that don't fit together.
    """
    arrays = [_array(value) for value in values]
    if is_one:
        (array,) = arrays
        yield _head(array.type, array.shape)
        yield bytes(array.data)
        return
    if not arrays:
        raise NoArray("no value, so there is no shape")
    kinds = {array.type for array in arrays}
    if len(kinds) > 1 and kinds <= {"<i8", "<f8", "|b1"} and not any(array.shape for array in arrays):
        arrays = [_number(float(value)) for value in values]
    elif len(kinds) > 1:
        raise NoArray(f"arrays of different types, {' and '.join(sorted(kinds))}")
    first = arrays[0]
    dimensions = len(first.shape)
    joined = slice(0, -1) if dimensions > 1 else slice(0, None)
    for array in arrays:
        if len(array.shape) != dimensions or array.shape[joined] != first.shape[joined]:
            raise NoArray(f"arrays that don't fit together, of shapes {first.shape} and {array.shape}")
    if dimensions > 1:
        shape = (*first.shape[:-1], sum(array.shape[-1] for array in arrays))
    else:
        shape = (len(arrays), *first.shape)
    yield _head(first.type, shape)
    yield from _rows(arrays, prod(first.shape[:-1])) if dimensions > 1 else (bytes(array.data) for array in arrays)


def _head(typestr: str, shape: Sequence[int]) -> bytes:
    text = f"{{'descr': '{typestr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode("latin-1")
    text += b" " * (-(len(MAGIC) + 2 + len(text) + 1) % ALIGNMENT) + b"\n"
    return MAGIC + struct.pack("<H", len(text)) + text


def _rows(arrays: Sequence[_Array], rows: int) -> Iterator[bytes]:
    """Row for row what each array has of it."""
    lengths = [len(array.data) // rows if rows else 0 for array in arrays]
    for row in range(rows):
        for array, length in zip(arrays, lengths, strict=True):
            yield bytes(array.data[row * length : (row + 1) * length])


def _array(value: Any) -> _Array:
    if isinstance(value, Audio):
        value = value.samples
    if isinstance(value, (bool, int, float)):
        return _number(value)
    interface = getattr(value, "__array_interface__", None)
    if interface is None or interface["typestr"][1:2] == "O":
        raise NoArray(f"{_kind(value)}, no arrays")
    # Arrays of NumPy may be strided; a tensor of ours lies in C order.
    data = value.tobytes() if hasattr(value, "tobytes") else value.data
    return _Array(interface["typestr"], tuple(interface["shape"]), memoryview(data).cast("B"))


def _number(value: bool | int | float) -> _Array:
    code, typestr = ("?", "|b1") if isinstance(value, bool) else ("<q", "<i8")
    if isinstance(value, float):
        code, typestr = "<d", "<f8"
    try:
        return _Array(typestr, (), memoryview(struct.pack(code, value)))
    except struct.error:
        raise NoArray(f"the integer {value}, which does not fit 64 bits") from None


def _kind(value: Any) -> str:
    names: Iterable[tuple[type, str]] = ((dict, "maps"), (list, "lists"), (str, "text"), (bytes, "bytes"))
    return next((name for kind, name in names if isinstance(value, kind)), f"values of type {type(value).__name__}")
