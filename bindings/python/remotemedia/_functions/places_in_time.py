"""When values are that pass a chain of functions: one that gives no time keeps that of the value behind it."""

from __future__ import annotations

from typing import Any

from ..media import Audio
from ..video import Video

TIMED: frozenset[type] = frozenset({Audio, Video})
"""Types of values that may have a time of their own."""

Place = tuple[int | None, int | None]
"""When a value begins and how long it lasts, in nanoseconds. None where that is the time of the entry of the call."""


def place_of(value: Any, before: Place | None) -> Place | None:
    """The place of a value that a function made of one at `before`. None is that of the entry of the call.

    It is the rule of the runtime for outputs of a call: its own time, else that of what it was made of.
    """
    if type(value) not in TIMED:
        return before
    pts, duration = before or (None, None)
    if type(value) is Audio:
        duration = (2 * value.frames * 10**9 + value.rate) // (2 * value.rate)
    return (pts if value.pts_ns is None else value.pts_ns), duration


def timed(row: list[Any], place: Place | None) -> list[Any]:
    """A row of a reply, [entry, value], at the place of what its value was made of."""
    if place is not None:
        row += place_of(row[1], place) or ()
    return row
