"""A value of the notation to msgpack bytes and buffers, as `docs/wire.md` says an encoder writes them.

It shares no code with the encoders of the project: it is what they are compared with.
"""

from __future__ import annotations

import struct
from typing import Any

from .notation import Value, data_of, expanded, text_of

INLINE_BELOW = 16 * 1024


def document_of(value: Value) -> tuple[bytes, list[bytes]]:
    """The document of a value: bytes, and the buffer table with an entry for each payload of 16 KiB and more."""
    buffers: list[bytes] = []
    return _value(expanded(value), buffers), buffers


def integer(value: int) -> bytes:
    """An int in its shortest form."""
    if 0 <= value < 128:
        return bytes([value])
    if -32 <= value < 0:
        return bytes([256 + value])
    if value >= 0:
        for code, form, bits in ((0xCC, ">B", 8), (0xCD, ">H", 16), (0xCE, ">I", 32), (0xCF, ">Q", 64)):
            if value < 1 << bits:
                return bytes([code]) + struct.pack(form, value)
    for code, form, bits in ((0xD0, ">b", 8), (0xD1, ">h", 16), (0xD2, ">i", 32), (0xD3, ">q", 64)):
        if -(1 << (bits - 1)) <= value < 0:
            return bytes([code]) + struct.pack(form, value)
    raise ValueError(f"{value} does not fit 64 bits")


def string(value: str) -> bytes:
    """Text with its head."""
    data = value.encode("utf-8")
    if len(data) < 32:
        return bytes([0xA0 | len(data)]) + data
    return _head(len(data), 0xD9, 0xDA, 0xDB) + data


def binary(data: bytes) -> bytes:
    """Bytes with their head, inside the document whatever their length."""
    return _head(len(data), 0xC4, 0xC5, 0xC6) + data


def array(count: int) -> bytes:
    """The head of a list."""
    return bytes([0x90 | count]) if count < 16 else _head(count, None, 0xDC, 0xDD)


def entries(count: int) -> bytes:
    """The head of a map."""
    return bytes([0x80 | count]) if count < 16 else _head(count, None, 0xDE, 0xDF)


def extension(code: int, payload: bytes) -> bytes:
    """An extension value in its shortest form."""
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(payload))
    head = bytes([fixed]) if fixed else _head(len(payload), 0xC7, 0xC8, 0xC9)
    return head + struct.pack(">b", code) + payload


def _head(length: int, short: int | None, middle: int, long: int) -> bytes:
    if short is not None and length < 1 << 8:
        return bytes([short, length])
    if length < 1 << 16:
        return bytes([middle]) + struct.pack(">H", length)
    return bytes([long]) + struct.pack(">I", length)


def _value(value: Value, buffers: list[bytes]) -> bytes:
    match value:
        case ["null"]:
            return b"\xc0"
        case ["bool", truth]:
            return b"\xc3" if truth else b"\xc2"
        case ["int", number]:
            return integer(int(number))
        case ["float", bits]:
            return b"\xcb" + bytes.fromhex(bits)
        case ["text", parts]:
            return string(text_of(parts))
        case ["bytes", parts]:
            data = data_of(parts)
            if len(data) < INLINE_BELOW:
                return binary(data)
            index = _entry(data, buffers)
            return extension(6, array(3) + integer(index) + integer(0) + integer(len(data)))
        case ["list", items]:
            return array(len(items)) + b"".join(_value(expanded(item), buffers) for item in items)
        case ["map", pairs]:
            written = (string(text_of(key)) + _value(expanded(item), buffers) for key, item in pairs)
            return entries(len(pairs)) + b"".join(written)
        case ["timestamp", seconds, nanoseconds]:
            return extension(-1, _timestamp(int(seconds), int(nanoseconds)))
        case ["tensor", dtype, shape, parts]:
            sizes = array(len(shape)) + b"".join(integer(int(size)) for size in shape)
            payload = _payload(data_of(parts), buffers)
            return extension(1, array(5) + string(dtype) + sizes + b"\xc0" + payload + integer(0))
        case ["audio", *fields]:
            return extension(2, _audio(fields, buffers))
        case ["video", *fields]:
            return extension(3, _video(fields, buffers))
        case ["table", rows, metadata, columns]:
            head = array(3) + integer(int(rows)) + binary(data_of(metadata))
            return extension(4, head + _columns(columns, buffers))
        case ["file", "path", path, mime]:
            return extension(5, array(5) + string(path) + _optional(mime) + b"\xc0\x00\x00")
        case ["file", "content", parts, mime]:
            data = data_of(parts)
            payload = _payload(data, buffers) + integer(0) + integer(len(data))
            return extension(5, array(5) + b"\xc0" + _optional(mime) + payload)
    raise ValueError(f"{value!r:.80} is no value of the notation")


def _timestamp(seconds: int, nanoseconds: int) -> bytes:
    if nanoseconds == 0 and 0 <= seconds < 1 << 32:
        return struct.pack(">I", seconds)
    if 0 <= seconds < 1 << 34:
        return struct.pack(">Q", nanoseconds << 34 | seconds)
    return struct.pack(">Iq", nanoseconds, seconds)


def _audio(fields: list[Any], buffers: list[bytes]) -> bytes:
    rate, layout, pts, channels, frames, parts = fields
    numbers = integer(int(channels)) + integer(int(frames)) + integer(4 * int(frames))
    head = array(8) + integer(int(rate)) + _optional(layout) + _optional_number(pts)
    return head + numbers + _payload(data_of(parts), buffers) + integer(0)


def _video(fields: list[Any], buffers: list[bytes]) -> bytes:
    pixels, width, height, pts, planes = fields
    written = [array(5), string(pixels), integer(int(width)), integer(int(height)), _optional_number(pts)]
    written.append(array(len(planes)))
    for stride, parts in planes:
        written.append(array(3) + _payload(data_of(parts), buffers) + integer(0) + integer(int(stride)))
    return b"".join(written)


def _columns(columns: list[Any], buffers: list[bytes]) -> bytes:
    return array(len(columns)) + b"".join(_column(column, buffers) for column in columns)


def _column(column: list[Any], buffers: list[bytes]) -> bytes:
    name, kind, flags, metadata, length, null_count, offset, parts, children, dictionary = column
    written = [array(10), string(name), string(kind), integer(int(flags)), binary(data_of(metadata))]
    written += [integer(int(number)) for number in (length, null_count, offset)]
    written.append(array(len(parts)))
    written += [b"\xc0" if data is None else _payload(data_of(data), buffers) for data in parts]
    written.append(_columns(children, buffers))
    written.append(b"\xc0" if dictionary is None else _column(dictionary, buffers))
    return b"".join(written)


def _payload(data: bytes, buffers: list[bytes]) -> bytes:
    return binary(data) if len(data) < INLINE_BELOW else integer(_entry(data, buffers))


def _entry(data: bytes, buffers: list[bytes]) -> int:
    buffers.append(data)
    return len(buffers) - 1


def _optional(text: str | None) -> bytes:
    return b"\xc0" if text is None else string(text)


def _optional_number(number: str | None) -> bytes:
    return b"\xc0" if number is None else integer(int(number))
