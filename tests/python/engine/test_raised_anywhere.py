"""A signal handler may raise before any line, and after any call within one: the work ends then, and what it had
borrowed and made is let go of."""

from __future__ import annotations

import asyncio
import dis
import functools
import gc
import itertools
import linecache
import logging
import os
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from types import CodeType, FrameType, FunctionType
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually, live_objects
from remotemedia._abi import library, ownership
from remotemedia._codec.call_buffers import CallBuffers
from remotemedia._engine import completion, loop_calls, replies
from remotemedia._engine.port import EventPort
from remotemedia._execution import map as map_room
from remotemedia._execution import own_loop
from remotemedia._functions import event_loop, late_cleanups

ROOMS = tuple(f"/remotemedia/{room}/" for room in ("_abi", "_codec", "_engine", "_execution"))


class Struck(KeyboardInterrupt):
    """What the handler raises, as that of Ctrl-C does."""


def struck_at(number: int, work: Callable[[], object]) -> bool:
    """Does some work and raises before this line of the rooms. Returns whether it had so many lines."""
    left = number

    def at_line(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        # Here the interpreter lets no handler in: the line of a `with` comes again before its exit, and an exception
        # that is raised at the `pass` of an `except` would be left as the one that is handled. A `try` within another
        # belongs to none of them.
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip()
        left -= event == "line" and not line.startswith(("with ", "async with ", "pass", "try:"))
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


@functools.cache
def places(code: CodeType) -> frozenset[int]:
    """Where a function has begun, and right after its calls: there the interpreter lets handlers in, before what was
    returned is kept."""
    steps = itertools.pairwise(dis.get_instructions(code))
    return frozenset(
        after.offset
        for step, after in steps
        if step.opname.startswith("CALL") or (step.opname == "RESUME" and step.arg == 0)
    )


class SoftLimit(Exception):
    """What the handler of a time limit raises."""


def struck_after(
    number: int, codes: Collection[CodeType], work: Callable[[], object], error: type[BaseException] = Struck
) -> bool:
    """Does some work and raises at this place of the functions: where one begins, or after a call that it makes.

    Returns whether the work came to so many.
    """
    left = number

    def at_step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        left -= event == "opcode" and frame.f_lasti in places(frame.f_code)
        if left == 0:
            sys.settrace(None)
            raise error
        return at_step

    def at_call(frame: FrameType, _: str, __: object) -> Any:
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return at_step

    before = sys.gettrace()
    gc.disable()
    sys.settrace(at_call)
    try:
        work()
    except error:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    return False


@rm.node
def first(value: Any) -> float:
    return float(value[0])


@rm.node
def twice(value: Any) -> Iterator[float]:
    yield float(value[0])
    yield float(value[1])


@rm.node
def doubled(value: Any) -> Any:
    return value * 2


@rm.node
async def passed(value: Any) -> Any:
    return value


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


def test_what_the_library_makes_is_freed_once_after_whatever_call_it_is_struck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "asyncio")

    def work() -> object:
        # One that was not compiled before.
        calculator = rm.nodes.Calculator(operation="add", operand=next(operands))
        return in_session(rm.Pipeline() >> calculator)([np.zeros(50)])

    operands = itertools.count()

    work()
    gc.collect()
    before, number = live_objects(), 1
    while struck_after(number, {library.made.__code__}, work):
        number += 1
        gc.collect()
    assert number > 3 * 5
    gc.collect()
    left = live_objects()
    assert (left["sessions"], left["ports"]) == (before["sessions"], before["ports"])


SEVERAL_ARRAYS: dict[str, tuple[rm.Pipeline, int]] = {
    "lent": (rm.Pipeline() >> rm.nodes.PassThrough(), 3),
    "lent, in a document of its own": (rm.Pipeline() >> rm.nodes.PassThrough(), 20),
    "native": (rm.Pipeline() >> rm.nodes.Calculator(operation="add", operand=1), 3),
    "native, in a document of its own": (rm.Pipeline() >> rm.nodes.Calculator(operation="add", operand=1), 20),
    "returned": (rm.Pipeline() >> doubled(), 3),
}


