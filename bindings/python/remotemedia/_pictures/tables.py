"""Writes rows as an HTML table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST_ROWS = 20
MOST_LETTERS = 60


def html_table(names: Sequence[str], rows: Iterable[Sequence[object]], count: int, what: str) -> str:
    """An HTML table of `rows`, of which there are `count`; those beyond the first 20 are counted. `what` they are."""
    shown: list[str] = []
    for row in rows:
        if len(shown) == MOST_ROWS:
            break
        shown.append(f"<tr>{''.join(f'<td>{escape(_short(value))}</td>' for value in row)}</tr>")
    rest = count - len(shown)
    more = f"<p>{rest} more {escape(what)}</p>" if rest > 0 else ""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(shown)}</tbody></table>{more}"


def _short(value: object) -> str:
    text = "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
