"""When an event loop gets a turn between steps that are done at once: what never waits lets no other task run."""

from __future__ import annotations

from typing import Any

TURN_US = 1000
"""After calls that took so long, in microseconds; each packet and each run counts at least the 8 that Python adds."""

INLINE_IN_A_ROW = 128
"""After so many steps, where not every step is a call."""


class NoTime:
    """The time of a session before its block: no call was made."""

    turn_us = 0


def is_due(time: Any) -> bool:
    """Whether calls have taken so long by the `rmpy_loop_time` of a loop; asking begins anew then."""
    if time.turn_us < TURN_US:
        return False
    time.turn_us = 0
    return True
