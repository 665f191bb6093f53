"""`remotemedia.read`, once for each clip: with workers as they are, and with ones that step back for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import remotemedia

from benchmarks.sides.loader import work_of


def load(folder: Path) -> Callable[..., object]:
    """Decoded, mixed and resampled in one call."""
    return work_of(folder, lambda path: numpy.asarray(remotemedia.read(path, rate=16000, channels=1))[0])


def load_nice(folder: Path) -> Callable[..., object]:
    """The same beside threads that go before the workers."""
    remotemedia.configure(nice=10)
    return load(folder)
