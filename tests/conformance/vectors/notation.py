"""The notation of the suite: values as lists that begin with their kind, bytes and text as parts.

`README.md` of the suite describes it. The writers, the reference codec and the runner in Python read it from here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

Value = list[Any]
Part = str | list[Any] | dict[str, int]

MIN_RUN = 48
"""Shorter repetitions are written out."""

MAX_PERIOD = 16


def data_of(parts: Iterable[Part]) -> bytes:
    """The bytes that parts stand for."""
    return b"".join(_data(part) for part in parts)


def text_of(parts: Iterable[Part]) -> str:
    """The text that parts stand for."""
    return "".join(_text(part) for part in parts)


def parts_of(data: bytes) -> list[Part]:
    """Bytes as parts, with repetitions in short."""
    return [piece.hex() if isinstance(piece, bytes) else _hex(piece) for piece in _pieces(data, _keys_in_data)]


def text_parts(text: str) -> list[Part]:
    """Text as parts, with repetitions in short."""
    return list(_pieces(text, _keys_in_text))


def null() -> Value:
    return ["null"]


def boolean(value: bool) -> Value:
    return ["bool", value]


def integer(value: int) -> Value:
    return ["int", str(value)]


def floating(value: float) -> Value:
    return ["float", struct.pack(">d", value).hex()]


def float_bits(bits: int) -> Value:
    return ["float", f"{bits:016x}"]


def text(value: str) -> Value:
    return ["text", text_parts(value)]


def octets(value: bytes) -> Value:
    return ["bytes", parts_of(value)]


def sequence(*items: Value) -> Value:
    return ["list", list(items)]


def mapping(*entries: tuple[str, Value]) -> Value:
    return ["map", [[text_parts(key), value] for key, value in entries]]


def timestamp(seconds: int, nanoseconds: int) -> Value:
    return ["timestamp", str(seconds), str(nanoseconds)]


def tensor(dtype: str, shape: Iterable[int], data: bytes) -> Value:
    return ["tensor", dtype, [str(size) for size in shape], parts_of(data)]


def audio(rate: int, layout: str | None, pts: int | None, channels: int, frames: int, data: bytes) -> Value:
    when = None if pts is None else str(pts)
    return ["audio", str(rate), layout, when, str(channels), str(frames), parts_of(data)]


def video(pixels: str, width: int, height: int, pts: int | None, planes: Iterable[tuple[int, bytes]]) -> Value:
    rows = [[str(stride), parts_of(data)] for stride, data in planes]
    return ["video", pixels, str(width), str(height), None if pts is None else str(pts), rows]


def table(rows: int, columns: list[Value], metadata: bytes = b"") -> Value:
    return ["table", str(rows), parts_of(metadata), columns]


def column(
    name: str,
    kind: str,
    buffers: Iterable[bytes | None],
    *,
    flags: int = 2,
    metadata: bytes = b"",
    length: int = 3,
    null_count: int = 0,
    offset: int = 0,
    children: Iterable[Value] = (),
    dictionary: Value | None = None,
) -> Value:
    written = [None if data is None else parts_of(data) for data in buffers]
    numbers = [str(length), str(null_count), str(offset)]
    return [name, kind, str(flags), parts_of(metadata), *numbers, written, list(children), dictionary]


def file_path(path: str, mime: str | None = None) -> Value:
    return ["file", "path", path, mime]


def file_content(data: bytes, mime: str | None = None) -> Value:
    return ["file", "content", parts_of(data), mime]


def expanded(value: Value) -> Value:
    """The value without the kinds that are short for others: `repeat`, `keys` and `nest`."""
    match value:
        case ["repeat", item, times]:
            return ["list", [item] * times]
        case ["keys", count]:
            return ["map", [[[f"{number:05d}"], ["null"]] for number in range(count)]]
        case ["nest", kind, depth]:
            nested: Value = [kind, []]
            for _ in range(depth - 1):
                nested = ["list", [nested]] if kind == "list" else ["map", [[["k"], nested]]]
            return nested
        case _:
            return value


def _data(part: Part) -> bytes:
    match part:
        case str():
            return bytes.fromhex(part)
        case [str(repeated), int(times)]:
            return bytes.fromhex(repeated) * times
        case {"keys": count}:
            return b"".join(b"\xa5%05d\xc0" % number for number in range(count))
    raise ValueError(f"{part!r} is no part of bytes")


def _text(part: Part) -> str:
    match part:
        case str():
            return part
        case [str(repeated), int(times)]:
            return repeated * times
        case {"keys": count}:
            return ",".join(f'"{number:05d}":null' for number in range(count))
    raise ValueError(f"{part!r} is no part of text")


def _hex(piece: Any) -> Part:
    return [piece[0].hex(), piece[1]] if isinstance(piece, list) else piece


def _pieces(whole: Any, keys_at: Any) -> Iterable[Any]:
    """Divides bytes or text into literal pieces, `[unit, times]` and `{"keys": n}`."""
    begin = position = 0
    while position < len(whole):
        count, length = keys_at(whole, position)
        piece: Any = {"keys": count}
        if not count:
            piece, length = _run_at(whole, position)
        if length < MIN_RUN:
            position += 1
            continue
        if begin < position:
            yield whole[begin:position]
        yield piece
        position += length
        begin = position
    if begin < position:
        yield whole[begin:position]


def _run_at(whole: Any, position: int) -> tuple[list[Any], int]:
    """The longest repetition of a short unit that begins at a position, and its length."""
    best: tuple[list[Any], int] = ([], 0)
    for period in range(1, MAX_PERIOD + 1):
        unit = whole[position : position + period]
        if len(unit) < period or whole[position + period : position + 2 * period] != unit:
            continue
        times = 1
        # Doubling steps, since a run may have 65536 units.
        step = 1
        while step:
            end = position + (times + step) * period
            if whole[position + times * period : end] == unit * step:
                times += step
                step *= 2
            else:
                step //= 2
        if times * period > best[1] + 8:
            best = ([unit, times], times * period)
    return best


def _keys_in_data(whole: bytes, position: int) -> tuple[int, int]:
    count = 0
    while whole[position + 7 * count : position + 7 * count + 7] == b"\xa5%05d\xc0" % count:
        count += 1
    return (count, 7 * count) if count > 16 else (0, 0)


def _keys_in_text(whole: str, position: int) -> tuple[int, int]:
    count = 0
    while whole.startswith((f'"{count:05d}":null,', f'"{count:05d}":null}}'), position + 13 * count):
        count += 1
    return (count, 13 * count - 1) if count > 16 else (0, 0)


def plain(value: Value) -> Value:
    """The value with its numbers, text and data as those of Python: what a codec reads and writes."""
    match expanded(value):
        case ["int", number]:
            return ["int", int(number)]
        case ["text" | "bytes" as kind, parts]:
            return [kind, text_of(parts) if kind == "text" else data_of(parts)]
        case ["utf16", units]:
            return ["text", bytes.fromhex(units).decode("utf-16-be", "surrogatepass")]
        case ["list", items]:
            return ["list", [plain(item) for item in items]]
        case ["map", pairs]:
            return ["map", [(text_of(key), plain(item)) for key, item in pairs]]
        case ["timestamp", *numbers]:
            return ["timestamp", *map(int, numbers)]
        case ["tensor", dtype, shape, parts]:
            return ["tensor", dtype, [int(size) for size in shape], data_of(parts)]
        case ["audio", rate, layout, pts, channels, frames, parts]:
            return ["audio", int(rate), layout, _int(pts), int(channels), int(frames), data_of(parts)]
        case ["video", pixels, width, height, pts, planes]:
            rows = [(int(stride), data_of(parts)) for stride, parts in planes]
            return ["video", pixels, int(width), int(height), _int(pts), rows]
        case ["table", rows, metadata, columns]:
            return ["table", int(rows), data_of(metadata), [_plain_column(column) for column in columns]]
        case ["file", "content", parts, mime]:
            return ["file", "content", data_of(parts), mime]
        case other:
            return other


def _plain_column(column: Value) -> Value:
    name, kind, flags, metadata, length, null_count, offset, parts, children, dictionary = column
    buffers = [None if data is None else data_of(data) for data in parts]
    numbers = [int(length), int(null_count), int(offset)]
    inner = [_plain_column(child) for child in children]
    last = None if dictionary is None else _plain_column(dictionary)
    return [name, kind, int(flags), data_of(metadata), *numbers, buffers, inner, last]


def _int(number: str | None) -> int | None:
    return None if number is None else int(number)
