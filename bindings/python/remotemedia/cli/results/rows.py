"""The row of an input: named facts, of which some are names of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..arguments.inputs import Key, title

Row = Mapping[str, Any]

NAMES = frozenset(("input", "inputs", "files", "old_files"))
"""The facts that are names of files, which are written as UTF-8 whatever the locale."""


def key_of(row: Row) -> Key:
    """The key of the input that a row is of."""
    return tuple(row["inputs"].values()) if "inputs" in row else row["input"]


def title_of(row: Row) -> str:
    """What people call the input that a row is of."""
    return title(row["inputs"].values()) if "inputs" in row else str(row["input"])


def with_names(row: Row, renamed: Callable[[str], str]) -> dict[str, Any]:
    """The facts of a row with the names of files in them as `renamed` gives them."""
    return {key: _renamed(value, renamed) if key in NAMES else value for key, value in row.items()}


def _renamed(names: Any, renamed: Callable[[str], str]) -> Any:
    if isinstance(names, str):
        return renamed(names)
    if isinstance(names, Mapping):
        return {key: _renamed(name, renamed) for key, name in names.items()}
    return [_renamed(name, renamed) for name in names] if isinstance(names, (list, tuple)) else names
