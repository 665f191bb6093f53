"""Draws a matrix of numbers, such as a mel spectrogram, as an image in SVG. Knows nothing but numbers."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence

WIDTH, HEIGHT = 720, 180
MOST_COLUMNS, MOST_ROWS = 1440, 512

# From dark to bright, in even steps of lightness, so that it reads in grey as well.
_COLOURS = ((16, 8, 48), (72, 24, 110), (142, 40, 112), (208, 72, 82), (246, 136, 52), (252, 208, 92), (252, 252, 212))


def heat_map(rows: Sequence[Sequence[float]], label: str, *, in_decibels: bool = False) -> str:
    """An SVG of `rows`, the first one at the bottom; the least value is dark, the greatest bright.

    What is not finite is drawn like the least. With `in_decibels` the rows are powers, of which those within 80 dB of
    the greatest are told apart. `label` is what a screen reader says.
    """
    if in_decibels:
        floor = max((value for row in rows for value in row if math.isfinite(value)), default=0.0) * 1e-8
        rows = [[10 * math.log10(max(value, floor, 1e-30)) for value in row] for row in rows]
    finite = [value for row in rows for value in row if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    scale = 255 / (high - low) if high > low else 0.0
    lines = [
        bytes(round((value - low) * scale) if math.isfinite(value) else 0 for value in row) for row in reversed(rows)
    ]
    width = len(lines[0]) if lines else 0
    image = base64.b64encode(_png(lines, width, len(lines))).decode() if width else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" '
        f'style="max-width:{WIDTH}px" role="img" aria-label="{label}">'
        f'<image width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{image}"/></svg>'
    )


def _png(lines: Sequence[bytes], width: int, height: int) -> bytes:
    """A PNG of one byte for each pixel, an index of the colours."""
    raw = b"".join(b"\0" + line for line in lines)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", _palette()),
            _chunk(b"IDAT", zlib.compress(raw, 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _palette() -> bytes:
    colours = bytearray()
    for index in range(256):
        place = index / 255 * (len(_COLOURS) - 1)
        first = min(int(place), len(_COLOURS) - 2)
        part = place - first
        colours += bytes(round(a + (b - a) * part) for a, b in zip(_COLOURS[first], _COLOURS[first + 1], strict=True))
    return bytes(colours)
