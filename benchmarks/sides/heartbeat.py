"""How late an event loop is while something heavy goes on beside it."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable

BEATS, INTERVAL = 600, 0.002


def lateness(heavy: Callable[[], Awaitable[object]] | None) -> Callable[[], dict[str, float]]:
    """The 99th percentile and the largest lateness of sleeps of 2 ms, in milliseconds; `heavy` is done over and over.

    Beats that were late by more are counted as one beat, not as many: what a user sees is a loop that does not answer.
    The loop waits by `select`, since the waits of `epoll` are whole milliseconds: with it a beat is late by up to one
    whenever anything at all wakes the loop before it, however short.
    """

    async def beat() -> dict[str, float]:
        done = False
        count = 0

        async def work() -> None:
            nonlocal count
            while not done and heavy is not None:
                await heavy()
                count += 1

        working = asyncio.create_task(work())
        late = []
        for _ in range(BEATS):
            begun = time.perf_counter()
            await asyncio.sleep(INTERVAL)
            late.append((time.perf_counter() - begun - INTERVAL) * 1e3)
        done = True
        await working
        late.sort()
        return {"p99_ms": late[int(len(late) * 0.99)], "max_ms": late[-1], "times": count}

    def run() -> dict[str, float]:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
            return runner.run(beat())

    return run
