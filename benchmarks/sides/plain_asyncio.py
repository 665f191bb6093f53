"""asyncio alone: what a user without a framework would write."""

from __future__ import annotations

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy

from benchmarks.sides.clocked import Clock
from benchmarks.sides.growth import SECONDS_A_FRAME, Growth, frame, warmed
from benchmarks.sides.heartbeat import lateness
from benchmarks.sides.messages import Receipt, messages

MESSAGES, PINGS = 10_000, 1000


def relay(_folder: Path) -> Callable[[], dict[str, float]]:
    """Three tasks that pass on what comes out of their queue, of 64 places, to the next one."""
    sent = messages(MESSAGES)

    async def through() -> dict[str, float]:
        queues: list[asyncio.Queue[bytes]] = [asyncio.Queue(64) for _ in range(4)]
        receipt = Receipt()

        async def pass_on(before: asyncio.Queue[bytes], after: asyncio.Queue[bytes]) -> None:
            while True:
                await after.put(await before.get())

        async def read() -> None:
            while receipt.count < MESSAGES:
                receipt.take(await queues[3].get())

        tasks = [asyncio.create_task(pass_on(queues[index], queues[index + 1])) for index in range(3)]
        with Clock() as clock:
            reading = asyncio.create_task(read())
            for message in sent:
                await queues[0].put(message)
            await reading
        for task in tasks:
            task.cancel()
        return {"messages": receipt.count, **clock.per(MESSAGES)}

    return lambda: asyncio.run(through())


def ping_pong(_folder: Path) -> Callable[[], dict[str, float]]:
    """An eventfd to a thread and one back, which the loop watches and which resolves a future."""

    async def play() -> dict[str, float]:
        loop = asyncio.get_running_loop()
        ping, pong = os.eventfd(0), os.eventfd(0, os.EFD_NONBLOCK)
        waiting: list[asyncio.Future[None]] = []

        def serve() -> None:
            for _ in range(PINGS):
                os.eventfd_read(ping)
                os.eventfd_write(pong, 1)

        def arrived() -> None:
            os.eventfd_read(pong)
            waiting.pop().set_result(None)

        loop.add_reader(pong, arrived)
        thread = threading.Thread(target=serve)
        thread.start()
        taken = []
        for _ in range(PINGS):
            begun = time.perf_counter()
            future = loop.create_future()
            waiting.append(future)
            os.eventfd_write(ping, 1)
            await future
            taken.append(time.perf_counter() - begun)
        thread.join()
        loop.remove_reader(pong)
        os.close(ping)
        os.close(pong)
        return {"messages": len(taken), "seconds": statistics.median(taken), "processor": 0.0}

    return lambda: asyncio.run(play())


def idle(_folder: Path) -> Callable[[], dict[str, float]]:
    """A loop that has nothing else to do."""
    return lateness(None)


def growth(_folder: Path) -> Callable[[], dict[str, float]]:
    """A queue of 4 places between a camera and a slow consumer."""

    async def through(frames: int) -> dict[str, float]:
        queue: asyncio.Queue[numpy.ndarray] = asyncio.Queue(4)
        seen = 0

        async def consume() -> None:
            nonlocal seen
            while seen < frames:
                await queue.get()
                await asyncio.sleep(SECONDS_A_FRAME)
                seen += 1

        with Growth() as memory:
            consuming = asyncio.create_task(consume())
            for number in range(frames):
                await queue.put(frame(number))
            await consuming
        return {"frames": seen, "growth_mb": memory.megabytes}

    return warmed(through)
