"""remotemedia-ffi, the older build of the same idea, through one streaming session."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import remotemedia.runtime

from benchmarks.sides.clocked import Clock
from benchmarks.sides.growth import SECONDS_A_FRAME, Growth, frame, warmed
from benchmarks.sides.messages import Receipt, messages

THREE = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "three"},
        "nodes": [{"id": name, "node_type": "PassThrough", "params": {}} for name in "abc"],
        "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
    }
)
MESSAGES, PINGS = 1000, 300


def relay(_folder: Path) -> Callable[[], dict[str, float]]:
    """Sent by one task, received by another."""
    sent = messages(MESSAGES)

    async def through() -> dict[str, float]:
        session = await remotemedia.runtime.create_streaming_session(THREE)
        receipt = Receipt()

        async def read() -> None:
            while receipt.count < MESSAGES:
                receipt.take((await session.recv_output())[1])

        with Clock() as clock:
            reading = asyncio.create_task(read())
            for message in sent:
                await session.send_input(message)
            await reading
        await session.close()
        return {"messages": receipt.count, **clock.per(MESSAGES)}

    return lambda: asyncio.run(through())


def ping_pong(_folder: Path) -> Callable[[], dict[str, float]]:
    """One message there and back at a time."""
    (message,) = messages(1)

    async def play() -> dict[str, float]:
        session = await remotemedia.runtime.create_streaming_session(THREE)
        taken = []
        for _ in range(PINGS):
            begun = time.perf_counter()
            await session.send_input(message)
            await session.recv_output()
            taken.append(time.perf_counter() - begun)
        await session.close()
        return {"messages": len(taken), "seconds": statistics.median(taken), "processor": 0.0}

    return lambda: asyncio.run(play())


def growth(_folder: Path) -> Callable[[], dict[str, float]]:
    """Frames sent as fast as they are taken, received by a slow consumer."""

    async def through(frames: int) -> dict[str, float]:
        session = await remotemedia.runtime.create_streaming_session(THREE)
        seen = 0

        async def consume() -> None:
            nonlocal seen
            while seen < frames:
                await session.recv_output()
                await asyncio.sleep(SECONDS_A_FRAME)
                seen += 1

        with Growth() as memory:
            consuming = asyncio.create_task(consume())
            for number in range(frames):
                await session.send_input(frame(number))
            await consuming
        await session.close()
        return {"frames": seen, "growth_mb": memory.megabytes}

    return warmed(through)
