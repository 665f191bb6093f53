"""Functions that are nodes, in a module that manifests of the tests name."""

from __future__ import annotations

from collections.abc import Iterator

import remotemedia as rm


@rm.node
def scale(value: float, *, by: float, offset: int = 0) -> float:
    """A number, scaled and moved."""
    return value * by + offset


@rm.node
async def even(value: int) -> int | None:
    """Even numbers alone."""
    return value if value % 2 == 0 else None


@rm.node
def up_to(value: int, *, step: int = 1) -> Iterator[int]:
    """The numbers below one, from 0."""
    yield from range(0, value, step)


@rm.node
class Pairs:
    """Two texts become one, and the last one, if it is left alone, comes by itself."""

    def __init__(self, *, joined: str = "+") -> None:
        self.joined = joined

    def initialize(self) -> None:
        self.first: str | None = None

    def process(self, value: object) -> str | None:
        if self.first is None:
            self.first = str(value)
            return None
        return f"{self.flush()}{self.joined}{value}"

    def flush(self) -> str | None:
        first, self.first = self.first, None
        return first


def plain(value: int) -> int:
    """Not decorated."""
    return value


@rm.node(batch=8, max_wait_ms=1)
def ranked(values: list[int], *, best: int = 1) -> list[int]:
    """The place of each number among those of its batch."""
    order = sorted(values)
    return [order.index(value) + best for value in values]
