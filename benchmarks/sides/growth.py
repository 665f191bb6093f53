"""How much memory it takes to push pictures faster than they are consumed: the most, less that at the start."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy

FRAMES, SECONDS_A_FRAME = 200, 0.005
FRAMES_BEFORE = 3


def frame(number: int) -> numpy.ndarray:
    """A picture of 1280 x 720 in memory of its own, all of which is written to."""
    return numpy.full((720, 1280, 3), number % 256, dtype=numpy.uint8)


def warmed(through: Callable[[int], Coroutine[Any, Any, dict[str, float]]]) -> Callable[[], dict[str, float]]:
    """Pushes the frames, after a few that do not count: what a library loads at first use is not theirs."""

    def work() -> dict[str, float]:
        asyncio.run(through(FRAMES_BEFORE))
        return asyncio.run(through(FRAMES))

    return work


class Growth:
    """Measures a `with` block. The kernel's mark of the most memory is set back at its beginning."""

    megabytes = 0.0

    def __enter__(self) -> Growth:
        Path("/proc/self/clear_refs").write_text("5")
        self._before = _status("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.megabytes = (_status("VmHWM") - self._before) / 1000


def _status(name: str) -> float:
    """A figure of this process in units of 1000 bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1.024
    raise ValueError(f"/proc/self/status has no {name}")
