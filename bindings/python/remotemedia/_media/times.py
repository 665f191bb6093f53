"""Times of media as exact nanoseconds, and what is no time."""

from __future__ import annotations

from typing import Any

from .._problem.whole_number import whole
from ..errors import InvalidArgumentError


def nanoseconds(name: str, seconds: float) -> int:
    """Seconds as exact nanoseconds; `name` is the argument's."""
    try:
        # Before the product: that of a numpy.float32 has 24 bits. Of text float would make a number, but not a sum.
        exact: int | None = None if isinstance(seconds, bool) else round(float(seconds + 0) * 1e9)
    except (TypeError, ValueError, OverflowError):
        exact = None
    if exact is None or not -(2**63) <= exact < 2**63:
        raise InvalidArgumentError(f"{name} must be a number of seconds between -9.2e9 and 9.2e9, got {seconds!r}")
    return exact


def exact(pts_ns: Any) -> int | None:
    """The argument `pts_ns` as it is, checked."""
    if pts_ns is None:
        return None
    found = whole(pts_ns)
    if found is None or not -(2**63) <= found < 2**63:
        raise InvalidArgumentError(f"pts_ns must be a whole number of nanoseconds within 64 bits, got {pts_ns!r}")
    return found


def nanoseconds_of(frames: int, rate: int) -> int:
    """How long so many frames last."""
    # To nearest, as the runtime counts.
    return (frames * 1_000_000_000 + rate // 2) // rate
