"""How Python values become documents of the runtime and back.

A `Lane` holds all that one crossing needs (packers, room for the result, the table of buffers) and is used again for
the next; each thread has lanes of its own. Small values travel in the document. Numbers of 16 KiB and more stay
where they are: the document names an entry of the buffer table.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import msgpack
from msgpack import ExtType

from . import _memory
from ._explain import (
    EPOCH,
    FIRST_MOMENT,
    LAST_MOMENT,
    complaint_about_array,
    complaint_about_moment,
    complaint_about_type,
    explain,
)
from ._library import NULL, after_fork, check, ffi, lib
from ._memory import Kept
from ._outputs import Outputs
from ._unmarshal import (
    AUDIO,
    FILE,
    TABLE,
    TENSOR,
    TIMESTAMP,
    VIDEO,
    Reader,
    Storage,
    Window,
    c_strides,
    gather,
    unpackb,
)
from .errors import MarshalError
from .media import FORMATS, NAMES_OF_FORMATS, SIZES, TYPE_STRINGS, Audio, File, Tensor
from .table import Column, Table, is_table
from .video import Video, plane_shapes

INLINE_BYTES = 16 * 1024
"""Payloads below this size travel in the document: up to here a copy is cheaper than a buffer's bookkeeping."""

ENTRY = struct.Struct("@PNQPI")
"""An `rm_buffer`: data, len, token, memory, writable."""
ENTRY_BYTES: int = ffi.sizeof("rm_buffer")
"""What an entry takes in a table, padding included."""
_NOTHING = object()
_new_tuple: Any = tuple.__new__
_BYTES: Any = ffi.typeof("char[]")
_ADDRESS: Any = ffi.typeof("uintptr_t")

LONG_BYTES, LONG_TABLE = 256 * 1024, 500
"""From so many bytes or buffers on, unpacking a document takes milliseconds."""

AREA_BYTES = 16 * 1024
BUFFER_ROOM = 16
DISCARD_ROOM = 64

PACKING_ERRORS = (MarshalError, TypeError, ValueError, OverflowError, RecursionError, BufferError)
"""What a packer raises at values that it can't pack."""


_NAMES_OF_TYPE_STRINGS = {text: name for name, text in TYPE_STRINGS.items() if name != "bfloat16"}

_names: dict[Any, str] = {}
"""The names of numpy's types in native order: numpy itself takes microseconds to tell them."""

_headers: dict[tuple[Any, tuple[int, ...]], bytes] = {}
"""The begin of a contiguous tensor's payload, by dtype and shape: dtype, shape and nil for the strides."""

HEADERS = 256
"""How many of them are kept."""


