"""soundfile, which is libsndfile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import soundfile


def decode(folder: Path, suffix: str) -> Callable[[], numpy.ndarray]:
    """A file to (frames, channels) of float32, which is how soundfile has it; turned round without a copy."""
    path = folder / f"input.{suffix}"
    return lambda: soundfile.read(path, dtype="float32")[0].T
