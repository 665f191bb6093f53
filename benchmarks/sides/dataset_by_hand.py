"""What is the same in the sides by hand: onnxruntime detects speech in a clip, and two processes share the clips."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.sides.dataset_rows import Row, collected, paths_of
from benchmarks.sides.onnxruntime import WINDOW, Detector, model
from benchmarks.sides.speech_rule import segments_of

RATE = 16_000
PROCESSES, CHUNK = 2, 8


def row_of(path: str, sound: np.ndarray, log_mel: Callable[[np.ndarray], np.ndarray]) -> Row:
    """The row of a clip, of its sound, (frames,) of float32 at 16 kHz; `log_mel` makes spectra of a segment of it."""
    filled = np.concatenate([sound, np.zeros(-len(sound) % WINDOW, np.float32)])
    detector = Detector(_model())
    found = [float(detector(filled[None, begin : begin + WINDOW])) for begin in range(0, len(filled), WINDOW)]
    segments = segments_of(found, len(sound))
    frames = sum(log_mel(sound[first:last]).shape[1] for first, last in segments)
    return path, [(first / RATE, last / RATE) for first, last in segments], frames


def by_a_pool(prepared: Callable[[str], Row], folder: Path) -> Callable[[], dict[str, object]]:
    """The work that prepares all clips of the folder; `prepared` is a function of a module."""
    paths = paths_of(folder)

    def work() -> dict[str, object]:
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            return collected(pool.imap_unordered(prepared, paths, chunksize=CHUNK), PROCESSES * CHUNK)

    return work


@cache
def _model():  # type: ignore[no-untyped-def]
    return model()