@pytest.mark.parametrize(("pipeline", "count"), SEVERAL_ARRAYS.values(), ids=SEVERAL_ARRAYS)
def test_results_are_taken_over_whole_or_freed_after_whatever_call_it_is_struck(
    pipeline: rm.Pipeline, count: int
) -> None:
    codes = frozenset(
        each.__code__
        for owner in (CallBuffers, EventPort, ownership, completion, replies)
        for each in vars(owner).values()
        if isinstance(each, FunctionType)
    )

    def work() -> object:
        return pipeline.run_sync([np.zeros(5000)] * count)

    def held() -> tuple[int, int, int]:
        live = live_objects()
        return ownership.borrowed_count(), live["memories"] - len(ownership.pending_frees), live["documents"]

    work()
    gc.collect()
    # What other tests keep.
    before = held()
    number = 1
    while struck_after(number, codes, work):
        number += 1
    assert number > 20
    assert eventually(lambda: all(now <= then for now, then in zip(held(), before, strict=True))), (held(), before)


def test_what_is_raised_while_a_reply_is_made_reaches_the_caller_or_is_the_error_of_its_function() -> None:
    pipeline = rm.Pipeline() >> doubled()
    functions = [each for each in vars(replies).values() if isinstance(each, FunctionType)]
    codes = frozenset(each.__code__ for each in (EventPort.reply, *functions))
    number, causes = 1, []
    while True:
        try:
            if not struck_after(number, codes, lambda: pipeline.run_sync([np.zeros(5000), 2]), SoftLimit):
                break
        except rm.NodeError as error:
            causes.append(type(error.__cause__))
        number += 1
    assert number > 20
    assert set(causes) == {SoftLimit}


class Late:
    """Work that is not at work."""

    is_in_thread = False

    def uncleaned(self) -> list[str]:
        return []


def test_late_work_is_noted_by_other_threads_wherever_one_was_struck() -> None:
    late = Late()
    owners = (late_cleanups, threading.Condition)
    functions = [each for owner in owners for each in vars(owner).values() if isinstance(each, FunctionType)]
    number = 1
    while struck_after(number, frozenset(each.__code__ for each in functions), lambda: late_cleanups.discard(late)):
        other = threading.Thread(target=late_cleanups.discard, args=[late], daemon=True)
        other.start()
        other.join(30)
        assert not other.is_alive(), number
        number += 1
    assert number > 3


@rm.node
class Opened:
    """A class whose generators and instances have something to await at their end."""

    async def process(self, value: Any) -> AsyncIterator[Any]:
        try:
            yield value * 2
        finally:
            await asyncio.sleep(0)

    async def cleanup(self) -> None:
        await asyncio.sleep(0)


class MadeLoop(asyncio.SelectorEventLoop):
    """A loop that is made and closed by the test: asyncio leaves sockets open where it is struck meanwhile."""

    def close(self) -> None:
        pass


# One that is struck between the call that makes it and its await.
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("error", [SoftLimit, Struck])
@pytest.mark.parametrize(("last", "is_map"), [(doubled, False), (doubled, True), (Opened, False)])
def test_what_is_raised_anywhere_in_its_own_loop_ends_a_blocking_call(
    last: Any,
    is_map: bool,
    error: type[BaseException],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.CRITICAL + 1, "asyncio")
    pipeline = rm.Pipeline() >> passed() >> last()
    loops = (asyncio.BaseEventLoop, asyncio.Handle, own_loop.OwnLoop)
    owners = (*loops, event_loop, loop_calls, map_room)
    functions = [each for owner in owners for each in vars(owner).values() if isinstance(each, FunctionType)]
    codes = frozenset(each.__code__ for each in functions)

    def work() -> list[Any]:
        if not is_map:
            return pipeline.run_sync([1, 2])
        results = list(pipeline.map_sync([1, 2]))
        for failed in [each.error for each in results if each.error is not None]:
            raise failed
        return [result.outputs[0] for result in results if result.outputs is not None]

    number, ends, loop, hooks = 1, set(), MadeLoop(), {sys.get_asyncgen_hooks()}
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: loop)
    while True:
        try:
            if not struck_after(number, codes, work, error):
                break
            ends.add(error)
        except rm.NodeError as failed:
            # It struck in one of the functions.
            ends.add(type(failed.__cause__))
        finally:
            asyncio.SelectorEventLoop.close(loop)
            hooks.add(sys.get_asyncgen_hooks())
        number, loop = number + 1, MadeLoop()
    asyncio.SelectorEventLoop.close(loop)
    monkeypatch.undo()
    # What is left of them is told while it is ignored.
    gc.collect()
    assert number > 200
    assert ends == {error}
    assert len(hooks) == 1
    assert work() == [2, 4]
