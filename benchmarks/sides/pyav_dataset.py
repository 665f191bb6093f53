"""A data set by hand: PyAV decodes, soxr resamples, onnxruntime detects, numpy makes spectra, in two processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soxr

from benchmarks.sides.dataset_by_hand import RATE, by_a_pool, row_of
from benchmarks.sides.dataset_rows import Row
from benchmarks.sides.whisper_mel import log_mel


def decoded(path: str) -> np.ndarray:
    """(frames,) of float32 at 16 kHz: all channels in one."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("fltp")
        parts = [part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)]
        rate = stream.rate
    mono = np.concatenate(parts, axis=1).mean(axis=0)
    return soxr.resample(mono, rate, RATE, quality="HQ").astype(np.float32)


def prepared(path: str) -> Row:
    """The row of one file."""
    return row_of(path, decoded(path), log_mel)


def prepare(folder: Path) -> Callable[[], dict[str, object]]:
    """All files of the folder."""
    return by_a_pool(prepared, folder)