class Lane(Reader):
    """All that one crossing needs. Used by one call at a time; `lane()` and `give_back()` see to that."""

    def __init__(self, room: int = AREA_BYTES) -> None:
        self.packer: Any = msgpack.Packer(default=self._encode, strict_types=True)
        self._payload: Any = msgpack.Packer(strict_types=True)
        self.native: Any = ffi.new("rm_lane *")
        self.output: Any = ffi.addressof(self.native, "output")
        self._area: Any = ffi.new("uint8_t[]", room)
        self._room: Any = ffi.new("rm_buffer[]", BUFFER_ROOM)
        self._room_view = memoryview(ffi.buffer(self._room)).cast("B")
        self._given: Any = ffi.new("rm_buffer[]", BUFFER_ROOM)
        self._given_view = memoryview(ffi.buffer(self._given)).cast("B")
        self._discards: Any = ffi.new("rm_memory *[]", DISCARD_ROOM)
        self.error: Any = ffi.addressof(self.native, "error")
        self._view = memoryview(ffi.buffer(self._area))
        self.output.data, self.output.capacity = self._area, room
        self.output.buffers, self.output.buffer_capacity = self._room, BUFFER_ROOM
        self.output.discard = self._discards
        self.table: list[tuple[int, int, int]] = []
        self._pinned: list[Any] = []
        self.held: dict[int, Kept] | None = None
        """The Python objects that the document packed last refers to, by their numbers; None if there are none."""
        self.snapshot = False
        """Whether what its owner can still write to is copied as it crosses."""
        self._storages: list[Storage] = []
        self._refused: tuple[Any, str | None] = _NOTHING, None
        self.decode: Callable[[int, bytes], Any] = self._decode

    # ---- Python to native

    def pack(self, value: Any, name: str) -> bytes:
        """A document of `value`; its table is then in `buffers()`.

        Raises `MarshalError`, with the path that begins with `name`, if something in it can't cross.
        """
        self.release_table()
        try:
            return self.packer.pack(value)  # type: ignore[no-any-return]
        except PACKING_ERRORS as error:
            raise self.refused(value, name, error) from None

    def refused(self, value: Any, name: str, error: Exception) -> MarshalError:
        """The error for a value that the packer refused: with the path, which a second look finds."""
        self.forget()
        try:
            found = explain(value, name, self._reject_again)
        except RecursionError:
            # Objects inside objects are looked into one by one.
            found = MarshalError(f"{name}: nested too deep, or it contains itself")
        self._refused = _NOTHING, None
        if found is None:
            found = error if isinstance(error, MarshalError) else MarshalError(f"{name}: {error}")
        return found

    def _reject_again(self, value: Any) -> str | None:
        refused, message = self._refused
        return message if value is refused else _reject(value)

    def release_table(self) -> None:
        """Forgets which objects the document packed last refers to; they stay alive where native code needs them."""
        self.table = []
        self.held = None
        self._pinned.clear()

    def explained(self, value: Any, name: str, refusal: MarshalError) -> MarshalError:
        """The error for a document that native code refused: with the path, if a second look finds it."""
        return explain(value, name, _reject) or refusal

    def buffers(self) -> tuple[Any, int]:
        """The buffer table of the document packed last, for C."""
        count = len(self.table)
        if count == 0:
            return NULL, 0
        table, view = self._given, self._given_view
        if count > BUFFER_ROOM:
            table = ffi.new("rm_buffer[]", count)
            view = memoryview(ffi.buffer(table)).cast("B")
        place = 0
        for address, length, token in self.table:
            ENTRY.pack_into(view, place, address, length, token, 0, 0)
            place += ENTRY_BYTES
        return table, count

    def hold(self, token: int, kept: Kept) -> None:
        """Adds an object that the document packed last names by its number."""
        if self.held is None:
            self.held = {}
        self.held[token] = kept

    def forget(self) -> None:
        """Lets go of the objects of the document packed last: native code did not take it."""
        if self.held:
            _memory.release(self.held)
        self.release_table()

    def _encode(self, value: Any) -> Any:
        encoder = _ENCODERS.get(type(value))
        if encoder is not None:
            return encoder(self, value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic):
            return self._numpy(numpy.asarray(value))
        if numpy is not None and (type(value) is numpy.ndarray or type(value) is numpy.memmap):
            _ENCODERS[type(value)] = Lane._numpy
            return self._numpy(value)
        if numpy is not None and isinstance(value, numpy.ndarray):
            raise MarshalError(complaint_about_array(value))
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, os.PathLike):
            return self._file(File(value))
        if is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        if hasattr(value, "typecode") and hasattr(value, "buffer_info"):
            return self._array(value)
        try:
            foreign = self._foreign(value)
        except MarshalError as error:
            # A stream can't be read a second time, to explain.
            self._refused = value, str(error)
            raise
        if foreign is not None:
            return foreign
        raise MarshalError(complaint_about_type(value))

    def _foreign(self, value: Any) -> ExtType | None:
        """A table or array of another package; None if it is neither."""
        kind = type(value)
        # Before tables: a picture of PIL is an array that Arrow sees as one column.
        interface = getattr(value, "__array_interface__", None)
        if interface is not None:
            return self._interface(value, interface)
        if is_table(value):
            from . import _arrow

            return self._table(_arrow.table_of(value))
        if hasattr(kind, "__dlpack__"):
            from . import _dlpack

            capsule, address, name, shape, strides, readonly, size = _dlpack.describe(value)
            steps = None if strides is None else [stride * size for stride in strides]
            return self._strided((value, capsule), address, name, shape, steps, readonly)
        return None

    def _interface(self, value: Any, interface: dict[str, Any]) -> ExtType:
        numpy = sys.modules.get("numpy")
        if numpy is not None and hasattr(numpy, "asarray"):
            return self._numpy(numpy.asarray(Window(value, interface)))
        known = _NAMES_OF_TYPE_STRINGS.get(interface["typestr"])
        data = interface.get("data")
        if known is None or not isinstance(data, tuple):
            raise MarshalError(f"the {type(value).__name__} needs numpy to be read; import numpy first")
        strides = interface.get("strides")
        shape = list(interface["shape"])
        return self._strided(value, data[0], known, shape, None if strides is None else list(strides), bool(data[1]))

    def _strided(
        self, source: Any, address: int, name: str, shape: list[int], strides: list[int] | None, readonly: bool
    ) -> ExtType:
        """An array somewhere in the memory of `source`; strides are in bytes, None for C order."""
        size = SIZES[name]
        count = 1
        for extent in shape:
            count *= extent
        if count == 0:
            return ExtType(TENSOR, self._payload.pack([name, shape, None, b"", 0]))
        if strides == c_strides(shape, size):
            strides = None
        low, high = 0, size if strides is not None else count * size
        for extent, stride in zip(shape, strides or (), strict=False):
            span = (extent - 1) * stride
            if span < 0:
                low += span
            else:
                high += span
        if count * size >= INLINE_BYTES:
            index = self._reference(source, address + low, high - low, readonly).index
            return ExtType(TENSOR, self._payload.pack([name, shape, strides, index, -low]))
        memory = memoryview(ffi.buffer(ffi.cast("char *", address + low), high - low))
        data = bytes(memory) if strides is None else gather(memory, shape, strides, -low, size)
        return ExtType(TENSOR, self._payload.pack([name, shape, None, data, 0]))

    def _table(self, table: Table) -> ExtType:
        columns = [self._column(column) for column in table._columns]
        return ExtType(TABLE, self._payload.pack([len(table), table._metadata, columns]))

    def _column(self, column: Column) -> list[Any]:
        buffers: list[Any] = []
        for part in column.buffers:
            if part is None:
                buffers.append(None)
            elif part.length < INLINE_BYTES:
                buffers.append(bytes(ffi.buffer(ffi.cast("char *", part.address), part.length)))
            else:
                buffers.append(self._reference(part.owner, part.address, part.length, True).index)
        return [
            column.name,
            column.format,
            column.flags,
            column.metadata,
            column.length,
            column.null_count,
            column.offset,
            buffers,
            [self._column(child) for child in column.children],
            None if column.dictionary is None else self._column(column.dictionary),
        ]

    def _video(self, video: Video) -> ExtType:
        planes: list[list[Any]] = []
        shapes = plane_shapes(video.format, video.width, video.height)
        for plane, (rows, row) in zip(video.planes, shapes, strict=True):
            if isinstance(plane, Tensor):
                is_small = plane.nbytes < INLINE_BYTES
                planes.append([bytes(plane.data) if is_small else self._bytes_like(plane, plane.data), 0, row])
                continue
            if plane.strides[1] != 1 or plane.strides[0] < row:
                plane = plane.copy(order="C")
            stride = plane.strides[0]
            extent = (rows - 1) * stride + row if rows * row else 0
            address = plane.__array_interface__["data"][0]
            if extent < INLINE_BYTES:
                planes.append([bytes(ffi.buffer(ffi.cast("char *", address), extent)), 0, stride])
                continue
            signature = (address, "uint8", plane.shape, plane.strides)
            kept = self._reference(plane, address, extent, not plane.flags.writeable, signature)
            planes.append([kept.index, 0, stride])
        header = [video.format, video.width, video.height, video.pts_ns, planes]
        return ExtType(VIDEO, self._payload.pack(header))

    def _reference(
        self, source: Any, address: int, length: int, readonly: bool, signature: tuple[Any, ...] | None = None
    ) -> Kept:
        entry = Kept(source, address, length, readonly, signature)
        if self.snapshot and not _is_frozen(source):
            # Without a number, the runtime copies it within the call; until then it has to stay.
            self._pinned.append(source)
            entry.index = len(self.table)
            self.table.append((address, length, 0))
            return entry
        token = _memory.keep(entry)
        if self.held is None:
            self.held = {}
        self.held[token] = entry
        entry.index = len(self.table)
        self.table.append((address, length, token))
        return entry

    def _datetime(self, value: datetime) -> ExtType:
        # In integers alone: a float is off by microseconds some centuries from now.
        span = None if value.tzinfo is None else value - EPOCH
        if span is None or not FIRST_MOMENT <= span <= LAST_MOMENT:
            raise MarshalError(complaint_about_moment(value))
        seconds, nanoseconds = span.days * 86_400 + span.seconds, span.microseconds * 1000
        if 0 <= seconds < 1 << 34:
            if nanoseconds == 0 and seconds < 1 << 32:
                payload = seconds.to_bytes(4, "big")
            else:
                payload = (nanoseconds << 34 | seconds).to_bytes(8, "big")
        else:
            payload = nanoseconds.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)
        # The constructor of ExtType takes no negative codes.
        return _new_tuple(ExtType, (TIMESTAMP, payload))

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        return list(value)

    def _numpy(self, array: Any) -> ExtType:
        dtype = array.dtype
        name = _names.get(dtype)
        if name is None:
            if not dtype.isnative:
                array = array.astype(dtype.newbyteorder("="))
                dtype = array.dtype
            complaint = complaint_about_array(array)
            if complaint is not None:
                raise MarshalError(complaint)
            name = _names[dtype] = dtype.name
        shape = array.shape
        nbytes = array.nbytes
        if nbytes < INLINE_BYTES:
            return ExtType(TENSOR, self._payload.pack([name, list(shape), None, array.tobytes(), 0]))
        if self.snapshot and not array.flags.c_contiguous:
            array = _frozen_copy(array)
        strides = array.strides
        flags = array.flags
        pack = self._payload.pack
        if flags.c_contiguous:
            # numpy takes microseconds to describe an array by its interface.
            address = int(ffi.cast(_ADDRESS, ffi.from_buffer(_BYTES, array)))
            kept = self._reference(array, address, nbytes, not flags.writeable, (address, name, shape, strides))
            packed = _headers.get((dtype, shape))
            if packed is None:
                packed = b"\x95" + pack(name) + pack(list(shape)) + b"\xc0"
                if len(_headers) >= HEADERS:
                    _headers.clear()
                _headers[dtype, shape] = packed
            payload = packed + (b"\x00\x00" if kept.index == 0 else pack(kept.index) + b"\x00")
        else:
            address = array.__array_interface__["data"][0]
            low, high = 0, dtype.itemsize
            for extent, stride in zip(shape, strides, strict=True):
                span = (extent - 1) * stride
                if span < 0:
                    low += span
                else:
                    high += span
            signature = (address, name, shape, strides)
            kept = self._reference(array, address + low, high - low, not flags.writeable, signature)
            payload = pack([name, list(shape), list(strides), kept.index, -low])
        if name != "bfloat16":
            # numpy has no such type: it comes back as a Tensor, large or small.
            kept.payload = payload
        return _new_tuple(ExtType, (TENSOR, payload))

    def _tensor(self, tensor: Tensor) -> ExtType:
        payload: Any = bytes(tensor.data) if tensor.nbytes < INLINE_BYTES else self._bytes_like(tensor, tensor.data)
        return ExtType(TENSOR, self._payload.pack([tensor.dtype, list(tensor.shape), None, payload, 0]))

    def _array(self, array: Any) -> ExtType:
        view = memoryview(array)
        name = NAMES_OF_FORMATS.get(view.format)
        if name is None:
            raise MarshalError(complaint_about_type(array))
        return self._tensor(Tensor(view, name, view.shape or ()))

    def _audio(self, audio: Audio) -> ExtType:
        samples = audio.samples
        channels, frames = samples.shape
        nbytes = channels * frames * 4
        stride = frames * 4
        payload: bytes | int = b""
        if isinstance(samples, Tensor):
            payload = bytes(samples.data) if nbytes < INLINE_BYTES else self._bytes_like(samples, samples.data)
        elif samples.dtype.char != "f" or not samples.dtype.isnative or (frames > 1 and samples.strides[1] != 4):
            raise MarshalError("the samples of this Audio were changed to something that is not planar float32")
        elif nbytes < INLINE_BYTES:
            payload = samples.tobytes()
        else:
            if self.snapshot and not samples.flags.c_contiguous:
                samples = _frozen_copy(samples)
            stride = samples.strides[0] if channels > 1 else stride
            address = samples.__array_interface__["data"][0]
            extent = (channels - 1) * stride + frames * 4
            signature = (address, "float32", samples.shape, samples.strides)
            payload = self._reference(samples, address, extent, not samples.flags.writeable, signature).index
        header = [audio.rate, audio.layout, audio.pts_ns, channels, frames, stride, payload, 0]
        return ExtType(AUDIO, self._payload.pack(header))

    def _file(self, file: File) -> ExtType:
        if file.data is None:
            return ExtType(FILE, self._payload.pack([file.path, file.mime, None, 0, 0]))
        source: Any = file.data
        view = memoryview(source)
        if not view.c_contiguous:
            source = view.tobytes()
            view = memoryview(source)
        length = view.nbytes
        payload: Any = bytes(view) if length < INLINE_BYTES else self._bytes_like(source, view)
        return ExtType(FILE, self._payload.pack([None, file.mime, payload, 0, length]))

    def _bytes_like(self, source: Any, view: memoryview) -> int:
        # A view of our own keeps the memory where it is: a bytearray can't be resized while there is one.
        view = memoryview(view)
        # The cdata is let go of at once: the garbage collector can't clear a view that has one.
        with ffi.from_buffer(view) as export:
            address = int(ffi.cast("uintptr_t", export))
        keep = source if type(source) is bytes else (source, view)
        return self._reference(keep, address, view.nbytes, view.readonly).index

    # ---- native to Python

    def ready(self) -> None:
        """Before a call: handles that wait to be freed ride along."""
        if _memory.discarded:
            self.output.discard_count = _memory.take_discarded(self._discards, DISCARD_ROOM)

    def unpack(self, resolve: Callable[[int], Kept | None] = _memory.kept) -> Any:
        """The document that a call left in `output`. `resolve` finds what a number of ours stands for."""
        output = self.output
        if output.document != NULL:
            return self._unpack_large(resolve)
        if output.buffer_count:
            self._storages = self._take(self._room, self._room_view, output.buffer_count, resolve)
            try:
                return unpackb(self._view[: output.len], ext_hook=self.decode, timestamp=3)
            finally:
                self._storages = []
        return unpackb(self._view[: output.len], ext_hook=self.decode, timestamp=3)

    def unpack_plain(self, length: int) -> Any:
        """A document of this length in the lane's room that names no buffer."""
        return unpackb(self._view[:length], ext_hook=self.decode, timestamp=3)

    def unpack_simple(self, span: int, count: int, held: Mapping[int, Kept] | None) -> Outputs:
        """The outputs of a completion that `rm_lane_submit` found to be simple. `span` is what it answered, `held` are
        the Python objects of this execution."""
        view = self._view
        buffers = self.output.buffer_count
        if buffers:
            known = held or {}
            self._storages = self._take(
                self._room, self._room_view, buffers, lambda token: known.get(token) or _memory.kept(token)
            )
        try:
            outputs = Outputs(unpackb(view[span >> 32 : span >> 16 & 0xFFFF], ext_hook=self.decode, timestamp=3))
        finally:
            if buffers:
                self._storages = []
        released = self.native.released
        if released:
            _memory.release(unpackb(view[released : span & 0xFFFF]))
        document = view[: span & 0xFFFF].tobytes()
        # Buffers are there but once, so the values are not read again.
        outputs._origin = (document, list(outputs)) if buffers else document
        outputs._count = count
        return outputs

    def is_long(self) -> bool:
        """Whether the document that a call left takes so long to unpack that an event loop would feel it."""
        if self.output.document == NULL:
            return False
        _, length, _, count = self._look(self.output.document)
        return bool(length >= LONG_BYTES or count >= LONG_TABLE)

    def _unpack_large(self, resolve: Callable[[int], Kept | None]) -> Any:
        document, self.output.document = self.output.document, NULL
        try:
            data, length, table, count = self._look(document)
            retained = self._retain(table, count)
            self._storages = self._take(retained, ffi.buffer(retained), count, resolve)
            return unpackb(memoryview(ffi.buffer(data, length)), ext_hook=self.decode, timestamp=3)
        finally:
            self._storages = []
            lib.rm_document_free(document)

    def _look(self, document: Any) -> tuple[Any, int, Any, int]:
        data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
        table, count = ffi.new("rm_buffer const **"), ffi.new("size_t *")
        check(lib.rm_document_view(document, data, length, table, count, self.error), self.error)
        return data[0], length[0], table[0], count[0]

    def _retain(self, table: Any, count: int) -> Any:
        # The table belongs to the document: what is to outlive it needs handles of its own.
        own, handle = ffi.new("rm_buffer[]", count), ffi.new("rm_memory **")
        for index in range(count):
            own[index] = table[index]
            if table[index].memory != NULL:
                check(lib.rm_memory_retain(table[index].memory, handle, self.error), self.error)
                own[index].memory = handle[0]
        return own

    def _take(self, table: Any, view: Any, count: int, resolve: Callable[[int], Kept | None]) -> list[Storage]:
        storages = []
        for index in range(count):
            address, _, token, _, _ = ENTRY.unpack_from(view, index * ENTRY_BYTES)
            if token:
                found = resolve(token)
                if found is None:
                    raise MarshalError(f"the runtime named memory {token}, which it had released")
                storages.append(Storage(address, None, found))
            else:
                storages.append(Storage(address, _memory.own(table[index]), None))
        return storages


