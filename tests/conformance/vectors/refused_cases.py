"""Documents that every decoder refuses: no msgpack, no value, headers that leave their memory; values without one."""

from __future__ import annotations

from .case import Refused, Unwritable, payload
from .media_cases import NIL, numbers, samples
from .write_document import array, binary, extension, string
from .write_document import integer as number

BLOCK = bytes(range(8))


def refused_cases() -> list[Refused]:
    """All of them."""
    return [*_bytes(), *_texts_and_maps(), *_depths(), *_tensors(), *_audio(), *_video(), *_tables(), *_others()]


def unwritable_cases() -> list[Unwritable]:
    """Values that have no document."""
    return [
        Unwritable("int_above", "2^64", ["int", str(2**64)]),
        Unwritable("int_below", "-2^63-1", ["int", str(-(2**63) - 1)]),
        Unwritable("high_surrogate", "the first half of a pair alone", ["utf16", "0061d83d"]),
        Unwritable("low_surrogate", "the second half of a pair alone", ["utf16", "de000061"]),
        Unwritable("swapped_surrogates", "both halves in the wrong order", ["utf16", "de00d83d"]),
        Unwritable("surrogate_in_key", "half a pair in a list", ["list", [["utf16", "d83d"]]]),
    ]


def _plain(**documents: tuple[str, str]) -> list[Refused]:
    return [Refused(name, meaning, bytes.fromhex(data)) for name, (data, meaning) in documents.items()]


def _bytes() -> list[Refused]:
    return _plain(
        empty=("", "nothing"),
        trailing=("0102", "a second value"),
        trailing_nil=("90c0", "nil behind a list"),
        reserved_byte=("c1", "the byte that msgpack does not use"),
        reserved_byte_inside=("92c1c0", "the same in a list"),
        list_cut=("9201", "a list of two with one item"),
        list16_cut=("dc00", "a head without its end"),
        list32_more_than_there_is=("ddffffffffc0", "a list of 2^32-1 items, and one there"),
        map_cut=("81a161", "a key without a value"),
        map32_more_than_there_is=("dfffffffffa161c0", "a map of 2^32-1 entries, and one there"),
        text_cut=("a26a", "text of two bytes with one"),
        text32_more_than_there_is=("dbffffffff61", "text of 4 GiB, and a byte there"),
        bytes_cut=("c4026a", "bytes"),
        bytes32_more_than_there_is=("c6ffffffff61", "bytes of 4 GiB, and one there"),
        uint64_cut=("cf00000000000000", "seven of eight bytes"),
        int16_cut=("d100", "one of two bytes"),
        float_cut=("cb3ff00000000000", "seven of eight bytes"),
        float32_cut=("ca3f8000", "three of four bytes"),
        extension_cut=("d6ff000000", "three of four bytes"),
        extension32_more_than_there_is=("c9ffffffff0100", "a payload of 4 GiB"),
        extension_head_cut=("c705", "a head without its code"),
        text_head_cut=("d9", "a head without its length"),
    )


def _texts_and_maps() -> list[Refused]:
    return _plain(
        text_bad_follower=("a2c328", "a first byte without its second"),
        text_lone_follower=("a180", "a second byte alone"),
        text_cut_character=("a2e282", "two of three bytes of a character"),
        text_overlong=("a2c080", "NUL in two bytes"),
        text_overlong_slash=("a3e080af", "a slash in three bytes"),
        text_high_surrogate=("a3eda080", "U+D800"),
        text_low_surrogate=("a3edbfbf", "U+DFFF"),
        text_surrogate_pair=("a6eda0bdedb880", "a pair of surrogates, each in three bytes"),
        text_beyond_unicode=("a4f4908080", "U+110000"),
        text_latin=("a1e9", "a letter of Latin-1"),
        text_ff=("a1ff", "a byte that UTF-8 never has"),
        key_not_utf8=("81a1ff01", "a key that is not UTF-8"),
        key_int=("810102", "an int as a key"),
        key_nil=("81c002", "nil as a key"),
        key_bytes=("81c4016102", "bytes as a key"),
        key_list=("819002", "a list as a key"),
        key_twice=("82a16101a16102", "a key twice"),
        key_twice_long=("82a16101d9016102", "a key twice, in two forms"),
        key_twice_apart=("83a16101a16202a16103", "a key twice, with another between"),
        key_twice_inside=("9181a16b82a16101a16101", "a key twice, in a map further in"),
        key_empty_twice=("82a001a002", "an empty key twice"),
        extension_unknown=("d42a00", "extension type 42"),
        extension_zero=("d40000", "extension type 0"),
        extension_minus_two=("d4fe00", "extension type -2"),
        extension_seven=("d50790c0", "extension type 7"),
        timestamp_5_bytes=("c705ff0000000000", "a timestamp of five bytes"),
        timestamp_0_bytes=("c700ff", "a timestamp without bytes"),
        timestamp_64_nanoseconds=("d7ffee6b280000000000", "10^9 nanoseconds in 8 bytes"),
        timestamp_96_nanoseconds=("c70cff3b9aca000000000000000000", "10^9 nanoseconds in 12 bytes"),
    )


