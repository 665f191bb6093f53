"""Documents of plain values and timestamps, on both sides of the edge of each width."""

from __future__ import annotations

import struct
import sys

from .case import Accepted, read, written
from .notation import (
    Value,
    boolean,
    float_bits,
    floating,
    integer,
    mapping,
    null,
    octets,
    sequence,
    text,
    timestamp,
)

POSITIVE = {
    "fixint": [0, 1, 31, 32, 126, 127],
    "uint8": [128, 129, 254, 255],
    "uint16": [256, 257, 32_767, 32_768, 65_534, 65_535],
    "uint32": [65_536, 65_537, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1],
    "uint64": [2**32, 2**32 + 1, 2**53 - 1, 2**53, 2**53 + 1, 2**62, 2**63 - 2, 2**63 - 1],
    "uint64_top": [2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1],
}
NEGATIVE = {
    "fixint": [-1, -2, -31, -32],
    "int8": [-33, -34, -127, -128],
    "int16": [-129, -130, -32_767, -32_768],
    "int32": [-32_769, -65_536, -(2**31) + 1, -(2**31)],
    "int64": [-(2**31) - 1, -(2**32), -(2**53), -(2**53) - 1, -(2**63) + 1, -(2**63)],
}


def plain_cases() -> list[Accepted]:
    """All of them."""
    return [*_numbers(), *_floats(), *_texts(), *_octets(), *_lists(), *_maps(), *_depths(), *_timestamps(), *_long()]


def _numbers() -> list[Accepted]:
    cases = [
        written("null", "nothing", null()),
        written("bools", "both truth values", sequence(boolean(False), boolean(True))),
        written("int_and_bool", "1 and true, 0 and false are four values", _mixed()),
    ]
    for sign, ranges in (("positive", POSITIVE), ("negative", NEGATIVE)):
        for width, numbers in ranges.items():
            meaning = f"{sign} ints that are written as {width.removesuffix('_top')}"
            cases.append(written(f"ints_{sign}_{width}", meaning, sequence(*map(integer, numbers))))
    cases.append(written("int_alone", "an int that is the whole document", integer(300)))
    return cases


def _mixed() -> Value:
    return sequence(integer(1), boolean(True), integer(0), boolean(False), floating(1.0), floating(0.0))


def _floats() -> list[Accepted]:
    numbers = {
        "zero": (0.0, "zero"),
        "negative_zero": (-0.0, "zero with its sign"),
        "one": (1.0, "1.0, which is not the int 1"),
        "whole": (-123456789.0, "a whole number"),
        "above_2_53": (2.0**53, "2^53, which is not the int of that size"),
        "tenth": (0.1, "a number that is not a sum of few powers of two"),
        "single": (1.5, "a number that fits 32 bits and is written with 64"),
        "largest": (sys.float_info.max, "the largest finite number"),
        "smallest_normal": (sys.float_info.min, "the smallest normal number"),
        "subnormal": (5e-324, "the smallest subnormal number"),
        "subnormal_largest": (sys.float_info.min - 5e-324, "the largest subnormal number"),
        "infinity": (float("inf"), "positive infinity"),
        "negative_infinity": (float("-inf"), "negative infinity"),
    }
    cases = [written(f"float_{name}", meaning, floating(value)) for name, (value, meaning) in numbers.items()]
    spread = [1e-5, 9.9e-5, 1e-4, 0.5, 123.25, 1e15, 9007199254740993.0, 1e16, 1.5e16, 1e21, 1e22, 1e300, -2.5e-7]
    cases.append(written("floats", "numbers of many sizes", sequence(*map(floating, spread))))
    nans = {
        "nan": (0x7FF8_0000_0000_0000, "the usual NaN"),
        "nan_negative": (0xFFF8_0000_0000_0000, "a NaN with a sign"),
        "nan_payload": (0xFFF8_0000_0000_0001, "a NaN with a sign and a payload"),
        "nan_signalling": (0x7FF0_0000_0000_0001, "a signalling NaN"),
    }
    return [*cases, *(written(f"float_{name}", meaning, float_bits(bits)) for name, (bits, meaning) in nans.items())]