_ENCODERS: dict[type, Callable[[Lane, Any], Any]] = {
    tuple: Lane._tuple,
    datetime: Lane._datetime,
    Audio: Lane._audio,
    File: Lane._file,
    Tensor: Lane._tensor,
    Table: Lane._table,
    Video: Lane._video,
}


class _Lanes(threading.local):
    """The lanes of a thread that nobody uses."""

    def __init__(self) -> None:
        self.free: list[Lane] = []


lanes = _Lanes()


def columns_of(document: bytes, values: list[Any] | None) -> tuple[str, Mapping[str, Any]]:
    """The sink of a completion that has but one, and its columns. `values` are the values if they are known already."""
    used = lane()
    try:
        decode = used.decode if values is None else _ignore
        completion = unpackb(document, ext_hook=decode, timestamp=3)
    finally:
        give_back(used)
    ((sink, columns),) = completion["outputs"].items()
    if values is not None:
        columns["values"] = values
    return sink, columns


def _ignore(code: int, data: bytes) -> None:
    return None


def lane() -> Lane:
    """A lane of this thread that nobody uses. A call within a call gets another one."""
    free = lanes.free
    return free.pop() if free else Lane()


def give_back(used: Lane) -> None:
    """The lane is free again, and keeps nothing alive."""
    if used.held is not None:
        used.release_table()
    lanes.free.append(used)


