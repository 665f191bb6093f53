"""How many clips one process loads with so many threads that call, and how late its event loop is meanwhile."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy

BEAT_SECONDS = 0.002
IDLE_SECONDS = 1.0

Load = Callable[[str], numpy.ndarray]
"""Loads one clip: (frames,) of float32, mono at 16 kHz."""


def work_of(folder: Path, load: Load) -> Callable[..., object]:
    """The work of a side. Without a value it returns the first clip; with one, `{"threads", "clips"}`, what it took.

    With no clips the loop has nothing to do but its beats, for a second.
    """
    paths = sorted(str(path) for path in folder.glob("clip-*.mp3"))

    def work(order: dict[str, int] | None = None) -> object:
        if order is None:
            return load(paths[0])
        wanted = [paths[index % len(paths)] for index in range(order["clips"])]
        return measured(wanted, load, order["threads"])

    return work


def measured(paths: list[str], load: Load, threads: int) -> dict[str, object]:
    """Loads all paths beside an event loop that beats; returns the seconds that it took and how late each beat was.

    The loop waits by `select`, as that of the heartbeat does: the waits of `epoll` are whole milliseconds.
    """

    async def all_of_it() -> dict[str, object]:
        late: list[float] = []
        loading = True

        async def beat() -> None:
            while loading:
                due = time.perf_counter() + BEAT_SECONDS
                await asyncio.sleep(BEAT_SECONDS)
                late.append(time.perf_counter() - due)

        beating = asyncio.create_task(beat())
        if not paths:
            await asyncio.sleep(IDLE_SECONDS)
        with ThreadPoolExecutor(threads) as pool:
            clock, processor = time.perf_counter(), time.process_time()
            loop = asyncio.get_running_loop()
            lengths = await asyncio.gather(*(loop.run_in_executor(pool, lambda p=path: len(load(p))) for path in paths))
            taken = {"seconds": time.perf_counter() - clock, "processor": time.process_time() - processor}
        loading = False
        await beating
        return {**taken, "frames": sum(lengths), "late": late}

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(all_of_it())