def _depths() -> list[Refused]:
    maps = b"\x81\xa1k" * 128 + b"\x80"
    column = _column_head() + array(0) + NIL
    for _ in range(128):
        column = _column_head() + array(1) + column + NIL
    return [
        Refused("depth_list_129", "129 lists inside each other", b"\x91" * 128 + b"\x90"),
        Refused("depth_map_129", "129 maps inside each other", maps),
        Refused("depth_list_100000", "100000 lists", b"\x91" * 100_000 + b"\xc0"),
        Refused("depth_map_100000", "100000 maps", b"\x81\xa1k" * 100_000 + b"\xc0"),
        Refused("depth_cut_list_100000", "100000 heads of lists and nothing more", b"\xdd\0\0\0\1" * 100_000),
        Refused("table_129_deep", "columns inside columns, 129 deep", extension(4, b"\x93\0\xc4\0\x91" + column)),
    ]


def _column_head() -> bytes:
    return array(10) + string("c") + string("+s") + number(2) + binary(b"") + b"\0\0\0" + array(0)


def _all(code: int, its: dict[str, tuple[str, tuple[bytes, ...]]], prefix: str, *table: bytes) -> list[Refused]:
    return [
        Refused(f"{prefix}_{name}", meaning, payload(code, *fields), list(table))
        for name, (meaning, fields) in its.items()
    ]


def _tensors() -> list[Refused]:
    def one(
        dtype: bytes = string("uint8"),
        shape: bytes = numbers(2),
        strides: bytes = NIL,
        data: bytes = b"\0",
        offset: bytes = b"\0",
    ) -> tuple[bytes, ...]:
        return dtype, shape, strides, data, offset

    its = {
        "dtype": ("an unknown dtype", one(dtype=string("uint9"))),
        "dtype_case": ("a dtype in capitals", one(dtype=string("UINT8"))),
        "dtype_nil": ("no dtype", one(dtype=NIL)),
        "shape_int": ("a shape that is no list", one(shape=number(2))),
        "shape_negative": ("a negative size", one(shape=numbers(-1))),
        "shape_float": ("a size that is a float", one(shape=b"\x91\xcb" + bytes(8))),
        "shape_65": ("65 dimensions", one(shape=numbers(*[1] * 65))),
        "shape_overflow": ("sizes whose product does not fit", one(shape=numbers(2**40, 2**40))),
        "shape_too_large": ("a size of 2^63", one(shape=b"\x91\xcf\x80" + bytes(7))),
        "strides_few": ("fewer strides than sizes", one(shape=numbers(2, 2), strides=numbers(1))),
        "strides_many": ("more strides than sizes", one(strides=numbers(1, 1))),
        "strides_int": ("strides that are no list", one(strides=number(1))),
        "past_the_end": ("one element more than the entry has", one(shape=numbers(9))),
        "offset_past_the_end": ("an offset that pushes the last element out", one(offset=number(7))),
        "offset_negative": ("a negative offset", one(offset=number(-1))),
        "offset_huge": ("an offset of 2^63-1", one(offset=number(2**63 - 1))),
        "before_the_beginning": ("a negative stride that leaves the entry", one(strides=numbers(-1))),
        "stride_past_the_end": ("a stride that leaves the entry", one(strides=numbers(8))),
        "stride_overflow": ("a stride that overflows", one(shape=numbers(3), strides=numbers(2**62))),
        "wide_element": ("an element of 16 bytes in 8", one(dtype=string("complex128"), shape=numbers(1))),
        "index": ("an entry that the table has not", one(data=number(1))),
        "index_negative": ("a negative index", one(data=number(-1))),
        "data_text": ("elements as text", one(data=string("ab"))),
        "data_nil": ("no elements", one(data=NIL)),
        "inside_past_the_end": ("bytes in the document that are too few", one(data=binary(b"\1"))),
        "extent": ("2^40 elements by a stride of 0", one(shape=numbers(2**40), strides=numbers(0))),
        "four_fields": ("a field too few", one()[:4]),
        "six_fields": ("a field too many", (*one(), NIL)),
    }
    trailing = extension(1, array(5) + b"".join(one()) + b"\0")
    return [
        *_all(1, its, "tensor", BLOCK),
        Refused("tensor_trailing", "a byte behind the payload", trailing, [BLOCK]),
        Refused("tensor_map", "a payload that is a map", extension(1, b"\x80"), [BLOCK]),
        Refused("tensor_no_payload", "no payload", extension(1, b""), [BLOCK]),
        Refused("tensor_cut", "a payload that ends within a field", extension(1, array(5) + b"\xa5uin"), [BLOCK]),
    ]