def pack_plain(value: Any) -> bytes:
    """A document of plain values alone, such as options."""
    return msgpack.packb(value)  # type: ignore[no-any-return]


def _reject(value: Any) -> str | None:
    """What is wrong with a value that is not plain Python's; None if it can cross."""
    probe = Lane()
    try:
        replacement = probe._encode(value)
    except MarshalError as error:
        return str(error)
    except UnicodeEncodeError as error:
        wrong = f"a lone surrogate {error.object[error.start]!r} at index {error.start}"
        return f"a text of this {type(value).__name__} has {wrong}, which is no character"
    except (ValueError, TypeError, OverflowError) as error:
        return f"{type(value).__name__}: {error}"
    finally:
        probe.forget()
    if isinstance(replacement, ExtType):
        return None
    inner = explain(replacement, "value", _reject)
    return None if inner is None else str(inner).removeprefix("value: ")


def _is_frozen(source: Any) -> bool:
    """Whether nobody can write to the memory of `source`, not even through another view of it."""
    while True:
        if type(source) is bytes:
            return True
        if type(source) is tuple:
            source = source[0]
        elif type(source) is Tensor:
            source = source.data
        elif type(source) is memoryview:
            if not source.readonly:
                return False
            source = source.obj
        elif hasattr(source, "flags") and hasattr(source, "base"):
            if source.flags.writeable:
                return False
            if source.base is None:
                return True
            source = source.base
        else:
            return False


def _frozen_copy(array: Any) -> Any:
    array = array.copy(order="C")
    array.flags.writeable = False
    return array


__all__ = ["FORMATS", "INLINE_BYTES", "Lane", "give_back", "lane", "pack_plain"]


def _child() -> None:
    # The C memory of a lane may name handles of the parent.
    lanes.free.clear()


after_fork(_child)
