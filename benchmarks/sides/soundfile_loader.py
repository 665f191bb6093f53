"""soundfile and soxr, as loaders for training are written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import soundfile
import soxr

from benchmarks.sides.loader import work_of


def load(folder: Path) -> Callable[..., object]:
    """Decoded by libsndfile, mixed by numpy, resampled by soxr."""

    def one(path: str) -> numpy.ndarray:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        resampled: numpy.ndarray = soxr.resample(sound.mean(axis=1), rate, 16000)
        return resampled

    return work_of(folder, one)