def _audio() -> list[Refused]:
    fields = (number(8000), NIL, NIL, number(1), number(2), number(8), b"\0", b"\0")
    changes = {
        "rate_0": ("a rate of 0", {0: b"\0"}),
        "rate_large": ("a rate of 2^32", {0: number(2**32)}),
        "rate_negative": ("a negative rate", {0: number(-1)}),
        "rate_float": ("a rate that is a float", {0: b"\xcb" + bytes(8)}),
        "layout_int": ("a layout that is an int", {1: number(2)}),
        "pts_float": ("a time that is a float", {2: b"\xcb" + bytes(8)}),
        "pts_large": ("a time of 2^63", {2: b"\xcf\x80" + bytes(7)}),
        "channels_0": ("no channels", {3: b"\0"}),
        "channels_1025": ("a channel too many", {3: number(1025), 4: b"\0"}),
        "channels_negative": ("channels below 0", {3: number(-2)}),
        "past_the_end": ("a frame more than the entry has", {4: number(3)}),
        "frames_negative": ("frames below 0", {4: number(-1)}),
        "frames_overflow": ("frames whose bytes overflow", {4: number(2**62)}),
        "stride_past_the_end": ("a second channel outside the entry", {3: number(2)}),
        "stride_negative": ("a negative stride", {3: number(2), 4: number(1), 5: number(-4)}),
        "stride_overflow": ("a stride that overflows", {3: number(3), 5: number(2**62)}),
        "offset_past_the_end": ("an offset that pushes the last sample out", {7: number(1)}),
        "offset_huge": ("an offset of 2^63-1", {7: number(2**63 - 1)}),
        "index": ("an entry that the table has not", {6: number(1)}),
        "data_nil": ("no samples", {6: NIL}),
        "inside_past_the_end": ("samples in the document that are too few", {6: binary(samples(1.0))}),
    }
    its = {
        name: (meaning, tuple(its.get(index, field) for index, field in enumerate(fields)))
        for name, (meaning, its) in changes.items()
    }
    its["seven_fields"] = ("a field too few", fields[:7])
    its["nine_fields"] = ("a field too many", (*fields, NIL))
    return _all(2, its, "audio", BLOCK)


def _video() -> list[Refused]:
    def plane(data: bytes, offset: int = 0, stride: int = 2) -> bytes:
        return array(3) + data + number(offset) + number(stride)

    def one(pixels: str, width: bytes, height: bytes, *planes: bytes) -> tuple[bytes, ...]:
        return string(pixels), width, height, NIL, array(len(planes)) + b"".join(planes)

    two, four = number(2), number(4)
    entry = plane(b"\0")
    its = {
        "format": ("an unknown format", one("yuv444p", two, two, entry)),
        "width_negative": ("a negative width", one("gray", number(-1), two, entry)),
        "width_large": ("a width of 2^32", one("gray", number(2**32), two, entry)),
        "no_planes": ("no planes", one("gray", two, two)),
        "two_planes": ("a plane too many", one("gray", two, two, entry, entry)),
        "missing_plane": ("a plane of three is missing", one("yuv420p", two, two, entry, plane(b"\0", 4, 1))),
        "past_the_end": ("a row outside the entry", one("gray", two, number(5), entry)),
        "last_byte": ("the last byte outside the entry", one("gray", two, four, plane(b"\0", 1))),
        "stride_small": ("a stride below the bytes of a row", one("gray", two, two, plane(b"\0", 0, 1))),
        "stride_overflow": ("a stride that overflows", one("gray", two, four, plane(b"\0", 0, 2**62))),
        "offset_huge": ("an offset of 2^63-1", one("gray", two, two, plane(b"\0", 2**63 - 1))),
        "offset_negative": ("a negative offset", one("gray", two, two, plane(b"\0", -1))),
        "odd_chroma": ("chroma of an odd size, rounded down",
                       one("nv12", number(3), number(1), plane(b"\0", 0, 3), plane(binary(b"\1\2\3"), 0, 4))),
        "index": ("an entry that the table has not", one("gray", two, two, plane(b"\1"))),
        "plane_of_two": ("a plane of two fields", one("gray", two, two, array(2) + b"\0\0")),
        "plane_nil": ("a plane that is nil", one("gray", two, two, NIL)),
        "four_fields": ("a field too few", one("gray", two, two, entry)[:4]),
    }  # fmt: skip
    return _all(3, its, "video", BLOCK)


