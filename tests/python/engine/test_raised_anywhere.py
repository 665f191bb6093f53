"""A signal handler may raise before any line: the work ends then, and what it had borrowed is let go of."""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually, live_objects

ROOMS = tuple(f"/remotemedia/{room}/" for room in ("_abi", "_codec", "_engine", "_execution"))


class Struck(KeyboardInterrupt):
    """What the handler raises, as that of Ctrl-C does."""


def struck_at(number: int, work: Callable[[], object]) -> bool:
    """Does some work and raises before this line of the rooms. Returns whether it had so many lines."""
    left = number

    def at_line(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        # Here the interpreter lets no handler in: the line of a `with` comes again before its exit, and an exception
        # that is raised at the `pass` of an `except` would be left as the one that is handled.
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip()
        left -= event == "line" and not line.startswith(("with ", "async with ", "pass"))
        if left == 0:
            sys.settrace(None)
            raise Struck
        return at_line

    def at_call(frame: FrameType, _: str, __: object) -> Any:
        return at_line if any(room in frame.f_code.co_filename for room in ROOMS) else None

    before, hook = sys.gettrace(), sys.unraisablehook
    # Python swallows what is raised in finalizers.
    sys.unraisablehook = lambda _: None
    gc.disable()
    sys.settrace(at_call)
    try:
        work()
    except Struck:
        return True
    finally:
        sys.settrace(before)
        sys.unraisablehook = hook
        gc.enable()
    return False


@rm.node
def first(value: Any) -> float:
    return float(value[0])


@rm.node
def twice(value: Any) -> Iterator[float]:
    yield float(value[0])
    yield float(value[1])


def in_session(pipeline: rm.Pipeline) -> Callable[[Any], object]:
    async def session(inputs: Any) -> list[Any]:
        async with pipeline.session() as session:
            await session.send(inputs[0])
            await session.flush()
            await session.send(inputs[0])
            await session.finish()
            return [packet.value async for packet in session]

    return lambda inputs: asyncio.run(asyncio.wait_for(session(inputs), timeout=30))


SEVERAL: dict[str, Callable[[Any], object]] = {
    "native": (rm.Pipeline() >> rm.nodes.PassThrough()).run_sync,
    "function": (rm.Pipeline() >> first()).run_sync,
    "map": lambda inputs: list((rm.Pipeline() >> first()).map_sync(inputs * 2)),
    "generator": lambda inputs: list((rm.Pipeline() >> twice()).map_sync(inputs)),
    "session": in_session(rm.Pipeline() >> first()),
}


@pytest.mark.parametrize("work", SEVERAL.values(), ids=SEVERAL)
def test_work_that_is_struck_before_any_line_leaves_nothing_behind(
    work: Callable[[Any], object], caplog: pytest.LogCaptureFixture
) -> None:
    # Records of what a task raised would keep its frames, and with them its inputs.
    caplog.set_level(logging.CRITICAL + 1, "asyncio")
    work([np.zeros(5000)])
    descriptors = len(os.listdir("/proc/self/fd"))
    inputs: list[weakref.ref[Any]] = []
    is_struck = True
    while is_struck:
        value = np.zeros(5000)
        inputs.append(weakref.ref(value))
        is_struck = struck_at(len(inputs), lambda value=value: work([value]))
        del value
    assert len(inputs) > 20
    assert eventually(lambda: all(gone() is None for gone in inputs))
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)
    assert live_objects()["sessions"] == 0
    assert work([np.zeros(5000)])
