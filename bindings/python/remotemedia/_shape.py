"""How a function that is a node wants its values: each by itself or in batches, shared or its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import InvalidArgumentError

LARGEST_BATCH = 1024
LONGEST_WAIT_MS = 3_600_000
"""An hour."""


class Shape(NamedTuple):
    """What `@node(...)` was told. `batch` is the most values of a list; None where values come by themselves."""

    batch: int | None = None
    max_wait_ms: float = 0.0
    """How long a batch that is not full waits for more values."""
    inplace: bool = False
    """Whether it changes what it gets."""


ONE_BY_ONE = Shape()


def shape_of(batch: Any, max_wait_ms: Any, inplace: Any) -> Shape:
    """The shape of these arguments of `@node`. Raises `InvalidArgumentError` for wrong ones."""
    if batch is not None and (type(batch) is not int or not 1 <= batch <= LARGEST_BATCH):
        raise InvalidArgumentError(f"batch must be a number of values from 1 to {LARGEST_BATCH}, got {batch!r}")
    if type(inplace) is not bool:
        raise InvalidArgumentError(f"inplace must be True or False, got {inplace!r}")
    if max_wait_ms is None:
        return Shape(batch, inplace=inplace)
    if batch is None:
        raise InvalidArgumentError(
            "max_wait_ms is how long a batch waits for more values; say too how large it gets: "
            f"@node(batch=32, max_wait_ms={max_wait_ms!r})"
        )
    if type(max_wait_ms) not in (int, float) or not 0 <= max_wait_ms <= LONGEST_WAIT_MS:
        raise InvalidArgumentError(
            f"max_wait_ms must be a number of milliseconds from 0 to {LONGEST_WAIT_MS}, got {max_wait_ms!r}"
        )
    return Shape(batch, float(max_wait_ms), inplace)


def taken_as(function: Callable[..., Any]) -> Shape:
    """The shape that a node type of a manifest wants; plain functions say nothing of it."""
    found = getattr(function, "shape", None)
    return found if type(found) is Shape else ONE_BY_ONE
