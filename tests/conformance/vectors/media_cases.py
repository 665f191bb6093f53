"""Documents of audio, video, tensors, tables and files: written, by buffer, and laid out in other ways."""

from __future__ import annotations

import struct

from .case import Accepted, payload, read, written
from .notation import audio, column, file_content, file_path, integer, octets, sequence, table, tensor, video
from .write_document import array, binary, string
from .write_document import integer as number

SIZES = {
    "bool": 1, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8,
    "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip
NIL = b"\xc0"
SMALLEST_LARGE = 16_384


def media_cases() -> list[Accepted]:
    """All of them."""
    return [*_tensors(), *_audio(), *_video(), *_tables(), *_nested_tables(), *_files(), *_windows()]


def samples(*values: float) -> bytes:
    """Samples of audio."""
    return struct.pack(f"<{len(values)}f", *values)


def numbers(*values: int) -> bytes:
    """A list of ints in a payload."""
    return array(len(values)) + b"".join(map(number, values))


def _tensors() -> list[Accepted]:
    cases = []
    for dtype, size in SIZES.items():
        data = bytes([1, 0, 1]) if dtype == "bool" else bytes(range(3 * size))
        cases.append(written(f"tensor_{dtype}", f"three elements of {dtype}", tensor(dtype, [3], data)))
    pi = struct.pack("<d", 3.5)
    many = [1] * 63 + [2]
    cases += [
        written("tensor_scalar", "no dimensions, one element", tensor("float64", [], pi)),
        written("tensor_matrix", "two rows of three", tensor("uint8", [2, 3], bytes([1, 2, 3, 4, 5, 6]))),
        written("tensor_no_elements", "a size of 0 between others", tensor("int32", [2, 0, 3], b"")),
        written("tensor_payload_16", "a payload of 16 bytes, which has a head of its own",
                tensor("uint8", [1, 1, 1], b"\x07")),
        written("tensor_64_dimensions", "64 dimensions", tensor("uint8", many, b"\x01\x02")),
        written("tensor_below_16k", "16383 bytes, in the document", tensor("uint8", [16_383], b"\1\2\3" * 5461)),
        written("tensor_16k", "16384 bytes, in the table", tensor("int16", [2, 4096], b"\1\0" * 8192)),
        written("tensor_wide_size", "a size of 65536, and one of 4", tensor("uint8", [65_536, 4], b"\0\1" * 131_072)),
    ]  # fmt: skip
    rows = tensor("uint8", [2, 3], bytes([4, 6, 8, 0, 2, 4]))
    block = bytes(range(9))

    def one(dtype: str, shape: bytes, strides: bytes, data: bytes, offset: int = 0) -> bytes:
        return payload(1, string(dtype), shape, strides, data, number(offset))

    cases += [
        read("tensor_strides", "rows from last to first, columns apart", rows,
             one("uint8", numbers(2, 3), numbers(-4, 2), number(0), 4), (block,)),
        read("tensor_strides_inside", "strides into bytes of the document",
             tensor("uint8", [2, 2], bytes([1, 3, 2, 4])),
             one("uint8", numbers(2, 2), numbers(1, 2), binary(bytes([1, 2, 3, 4])))),
        read("tensor_repeated", "a stride of 0 repeats an element", tensor("uint8", [4], b"\x07" * 4),
             one("uint8", numbers(4), numbers(0), number(0)), (b"\x07",)),
        read("tensor_broadcast", "one row, three times", tensor("int16", [3, 2], bytes([1, 0, 2, 0]) * 3),
             one("int16", numbers(3, 2), numbers(0, 2), binary(bytes([1, 0, 2, 0])))),
        read("tensor_unaligned", "doubles at an odd place", tensor("float64", [1], pi),
             one("float64", numbers(1), NIL, number(0), 3), (b"\0\0\0" + pi + b"\0",)),
        read("tensor_last_byte", "the last elements of an entry", tensor("uint8", [2], bytes([7, 8])),
             one("uint8", numbers(2), NIL, number(0), 7), (block,)),
        read("tensor_no_elements_anywhere", "no elements, so neither strides nor offset matter",
             tensor("uint8", [0, 5], b""), one("uint8", numbers(0, 5), numbers(-9, 77), binary(b""), 99)),
        read("tensor_odd_stride_of_one", "the stride of a dimension of size 1 reaches nothing",
             tensor("uint8", [1, 2], bytes([1, 2])),
             one("uint8", numbers(1, 2), numbers(1000, 1), binary(bytes([1, 2])))),
        read("tensor_two_of_one_entry", "two tensors of one entry, the second one reversed",
             sequence(tensor("uint8", [3], bytes([0, 1, 2])), tensor("uint8", [3], bytes([8, 7, 6]))),
             array(2) + one("uint8", numbers(3), NIL, number(0))
             + one("uint8", numbers(3), numbers(-1), number(0), 8), (block,)),
        read("tensor_long_forms", "heads and numbers of the payload in long forms",
             tensor("uint8", [2], bytes([1, 2])),
             bytes.fromhex("c8001a 01 dc0005 d90575696e7438 dd00000001 d10002 c0 c5 0002 0102 cc00".replace(" ", ""))),
    ]  # fmt: skip
    return cases


def _audio() -> list[Accepted]:
    stereo = samples(0.0, 0.5, 1.0, -0.0, -0.5, -1.0)
    long = samples(0.25, -0.25, 0.5)
    cases = [
        written("audio_mono", "one channel", audio(16_000, "mono", 0, 1, 2, samples(0.5, -0.5))),
        written("audio_stereo", "three frames of two channels, without a layout",
                audio(48_000, None, None, 2, 3, stereo)),
        written("audio_layout_pts", "5.1, before the origin",
                audio(44_100, "5.1", -20_833, 6, 1, samples(*[0.25] * 6))),
        written("audio_empty", "three channels without frames", audio(8_000, None, None, 3, 0, b"")),
        written("audio_empty_layout", "a layout that is empty text", audio(8_000, "", None, 1, 1, samples(1.0))),
        written("audio_highest_rate", "the highest rate, the latest time",
                audio(2**32 - 1, None, 2**63 - 1, 1, 1, samples(1.0))),
        written("audio_lowest", "the lowest rate and the earliest time", audio(1, None, -(2**63), 1, 1, samples(2.0))),
        written("audio_1024_channels", "as many channels as there can be",
                audio(8_000, None, None, 1024, 1, samples(0.5) * 1024)),
        written("audio_nan", "samples that are no numbers keep their bits",
                audio(8_000, "mono", None, 1, 3, bytes.fromhex("0100c07f 000080ff 01000000"))),
        written("audio_below_16k", "4095 frames, in the document", audio(8_000, "mono", None, 1, 4095, long * 1365)),
        written("audio_16k", "4096 frames, in the table", audio(8_000, "mono", None, 1, 4096, samples(0.25) * 4096)),
        written("audio_two_large", "two channels of 3000 frames, in the table",
                audio(24_000, "stereo", 7, 2, 3000, samples(0.25) * 3000 + samples(-0.75) * 3000)),
    ]  # fmt: skip

    def one(rate: int, channels: int, frames: int, stride: int, data: bytes, offset: int = 0) -> bytes:
        head = (number(rate), NIL, NIL, number(channels), number(frames), number(stride))
        return payload(2, *head, data, number(offset))

    two = audio(16_000, None, None, 2, 2, samples(1.0, 0.5, -1.0, -0.5))
    planes = samples(1.0, 0.5, 9.0, -1.0, -0.5)
    cases += [
        read("audio_by_buffer", "channels with a frame between them", two, one(16_000, 2, 2, 12, number(0)), (planes,)),
        read("audio_misaligned", "samples at an odd place", two,
             one(16_000, 2, 2, 12, number(0), 1), (b"\xff" + planes,)),
        read("audio_odd_stride", "channels an odd number of bytes apart", two,
             one(16_000, 2, 2, 9, number(0)), (planes[:8] + b"\xff" + planes[12:],)),
        read("audio_same_channel_twice", "a stride of 0: both channels are the same samples",
             audio(8_000, None, None, 2, 2, samples(0.5, 0.25) * 2), one(8_000, 2, 2, 0, binary(samples(0.5, 0.25)))),
        read("audio_overlapping", "channels that overlap", audio(8_000, None, None, 2, 2, samples(1.0, 2.0, 2.0, 3.0)),
             one(8_000, 2, 2, 4, binary(samples(1.0, 2.0, 3.0)))),
        read("audio_second_entry", "the second entry of a table, to its end", two,
             one(16_000, 2, 2, 12, number(1), 4), (b"\x01", samples(7.0) + planes)),
    ]  # fmt: skip
    return cases


def _video() -> list[Accepted]:
    row = bytes([0, 1, 2, 3, 4, 5])
    cases = [
        written("video_gray", "2 by 3 pixels", video("gray", 2, 3, None, [(2, row)])),
        written("video_rgb24", "2 by 1 pixels", video("rgb24", 2, 1, 40_000_000, [(6, row)])),
        written("video_rgba_gap", "1 by 2 pixels with a gap between the rows",
                video("rgba", 1, 2, -1, [(5, bytes([1, 2, 3, 4, 0, 5, 6, 7, 8]))])),
        written("video_yuv420p_odd", "3 by 3 pixels: chroma of 2 by 2",
                video("yuv420p", 3, 3, 0, [(3, bytes(range(9))), (2, b"\x80" * 4), (2, b"\x90" * 4)])),
        written("video_nv12", "2 by 2 pixels, with a gap",
                video("nv12", 2, 2, 40_000_000, [(3, bytes([16, 32, 0, 48, 64])), (2, bytes([128, 129]))])),
        written("video_nv12_odd", "3 by 1 pixels: two pairs of chroma",
                video("nv12", 3, 1, None, [(3, b"\1\2\3"), (4, b"\5\6\7\x08")])),
        written("video_empty", "no pixels", video("gray", 0, 0, None, [(0, b"")])),
        written("video_no_rows", "a width and no height", video("rgb24", 7, 0, None, [(0, b"")])),
        written("video_below_16k", "127 by 129 pixels, in the document",
                video("gray", 127, 129, None, [(127, b"\x05" * 127 * 129)])),
        written("video_16k", "128 by 128 pixels, in the table", video("gray", 128, 128, 5, [(128, b"\x05" * 16_384)])),
        written("video_mixed", "a plane in the table and two in the document",
                video("yuv420p", 128, 128, 5, [(128, b"\1" * 16_384), (64, b"\2" * 4096), (64, b"\3" * 4096)])),
    ]  # fmt: skip
    plane = array(1) + array(3) + number(0) + number(1) + number(3)
    gray = video("gray", 2, 2, None, [(3, bytes([1, 2, 0, 3, 4]))])
    one_row = video("gray", 2, 1, None, [(0, bytes([1, 2]))])
    padded = array(1) + array(3) + binary(bytes([9, 1, 2, 0, 3, 4, 9, 9])) + number(1) + number(3)
    cases += [
        read("video_by_buffer", "a plane within an entry", gray,
             payload(3, string("gray"), number(2), number(2), NIL, plane), (bytes([0, 1, 2, 0, 3, 4]),)),
        read("video_inside_with_offset", "a plane within bytes of the document, and bytes behind it", gray,
             payload(3, string("gray"), number(2), number(2), NIL, padded)),
        read("video_single_row", "the stride of one row does not matter", one_row,
             payload(3, string("gray"), number(2), number(1), NIL,
                     array(1) + array(3) + binary(bytes([1, 2])) + number(0) + number(0))),
    ]  # fmt: skip
    return cases


def _tables() -> list[Accepted]:
    words = column("words", "u", [None, struct.pack("<4i", 0, 0, 1, 3), b"abc"])
    coded = column("coded", "c", [b"\x05", bytes([0, 0, 1])], null_count=1, dictionary=words)
    level = column("level", "f", [None, samples(0.5, 1.0, -1.0)])
    rich = column("", "+s", [None], flags=7, metadata=b"\1\0\0\0", length=2, null_count=-1, offset=1)
    wide = [column(f"c{index}", "C", [None, bytes([index]) * 3]) for index in range(20)]
    big = [column(f"big{index}", "C", [None, b"\1\2\3" * 5461], length=16_383) for index in range(5)]
    return [
        written("table", "a float column, and a dictionary-encoded text column", table(3, [level, coded], bytes(4))),
        written("table_empty", "neither rows nor columns", table(0, [])),
        written("table_fields", "flags, metadata, an offset, a length and uncounted nulls", table(3, [rich])),
        written("table_20_columns", "more columns than a short list has", table(3, wide)),
        written("table_payload_64k", "a payload of more than 65535 bytes", table(16_383, big)),
        written("table_16k", "a column in the buffer table, and a bitmap in the document",
                table(4096, [column("x", "i", [b"\xff" * 512, b"\1\0\0\0" * 4096], length=4096)])),
    ]  # fmt: skip


def _nested_tables() -> list[Accepted]:
    leaf = column("item", "C", [None, b"\1\2\3\4"], length=4)
    lists = column("lists", "+l", [None, struct.pack("<4i", 0, 1, 1, 4)], children=[leaf])
    point = column("point", "+s", [None], children=[column("x", "f", [None, bytes(12)]), lists])
    deep = column("leaf", "n", [], length=0)
    for _ in range(127):
        deep = column("in", "+s", [None], children=[deep], length=0)
    dictionaries = column("words", "u", [None, bytes(4), b""], length=0)
    for _ in range(3):
        dictionaries = column("coded", "c", [None, b""], length=0, dictionary=dictionaries)
    return [
        written("table_nested", "a struct of numbers and lists", table(3, [point])),
        written("table_128_deep", "columns inside columns, 128 deep", table(0, [deep]), has_twin=False),
        written("table_dictionaries", "dictionaries of dictionaries", table(0, [dictionaries])),
        read("table_by_buffer", "buffers that are an entry, and a window on one",
             table(3, [column("n", "C", [b"\x07", b"\1\2\3"])]),
             payload(4, number(3), binary(b""), array(1) + array(10) + string("n") + string("C") + number(2)
                     + binary(b"") + number(3) + number(0) + number(0) + array(2) + number(0)
                     + array(3) + number(1) + number(1) + number(3) + array(0) + NIL),
             (b"\x07", bytes(range(5)))),
    ]  # fmt: skip


def _files() -> list[Accepted]:
    return [
        written("file_path", "a file by its path", file_path("talks/morning.flac")),
        written("file_path_mime", "a path with a type", file_path("/a b/\u00e9\U0001f600.wav", "audio/wav")),
        written("file_content", "a file by its content", file_content(b"RIFF", "audio/wav")),
        written("file_empty", "a file without content", file_content(b"")),
        written("file_16k", "a content in the table", file_content(b"\0\1\2" * 5464, "audio/flac")),
        read("file_by_buffer", "a content within an entry", file_content(b"RIFF", "audio/wav"),
             payload(5, NIL, string("audio/wav"), number(0), number(1), number(4)), (b"xRIFFy",)),
        read("file_inside_with_offset", "a content within bytes of the document", file_content(b"IF"),
             payload(5, NIL, NIL, binary(b"RIFF"), number(1), number(2))),
    ]  # fmt: skip


def _windows() -> list[Accepted]:
    """Bytes of the table, and values of several kinds that share it."""
    block = bytes(range(5))
    return [
        read("bytes_by_buffer", "bytes 1 to 3 of the second entry", octets(b"\1\2\3"),
             payload(6, number(1), number(1), number(3)), (b"", block)),
        read("bytes_whole_buffer", "an entry from its beginning to its end", octets(block),
             payload(6, number(0), number(0), number(5)), (block,)),
        read("bytes_none_at_the_end", "no bytes at the end of an entry", octets(b""),
             payload(6, number(0), number(5), number(0)), (block,)),
        read("bytes_of_300_buffers", "the last of 300 entries", octets(b"\x2b"),
             payload(6, number(299), number(0), number(1)), tuple(bytes([index % 256]) for index in range(300))),
        written("all_by_buffer", "one value of each kind, in a table of six entries", sequence(
            tensor("int8", [SMALLEST_LARGE], b"\1\2" * 8192), integer(5), octets(b"\3\4" * 8192),
            audio(8_000, None, None, 1, 4096, samples(0.5) * 4096), file_content(b"\5" * 20_000),
            table(1, [column("x", "C", [None, b"\6" * 16_384])]),
            video("gray", 128, 128, None, [(128, b"\7" * 16_384)]),
        )),
    ]  # fmt: skip
