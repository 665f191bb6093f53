"""numpy, soxr and onnxruntime called one after the other: what a user without a framework would write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soxr

from benchmarks.sides.calls import Call, Feed, in_calls
from benchmarks.sides.onnxruntime import Windows, model
from benchmarks.sides.voice import front_end_frames


def frontend(folder: Path) -> Callable[[], np.ndarray]:
    """Stereo s16 at 48 kHz to mono, to 16 kHz, to probabilities, frame by frame."""
    shared, frames = model(), front_end_frames(folder)

    def work() -> np.ndarray:
        resampler = soxr.ResampleStream(48000, 16000, 1, dtype="float32")
        windows = Windows(shared)
        found = []
        for number, frame in enumerate(frames):
            stereo = np.frombuffer(frame, np.int16).reshape(-1, 2)
            mono = np.add(stereo[:, 0], stereo[:, 1], dtype=np.float32) * np.float32(0.5 / 32768)
            found += windows.take(resampler.resample_chunk(mono, last=number + 1 == len(frames)))
        return np.array(found, np.float32)

    return work


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
