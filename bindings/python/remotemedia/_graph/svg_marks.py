"""What a drawing of a plan is made of: colours, lines of text with their widths, and curves, as text of an SVG file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LONGEST = 34
"""The most columns of text in a box; the whole text is in its tooltip."""
NAME, SMALL = 12.5, 10.5
"""Sizes of letters, in pixels."""

LIGHT = {
    "panel": ("#ffffff", "none"),
    "frame": ("#f2f4f7", "#d3dae3"),
    "native": ("#e6effc", "#3f72c4"),
    "host": ("#fff1d6", "#b97a0b"),
    "inserted": ("#ffffff", "#6b7684"),
    "text": ("#17202c", "none"),
    "faint": ("#5a6472", "none"),
    "line": ("none", "#5a6472"),
    "tip": ("#5a6472", "none"),
}
DARK = {
    "panel": ("#12161c", "none"),
    "frame": ("#1a2029", "#333d4a"),
    "native": ("#1b3052", "#6d9ded"),
    "host": ("#3b2d10", "#e0a73d"),
    "inserted": ("#12161c", "#97a3b2"),
    "text": ("#e8edf4", "none"),
    "faint": ("#a3adba", "none"),
    "line": ("none", "#a3adba"),
    "tip": ("#a3adba", "none"),
}


def label(port: str, x: float, y: float) -> str:
    """The name of a port, on a patch that covers what is below."""
    width = text_width(port, SMALL) + 4
    return (
        f'<rect class="rm-panel" {paint("panel")} x="{px(x - width / 2)}" y="{px(y - 7)}" width="{px(width)}" '
        f'height="14"/>\n{words(port, x, y + 3.5, SMALL, "faint")}'
    )


def words(text: str, x: float, y: float, size: float, color: str, *, bold: bool = False, anchor: str = "middle") -> str:
    """A line of text. `x` is its middle, or where it begins with `anchor="start"`; `y` is its base line."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text class="rm-{color}" {paint(color)} x="{px(x)}" y="{px(y)}" font-size="{size:g}" '
        f'text-anchor="{anchor}"{weight}>{escaped(text)}</text>'
    )


def paint(name: str) -> str:
    """The attributes for the colours of a class."""
    fill, stroke = LIGHT[name]
    return f'fill="{fill}"' if stroke == "none" else f'fill="{fill}" stroke="{stroke}"'


def style() -> str:
    """The style sheet for those who like it dark."""
    rules = "".join(f".rm-{name}{{fill:{fill};stroke:{stroke}}}" for name, (fill, stroke) in DARK.items())
    return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"


def text_width(text: str, size: float) -> float:
    """The width of text, in pixels."""
    return 0.61 * size * _columns(text)


def _columns(text: str) -> int:
    """How many columns of a monospaced font the text takes."""
    return sum(map(_column, text))


def _column(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shortened(text: str) -> str:
    """The text on one line of at most `LONGEST` columns."""
    text = " ".join(text.split())
    if _columns(text) <= LONGEST:
        return text
    kept, columns = "", 1
    for char in text:
        columns += _column(char)
        if columns > LONGEST:
            break
        kept += char
    return f"{kept.rstrip(' ,')}…"


def escaped(text: str) -> str:
    """Text for content and attributes; characters that XML lacks become replacement characters."""
    text = re.sub("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(sign, name)
    return text


def px(value: float) -> str:
    """A coordinate: a tenth of a pixel is enough."""
    return f"{round(value, 1) + 0.0:g}"


def curve(points: Sequence[tuple[float, float]]) -> str:
    """A path through points that leaves and enters each of them straight down."""
    (x, y), *others = points
    path = [f"M{px(x)} {px(y)}"]
    for right, down in others:
        half = (y + down) / 2
        if right == x:
            path.append(f"V{px(down)}")
        else:
            path.append(f"C{px(x)} {px(half)} {px(right)} {px(half)} {px(right)} {px(down)}")
        x, y = right, down
    return "".join(path)
