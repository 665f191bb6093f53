"""PyAV, which is FFmpeg; it also makes what all sides decode, but for Vorbis, which its wheels can't encode."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy

from benchmarks.sides.busy import Array, Step, timed
from benchmarks.sides.heartbeat import lateness
from benchmarks.sides.pyav_encoder import RATE, write


def encode(folder: Path, suffix: str) -> Callable[[], int]:
    """`input.npy`, (2, frames) of float32 at 48 kHz, to a file in this format; returns its size."""

    def work() -> int:
        sound = numpy.load(folder / "input.npy")
        parts = (sound[:, begin : begin + RATE] for begin in range(0, sound.shape[1], RATE))
        return write(folder / f"input.{suffix}", parts)

    return work


def write_file(folder: Path, suffix: str) -> Callable[[], int]:
    """The same from memory, a second at a time."""
    sound, path = numpy.load(folder / "input.npy"), folder / f"PyAV.{suffix}"
    return lambda: write(path, (sound[:, begin : begin + RATE] for begin in range(0, sound.shape[1], RATE)))


def decode(folder: Path, suffix: str) -> Callable[[], numpy.ndarray]:
    """A file to (channels, frames) of float32; frames of integers are scaled."""
    path = str(folder / f"input.{suffix}")

    def work() -> numpy.ndarray:
        with av.open(path) as container:
            sound = numpy.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
        if sound.dtype == numpy.int16:
            sound = sound.reshape(-1, 2).T.astype(numpy.float32, order="C")
            sound /= 32768
        return sound

    return work


def heartbeat(folder: Path) -> Callable[[], dict[str, float]]:
    """A file of ten minutes at a time, in a thread."""
    work = decode(folder, "mp3")
    return lateness(lambda: asyncio.to_thread(work))


def busy(folder: Path) -> Callable[..., object]:
    """Each chunk through one AudioResampler."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Step]:
        resampler = av.AudioResampler("flt", "mono", 16000)

        async def step(chunk: Array) -> Array:
            frame = None
            if len(chunk):
                frame = av.AudioFrame.from_ndarray(chunk[None], format="flt", layout="mono")
                frame.sample_rate = 48000
            parts = [part.to_ndarray()[0] for part in resampler.resample(frame)]
            return numpy.concatenate([chunk[:0], *parts])

        yield step

    return timed(folder, opened)
