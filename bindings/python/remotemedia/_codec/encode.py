"""Encodes Python values for a document: plain values, arrays, tables, audio, pictures and files.

`decode.py` is the other direction; the buffers that both work in are in `call_buffers.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from .._abi import ownership
from .._abi.constants import AUDIO, FILE, TABLE, TENSOR, TIMESTAMP, VIDEO
from .._abi.library import ffi
from .._abi.msgpack import ExtType
from .._abi.ownership import Borrowed
from .._media.element_types import NAMES_OF_FORMATS, SIZES, TYPE_STRINGS
from .._media.file import native_path, raw_name
from .._media.scalars import LEAST_INTEGER, MOST_INTEGER, SURE
from .._process import FIRST_USE, imported
from ..errors import MarshalError
from ..media import Audio, File, Tensor
from ..table import Column, Table, is_table
from ..video import Video, plane_shapes
from .decode import Window, c_strides, gather
from .diagnose import (
    EPOCH,
    FIRST_MOMENT,
    LAST_MOMENT,
    describe_array,
    describe_moment,
    describe_type,
)
from .numpy_arrays import INLINE_BYTES, is_plain_scalar

_new_tuple: Any = tuple.__new__
_BYTES: Any = ffi.typeof("char[]")
_ADDRESS: Any = ffi.typeof("uintptr_t")

_NAMES_OF_TYPE_STRINGS = {text: name for name, text in TYPE_STRINGS.items() if name != "bfloat16"}

_names: dict[Any, str] = {}
"""The names of numpy's types in native byte order: numpy takes microseconds for each."""

_headers: dict[tuple[Any, tuple[int, ...]], bytes] = {}
"""The beginning of a contiguous tensor's payload, by dtype and shape: dtype, shape, and nil for the strides."""

HEADERS = 256
"""How many headers are kept."""


PLAIN = frozenset({type(None), bool, bytearray, bytes, dict, float, int, list, memoryview, str})
"""The types that msgpack knows itself."""


