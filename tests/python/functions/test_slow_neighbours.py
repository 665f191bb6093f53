"""Sessions with Python functions that hang: others go on, and the watchdog names who it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator

import pytest
import remotemedia as rm
from conftest import chain

numpy = pytest.importorskip("numpy")

SLOW = 6
"""Sessions that hang: more than the machine that runs the tests has cores."""


@contextlib.contextmanager
def told(awaited: str, has_come: asyncio.Event) -> Iterator[list[str]]:
    """What the package logs, and that a message with the awaited words has come."""
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())
            if awaited in messages[-1]:
                has_come.set()

    listener = Listener()
    logging.getLogger("remotemedia").addHandler(listener)
    try:
        yield messages
    finally:
        logging.getLogger("remotemedia").removeHandler(listener)


async def test_functions_that_hang_hold_up_nobody_else_and_are_named() -> None:
    released = threading.Event()
    hanging = 0
    all_hang, is_named = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def count() -> None:
        nonlocal hanging
        hanging += 1
        if hanging == SLOW:
            all_hang.set()

    def hang(value: int) -> int:
        if not released.is_set():
            loop.call_soon_threadsafe(count)
            assert released.wait(60)
        return value

    def double(sound: rm.Audio) -> rm.Audio:
        return rm.Audio(sound.samples * 2, sound.rate, pts=sound.pts)

    order: list[str] = []
    slow = rm.Pipeline.load(chain(("in", "PassThrough", {}), ("hang", hang, {})))
    quick = rm.Pipeline.load(
        chain(("resample", "AudioResample", {"rate": 16000}), ("double", double, {}), ("level", "AudioLevel", {}))
    )

    async def be_slow() -> None:
        async with slow.session(watchdog=0.02) as session:
            for value in range(20):
                await session.send(value)
            await session.finish()
            assert [packet.value async for packet in session] == list(range(20))
            order.append("slow")

    async def be_quick() -> None:
        async with quick.session() as session:

            async def feed() -> None:
                for frame in rm.testing.frames(rm.Audio(numpy.full(96000, 0.1, "f4"), 48000)):
                    await session.send(frame)
                await session.finish()

            feeding = asyncio.create_task(feed())
            assert len([packet async for packet in session]) == 20
            await feeding
            order.append("quick")

    try:
        with told("node 'hang' waits for Python with item 0", is_named) as messages:
            at_work = [asyncio.create_task(be_slow()) for _ in range(SLOW)]
            await all_hang.wait()
            # While all of these hang, another session begins, works through two seconds of sound and ends.
            await be_quick()
            await is_named.wait()
            assert not any("level" in message or "double" in message for message in messages)
    finally:
        released.set()
    await asyncio.gather(*at_work)
    assert order == ["quick", *["slow"] * SLOW]
