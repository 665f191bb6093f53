"""How long one chunk takes from hand-in to result, in an idle process and beside a thread of pure Python.

A chunk comes every 5 ms, and before each of them the event loop sleeps: a caller has to get the interpreter lock back
after every call that releases it, and waits for it up to the switch interval, 5 ms, while another thread computes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

import numpy

from benchmarks.busy_thread import busy_thread

Array = numpy.ndarray
Step = Callable[[Array], Awaitable[Array]]
"""Takes a chunk, returns the samples that come out; an empty chunk ends the stream."""

CHUNK, PACE_SECONDS, TIMED = 960, 0.005, 150


def chunks_of(folder: Path) -> list[Array]:
    """The input, mono float32 at 48 kHz, in chunks of 20 ms."""
    samples = numpy.load(folder / "input.npy")
    return [samples[begin : begin + CHUNK] for begin in range(0, len(samples), CHUNK)]


def timed(
    folder: Path, opened: Callable[[], AbstractAsyncContextManager[Step]]
) -> Callable[..., Array | dict[str, list[float]]]:
    """The work of a side. Without a value it returns all samples; with "idle" or "busy" the seconds of each chunk."""
    chunks = chunks_of(folder)

    async def all_of_it() -> Array:
        async with opened() as step:
            return numpy.concatenate([await step(chunk) for chunk in [*chunks, chunks[0][:0]]])

    async def one_by_one() -> list[float]:
        taken = []
        async with opened() as step:
            await step(chunks[0])
            for chunk in chunks[1 : TIMED + 1]:
                await asyncio.sleep(PACE_SECONDS)
                begun = time.perf_counter()
                await step(chunk)
                taken.append(time.perf_counter() - begun)
        return taken

    def work(beside: str | None = None) -> Array | dict[str, list[float]]:
        if beside is None:
            return asyncio.run(all_of_it())
        with busy_thread() if beside == "busy" else nullcontext():
            return {"seconds": asyncio.run(one_by_one())}

    return work
