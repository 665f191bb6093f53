"""When an event loop gets a turn between steps that are done at once: what never waits lets no other task run."""

from __future__ import annotations

TURN_US = 1000
"""After calls that took so long, in microseconds; each packet and each run counts at least the 8 that Python adds."""

INLINE_IN_A_ROW = 128
"""After so many steps, where not every step is a call."""
