"""The Markdown of the node docs as plain text: for terminals, and for the docstrings of the node classes.

It knows what those docs use: paragraphs, lists, tables and indented code. The marks of code stay, since they tell names
from words.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

GAP = 2


def plain_text(markdown: str, width: int) -> Iterator[str]:
    """The lines of the text, none wider than `width` but where a single word is."""
    lines = markdown.splitlines()
    while lines:
        if not lines[0].strip():
            yield lines.pop(0).strip()
        elif lines[0].startswith("|"):
            yield from _table(_taken(lines, "|"), width)
        elif lines[0].startswith("    "):
            yield from _taken(lines, "    ")
        else:
            first = lines.pop(0)
            indent = "  " if first.startswith("- ") else ""
            # A paragraph or an item of a list goes on until something else begins.
            while lines and lines[0].strip() and not lines[0].startswith(("|", "- ")):
                first += " " + lines.pop(0).strip()
            yield from _wrapped(first, width, indent)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _taken(lines: list[str], start: str) -> list[str]:
    """The lines up to the first one that begins otherwise; takes them out."""
    count = next((index for index, line in enumerate(lines) if not line.startswith(start)), len(lines))
    taken, lines[:count] = lines[:count], []
    return taken


def _table(lines: list[str], width: int) -> Iterator[str]:
    """Columns side by side, with cells that go on below one another where they don't fit."""
    rows = [[cell.strip().replace("\\|", "|") for cell in _cells(line)] for line in lines]
    head, body = rows[0], rows[2:]
    columns = len(head)
    widths = [max(len(row[column]) for row in [head, *body]) for column in range(columns)]
    # What is too much is taken from the widest column, again and again.
    while sum(widths) + GAP * (columns - 1) > width and max(widths) > 12:
        widths[widths.index(max(widths))] -= 1
    for row in [head, ["-" * each for each in widths], *body]:
        parts = [_wrapped(cell, size) or [""] for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, parts))):
            cells = [part[number] if number < len(part) else "" for part in parts]
            pairs = zip(cells, widths, strict=True)
            yield (" " * GAP).join(f"{cell:{size}}" for cell, size in pairs).rstrip()


def _cells(line: str) -> list[str]:
    """The cells of a row; a bar with a backslash before it is text."""
    cells, cell = [], ""
    for part in line.strip().strip("|").split("|"):
        cell += part
        if cell.endswith("\\"):
            cell += "|"
        else:
            cells.append(cell)
            cell = ""
    return cells
