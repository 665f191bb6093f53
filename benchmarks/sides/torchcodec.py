"""torchcodec's AudioDecoder, which is FFmpeg's libraries of the system behind tensors of torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from torchcodec.decoders import AudioDecoder

from benchmarks.sides import cuts, loader

torch.set_num_threads(1)


def decode(folder: Path, suffix: str) -> Callable[[], numpy.ndarray]:
    """A file to (channels, frames) of float32."""
    path = str(folder / f"input.{suffix}")

    def work() -> numpy.ndarray:
        whole: numpy.ndarray = AudioDecoder(path).get_all_samples().data.numpy()
        return whole

    return work


def cut(folder: Path, suffix: str) -> Callable[..., object]:
    """The file is opened for each part; torchcodec looks for its place."""

    def one(path: str, start: float, seconds: float) -> numpy.ndarray:
        part: numpy.ndarray = AudioDecoder(path).get_samples_played_in_range(start, start + seconds).data.numpy()
        return part

    return cuts.work_of(folder, suffix, one)


def load(folder: Path) -> Callable[..., object]:
    """Mixed and resampled as it decodes, by FFmpeg's resampler."""

    def one(path: str) -> numpy.ndarray:
        clip: numpy.ndarray = AudioDecoder(path, sample_rate=16000, num_channels=1).get_all_samples().data[0].numpy()
        return clip

    return loader.work_of(folder, one)
