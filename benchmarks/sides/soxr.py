"""soxr at its quality HQ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy
import soxr

from benchmarks.sides.busy import Array, Step, timed
from benchmarks.sides.heartbeat import lateness


def resample(folder: Path) -> Callable[[], numpy.ndarray]:
    """All of it in one call."""
    samples = numpy.load(folder / "input.npy")
    return lambda: soxr.resample(samples, 48000, 16000, quality="HQ")


def resample_tones(folder: Path) -> Callable[[], numpy.ndarray]:
    """Each tone by itself."""
    tones = numpy.load(folder / "tones.npy")
    return lambda: numpy.stack([soxr.resample(tone, 48000, 16000, quality="HQ") for tone in tones])


def resample_chunks(folder: Path) -> Callable[[], numpy.ndarray]:
    """In chunks of 20 ms through one ResampleStream."""
    samples = numpy.load(folder / "input.npy")

    def work() -> numpy.ndarray:
        stream = soxr.ResampleStream(48000, 16000, 1, dtype="float32")
        last = len(samples) - 960
        return numpy.concatenate(
            [stream.resample_chunk(samples[i : i + 960], last=i >= last) for i in range(0, len(samples), 960)]
        )

    return work


def heartbeat(folder: Path) -> Callable[[], dict[str, float]]:
    """A minute of sound at a time, in a thread."""
    samples = numpy.load(folder / "minute.npy")
    return lateness(lambda: asyncio.to_thread(soxr.resample, samples, 48000, 16000, quality="HQ"))


def busy(folder: Path) -> Callable[..., object]:
    """Each chunk through one ResampleStream."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Step]:
        stream = soxr.ResampleStream(48000, 16000, 1, dtype="float32")

        async def step(chunk: Array) -> Array:
            return stream.resample_chunk(chunk, last=not len(chunk))

        yield step

    return timed(folder, opened)
