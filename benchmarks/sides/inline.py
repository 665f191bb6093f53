"""numpy, soxr and onnxruntime called one after the other: what a user without a framework would write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from benchmarks.sides.calls import Call, Feed, in_calls
from benchmarks.sides.onnxruntime import Windows, model
from benchmarks.sides.voice import front_end_frames


def frontend(folder: Path) -> Callable[[], np.ndarray]:
    """Stereo s16 at 48 kHz to mono, to 16 kHz, to probabilities, frame by frame."""
    shared, frames = model(), front_end_frames(folder)
    return lambda: np.array([found for fresh in _found(shared, frames) for found in fresh], np.float32)


def frontend_live(folder: Path) -> Callable[[], np.ndarray]:
    """The same with a turn of the event loop for each frame."""
    shared, frames = model(), front_end_frames(folder)

    async def through() -> np.ndarray:
        found: list[np.float32] = []
        for fresh in _found(shared, frames):
            found += fresh
            await asyncio.sleep(0)
        return np.array(found, np.float32)

    return lambda: asyncio.run(through())


def _found(shared: Any, frames: list[bytes]) -> Iterator[list[np.float32]]:
    resampler, windows = soxr.ResampleStream(48000, 16000, 1, dtype="float32"), Windows(shared)
    for number, frame in enumerate(frames):
        stereo = np.frombuffer(frame, np.int16).reshape(-1, 2)
        mono = np.add(stereo[:, 0], stereo[:, 1], dtype=np.float32) * np.float32(0.5 / 32768)
        yield windows.take(resampler.resample_chunk(mono, last=number + 1 == len(frames)))


def calls(folder: Path) -> Callable[..., object]:
    """Calls of one event loop, whose frames are worked on where they arrive; all share the network."""
    shared = model()

    @asynccontextmanager
    async def opened(call: Call) -> AsyncIterator[Feed]:
        windows = Windows(shared)

        async def feed(frame: bytes) -> None:
            found = windows.take(np.frombuffer(frame, np.int16).astype(np.float32) / np.float32(32768))
            if found:
                call.found(found)

        yield feed

    return in_calls(folder, opened)
