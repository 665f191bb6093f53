"""Decodes the ext values of a document to Python values: media, arrays, tables, and the memory that they are in.

It knows the table of buffers of one document, and nothing of calls.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .._abi import lifetimes
from .._abi.constants import AUDIO, BYTES, FILE, TABLE, TENSOR, VIDEO
from .._abi.library import ffi
from .._abi.msgpack import msgpack
from .._abi.ownership import Borrowed
from .._media.element_types import SIZES, TYPE_STRINGS
from .._media.file import from_native
from ..errors import MarshalError
from ..media import Audio, File, Tensor
from ..table import Column, Part, Table
from ..video import Video, plane_shapes
from .numpy_arrays import numpy_if_installed

_ADDRESS: Any = ffi.typeof("uintptr_t")

unpackb = msgpack.unpackb


class Storage:
    """One entry of the buffer table of a document from native code."""

    __slots__ = ("address", "borrowed", "view")

    def __init__(self, address: int, view: memoryview | None, borrowed: Borrowed | None) -> None:
        self.address = address
        self.view = view
        self.borrowed = borrowed

    def bytes_at(self, offset: int, length: int) -> bytes:
        """A part of the memory as bytes, copied; the original object if all of it is asked for."""
        if self.borrowed is not None:
            source: Any = self.borrowed.source
            if type(source) is bytes and offset == 0 and length == len(source):
                return bytes(source)
            return bytes(ffi.buffer(ffi.cast("char *", self.address + offset), length))
        assert self.view is not None
        return bytes(self.view[offset : offset + length])


class Window:
    """A part of the memory of a Python object, for numpy: keeps the object alive."""

    __slots__ = ("__array_interface__", "source")

    def __init__(self, source: Any, interface: dict[str, Any]) -> None:
        self.source = source
        self.__array_interface__ = interface


class Decoder:
    """Decodes the ext values of a document whose buffers are in `_storages`."""

    _storages: list[Storage]

    def _decode(self, code: int, data: bytes) -> Any:
        """The Python value of an ext value."""
        if code == TENSOR and len(self._storages) == 1:
            borrowed = self._storages[0].borrowed
            if borrowed is not None and borrowed.index == 0 and borrowed.payload == data:
                return _result(borrowed.source.view(), borrowed)
        payload = unpackb(data)
        if code == TENSOR:
            return self._decode_tensor(*payload)
        if code == AUDIO:
            return self._decode_audio(*payload)
        if code == FILE:
            # The name that it was sent with may follow.
            path, mime, reference, offset, length = payload[:5]
            return File(from_native(path) if reference is None else self._bytes(reference, offset, length), mime)
        if code == BYTES:
            return self._bytes(*payload)
        if code == TABLE:
            rows, metadata, columns = payload
            return Table(rows, metadata, [self._decode_column(*column) for column in columns])
        if code == VIDEO:
            return self._decode_video(*payload)
        raise MarshalError(f"the runtime sent a value of ext type {code}, which this package does not know")

    def _bytes(self, reference: bytes | int, offset: int, length: int) -> bytes:
        if isinstance(reference, bytes):
            return reference[offset : offset + length]
        return self._storages[reference].bytes_at(offset, length)

    def _decode_column(
        self,
        name: str,
        format: str,  # noqa: A002
        flags: int,
        metadata: bytes,
        length: int,
        null_count: int,
        offset: int,
        buffers: list[Any],
        children: list[Any],
        dictionary: list[Any] | None,
    ) -> Column:
        return Column(
            name,
            format,
            flags,
            metadata,
            length,
            null_count,
            offset,
            [None if reference is None else self._part(reference) for reference in buffers],
            [self._decode_column(*child) for child in children],
            None if dictionary is None else self._decode_column(*dictionary),
        )

    def _part(self, reference: Any) -> Part:
        if isinstance(reference, bytes):
            # Arrow's readers want 8 bytes of alignment, and an address even where there are no bytes.
            memory = ffi.new("uint64_t[]", len(reference) // 8 + 1)
            ffi.memmove(memory, reference, len(reference))
            return Part(memory, int(ffi.cast(_ADDRESS, memory)), len(reference))
        index, offset, length = reference if isinstance(reference, list) else (reference, 0, None)
        storage = self._storages[index]
        whole = storage.borrowed.length if storage.borrowed is not None else len(storage.view or b"")
        owner = storage.borrowed.source if storage.borrowed is not None else storage.view
        return Part(owner, storage.address + offset, whole - offset if length is None else length)

    def _decode_video(self, format: str, width: int, height: int, pts: int | None, planes: list[Any]) -> Video:  # noqa: A002
        video = Video.__new__(Video)
        video.format, video.width, video.height, video.pts_ns = format, width, height, pts
        video.planes = [
            self._decode_tensor("uint8", [rows, row], None if stride == row else [stride, 1], reference, offset)
            for (rows, row), (reference, offset, stride) in zip(
                plane_shapes(format, width, height), planes, strict=True
            )
        ]
        return video

    def _decode_audio(
        self,
        rate: int,
        layout: str | None,
        pts: int | None,
        channels: int,
        frames: int,
        stride: int,
        reference: Any,
        offset: int,
    ) -> Audio:
        strides = None if channels == 1 or stride == frames * 4 else [stride, 4]
        samples = self._decode_tensor("float32", [channels, frames], strides, reference, offset)
        audio = Audio.__new__(Audio)
        audio.samples, audio.rate, audio.layout, audio.pts_ns = samples, rate, layout, pts
        return audio

    def _decode_tensor(
        self, dtype: str, shape: list[int], strides: list[int] | None, reference: Any, offset: int
    ) -> Any:
        numpy = None if dtype == "bfloat16" else numpy_if_installed()
        if numpy is None:
            return self._plain_tensor(dtype, shape, strides, reference, offset)
        if 0 in shape:
            return numpy.empty(shape, dtype)
        if isinstance(reference, bytes):
            return numpy.ndarray(shape, dtype, bytearray(reference), offset, strides)
        storage = self._storages[reference]
        if storage.borrowed is None:
            return numpy.ndarray(shape, dtype, storage.view, offset, strides)
        borrowed = storage.borrowed
        interface = {
            "version": 3,
            "shape": tuple(shape),
            "typestr": TYPE_STRINGS[dtype],
            "data": (storage.address + offset, not borrowed.is_given),
            "strides": None if strides is None else tuple(strides),
        }
        if borrowed.signature is not None:
            array = borrowed.source
            address, source_name, source_shape, source_strides = borrowed.signature
            if (
                address == storage.address + offset
                and source_shape == interface["shape"]
                and source_name == dtype
                and (strides is None or source_strides == interface["strides"])
                and (strides is not None or array.flags.c_contiguous)
            ):
                return _result(array.view(), borrowed)
        # A view, since numpy lets no array be writable again that is a view of none which is.
        return _result(numpy.asarray(Window(borrowed.source, interface)).view(), borrowed)

    def _plain_tensor(
        self, dtype: str, shape: list[int], strides: list[int] | None, reference: Any, offset: int
    ) -> Tensor:
        count = 1
        for extent in shape:
            count *= extent
        size = SIZES[dtype]
        contiguous = strides is None or count == 0 or strides == c_strides(shape, size)
        borrowed: Borrowed | None = None
        if isinstance(reference, bytes):
            source = memoryview(bytearray(reference))
        else:
            storage = self._storages[reference]
            borrowed = storage.borrowed
            if borrowed is None:
                assert storage.view is not None
                source = storage.view
            else:
                source = _view_of(borrowed)
        if contiguous:
            tensor = Tensor(source[offset : offset + count * size], dtype, shape)
            if borrowed is not None and not tensor.readonly:
                borrowed.add_result(partial(setattr, tensor, "data", tensor.data))
                tensor.data = tensor.data.toreadonly()
            return tensor
        assert strides is not None
        return Tensor(gather(source, shape, strides, offset, size), dtype, shape)


def _result(view: Any, borrowed: Borrowed) -> Any:
    """A view of lent memory as a result of its own: it may not be written to while others have the memory too."""
    if view.flags.writeable:
        view.setflags(write=False)
        borrowed.add_result(partial(view.setflags, write=True))
    return view


def _view_of(borrowed: Borrowed) -> memoryview:
    # A C view of all of it, since a memoryview of a bytearray would keep that from being resized.
    readonly = not borrowed.is_given
    return memoryview(lifetimes.memory(borrowed.address, borrowed.length, readonly, borrowed.source))


def c_strides(shape: list[int], size: int) -> list[int]:
    """The strides in bytes of an array in C order."""
    strides = []
    for extent in reversed(shape):
        strides.append(size)
        size *= max(extent, 1)
    return strides[::-1]


def gather(source: memoryview, shape: list[int], strides: list[int], offset: int, size: int) -> bytes:
    """The bytes of an array of any strides, in C order."""
    if not shape:
        return bytes(source[offset : offset + size])
    return b"".join(
        gather(source, shape[1:], strides[1:], offset + index * strides[0], size) for index in range(shape[0])
    )