def _texts() -> list[Accepted]:
    cases = [written("text_empty", "text without characters", text(""))]
    for length in (1, 31, 32, 255, 256, 65_535, 65_536):
        cases.append(written(f"text_{length}", f"text of {length} bytes", text("a" * length)))
    cases.append(written("text_long", "text of 1 MiB, which stays in the document", text("0123456789abcdef" * 65_536)))
    # Lengths count bytes: 16 of these characters are 32 bytes, and 85 of three bytes are 255.
    cases.append(written("text_two_bytes", "16 characters of two bytes", text("é" * 16)))
    cases.append(written("text_three_bytes", "86 characters of three bytes, 258 bytes", text("\u20ac" * 86)))
    cases.append(written("text_four_bytes", "64 characters beyond 16 bits, 256 bytes", text("\U0001f600" * 64)))
    special = {
        "escapes": ('a"\\/\b\f\n\r\t\x01\x1f\x7f', "characters that JSON escapes, and some that it need not"),
        "nul": ("a\0b\0", "NUL within text and at its end"),
        "byte_order_mark": ("\ufeffa\ufeff", "U+FEFF at the beginning and at the end is text"),
        "combining": ("e\u0301\u00e9", "an accent as a character of its own, and the composed letter"),
        "edges": ("\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff", "the edges of each length of UTF-8"),
        "noncharacters": ("\ufffe\uffff\ufffd\ufdd0", "noncharacters and U+FFFD are text"),
        "separators": ("a\u2028b\u2029c\x85", "line separators that scripts know"),
        "html": ("</script><!-- &amp; 'x'", "what writers of HTML like to escape"),
    }
    return [*cases, *(written(f"text_{name}", meaning, text(value)) for name, (value, meaning) in special.items())]


def _octets() -> list[Accepted]:
    cases = [written("bytes", "bytes of all kinds", octets(bytes(range(256))[::5]))]
    cases.append(written("bytes_empty", "no bytes", octets(b"")))
    cases.append(written("bytes_like_text", "bytes that are UTF-8 are bytes", octets(b"abc")))
    for length in (255, 256, 16_383):
        cases.append(written(f"bytes_{length}", f"{length} bytes, in the document", octets(_block(length))))
    for length in (16_384, 16_392, 65_536):
        cases.append(written(f"bytes_{length}", f"{length} bytes, in the buffer table", octets(_block(length))))
    both = sequence(octets(_block(16_384)), octets(b"small"), octets(b"\x07" * 20_008))
    cases.append(written("bytes_two_buffers", "two blocks in the table, and bytes between them", both))
    return cases


