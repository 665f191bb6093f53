"""Work that the scripts of this folder do: short and inline, on threads, and native work that takes seconds."""

from __future__ import annotations

import array
import asyncio
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import remotemedia as rm
from remotemedia._abi.ownership import borrowed_count

sys.path.append(str(Path(__file__).resolve().parents[1]))
from conftest import eventually, live_objects

PASS = json.dumps(
    {
        "version": "v1",
        "metadata": {"name": "pass"},
        "nodes": [{"id": "p", "node_type": "PassThrough"}],
        "connections": [],
    }
)


def node(function: Any) -> dict[str, Any]:
    """A manifest of one function between two native nodes."""
    return {
        "version": "v1",
        "metadata": {"name": "function"},
        "nodes": [
            {"id": "in", "node_type": "PassThrough"},
            {"id": "f", "node_type": function},
            {"id": "out", "node_type": "PassThrough"},
        ],
        "connections": [{"from": "in", "to": "f"}, {"from": "f", "to": "out"}],
    }


LEVEL = {
    "version": "v1",
    "metadata": {"name": "level"},
    "nodes": [{"id": "level", "node_type": "AudioLevel", "params": {"window_ms": 100}}],
    "connections": [],
}


def double(value: int) -> int:
    return value * 2


async def double_later(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


HANGS, HANGS_LATER = threading.Event(), threading.Event()
"""Set once `hang` or `hang_later` is at work."""


def hang(value: int) -> None:
    """As a function that waits for something that never comes."""
    HANGS.set()
    threading.Event().wait(60)


async def hang_later(value: int) -> None:
    HANGS_LATER.set()
    await asyncio.sleep(60)


def running(count: int) -> None:
    """Waits until so many executions and sessions go on in this process."""
    while live_objects()["runs"] < count:
        time.sleep(0.001)


async def at_work(*events: threading.Event) -> None:
    """Waits until all of these are set, while the loop goes on."""
    while not all(event.is_set() for event in events):  # noqa: ASYNC110 - threads set them
        await asyncio.sleep(0.001)


def hours(count: int = 400) -> list[rm.Audio]:
    """Inputs that keep native nodes busy for many seconds: the same 16 MB of sound, over and over."""
    audio = rm.Audio(array.array("f", bytes(16 << 20)), rate=48000)
    return [audio] * count


def pipelines() -> list[rm.Pipeline]:
    """Pipelines for sessions: native, with a function on threads, with one on the loop, and two that never go on."""
    return [rm.Pipeline.load(each) for each in (PASS, node(double), node(double_later), node(hang), node(hang_later))]


def session_of(pipeline: rm.Pipeline) -> rm.Session:
    """A session of one of them. Where the machine is slow, the watchdog would tell of those that never go on."""
    return pipeline.session(watchdog=None)


async def stay(session: rm.Session, opened: asyncio.Event | None = None) -> None:
    """Sends until it is stopped, and reads beside it."""

    async def read() -> None:
        async for _ in session:
            pass

    reading = asyncio.create_task(read())
    value = 0
    try:
        while True:
            value += 1
            await session.send(value)
            if opened is not None:
                opened.set()
    finally:
        reading.cancel()


async def a_bit_of_everything() -> None:
    """Inline, on threads, on the loop, with memory that is borrowed; all results right."""
    assert await rm.execute(PASS, [1, "two", [3]]) == [1, "two", [3]]
    assert await rm.execute(node(double), [1, 2]) == [2, 4]
    assert await rm.execute(node(double_later), [1, 2]) == [2, 4]
    (back,) = await rm.execute(PASS, [array.array("d", range(10000))])
    assert back.tolist()[-1] == 9999.0
    assert [value async for value in rm.Pipeline.load(node(double)).stream(range(50))] == list(range(0, 100, 2))


def a_bit_of_everything_sync() -> None:
    """The same without a loop."""
    assert rm.execute_sync(PASS, [1, "two", [3]]) == [1, "two", [3]]
    assert rm.execute_sync(node(double), [1, 2]) == [2, 4]
    assert rm.execute_sync(node(double_later), [1, 2]) == [2, 4]


def nothing_is_left() -> None:
    """No run, node or call is alive in native code, and it borrows nothing."""

    def left() -> tuple[int, ...]:
        live = live_objects()
        return borrowed_count(), live["host_buffers"], live["documents"], live["errors"], live["runs"], live["nodes"]

    assert eventually(lambda: not any(left())), left()