class Encoder:
    """The `default` of a msgpack packer: encodes the values that it does not know, and notes the memory behind them."""

    _payload: Any
    _pinned: list[Any]
    _refused: tuple[Any, str | None]
    table: list[tuple[int, int, int]]
    """The buffer table: address, length and number of each entry."""
    borrowed: dict[int, Borrowed] | None
    """The Python objects that the document packed last refers to, by their numbers; None if there are none."""
    snapshot: bool
    """Whether memory that can still be written to is copied as it crosses."""
    has_replaced_text: bool
    """Whether something else was written as text, perhaps a key: the packer does not say which. See `require_keys`."""

    def _encode(self, value: Any) -> Any:
        encoder = _ENCODERS.get(type(value))
        if encoder is not None:
            return encoder(self, value)
        numpy = imported("numpy")
        if numpy is not None and isinstance(value, numpy.generic):
            return self._plain(value.item()) if is_plain_scalar(value) else self._numpy(numpy.asarray(value))
        if numpy is not None and type(value) is numpy.ndarray:
            _ENCODERS[numpy.ndarray] = Encoder._numpy
            return self._numpy(value)
        if numpy is not None and type(value) is numpy.memmap:
            # A result of this memory is a view of what is lent: an array like any other.
            return self._numpy(value.view(numpy.ndarray))
        if numpy is not None and isinstance(value, numpy.ndarray):
            raise MarshalError(describe_array(value))
        if isinstance(value, Enum):
            inner = value.value
            # What this returns is not asked about again.
            return self._plain(inner) if type(inner) in PLAIN else self._encode(inner)
        if isinstance(value, os.PathLike):
            return self._file(File(value))
        if is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        if hasattr(value, "typecode") and hasattr(value, "buffer_info"):
            return self._array(value)
        try:
            foreign = self._foreign(value)
        except MarshalError as error:
            # Kept for the diagnosis: a stream can't be read a second time.
            self._refused = value, str(error)
            raise
        if foreign is not None:
            return foreign
        raise MarshalError(describe_type(value))

    def _plain(self, replacement: Any) -> Any:
        if type(replacement) is str:
            self.has_replaced_text = True
        return replacement

    def require_keys(self, value: Any) -> None:
        """Raises `MarshalError` if a map in `value`, which was packed just now, has a key that is no `str`.

        Native code refuses those that were not written as text, so this is asked where `has_replaced_text` alone.
        """
        self.has_replaced_text = False
        stack = [value]
        while stack:
            value = stack.pop()
            kind = type(value)
            if kind is dict:
                for key in value:
                    if type(key) is not str:
                        raise MarshalError(f"the key {key!r} is no str")
                stack.extend(value.values())
            elif kind is list or kind is tuple:
                stack.extend(value)
            elif isinstance(value, Enum):
                stack.append(value.value)
            elif is_dataclass(value) and not isinstance(value, (type, os.PathLike)):
                stack.extend(getattr(value, field.name) for field in fields(value))

    def _foreign(self, value: Any) -> ExtType | None:
        """A table or array of another package; None if it is neither."""
        kind = type(value)
        # Before tables: a picture of PIL is an array that Arrow sees as one column.
        interface = getattr(value, "__array_interface__", None)
        if interface is not None:
            return self._interface(value, interface)
        if is_table(value):
            with FIRST_USE:
                from . import arrow

            return self._table(arrow.table_of(value))
        if hasattr(kind, "__dlpack__"):
            with FIRST_USE:
                from . import dlpack

            capsule, address, name, shape, strides, readonly, size = dlpack.describe(value)
            steps = None if strides is None else [stride * size for stride in strides]
            return self._strided((value, capsule), address, name, shape, steps, readonly)
        return None

    def _interface(self, value: Any, interface: dict[str, Any]) -> ExtType:
        numpy = imported("numpy")
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
            borrowed = self._reference(plane, address, extent, not plane.flags.writeable, signature)
            planes.append([borrowed.index, 0, stride])
        header = [video.format, video.width, video.height, video.pts_ns, planes]
        return ExtType(VIDEO, self._payload.pack(header))

    def lend(self, borrowed: Borrowed) -> int:
        """The number of an object that the next document names beside its values."""
        if self.borrowed is None:
            self.borrowed = {}
        return ownership.borrow(borrowed, self.borrowed)

    def _reference(
        self, source: Any, address: int, length: int, readonly: bool, signature: tuple[Any, ...] | None = None
    ) -> Borrowed:
        entry = Borrowed(source, address, length, readonly, signature)
        if self.snapshot and not _is_frozen(source):
            # The runtime copies memory without a number within the call; until then it has to stay.
            self._pinned.append(source)
            entry.index = len(self.table)
            self.table.append((address, length, 0))
            return entry
        token = self.lend(entry)
        entry.index = len(self.table)
        self.table.append((address, length, token))
        return entry

    def _datetime(self, value: datetime) -> ExtType:
        # With integers alone: a float is off by microseconds some centuries from now.
        span = None if value.tzinfo is None else value - EPOCH
        if span is None or not FIRST_MOMENT <= span <= LAST_MOMENT:
            raise MarshalError(describe_moment(value))
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
            complaint = describe_array(array)
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
            borrowed = self._reference(array, address, nbytes, not flags.writeable, (address, name, shape, strides))
            packed = _headers.get((dtype, shape))
            if packed is None:
                packed = b"\x95" + pack(name) + pack(list(shape)) + b"\xc0"
                if len(_headers) >= HEADERS:
                    _headers.clear()
                _headers[dtype, shape] = packed
            payload = packed + (b"\x00\x00" if borrowed.index == 0 else pack(borrowed.index) + b"\x00")
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
            borrowed = self._reference(array, address + low, high - low, not flags.writeable, signature)
            payload = pack([name, list(shape), list(strides), borrowed.index, -low])
        if name != "bfloat16":
            # numpy has no such type: it comes back as a Tensor, large or small.
            borrowed.payload = payload
        return _new_tuple(ExtType, (TENSOR, payload))

    def _tensor(self, tensor: Tensor) -> ExtType:
        payload: Any = bytes(tensor.data) if tensor.nbytes < INLINE_BYTES else self._bytes_like(tensor, tensor.data)
        return ExtType(TENSOR, self._payload.pack([tensor.dtype, list(tensor.shape), None, payload, 0]))

    def _array(self, array: Any) -> ExtType:
        view = memoryview(array)
        name = NAMES_OF_FORMATS.get(view.format)
        if name is None:
            raise MarshalError(describe_type(array))
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
        name = raw_name(file)
        named = [] if name is None else [name]
        if file.data is None:
            return ExtType(FILE, self._payload.pack([native_path(file), file.mime, None, 0, 0, *named]))
        source: Any = file.data
        view = memoryview(source)
        if not view.c_contiguous:
            source = view.tobytes()
            view = memoryview(source)
        length = view.nbytes
        payload: Any = bytes(view) if length < INLINE_BYTES else self._bytes_like(source, view)
        return ExtType(FILE, self._payload.pack([None, file.mime, payload, 0, length, *named]))

    def _bytes_like(self, source: Any, view: memoryview) -> int:
        # A view keeps the memory in its place: a bytearray can't be resized while there is one.
        view = memoryview(view)
        # The cdata is released at once: the garbage collector can't clear a view that has one.
        with ffi.from_buffer(view) as export:
            address = int(ffi.cast("uintptr_t", export))
        keep = source if type(source) is bytes else (source, view)
        return self._reference(keep, address, view.nbytes, view.readonly).index


_ENCODERS: dict[type, Callable[[Encoder, Any], Any]] = {
    tuple: Encoder._tuple,
    datetime: Encoder._datetime,
    Audio: Encoder._audio,
    File: Encoder._file,
    Tensor: Encoder._tensor,
    Table: Encoder._table,
    Video: Encoder._video,
}


def is_known_to_cross(value: Any) -> bool:
    """Whether a value is a scalar, an array or audio of which a look is enough to know that it can cross."""
    kind = type(value)
    if kind is str:
        if value.isascii():
            return True
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    if kind in SURE:
        return True
    if kind is int:
        return LEAST_INTEGER <= value <= MOST_INTEGER  # type: ignore[no-any-return]
    if kind is Audio:
        samples = value.samples
        encoder = _ENCODERS.get(type(samples))
        return encoder is Encoder._tensor or (
            encoder is Encoder._numpy and _names.get(samples.dtype) == "float32" and samples.flags.c_contiguous
        )
    encoder = _ENCODERS.get(kind)
    return encoder is Encoder._tensor or (encoder is Encoder._numpy and value.dtype in _names)


def _is_frozen(source: Any) -> bool:
    """Whether the memory of `source` can't be written to, not even through another view of it."""
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
