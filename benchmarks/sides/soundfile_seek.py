"""soundfile, which is libsndfile: seek to the frame, then read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import soundfile

from benchmarks.sides.cuts import work_of


def cut(folder: Path, suffix: str) -> Callable[..., object]:
    """The file is opened for each part."""

    def one(path: str, start: float, seconds: float) -> numpy.ndarray:
        with soundfile.SoundFile(path) as file:
            file.seek(round(start * file.samplerate))
            sound: numpy.ndarray = file.read(round(seconds * file.samplerate), dtype="float32", always_2d=True)
        return sound.T

    return work_of(folder, suffix, one)
