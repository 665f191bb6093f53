"""`remotemedia.read` of a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import remotemedia

from benchmarks.sides.cuts import work_of


def cut(folder: Path, suffix: str) -> Callable[..., object]:
    """One call for each part."""
    return work_of(
        folder,
        suffix,
        lambda path, start, seconds: numpy.asarray(remotemedia.read(path, start_s=start, duration_s=seconds)),
    )
