"""The types of elements in arrays: their names, sizes, and how other interfaces write them."""

from __future__ import annotations

import struct

FORMATS: dict[str, str] = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}
"""The element types that a memoryview knows, by their names, with their format."""

TYPE_STRINGS: dict[str, str] = {
    "bool": "|b1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "bfloat16": "<V2",
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}
"""The element types that cross, by their names, as the array interface writes them."""

SIZES: dict[str, int] = {name: int(text[2:]) for name, text in TYPE_STRINGS.items()}
"""The size of one element in bytes."""


def _names_of_formats() -> dict[str, str]:
    # `l`, `L`, `n` and `N` are as long as this platform makes them.
    names = {text: name for name, text in FORMATS.items()}
    for text, signed in (("l", True), ("L", False), ("n", True), ("N", False)):
        bits = struct.calcsize(text) * 8
        names[text] = f"{'' if signed else 'u'}int{bits}"
    return names


NAMES_OF_FORMATS = _names_of_formats()
"""The names of the element types by the formats of a memoryview."""
