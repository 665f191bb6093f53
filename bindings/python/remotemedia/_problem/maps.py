"""Arguments that are maps from names to values, or left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgumentError


def map_of(name: str, value: Any) -> dict[str, Any]:
    """The map that the argument `name` is, empty for None. Raises `InvalidArgumentError` for another value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{name} must be a map, such as {{'name': value}}, got {value!r}")
    return dict(value)
