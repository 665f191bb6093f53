"""This project beside an event loop: messages, round trips through a worker, heavy work, and frames that pile up."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import remotemedia as rm
from remotemedia._engine import session_handle

from benchmarks.sides.clocked import Clock
from benchmarks.sides.growth import SECONDS_A_FRAME, Growth, frame, warmed
from benchmarks.sides.heartbeat import lateness
from benchmarks.sides.messages import Receipt, messages

Work = Callable[[], dict[str, float]]

THREE = {
    "version": "v1",
    "nodes": [{"id": name, "node_type": "PassThrough"} for name in "abc"],
    "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "c"}],
}
RESAMPLE = {"version": "v1", "nodes": [{"id": "r", "node_type": "AudioResample", "params": {"rate": 16000}}]}
DECODE = {"version": "v1", "nodes": [{"id": "d", "node_type": "AudioDecode", "params": {"chunk_ms": 10_000}}]}
MESSAGES, PINGS, BATCH = 10_000, 1000, 50


def _relay(feed: Callable[[Any, list[bytes]], Any]) -> Work:
    pipeline = rm.Pipeline.load(THREE)
    sent = messages(MESSAGES)

    async def through() -> dict[str, float]:
        receipt = Receipt()
        async with pipeline.session() as session:

            async def read() -> None:
                async for packet in session:
                    receipt.take(packet.value)

            with Clock() as clock:
                reading = asyncio.create_task(read())
                await feed(session, sent)
                await session.finish()
                await reading
        return {"messages": receipt.count, **clock.per(MESSAGES)}

    return lambda: asyncio.run(through())


def relay(_folder: Path) -> Work:
    """Each message by a `send` of its own."""

    async def feed(session: Any, sent: list[bytes]) -> None:
        for message in sent:
            await session.send(message)

    return _relay(feed)


def relay_batched(_folder: Path) -> Work:
    """Fifty at a time by `send_many`: a second of speech."""

    async def feed(session: Any, sent: list[bytes]) -> None:
        for first in range(0, len(sent), BATCH):
            await session.send_many(sent[first : first + BATCH])

    return _relay(feed)


def ping_pong(_folder: Path) -> Work:
    """A packet through a worker and back. With a budget of nothing no node runs on the thread of the caller."""
    session_handle.LOOP_BUDGET_US = 0
    pipeline = rm.Pipeline.load(THREE)
    message = messages(1)[0]

    async def play() -> dict[str, float]:
        taken = []
        async with pipeline.session() as session:
            packets = session.__aiter__()
            for _ in range(PINGS):
                begun = time.perf_counter()
                await session.send(message)
                await packets.__anext__()
                taken.append(time.perf_counter() - begun)
        return {"messages": len(taken), "seconds": statistics.median(taken), "processor": 0.0}

    return lambda: asyncio.run(play())


def heartbeat_resample(folder: Path) -> Work:
    """A minute of sound at a time from 48 to 16 kHz."""
    sound = rm.Audio(numpy.load(folder / "minute.npy")[None], 48000)
    pipeline = rm.Pipeline.load(RESAMPLE)
    return lateness(lambda: pipeline.run([sound]))


def heartbeat_decode(folder: Path) -> Work:
    """A file of ten minutes at a time."""
    file = rm.File(str(folder / "input.mp3"))
    pipeline = rm.Pipeline.load(DECODE)
    return lateness(lambda: pipeline.run([file]))


def growth(_folder: Path) -> Work:
    """A session with the buffers that it has by default, in it a function that takes 5 ms for a frame."""
    seen = 0

    @rm.node
    def consume(_frame: object) -> None:
        nonlocal seen
        time.sleep(SECONDS_A_FRAME)
        seen += 1

    pipeline = rm.Pipeline() >> consume

    async def through(frames: int) -> dict[str, float]:
        nonlocal seen
        seen = 0
        with Growth() as memory:
            async with pipeline.session() as session:
                for number in range(frames):
                    await session.send(frame(number))
                await session.finish()
                async for _ in session:
                    pass
        return {"frames": seen, "growth_mb": memory.megabytes}

    return warmed(through)
