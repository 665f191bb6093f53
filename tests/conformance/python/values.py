"""Values of the notation as those of the package, and back: how the runner builds and compares them."""

from __future__ import annotations

import datetime
import struct
from typing import Any

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import ffi
from remotemedia.table import Column, Part, Table

from .cases import Skip

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def built(value: Any) -> Any:
    """A plain value of the notation (`vectors.notation.plain`) as a value of Python."""
    match value:
        case ["null"]:
            return None
        case ["bool" | "int" | "text" | "bytes", content]:
            return content
        case ["float", bits]:
            return struct.unpack(">d", bytes.fromhex(bits))[0]
        case ["list", items]:
            return [built(item) for item in items]
        case ["map", entries]:
            return {key: built(item) for key, item in entries}
        case ["timestamp", seconds, nanoseconds]:
            if nanoseconds % 1000:
                raise Skip("a datetime has microseconds")
            try:
                return EPOCH + datetime.timedelta(0, seconds, nanoseconds // 1000)
            except OverflowError:
                raise Skip("a datetime has the years 1 to 9999") from None
        case ["tensor", dtype, shape, data]:
            return _array(dtype, shape, data)
        case ["audio", rate, layout, pts, channels, frames, data]:
            samples = np.frombuffer(data, "float32").reshape(channels, frames)
            audio = rm.Audio.__new__(rm.Audio)
            audio.samples, audio.rate, audio.layout, audio.pts_ns = samples, rate, layout, pts
            return audio
        case ["video", pixels, width, height, pts, planes]:
            video = rm.Video.__new__(rm.Video)
            video.format, video.width, video.height, video.pts_ns = pixels, width, height, pts
            sizes = _plane_sizes(pixels, width, height)
            video.planes = [_plane(*size, *plane) for size, plane in zip(sizes, planes, strict=True)]
            return video
        case ["table", rows, metadata, columns]:
            return Table(rows, metadata, [_column(column) for column in columns])
        case ["file", "path", path, mime] | ["file", "content", path, mime]:
            return rm.File(path, mime)
    raise ValueError(f"{value!r:.80} is no value")


def plainly(value: Any) -> Any:
    """A value of Python as a plain value of the notation."""
    match value:
        case None:
            return ["null"]
        case bool():
            return ["bool", value]
        case int():
            return ["int", value]
        case float():
            return ["float", struct.pack(">d", value).hex()]
        case str():
            return ["text", value]
        case bytes():
            return ["bytes", value]
        case list():
            return ["list", [plainly(item) for item in value]]
        case dict():
            return ["map", [(key, plainly(item)) for key, item in value.items()]]
        case datetime.datetime():
            span = value - EPOCH
            return ["timestamp", span.days * 86_400 + span.seconds, span.microseconds * 1000]
        case np.ndarray():
            return ["tensor", value.dtype.name, list(value.shape), value.tobytes()]
        case rm.Tensor():
            return ["tensor", value.dtype, list(value.shape), bytes(value.data)]
        case rm.Audio():
            samples = value.samples
            return ["audio", value.rate, value.layout, value.pts_ns, *samples.shape, samples.tobytes()]
        case rm.Video():
            planes = [(_stride(plane), _rows(plane)) for plane in value.planes]
            return ["video", value.format, value.width, value.height, value.pts_ns, planes]
        case Table():
            return ["table", value._rows, bytes(value._metadata), [_plain_column(column) for column in value._columns]]
        case rm.File():
            if value.path is not None:
                return ["file", "path", value.path, value.mime]
            return ["file", "content", value.data, value.mime]
    raise TypeError(f"{type(value)} is no value")


def _array(dtype: str, shape: list[int], data: bytes) -> Any:
    if dtype == "bfloat16":
        return rm.Tensor(data, dtype, shape)
    return np.frombuffer(data, dtype).reshape(shape) if data else np.empty(shape, dtype)


def _plane_sizes(pixels: str, width: int, height: int) -> list[tuple[int, int]]:
    half = (height + 1) // 2, (width + 1) // 2
    return {
        "gray": [(height, width)],
        "rgb24": [(height, 3 * width)],
        "rgba": [(height, 4 * width)],
        "yuv420p": [(height, width), half, half],
        "nv12": [(height, width), (half[0], 2 * half[1])],
    }[pixels]


def _plane(rows: int, row: int, stride: int, data: bytes) -> Any:
    if rows * row == 0:
        return np.empty((rows, row), "uint8")
    return np.lib.stride_tricks.as_strided(np.frombuffer(data, "uint8"), (rows, row), (stride, 1), writeable=False)


def _stride(plane: Any) -> int:
    return int(plane.strides[0]) if plane.size else 0


def _rows(plane: Any) -> bytes:
    """The bytes of a plane, with the gaps between its rows."""
    if plane.size == 0:
        return b""
    length = (plane.shape[0] - 1) * plane.strides[0] + plane.shape[1]
    return bytes(ffi.buffer(ffi.cast("char *", plane.__array_interface__["data"][0]), length))


def _column(column: list[Any]) -> Column:
    *head, buffers, children, dictionary = column
    parts = [None if data is None else _part(data) for data in buffers]
    inner = [_column(child) for child in children]
    return Column(*head, parts, inner, None if dictionary is None else _column(dictionary))


def _part(data: bytes) -> Part:
    memory = np.frombuffer(data + bytes(64 - len(data) % 64), "uint8")
    return Part(memory, memory.__array_interface__["data"][0], len(data))


def _plain_column(column: Column) -> list[Any]:
    buffers = [
        None if part is None else bytes(ffi.buffer(ffi.cast("char *", part.address), part.length))
        for part in column.buffers
    ]
    numbers = [column.length, column.null_count, column.offset]
    children = [_plain_column(child) for child in column.children]
    last = None if column.dictionary is None else _plain_column(column.dictionary)
    metadata = bytes(column.metadata)
    return [column.name, column.format, column.flags, metadata, *numbers, buffers, children, last]
