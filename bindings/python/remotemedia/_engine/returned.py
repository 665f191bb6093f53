"""What Python functions return, as it is kept until its reply leaves: of plain types and media that can cross.

The runtime calls again for all that comes behind a value that can't cross. So that is found out before more is called,
and nothing is kept that could change until then or that runs code of its own: lists and dicts are copied, dataclasses
become the maps that they cross as, tables and arrays of other libraries are read.
"""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from .._abi.config import depth
from .._codec.call_buffers import PACKING_ERRORS, CallBuffers, acquire, release
from .._codec.decode import Window
from .._codec.diagnose import explain
from .._codec.encode import is_known_to_cross
from .._functions.arguments import snapshot
from .._media.scalars import LEAST_INTEGER, MOST_INTEGER, SURE
from .._process import FIRST_USE, imported
from ..errors import MarshalError
from ..media import Audio
from ..table import Table, is_table

NAME = "the returned value"

AROUND = 3
"""The lists and maps around each value of a reply: the reply, the list of its outputs, and that of one of them."""

MANY = 32
"""From so many entries on a list is asked for the types of all of them, and a packer for the rest."""
FLAT = SURE | {int, str}


def kept_of(value: Any) -> Any:
    """What is kept of a value that was returned: later changes of it are not seen.

    Raises `MarshalError`, or what code of the value raises, if it can't cross.
    """
    if is_known_to_cross(value):
        return snapshot(value) if type(value) is Audio else value
    if type(value) not in (dict, list, tuple) and is_table(value):
        return _table(value, f"{NAME}: ")
    levels = depth() - AROUND
    try:
        return _kept(value, levels)
    except PACKING_ERRORS as error:
        refusal = _refusal(value, levels, error)
    if refusal is not None:
        raise refusal
    return value


def _kept(value: Any, levels: int) -> Any:
    """The same for a value that so many lists and maps may be inside each other in. Its errors name no place."""
    kind = type(value)
    if levels == 0 and kind in (list, tuple, dict):
        raise MarshalError("lists and maps are nested too deep")
    if kind is list or kind is tuple:
        if len(value) >= MANY and (kinds := set(map(type, value))) <= FLAT:
            if not kinds <= SURE:
                _check(value)
            return list(value)
        return [
            entry
            if type(entry) in SURE
            or (type(entry) is int and LEAST_INTEGER <= entry <= MOST_INTEGER)
            or (type(entry) is str and entry.isascii())
            else _kept(entry, levels - 1)
            for entry in value
        ]
    if kind is dict:
        return {
            key if type(key) is str and key.isascii() else _key(key): entry
            if type(entry) in SURE
            or (type(entry) is int and LEAST_INTEGER <= entry <= MOST_INTEGER)
            or (type(entry) is str and entry.isascii())
            else _kept(entry, levels - 1)
            for key, entry in value.items()
        }
    if is_known_to_cross(value):
        return snapshot(value)
    if kind is bytearray or (kind is memoryview and value.c_contiguous):
        return bytes(value)
    if isinstance(value, Enum):
        return _kept(value.value, levels)
    if is_dataclass(value) and not isinstance(value, (type, os.PathLike)):
        return _kept({field.name: getattr(value, field.name) for field in fields(value)}, levels)
    value = _read(value)
    if type(value) is not Table:
        _check(value)
    return snapshot(value)


def _check(value: Any) -> None:
    """Raises what packing it raises, if a value can't be packed."""
    used = acquire()
    try:
        used.pack(value, NAME)
        used.forget()
    finally:
        release(used)


def _key(key: Any) -> str:
    if type(key) is not str or not is_known_to_cross(key):
        raise MarshalError(f"the key {key!r} can't cross")
    return key


def _read(value: Any) -> Any:
    """A table or an array of another library as it crosses: a stream can be read once, and a picture is copied then."""
    interface = getattr(value, "__array_interface__", None)
    numpy = imported("numpy")
    if interface is None:
        return _table(value) if is_table(value) else value
    if numpy is None or isinstance(value, (numpy.generic, numpy.ndarray)):
        return value
    return numpy.asarray(Window(value, interface))


def _table(value: Any, name: str = "") -> Table:
    with FIRST_USE:
        from .._codec.arrow import table_of

    try:
        return table_of(value)
    except MarshalError as error:
        raise MarshalError(f"{name}{error}") from None


def _refusal(value: Any, levels: int, error: Exception) -> MarshalError | None:
    """The error for a value that can't cross, with the place that a second look finds. Raises what its code raises.

    None if only Python itself has not that many levels.
    """
    found = explain(value, NAME, _nothing, levels)
    if found is not None:
        return found
    try:
        _check(value)
    except MarshalError as refused:
        return refused
    found = CallBuffers.explained(value, NAME, MarshalError(f"{NAME}: {error}"))
    return None if isinstance(error, RecursionError) else found


def _nothing(_: Any) -> None:
    """What is wrong with a value of another type, which packing it finds."""
