"""PyAV as model servers load clips: every frame through FFmpeg's resampler, then joined."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy

from benchmarks.sides.loader import work_of


def load(folder: Path) -> Callable[..., object]:
    """Decoded frame by frame, mixed and resampled by one AudioResampler."""

    def one(path: str) -> numpy.ndarray:
        resampler = av.AudioResampler("flt", "mono", 16000)
        parts = []
        with av.open(path) as container:
            for frame in container.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
        return numpy.concatenate(parts)

    return work_of(folder, one)
