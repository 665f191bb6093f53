"""A small codec of the wire format, in the way in which hosts write theirs.

It reads and writes values as `vectors.notation.plain` has them. The mutants are this file with one mistake each, so its
lines are plain, and none does two things.
"""

from __future__ import annotations

import struct
from typing import Any

INLINE_BELOW = 16_384
DEPTH = 128
EXTENT = 1 << 28
SIZES = {
    "bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
SIZE_LIMIT = 1 << 63


class Malformed(Exception):
    """A document that is none, or a value that has none."""


# ---- writing


def encode(value: list[Any]) -> tuple[bytes, list[bytes]]:
    """The document of a value."""
    writer = Writer()
    writer.value(value)
    return bytes(writer.out), writer.buffers


class Writer:
    """The document as far as it is written."""

    def __init__(self, buffers: list[bytes] | None = None) -> None:
        self.out = bytearray()
        self.buffers: list[bytes] = [] if buffers is None else buffers

    def value(self, value: list[Any]) -> None:
        kind = value[0]
        if kind == "null":
            self.out.append(0xC0)
        elif kind == "bool":
            self.out.append(0xC3 if value[1] else 0xC2)
        elif kind == "int":
            self.int(value[1])
        elif kind == "float":
            self.out += b"\xcb" + bytes.fromhex(value[1])
        elif kind == "text":
            self.text(value[1])
        elif kind == "bytes":
            self.bytes(value[1])
        elif kind == "list":
            self.array(len(value[1]))
            for item in value[1]:
                self.value(item)
        elif kind == "map":
            self.map(len(value[1]))
            for key, item in value[1]:
                self.text(key)
                self.value(item)
        elif kind == "timestamp":
            self.timestamp(value[1], value[2])
        else:
            codes = {"tensor": 1, "audio": 2, "video": 3, "table": 4, "file": 5}
            inner = Writer(self.buffers)
            getattr(inner, kind)(*value[1:])
            self.extension(codes[kind], bytes(inner.out))

    def int(self, value: int) -> None:
        if 0 <= value <= 127:
            self.out.append(value)
        elif -32 <= value < 0:
            self.out.append(value & 0xFF)
        elif 0 <= value <= 0xFF:
            self.out += struct.pack(">BB", 0xCC, value)
        elif 0 <= value <= 0xFFFF:
            self.out += struct.pack(">BH", 0xCD, value)
        elif 0 <= value <= 0xFFFF_FFFF:
            self.out += struct.pack(">BI", 0xCE, value)
        elif 0 <= value < 1 << 64:
            self.out += struct.pack(">BQ", 0xCF, value)
        elif -(1 << 7) <= value < 0:
            self.out += struct.pack(">Bb", 0xD0, value)
        elif -(1 << 15) <= value < 0:
            self.out += struct.pack(">Bh", 0xD1, value)
        elif -(1 << 31) <= value < 0:
            self.out += struct.pack(">Bi", 0xD2, value)
        elif -(1 << 63) <= value < 0:
            self.out += struct.pack(">Bq", 0xD3, value)
        else:
            raise Malformed(f"{value} does not fit 64 bits")

    def text(self, value: str) -> None:
        try:
            data = value.encode("utf-8")
        except UnicodeEncodeError:
            raise Malformed("half of a surrogate pair") from None
        if len(data) <= 31:
            self.out.append(0xA0 | len(data))
        else:
            self.head(len(data), 0xD9, 0xDA, 0xDB)
        self.out += data

    def bytes(self, data: bytes) -> None:
        if len(data) < INLINE_BELOW:
            self.bin(data)
            return
        inner = Writer(self.buffers)
        inner.array(3)
        inner.entry(data)
        inner.int(0)
        inner.int(len(data))
        self.extension(6, bytes(inner.out))

    def bin(self, data: bytes) -> None:
        self.head(len(data), 0xC4, 0xC5, 0xC6)
        self.out += data

    def array(self, count: int) -> None:
        if count <= 15:
            self.out.append(0x90 | count)
        else:
            self.head(count, None, 0xDC, 0xDD)

    def map(self, count: int) -> None:
        if count <= 15:
            self.out.append(0x80 | count)
        else:
            self.head(count, None, 0xDE, 0xDF)

    def head(self, length: int, short: int | None, middle: int, long: int) -> None:
        if short is not None and length <= 0xFF:
            self.out += struct.pack(">BB", short, length)
        elif length <= 0xFFFF:
            self.out += struct.pack(">BH", middle, length)
        else:
            self.out += struct.pack(">BI", long, length)

    def extension(self, code: int, payload: bytes) -> None:
        fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(payload))
        if fixed is not None:
            self.out.append(fixed)
        else:
            self.head(len(payload), 0xC7, 0xC8, 0xC9)
        self.out += struct.pack(">b", code)
        self.out += payload

    def timestamp(self, seconds: int, nanoseconds: int) -> None:
        if nanoseconds == 0 and 0 <= seconds < 1 << 32:
            self.extension(-1, struct.pack(">I", seconds))
        elif 0 <= seconds < 1 << 34:
            self.extension(-1, struct.pack(">Q", nanoseconds << 34 | seconds))
        else:
            self.extension(-1, struct.pack(">Iq", nanoseconds, seconds))

    def tensor(self, dtype: str, shape: list[int], data: bytes) -> None:
        self.array(5)
        self.text(dtype)
        self.array(len(shape))
        for size in shape:
            self.int(size)
        self.optional(None)
        self.payload(data)
        self.int(0)

    def audio(self, rate: int, layout: str | None, pts: int | None, channels: int, frames: int, data: bytes) -> None:
        self.array(8)
        self.int(rate)
        self.optional(layout)
        self.optional(pts)
        self.int(channels)
        self.int(frames)
        self.int(4 * frames)
        self.payload(data)
        self.int(0)

    def video(self, pixels: str, width: int, height: int, pts: int | None, planes: list[tuple[int, bytes]]) -> None:
        self.array(5)
        self.text(pixels)
        self.int(width)
        self.int(height)
        self.optional(pts)
        self.array(len(planes))
        for stride, data in planes:
            self.array(3)
            self.payload(data)
            self.int(0)
            self.int(stride)

    def table(self, rows: int, metadata: bytes, columns: list[Any]) -> None:
        self.array(3)
        self.int(rows)
        self.bin(metadata)
        self.columns(columns)

    def columns(self, columns: list[Any]) -> None:
        self.array(len(columns))
        for column in columns:
            self.column(column)

    def column(self, column: list[Any]) -> None:
        name, kind, flags, metadata, length, null_count, offset, buffers, children, dictionary = column
        self.array(10)
        self.text(name)
        self.text(kind)
        self.int(flags)
        self.bin(metadata)
        self.int(length)
        self.int(null_count)
        self.int(offset)
        self.array(len(buffers))
        for data in buffers:
            self.optional(None) if data is None else self.payload(data)
        self.columns(children)
        self.optional(None) if dictionary is None else self.column(dictionary)

    def file(self, form: str, content: Any, mime: str | None) -> None:
        self.array(5)
        if form == "path":
            self.text(content)
            self.optional(mime)
            self.out += b"\xc0\x00\x00"
        else:
            self.optional(None)
            self.optional(mime)
            self.payload(content)
            self.int(0)
            self.int(len(content))

    def payload(self, data: bytes) -> None:
        if len(data) < INLINE_BELOW:
            self.bin(data)
        else:
            self.entry(data)

    def entry(self, data: bytes) -> None:
        self.int(len(self.buffers))
        self.buffers.append(data)

    def optional(self, value: str | int | None) -> None:
        if value is None:
            self.out.append(0xC0)
        elif isinstance(value, str):
            self.text(value)
        else:
            self.int(value)


