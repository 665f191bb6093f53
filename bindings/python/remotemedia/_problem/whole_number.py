"""Arguments that are whole numbers: those of Python and of other libraries, such as `numpy.int64`; no truth values."""

from __future__ import annotations

import operator
from typing import Any

from ..errors import InvalidArgumentError


def whole(value: Any) -> int | None:
    """The number that a value is; None if it is none."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def require_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """The number that the argument `name` is. Raises `InvalidArgumentError` for another value, or one out of range."""
    found = whole(value)
    if found is None or found < least or (most is not None and found > most):
        span = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise InvalidArgumentError(f"{name} must be a whole number {span}, got {value!r}")
    return found
