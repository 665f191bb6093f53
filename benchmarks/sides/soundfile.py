"""soundfile, which is libsndfile; it also makes the Vorbis file that all sides decode."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import soundfile


def encode(folder: Path, suffix: str) -> Callable[[], int]:
    """`input.npy`, (2, frames) of float32 at 48 kHz, to a Vorbis file; returns its size."""
    path = folder / f"input.{suffix}"

    def work() -> int:
        sound = numpy.load(folder / "input.npy").T
        fresh = path.with_name(f"making.{suffix}")
        with soundfile.SoundFile(fresh, "w", 48000, 2, format="OGG", subtype="VORBIS") as file:
            # libvorbis takes a long block on its stack.
            for begin in range(0, len(sound), 48000):
                file.write(sound[begin : begin + 48000])
        fresh.rename(path)
        return path.stat().st_size

    return work


def write_file(folder: Path, suffix: str) -> Callable[[], int]:
    """`input.npy`, (2, frames) of float32 at 48 kHz, to a file of 16 bits; returns its size."""
    sound, path = numpy.ascontiguousarray(numpy.load(folder / "input.npy").T), folder / f"soundfile.{suffix}"

    def work() -> int:
        soundfile.write(path, sound, 48000, subtype="PCM_16")
        return path.stat().st_size

    return work


def decode(folder: Path, suffix: str) -> Callable[[], numpy.ndarray]:
    """A file to (frames, channels) of float32, which is how soundfile has it; turned round without a copy."""
    path = folder / f"input.{suffix}"
    return lambda: soundfile.read(path, dtype="float32")[0].T