def _tables() -> list[Refused]:
    fields = (string("c"), string("C"), number(2), binary(b""), b"\3", b"\0", b"\0", b"\x91\0", b"\x90", NIL)
    changes = {
        "name_nil": ("a name that is nil", {0: NIL}),
        "format_int": ("a format that is an int", {1: number(1)}),
        "flags_text": ("flags as text", {2: string("x")}),
        "metadata_text": ("metadata as text", {3: string("x")}),
        "length_negative": ("a negative length", {4: number(-1)}),
        "null_count_float": ("nulls as a float", {5: b"\xcb" + bytes(8)}),
        "offset_negative": ("a negative offset", {6: number(-1)}),
        "buffers_nil": ("no list of buffers", {7: NIL}),
        "buffer_text": ("a buffer as text", {7: array(1) + string("x")}),
        "index": ("an entry that the table has not", {7: array(1) + number(1)}),
        "window_index": ("a window on an entry that is not there", {7: array(1) + numbers(1, 0, 1)}),
        "window_past_the_end": ("a window that leaves its entry", {7: array(1) + numbers(0, 7, 2)}),
        "window_overflow": ("a window that overflows", {7: array(1) + numbers(0, 2**63 - 1, 2**63 - 1)}),
        "window_of_two": ("a window of two fields", {7: array(1) + numbers(0, 1)}),
        "children_nil": ("no list of children", {8: NIL}),
        "child_int": ("a child that is an int", {8: numbers(1)}),
        "child_short": ("a child of nine fields", {8: array(1) + array(9) + b"\0" * 9}),
        "dictionary_int": ("a dictionary that is an int", {9: b"\0"}),
        "dictionary_short": ("a dictionary of nine fields", {9: array(9) + b"\0" * 9}),
    }
    its = {}
    for name, (meaning, change) in changes.items():
        column = array(10) + b"".join(change.get(index, field) for index, field in enumerate(fields))
        its[name] = (meaning, (b"\3", binary(b""), array(1) + column))
    good = array(10) + b"".join(fields)
    its["rows_negative"] = ("rows below 0", (number(-1), binary(b""), array(1) + good))
    its["metadata_nil"] = ("metadata of the table that is nil", (b"\3", NIL, array(1) + good))
    its["column_short"] = ("a column of nine fields", (b"\3", binary(b""), array(1) + array(9) + b"".join(fields[:9])))
    its["two_fields"] = ("a field too few", (b"\3", binary(b"")))
    return _all(4, its, "table", BLOCK)


def _others() -> list[Refused]:
    files = {
        "path_and_data": ("a path and a content", (string("a"), NIL, b"\0", b"\0", b"\1")),
        "neither": ("neither path nor content", (NIL, NIL, NIL, b"\0", b"\0")),
        "path_int": ("a path that is an int", (b"\1", NIL, NIL, b"\0", b"\0")),
        "mime_int": ("a type that is an int", (string("a"), b"\1", NIL, b"\0", b"\0")),
        "past_the_end": ("a content that leaves its entry", (NIL, NIL, b"\0", b"\0", number(9))),
        "offset_past_the_end": ("an offset that pushes its end out", (NIL, NIL, b"\0", b"\4", b"\5")),
        "length_negative": ("a negative length", (NIL, NIL, b"\0", b"\0", number(-1))),
        "index": ("an entry that the table has not", (NIL, NIL, b"\1", b"\0", b"\1")),
        "four_fields": ("a field too few", (NIL, NIL, b"\0", b"\0")),
    }
    windows = {
        "index": ("an entry that the table has not", (b"\1", b"\0", b"\1")),
        "index_negative": ("a negative index", (number(-1), b"\0", b"\1")),
        "past_the_end": ("a window that leaves its entry", (b"\0", b"\4", b"\5")),
        "offset_past_the_end": ("a window that begins behind its entry", (b"\0", number(9), b"\0")),
        "length_negative": ("a negative length", (b"\0", b"\0", number(-1))),
        "overflow": ("a window that overflows", (b"\0", number(2**63 - 1), number(2**63 - 1))),
        "index_bytes": ("bytes in place of an index", (binary(b"abc"), b"\0", b"\1")),
        "two_fields": ("a field too few", (b"\0", b"\0")),
        "four_fields": ("a field too many", (b"\0", b"\0", b"\1", NIL)),
    }
    return [
        *_all(5, files, "file", BLOCK),
        *_all(6, windows, "window", BLOCK),
        Refused("window_without_table", "an entry of a table that is empty", payload(6, b"\0", b"\0", b"\0")),
        Refused("inside_a_list", "a wrong tensor behind good values", array(2) + b"\1" + extension(1, b"\x90")),
        Refused("inside_a_map", "a wrong tensor in a map", b"\x81\xa1k" + extension(1, b"\x90")),
    ]
