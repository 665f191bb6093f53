"""A data set by hand: PyAV decodes, soxr resamples, onnxruntime detects, numpy makes spectra, in two processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import numpy as np
import soxr

from benchmarks.sides.onnxruntime import WINDOW, Detector, model
from benchmarks.sides.speech_rule import segments_of
from benchmarks.sides.whisper_mel import log_mel

RATE = 16_000
PROCESSES = 2


def decoded(path: str) -> np.ndarray:
    """(frames,) of float32 at 16 kHz: all channels in one."""
    with av.open(path) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("fltp")
        parts = [part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)]
        rate = stream.rate
    mono = np.concatenate(parts, axis=1).mean(axis=0)
    return soxr.resample(mono, rate, RATE, quality="HQ").astype(np.float32)


def prepared(path: str) -> tuple[str, list[tuple[float, float]], int]:
    """The segments of one file in seconds, and how many frames of spectra they have."""
    sound = decoded(path)
    filled = np.concatenate([sound, np.zeros(-len(sound) % WINDOW, np.float32)])
    detector = Detector(_model())
    found = [float(detector(filled[None, begin : begin + WINDOW])) for begin in range(0, len(filled), WINDOW)]
    segments = segments_of(found, len(sound))
    frames = sum(log_mel(sound[first:last]).shape[1] for first, last in segments)
    return Path(path).name, [(first / RATE, last / RATE) for first, last in segments], frames


def prepare(folder: Path) -> Callable[[], dict[str, object]]:
    """All files of the folder, by a pool of processes."""
    paths = sorted(map(str, folder.glob("clip-*")))

    def work() -> dict[str, object]:
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            rows = pool.map(prepared, paths, chunksize=8)
        return {name: [segments, frames] for name, segments, frames in rows}

    return work


@cache
def _model():  # type: ignore[no-untyped-def]
    return model()