def _block(length: int) -> bytes:
    return (b"\x01\x02\xff" + b"\x00\x80\x7f" * (length // 3))[:length]


def _lists() -> list[Accepted]:
    cases = [written("list_empty", "a list without items", sequence())]
    for count in (1, 15, 16, 65_535, 65_536):
        cases.append(written(f"list_{count}", f"a list of {count} nulls", ["repeat", null(), count]))
    nested = sequence(sequence(), sequence(sequence(integer(1)), text("x")), mapping(), sequence(null(), octets(b"")))
    cases.append(written("list_nested", "lists of several kinds", nested))
    return cases


def _maps() -> list[Accepted]:
    cases = [written("map_empty", "a map without entries", mapping())]
    for count in (1, 15, 16, 65_535, 65_536):
        cases.append(written(f"map_{count}", f"a map of {count} entries", ["keys", count]))
    keys = {
        "map_order": ("entries keep their order", ["z", "a", "m", "b"]),
        "map_number_keys": ("keys that look like numbers keep their order", ["2", "1", "10", "0", "-1", "1.5", "01"]),
        "map_script_keys": (
            "keys that mean something to scripts",
            ["__proto__", "constructor", "toString", "hasOwnProperty", "length", "prototype"],
        ),
        "map_odd_keys": ("keys that are empty, have NUL or U+FEFF, or differ in it", ["", "\0", "a", "a\0", "\ufeffa"]),
        "map_case_keys": ("keys that differ in case or composition", ["k", "K", "\u212a", "\u00e9", "e\u0301"]),
        "map_reserved_keys": (
            "keys that look like those of the JSON twin",
            ["$rm", "$rmx", "$$rm", "$$$rm", "$r", "$", "rm", "$ rm"],
        ),
        "map_long_keys": ("keys of 31, 32, 255 and 256 bytes", ["a" * 31, "a" * 32, "a" * 255, "a" * 256]),
    }
    for name, (meaning, its) in keys.items():
        cases.append(written(name, meaning, mapping(*((key, integer(number)) for number, key in enumerate(its)))))
    inner = mapping(("list", sequence(integer(1), integer(2))), ("map", mapping(("z", null()), ("a", null()))))
    records = sequence(*(mapping(("name", text(name)), ("age", integer(len(name)))) for name in ("ann", "bo")))
    cases.append(written("map_nested", "a list and a map in a map", inner))
    cases.append(written("map_records", "a list of maps with the same keys", records))
    return cases


def _depths() -> list[Accepted]:
    cases = [
        written(f"depth_{kind}_128", f"128 {kind}s inside each other", ["nest", kind, 128]) for kind in ("list", "map")
    ]
    deepest = sequence(null())
    for level in range(127):
        deepest = sequence(deepest) if level % 2 else mapping(("k", deepest))
    cases.append(written("depth_mixed_128", "128 lists and maps by turns, with a null inside", deepest))
    return cases


def _timestamps() -> list[Accepted]:
    moments = {
        "zero": (0, 0, "the beginning of 1970"),
        "32": (1_700_000_000, 0, "whole seconds, in 4 bytes"),
        "32_last": (2**32 - 1, 0, "the last second that fits 4 bytes"),
        "64_first": (2**32, 0, "the first second that takes 8 bytes"),
        "64": (1_700_000_000, 123_456_789, "seconds and nanoseconds, in 8 bytes"),
        "64_micros": (1_700_000_000, 123_456_000, "microseconds"),
        "64_one": (0, 1, "one nanosecond"),
        "64_last": (2**34 - 1, 999_999_999, "the last moment that fits 8 bytes"),
        "96_first": (2**34, 0, "the first second that takes 12 bytes"),
        "96": (-1, 999_999_999, "a moment before 1970"),
        "96_micros": (-2_000_000_000, 250_000_000, "quarter of a second, long before 1970"),
        "96_lowest": (-(2**63), 0, "the lowest second"),
        "96_highest": (2**63 - 1, 999_999_999, "the highest moment"),
    }
    return [
        written(f"timestamp_{name}", meaning, timestamp(seconds, nanoseconds))
        for name, (seconds, nanoseconds, meaning) in moments.items()
    ]


def _long() -> list[Accepted]:
    """Forms that are longer than needed."""
    five = ["cc05", "cd0005", "ce00000005", "cf0000000000000005", "d005", "d10005", "d200000005", "d30000000000000005"]
    minus = ["d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"]
    wide = ["cd00ff", "ce0000ffff", "cf00000000ffffffff", "d100ff", "d20000ffff", "d300000000ffffffff"]
    numbers = [255, 65_535, 2**32 - 1] * 2
    cases = [
        read("long_ints", "5 in every form of an int", sequence(*[integer(5)] * 8), "98" + "".join(five)),
        read("long_negative_ints", "-1 in every form", sequence(*[integer(-1)] * 4), "94" + "".join(minus)),
        read("long_wide_ints", "ints in wider forms", sequence(*map(integer, numbers)), "96" + "".join(wide)),
        read("long_uint64", "2^63-1 and 2^63 without sign", sequence(integer(2**63 - 1), integer(2**63)),
             "92cf7fffffffffffffffcf8000000000000000"),
        read("long_lists", "one null in a list, in both long forms", sequence(*[sequence(null())] * 2),
             "92dc0001c0dd00000001c0"),
        read("long_maps", "one entry in a map, in both long forms", sequence(*[mapping(("k", null()))] * 2),
             "92de0001a16bc0df00000001a16bc0"),
        read("long_texts", "text in three long forms", sequence(*[text("ab")] * 3),
             "93d9026162da00026162db000000026162"),
        read("long_bytes", "bytes in all forms", sequence(*[octets(b"ab")] * 3), "93c4026162c500026162c6000000026162"),
        read("long_bytes_16k", "16384 bytes in the document", octets(_block(16_384)), b"\xc5\x40\x00" + _block(16_384)),
        read("long_bytes_65536", "65536 bytes in the document", octets(_block(65_536)),
             b"\xc6\x00\x01\x00\x00" + _block(65_536)),
        read("long_keys", "a key in each long form", mapping(("a", null()), ("b", null()), ("c", null())),
             "83d90161c0da000162c0db0000000163c0"),
        read("long_timestamps", "a moment in every length of head and payload", sequence(*[timestamp(7, 0)] * 7),
             "97d6ff00000007c704ff00000007c80004ff00000007c900000004ff00000007"
             "d7ff0000000000000007c708ff0000000000000007c70cff000000000000000000000007"),
    ]  # fmt: skip
    singles = {
        "one": (0x3F80_0000, "1.0"),
        "tenth": (0x3DCC_CCCD, "the float of 32 bits next to 0.1, which is another number than 0.1"),
        "negative_zero": (0x8000_0000, "-0.0"),
        "subnormal": (0x0000_0001, "the smallest float of 32 bits"),
        "infinity": (0xFF80_0000, "negative infinity"),
    }
    for name, (bits, meaning) in singles.items():
        data = struct.pack(">I", bits)
        value = floating(struct.unpack(">f", data)[0])
        cases.append(read(f"single_{name}", f"{meaning}, in 32 bits", value, b"\xca" + data))
    widened = float_bits(0x7FF8_0000_2000_0000)
    cases.append(read("single_nan_payload", "a NaN with a payload, in 32 bits", widened, "ca7fc00001"))
    return cases
