"""Functions that are nodes, in a module that manifests of the tests name."""

from __future__ import annotations

import remotemedia as rm


@rm.node
def scale(value: float, *, by: float, offset: int = 0) -> float:
    """A number, scaled and moved."""
    return value * by + offset


@rm.node
async def even(value: int) -> int | None:
    """Even numbers alone."""
    return value if value % 2 == 0 else None


def plain(value: int) -> int:
    """Not decorated."""
    return value
