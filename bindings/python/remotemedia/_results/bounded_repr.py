"""The text of many values, bounded: debuggers ask for it, and `asyncio.run`, of whatever its coroutine returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

MOST_CHARACTERS = 20_000
"""After so many the rest is left out."""
MOST_LENGTH = 2_000
"""So much of one text, and so many bytes, are shown."""


def bounded_repr(values: list[Any]) -> str:
    """What `list.__repr__` gives; of very many or long values the first ones, and `...` for what is left out."""
    left = MOST_CHARACTERS

    def shown(value: Any) -> str:
        nonlocal left
        kind = type(value)
        if kind is list:
            return f"[{joined(value, shown)}]"
        if kind is dict:
            return f"{{{joined(value.items(), pair)}}}"
        is_long = kind in (str, bytes, bytearray) and len(value) > MOST_LENGTH
        text = f"{value[:MOST_LENGTH]!r}..." if is_long else repr(value)
        left -= len(text) + 2
        return text

    def pair(item: tuple[Any, Any]) -> str:
        return f"{shown(item[0])}: {shown(item[1])}"

    def joined(entries: Iterable[Any], text_of: Callable[[Any], str]) -> str:
        texts = []
        for entry in entries:
            if left <= 0:
                texts.append("...")
                break
            texts.append(text_of(entry))
        return ", ".join(texts)

    return f"[{joined(values, shown)}]"
