"""This project, as its users would write it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import remotemedia as rm

Array = numpy.ndarray[Any, Any]

RESAMPLE = {"version": "v1", "nodes": [{"id": "r", "node_type": "AudioResample", "params": {"rate": 16000}}]}
VAD = {"version": "v1", "nodes": [{"id": "vad", "node_type": "VAD"}]}
CHUNKS_AT_ONCE = 50
"""So many chunks of 20 ms go into one `send_many`: a second of sound."""


def _resampled(samples: Array) -> Array:
    chunks = rm.execute_sync(RESAMPLE, [rm.Audio(samples[None], 48000)])
    return numpy.concatenate([chunk.samples[0] for chunk in chunks])


def resample(folder: Path) -> Callable[[], Array]:
    """All of it in one call."""
    samples = numpy.load(folder / "input.npy")
    return lambda: _resampled(samples)


def resample_tones(folder: Path) -> Callable[[], Array]:
    """Each tone by itself."""
    tones = numpy.load(folder / "tones.npy")
    return lambda: numpy.stack([_resampled(tone) for tone in tones])


def resample_chunks(folder: Path) -> Callable[[], Array]:
    """In chunks of 20 ms, raw samples, through one session, a second of them in each `send_many`."""
    samples = numpy.load(folder / "input.npy")
    pipeline = rm.Pipeline.load(RESAMPLE)

    async def through() -> Array:
        got: list[Array] = []
        async with pipeline.session(input=rm.PCM("f32", 48000, 1)) as session:

            async def read() -> None:
                async for packet in session:
                    got.append(packet.value.samples[0])

            reading = asyncio.create_task(read())
            step = 960 * CHUNKS_AT_ONCE
            for second in range(0, len(samples), step):
                part = samples[second : second + step]
                await session.send_many([part[begin : begin + 960] for begin in range(0, len(part), 960)])
            await session.finish()
            await reading
        return numpy.concatenate(got)

    return lambda: asyncio.run(through())


def vad(folder: Path) -> Callable[[], Array]:
    """The probabilities of all windows, on one worker."""
    rm.configure(workers=1)
    sound = rm.Audio(numpy.load(folder / "input.npy")[None], 16000)
    return lambda: numpy.concatenate([found["probabilities"] for found in rm.execute_sync(VAD, [sound])])


def decode(folder: Path, suffix: str) -> Callable[[], Array]:
    """A file to (channels, frames) of float32."""
    path = folder / f"input.{suffix}"

    def work() -> Array:
        samples: Array = rm.read(path).samples
        return samples

    return work


def write_file(folder: Path, suffix: str) -> Callable[[], int]:
    """`input.npy`, (2, frames) of float32 at 48 kHz, to a file with the defaults; returns its size."""
    sound, path = rm.Audio(numpy.load(folder / "input.npy"), 48000), folder / f"remotemedia.{suffix}"

    def work() -> int:
        rm.write(path, sound)
        return path.stat().st_size

    return work
