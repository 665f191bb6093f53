"""When an event loop gets a turn between steps that are done at once: what never waits lets no other task run."""

from __future__ import annotations

INLINE_IN_A_ROW = 128
"""After so many steps that never waited."""

TURN_US = 1000
"""After so much native work on the thread of the loop, in microseconds."""
