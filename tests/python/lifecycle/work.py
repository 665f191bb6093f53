"""Work that the scripts of this folder do: short and inline, on threads, and native work that takes seconds."""

from __future__ import annotations

import array
import asyncio
import json
import threading
from typing import Any

import remotemedia as rm

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


def hang(value: int) -> None:
    """As a function that waits for something that never comes."""
    threading.Event().wait(60)


async def hang_later(value: int) -> None:
    await asyncio.sleep(60)


def hours(count: int = 400) -> list[rm.Audio]:
    """Inputs that keep native nodes busy for many seconds: the same 16 MB of sound, over and over."""
    audio = rm.Audio(array.array("f", bytes(16 << 20)), rate=48000)
    return [audio] * count


async def a_bit_of_everything() -> None:
    """Inline, on threads, on the loop, with memory that is borrowed; all results right."""
    assert await rm.execute(PASS, [1, "two", [3]]) == [1, "two", [3]]
    assert await rm.execute(node(double), [1, 2]) == [2, 4]
    assert await rm.execute(node(double_later), [1, 2]) == [2, 4]
    (back,) = await rm.execute(PASS, [array.array("d", range(10000))])
    assert back.tolist()[-1] == 9999.0


def a_bit_of_everything_sync() -> None:
    """The same without a loop."""
    assert rm.execute_sync(PASS, [1, "two", [3]]) == [1, "two", [3]]
    assert rm.execute_sync(node(double), [1, 2]) == [2, 4]
    assert rm.execute_sync(node(double_later), [1, 2]) == [2, 4]
