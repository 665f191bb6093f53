"""A data set as notebooks have it: librosa loads and makes spectra, onnxruntime detects, in two processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np

from benchmarks.sides.dataset_by_hand import RATE, by_a_pool, row_of
from benchmarks.sides.dataset_rows import Row, paths_of

N_FFT, HOP, BANDS = 400, 160, 80


def log_mel(sound: np.ndarray) -> np.ndarray:
    """(80, frames) of float32 for (samples,) of float32: what Whisper takes."""
    power = librosa.feature.melspectrogram(
        y=sound, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=BANDS, pad_mode="reflect"
    )[:, :-1]
    levels = np.log10(np.maximum(power, 1e-10))
    return ((np.maximum(levels, levels.max() - 8) + 4) / 4).astype(np.float32)


def prepared(path: str) -> Row:
    """The row of one file."""
    sound, _ = librosa.load(path, sr=RATE, mono=True)
    return row_of(path, sound, log_mel)


def prepare(folder: Path) -> Callable[[], dict[str, object]]:
    """All files of the folder. What numba compiles for librosa is on the disk by then, as after the first run ever."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(prepared, paths_of(folder)[:1])
    return by_a_pool(prepared, folder)
