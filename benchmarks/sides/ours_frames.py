"""This project on live frames of 20 ms: beside a busy thread, as the front end of a voice agent, and in many calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cffi
import numpy
import remotemedia as rm
from remotemedia._native import lib

from benchmarks.sides.busy import Array, Step, timed
from benchmarks.sides.calls import FRAME_SAMPLES, WINDOW, Call, Feed, in_calls
from benchmarks.sides.voice import front_end_frames

RESAMPLE = {"version": "v1", "nodes": [{"id": "r", "node_type": "AudioResample", "params": {"rate": 16000}}]}
VAD = {"version": "v1", "nodes": [{"id": "vad", "node_type": "VAD"}]}
FILLED_BYTES = 256 * 1024


def busy(folder: Path) -> Callable[..., object]:
    """Each chunk through one session; its output is awaited before the next one."""
    pipeline = rm.Pipeline.load(RESAMPLE)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Step]:
        async with pipeline.session() as session:
            packets, is_first = session.__aiter__(), True

            async def step(chunk: Array) -> Array:
                nonlocal is_first
                if not len(chunk):
                    await session.finish()
                    return numpy.concatenate([chunk, *[packet.value.samples[0] async for packet in packets]])
                sound = rm.Audio(chunk[None], 48000)
                # Brings the output along, in one crossing.
                if not session.try_send(sound):
                    await session.send(sound)
                if is_first:
                    # Shorter than the filter, so nothing comes out yet.
                    is_first = False
                    return chunk[:0]
                samples: Array = (await packets.__anext__()).value.samples[0]
                return samples

            yield step

    return timed(folder, opened)


def empty_call(folder: Path) -> Callable[..., object]:
    """One call into the library, which does nothing there and has the lock back before another thread wakes up."""
    cross: Any = lib.rm_abi_version
    return _called(folder, lambda _chunk: cross())


def working_call(folder: Path) -> Callable[..., object]:
    """One call by cffi that works about as long as resampling a chunk: what a binding that releases the lock costs."""
    ffi = cffi.FFI()
    ffi.cdef("void *memset(void *, int, size_t);")
    fill: Any = ffi.dlopen(None).memset
    memory = ffi.new("char[]", FILLED_BYTES)
    return _called(folder, lambda chunk: fill(memory, len(chunk) & 1, FILLED_BYTES))


def _called(folder: Path, call: Callable[[Array], object]) -> Callable[..., object]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Step]:
        async def step(chunk: Array) -> Array:
            call(chunk)
            return chunk

        yield step

    return timed(folder, opened)


def frontend(folder: Path, *, is_live: bool = False) -> Callable[[], Array]:
    """Frame by frame through one session; the plan puts the converters to mono and to 16 kHz before the detector.

    `send` works on a frame before it returns. Who reads has a turn whenever the event loop gets one.
    """
    pipeline, frames = rm.Pipeline.load(VAD), front_end_frames(folder)

    async def through() -> Array:
        found: list[Array] = []
        async with pipeline.session(input=rm.PCM("s16", 48000, 2)) as session:

            async def read() -> None:
                async for packet in session:
                    found.append(packet.value["probabilities"])

            reading = asyncio.create_task(read())
            for frame in frames:
                await session.send(frame)
                if is_live:
                    await asyncio.sleep(0)
            await session.finish()
            await reading
        return numpy.concatenate(found)

    return lambda: asyncio.run(through())


def frontend_live(folder: Path) -> Callable[[], Array]:
    """The same with a turn of the event loop for each frame, in which what was found is read."""
    return frontend(folder, is_live=True)


def calls(folder: Path) -> Callable[..., object]:
    """A session for each call, fed by one task and read by another."""
    pipeline = rm.Pipeline.load(VAD)

    @asynccontextmanager
    async def opened(call: Call) -> AsyncIterator[Feed]:
        async with pipeline.session(input=rm.PCM("s16", 16000, 1)) as session:

            async def read() -> None:
                async for packet in session:
                    call.found(packet.value["probabilities"])

            reading = asyncio.create_task(read())
            yield session.send
            await session.finish()
            await reading

    return in_calls(folder, opened)


def calls_in_one_task(folder: Path, loops: str = "1") -> Callable[..., object]:
    """A session for each call, fed and read by one task, which knows that a frame has completed a window.

    No second task has to be woken up for each probability.
    """
    pipeline = rm.Pipeline.load(VAD)

    @asynccontextmanager
    async def opened(call: Call) -> AsyncIterator[Feed]:
        async with pipeline.session(input=rm.PCM("s16", 16000, 1)) as session:
            packets, samples = session.__aiter__(), 0

            async def feed(frame: bytes) -> None:
                nonlocal samples
                await session.send(frame)
                windows = samples // WINDOW
                samples += FRAME_SAMPLES
                if samples // WINDOW > windows:
                    call.found((await packets.__anext__()).value["probabilities"])

            yield feed

    return in_calls(folder, opened, int(loops))


def calls_on_two_loops(folder: Path) -> Callable[..., object]:
    """The same, half of the calls on an event loop of another thread."""
    return calls_in_one_task(folder, "2")