# ---- reading


def decode(document: bytes, buffers: list[bytes]) -> list[Any]:
    """The value of a document."""
    reader = Reader(document, buffers)
    value = reader.value(0)
    reader.close()
    return value


class Reader:
    """The document as far as it is not read yet."""

    def __init__(self, data: bytes, buffers: list[bytes]) -> None:
        self.data = data
        self.at = 0
        self.buffers = buffers

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise Malformed("it ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def close(self) -> None:
        if self.at != len(self.data):
            raise Malformed("there is more")

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def head(self) -> tuple[str, Any]:
        """The kind of the next value, and its content or length."""
        first = self.number(">B")
        if first <= 0x7F:
            return "int", first
        if first <= 0x8F:
            return "map", first & 0x0F
        if first <= 0x9F:
            return "list", first & 0x0F
        if first <= 0xBF:
            return "text", first & 0x1F
        if first >= 0xE0:
            return "int", first - 256
        match first:
            case 0xC0:
                return "null", None
            case 0xC2 | 0xC3:
                return "bool", first == 0xC3
            case 0xC4 | 0xC5 | 0xC6:
                return "bytes", self.number((">B", ">H", ">I")[first - 0xC4])
            case 0xC7 | 0xC8 | 0xC9:
                return "extension", self.number((">B", ">H", ">I")[first - 0xC7])
            case 0xCA:
                return "float", widened(self.take(4))
            case 0xCB:
                return "float", self.take(8).hex()
            case 0xCC | 0xCD | 0xCE | 0xCF:
                return "int", self.number((">B", ">H", ">I", ">Q")[first - 0xCC])
            case 0xD0 | 0xD1 | 0xD2 | 0xD3:
                return "int", self.number((">b", ">h", ">i", ">q")[first - 0xD0])
            case 0xD4 | 0xD5 | 0xD6 | 0xD7 | 0xD8:
                return "extension", 1 << (first - 0xD4)
            case 0xD9 | 0xDA | 0xDB:
                return "text", self.number((">B", ">H", ">I")[first - 0xD9])
            case 0xDC | 0xDD:
                return "list", self.number((">H", ">I")[first - 0xDC])
            case 0xDE | 0xDF:
                return "map", self.number((">H", ">I")[first - 0xDE])
        raise Malformed("the byte c1")

    def value(self, depth: int) -> list[Any]:
        kind, content = self.head()
        match kind:
            case "null":
                return ["null"]
            case "bool" | "int" | "float":
                return [kind, content]
            case "text":
                return ["text", self.utf8(content)]
            case "bytes":
                return ["bytes", self.take(content)]
            case "list":
                return ["list", self.items(content, depth)]
            case "map":
                return ["map", self.entries(content, depth)]
            case _:
                code = self.number(">b")
                return Reader(self.take(content), self.buffers).extension(code)

    def utf8(self, length: int) -> str:
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("text is not UTF-8") from None

    def items(self, count: int, depth: int) -> list[Any]:
        if depth >= DEPTH:
            raise Malformed("it is too deep")
        if count > len(self.data) - self.at:
            raise Malformed("more items than there are bytes")
        return [self.value(depth + 1) for _ in range(count)]

    def entries(self, count: int, depth: int) -> list[Any]:
        if depth >= DEPTH:
            raise Malformed("it is too deep")
        if 2 * count > len(self.data) - self.at:
            raise Malformed("more entries than there are bytes")
        entries: dict[str, Any] = {}
        for _ in range(count):
            kind, length = self.head()
            if kind != "text":
                raise Malformed("a key is not text")
            key = self.utf8(length)
            if key in entries:
                raise Malformed("a key twice")
            entries[key] = self.value(depth + 1)
        return list(entries.items())

    # ---- payloads of extension types

    def extension(self, code: int) -> list[Any]:
        if code == -1:
            return self.timestamp()
        readers = {1: self.tensor, 2: self.audio, 3: self.video, 4: self.table, 5: self.file, 6: self.window}
        if code not in readers:
            raise Malformed(f"extension type {code}")
        value = readers[code]()
        self.close()
        return value

    def fields(self, count: int) -> None:
        if self.head() != ("list", count):
            raise Malformed(f"expected {count} fields")

    def of(self, *kinds: str) -> Any:
        """The content of the next value, which has one of these kinds; the length of text, bytes and lists."""
        kind, content = self.head()
        if kind not in kinds:
            raise Malformed(f"expected {kinds}, got {kind}")
        return self.utf8(content) if kind == "text" else content

    def size(self) -> int:
        return self.within(0, SIZE_LIMIT - 1)

    def signed(self) -> int:
        return self.within(-SIZE_LIMIT, SIZE_LIMIT - 1)

    def within(self, low: int, high: int) -> int:
        number: int = self.of("int")
        if not low <= number <= high:
            raise Malformed(f"{number} is out of range")
        return number

    def time(self) -> int | None:
        number: int | None = self.of("int", "null")
        if number is not None and not -SIZE_LIMIT <= number < SIZE_LIMIT:
            raise Malformed(f"{number} is out of range")
        return number

    def list(self) -> int:
        count: int = self.of("list")
        if count > len(self.data) - self.at:
            raise Malformed("more items than there are bytes")
        return count

    def payload(self) -> bytes:
        kind, content = self.head()
        return self.payload_of(kind, content)

    def payload_of(self, kind: str, content: Any) -> bytes:
        if kind == "bytes":
            return self.take(content)
        if kind == "int":
            return self.buffer(content)
        raise Malformed("neither an index nor bytes")

    def buffer(self, index: int) -> bytes:
        if not 0 <= index < len(self.buffers):
            raise Malformed(f"there is no entry {index}")
        return self.buffers[index]

    def timestamp(self) -> list[Any]:
        nanoseconds = 0
        if len(self.data) == 4:
            seconds = self.number(">I")
        elif len(self.data) == 8:
            bits = self.number(">Q")
            seconds, nanoseconds = bits & (1 << 34) - 1, bits >> 34
        elif len(self.data) == 12:
            nanoseconds = self.number(">I")
            seconds = self.number(">q")
        else:
            raise Malformed("a timestamp of another length")
        if nanoseconds > 999_999_999:
            raise Malformed("too many nanoseconds")
        return ["timestamp", seconds, nanoseconds]

    def tensor(self) -> list[Any]:
        self.fields(5)
        dtype = self.of("text")
        if dtype not in SIZES:
            raise Malformed(f"the dtype {dtype}")
        item = SIZES[dtype]
        count = self.list()
        if count > 64:
            raise Malformed("too many dimensions")
        shape = [self.size() for _ in range(count)]
        strides = self.strides(shape, item)
        data = self.payload()
        offset = self.size()
        elements = product(shape)
        if elements == 0:
            return ["tensor", dtype, shape, b""]
        low = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True) if stride < 0)
        high = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True) if stride > 0)
        if low < 0 or high + item > len(data):
            raise Malformed("elements outside the data")
        if elements * item > max(EXTENT, len(data)):
            raise Malformed("it is too large")
        return ["tensor", dtype, shape, gathered(data, offset, shape, strides, item)]

    def strides(self, shape: list[int], item: int) -> list[int]:
        kind, count = self.head()
        if kind == "null":
            return contiguous(shape, item)
        if kind != "list" or count != len(shape):
            raise Malformed("strides do not fit the shape")
        return [self.signed() for _ in range(count)]

    def audio(self) -> list[Any]:
        self.fields(8)
        rate = self.within(1, (1 << 32) - 1)
        layout = self.of("text", "null")
        pts = self.time()
        channels = self.within(1, 1024)
        frames = self.size()
        stride = self.size()
        data = self.payload()
        offset = self.size()
        row = 4 * frames
        if frames and offset + (channels - 1) * stride + row > len(data):
            raise Malformed("samples outside the data")
        if channels * row > max(EXTENT, len(data)):
            raise Malformed("it is too large")
        begins = [offset + channel * stride for channel in range(channels)]
        return ["audio", rate, layout, pts, channels, frames, b"".join(data[begin : begin + row] for begin in begins)]

    def video(self) -> list[Any]:
        self.fields(5)
        pixels = self.of("text")
        width = self.within(0, (1 << 32) - 1)
        height = self.within(0, (1 << 32) - 1)
        pts = self.time()
        half = (height + 1) // 2, (width + 1) // 2
        sizes = {
            "gray": [(height, width)],
            "rgb24": [(height, 3 * width)],
            "rgba": [(height, 4 * width)],
            "yuv420p": [(height, width), half, half],
            "nv12": [(height, width), (half[0], 2 * half[1])],
        }.get(pixels)
        if sizes is None:
            raise Malformed(f"the format {pixels}")
        self.fields(len(sizes))
        return ["video", pixels, width, height, pts, [self.plane(*size) for size in sizes]]

    def plane(self, rows: int, row: int) -> tuple[int, bytes]:
        self.fields(3)
        data = self.payload()
        offset = self.size()
        stride = self.size()
        if rows > 1 and stride < row:
            raise Malformed("a stride below a row")
        length = (rows - 1) * stride + row if rows and row else 0
        if offset + length > len(data):
            raise Malformed("rows outside the data")
        return stride, data[offset : offset + length]

    def table(self) -> list[Any]:
        self.fields(3)
        rows = self.size()
        metadata = self.take(self.of("bytes"))
        return ["table", rows, metadata, self.columns(1)]

    def columns(self, depth: int) -> list[Any]:
        columns = []
        for _ in range(self.list()):
            self.fields(10)
            columns.append(self.column(depth))
        return columns

    def column(self, depth: int) -> list[Any]:
        if depth > DEPTH:
            raise Malformed("it is too deep")
        name = self.of("text")
        kind = self.of("text")
        flags = self.signed()
        metadata = self.take(self.of("bytes"))
        length = self.size()
        null_count = self.signed()
        offset = self.size()
        buffers = [self.column_buffer() for _ in range(self.list())]
        children = self.columns(depth + 1)
        form, count = self.head()
        dictionary = None
        if form == "list" and count == 10:
            dictionary = self.column(depth + 1)
        elif form != "null":
            raise Malformed("a dictionary that is none")
        return [name, kind, flags, metadata, length, null_count, offset, buffers, children, dictionary]

    def column_buffer(self) -> bytes | None:
        kind, content = self.head()
        if kind == "null":
            return None
        if kind == "list" and content == 3:
            return self.part()
        return self.payload_of(kind, content)

    def window(self) -> list[Any]:
        self.fields(3)
        return ["bytes", self.part()]

    def part(self) -> bytes:
        data = self.buffer(self.size())
        return self.cut(data)

    def cut(self, data: bytes) -> bytes:
        offset = self.size()
        length = self.size()
        if offset + length > len(data):
            raise Malformed("a part outside its entry")
        return data[offset : offset + length]

    def file(self) -> list[Any]:
        self.fields(5)
        path = self.of("text", "null")
        mime = self.of("text", "null")
        kind, content = self.head()
        if kind == "null":
            self.size()
            self.size()
            if path is None:
                raise Malformed("neither a path nor a content")
            return ["file", "path", path, mime]
        data = self.cut(self.payload_of(kind, content))
        if path is not None:
            raise Malformed("a path and a content")
        return ["file", "content", data, mime]


def widened(data: bytes) -> str:
    """The bits of a float of 32 bits in 64."""
    return struct.pack(">d", struct.unpack(">f", data)[0]).hex()


def product(numbers: list[int]) -> int:
    """The number of elements."""
    total = 1
    for number in numbers:
        total *= number
    return total


def contiguous(shape: list[int], item: int) -> list[int]:
    """Strides of C order."""
    strides = [item] * len(shape)
    for index in range(len(shape) - 2, -1, -1):
        strides[index] = strides[index + 1] * shape[index + 1]
    return strides


def gathered(data: bytes, offset: int, shape: list[int], strides: list[int], item: int) -> bytes:
    """The elements in C order."""
    if strides == contiguous(shape, item):
        return data[offset : offset + product(shape) * item]
    if not shape:
        return data[offset : offset + item]
    begins = [offset + index * strides[0] for index in range(shape[0])]
    return b"".join(gathered(data, begin, shape[1:], strides[1:], item) for begin in begins)
