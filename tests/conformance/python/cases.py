"""What a case is, and the ways in which it ends otherwise than well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Case = Callable[[str], None]
"""Runs a case; its argument is the name. Raises `Skip`, or anything else if it fails."""


class Skip(Exception):
    """The case can't be run in this language; the message says why."""


class Failed(Exception):
    """The case failed; the message says what was expected."""


def same(expected: Any, found: Any, where: str) -> None:
    """Raises `Failed` unless both are equal in kind and value."""
    if not equal(expected, found):
        raise Failed(f"{where}: expected {expected!r:.150}, got {found!r:.150}")


def equal(a: Any, b: Any) -> bool:
    """Equal in kind, value and order of entries."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    return type(a) is type(b) and bool(a == b)


def contained(part: Any, whole: Any, where: str) -> None:
    """Raises `Failed` unless `part` is contained in `whole`, as the suite's README says."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            if key not in whole:
                raise Failed(f"{where}: there is no {key!r}")
            contained(value, whole[key], f"{where}.{key}")
    elif isinstance(part, list) and isinstance(whole, list):
        same(len(part), len(whole), f"number of {where}")
        for index, value in enumerate(part):
            contained(value, whole[index], f"{where}[{index}]")
    else:
        same(part, whole, where)
