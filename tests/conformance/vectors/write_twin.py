"""A value of the notation to its JSON twin, as the library writes it: one line, fields in the order of `docs/wire.md`.

It shares no code with the writer of the project.
"""

from __future__ import annotations

import base64
import math
import struct
from typing import Any

from .notation import Value, data_of, expanded, text_of

PLAIN_NAN = "7ff8000000000000"


def twin_of(value: Value) -> str:
    """The JSON twin of a value."""
    match expanded(value):
        case ["null"]:
            return "null"
        case ["bool", truth]:
            return "true" if truth else "false"
        case ["int", number]:
            return str(int(number))
        case ["float", bits]:
            return _float(bits)
        case ["text", parts]:
            return quoted(text_of(parts))
        case ["bytes", parts]:
            return _tagged("bytes", ("base64", _base64(parts)))
        case ["list", items]:
            return "[" + ",".join(map(twin_of, items)) + "]"
        case ["map", pairs]:
            return "{" + ",".join(quoted(_escaped(text_of(key))) + ":" + twin_of(item) for key, item in pairs) + "}"
        case ["timestamp", seconds, nanoseconds]:
            return _tagged("timestamp", ("seconds", seconds), ("nanoseconds", nanoseconds))
        case ["tensor", dtype, shape, parts]:
            sizes = "[" + ",".join(shape) + "]"
            return _tagged("tensor", ("dtype", quoted(dtype)), ("shape", sizes), ("base64", _base64(parts)))
        case ["audio", rate, layout, pts, channels, frames, parts]:
            head = (("rate", rate), ("layout", _optional(layout)), ("pts", pts or "null"))
            return _tagged("audio", *head, ("channels", channels), ("frames", frames), ("base64", _base64(parts)))
        case ["video", pixels, width, height, pts, planes]:
            rows = [f'{{"stride":{stride},"base64":{_base64(parts)}}}' for stride, parts in planes]
            size = (("format", quoted(pixels)), ("width", width), ("height", height), ("pts", pts or "null"))
            return _tagged("video", *size, ("planes", "[" + ",".join(rows) + "]"))
        case ["table", rows, metadata, columns]:
            return _tagged("table", ("rows", rows), ("metadata", _base64(metadata)), ("columns", _columns(columns)))
        case ["file", "path", path, mime]:
            return _tagged("file", ("path", quoted(path)), ("mime", _optional(mime)))
        case ["file", "content", parts, mime]:
            return _tagged("file", ("base64", _base64(parts)), ("mime", _optional(mime)))
    raise ValueError(f"{value!r:.80} is no value of the notation")


def quoted(text: str) -> str:
    """A JSON string with the escapes that the library uses."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(short.get(each) or (f"\\u{ord(each):04x}" if each < " " else each) for each in text) + '"'


def _float(bits: str) -> str:
    value = struct.unpack(">d", bytes.fromhex(bits))[0]
    if math.isnan(value):
        return _tagged("float", ("value", '"NaN"'), *([] if bits == PLAIN_NAN else [("bits", quoted(bits))]))
    if math.isinf(value):
        return _tagged("float", ("value", '"Infinity"' if value > 0 else '"-Infinity"'))
    sign = "-" if bits[0] in "89abcdef" else ""
    # The shortest digits that read back: 1.5e+300 is 15 with the point after its first digit, and the exponent 300.
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return sign + "0.0"
    exponent = int(power or 0) - len(fraction) + len(digits) - 1
    digits = digits.rstrip("0")
    if exponent < -4 or exponent >= 16:
        point = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}e{exponent}"
    if exponent < 0:
        return sign + "0." + "0" * (-exponent - 1) + digits
    digits = digits.ljust(exponent + 1, "0")
    return sign + digits[: exponent + 1] + "." + (digits[exponent + 1 :] or "0")


def _columns(columns: list[Any]) -> str:
    return "[" + ",".join(map(_column, columns)) + "]"


def _column(column: list[Any]) -> str:
    name, kind, flags, metadata, length, null_count, offset, buffers, children, dictionary = column
    fields = (
        ("name", quoted(name)),
        ("format", quoted(kind)),
        ("flags", flags),
        ("metadata", _base64(metadata)),
        ("length", length),
        ("null_count", null_count),
        ("offset", offset),
        ("buffers", "[" + ",".join("null" if data is None else _base64(data) for data in buffers) + "]"),
        ("children", _columns(children)),
        ("dictionary", "null" if dictionary is None else _column(dictionary)),
    )
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields) + "}"


def _tagged(kind: str, *fields: tuple[str, str]) -> str:
    return "{" + ",".join([f'"$rm":"{kind}"', *(f'"{name}":{text}' for name, text in fields)]) + "}"


def _escaped(key: str) -> str:
    return "$" + key if key.startswith("$") and key.lstrip("$").startswith("rm") else key


def _base64(parts: list[Any]) -> str:
    return '"' + base64.b64encode(data_of(parts)).decode("ascii") + '"'


def _optional(text: str | None) -> str:
    return "null" if text is None else quoted(text)
