"""How much of an event loop's time calls work on its thread, and that the workers do what is more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia._abi.library import ffi, lib
from remotemedia._engine.port import EventPort
from remotemedia._engine.port_registry import loop_port
from remotemedia._engine.run import Run
from remotemedia._execution.turns import TURN_US

SHARE = 20
"""Work may have one in so many parts of the time."""
MOST_OWED_US = 2000
MOST_OF_A_RUN_US = 1000
"""As much of one run or send counts."""
SENDS = 200
VAD = {"version": "v1", "nodes": [{"id": "vad", "node_type": "VAD"}]}
WINDOW = rm.Audio(numpy.zeros((1, 512), numpy.float32), 16000)


@pytest.fixture
def loop_time() -> Any:
    """That of a thread whose clock stands at 5 s."""
    time = ffi.new("rmpy_loop_time *")
    assert not lib.rmpy_loop_time_is_used_up(time, 5_000_000)
    return time


def test_a_share_of_the_time_is_free_for_work(loop_time: Any) -> None:
    now = 5_000_000
    for _ in range(1000):
        lib.rmpy_loop_time_add(loop_time, 0, 500)
        now += 500 * SHARE
        assert not lib.rmpy_loop_time_is_used_up(loop_time, now)
    assert loop_time.owed_us == 0


def test_short_times_free_as_much_as_a_long_one(loop_time: Any) -> None:
    lib.rmpy_loop_time_add(loop_time, 0, MOST_OWED_US)
    for now in range(5_000_000, 5_000_000 + 1000 * SHARE + 1, 7):
        lib.rmpy_loop_time_is_used_up(loop_time, now)
    assert loop_time.owed_us == MOST_OWED_US - 1000 + 1


def test_more_work_uses_it_up_until_half_of_that_is_owed(loop_time: Any) -> None:
    lib.rmpy_loop_time_add(loop_time, 0, MOST_OWED_US)
    assert not lib.rmpy_loop_time_is_used_up(loop_time, 5_000_000)
    lib.rmpy_loop_time_add(loop_time, 0, 1)
    assert lib.rmpy_loop_time_is_used_up(loop_time, 5_000_000)
    half = 5_000_000 + MOST_OWED_US // 2 * SHARE
    assert lib.rmpy_loop_time_is_used_up(loop_time, half)
    assert not lib.rmpy_loop_time_is_used_up(loop_time, half + 2 * SHARE)


def test_who_does_all_the_work_waits_for_it_in_any_case(loop_time: Any) -> None:
    for _ in range(100):
        lib.rmpy_loop_time_add(loop_time, 7, 500)
    assert loop_time.owed_us == 500
    for whom in (8, 7, 8):
        lib.rmpy_loop_time_add(loop_time, whom, 100)
    assert loop_time.owed_us == 800


def test_calls_count_as_long_as_they_take_and_at_least_what_python_adds(loop_time: Any) -> None:
    for taken, count, expected in [(50, 1, 50), (3, 1, 58), (3, 50, 458), (500, 50, 958)]:
        lib.rmpy_loop_time_called(loop_time, taken, count)
        assert loop_time.turn_us == expected
    assert loop_time.owed_us == 0


def test_a_clock_that_is_set_back_frees_nothing(loop_time: Any) -> None:
    lib.rmpy_loop_time_add(loop_time, 0, 10 * MOST_OWED_US)
    assert lib.rmpy_loop_time_is_used_up(loop_time, 1_000_000)
    # Short work in great numbers is done on the thread all the same.
    assert loop_time.owed_us == 2 * MOST_OWED_US
    # From there on it counts again.
    assert not lib.rmpy_loop_time_is_used_up(loop_time, 1_000_000 + 2 * MOST_OWED_US * SHARE)


@pytest.mark.parametrize(("packet_us", "is_for_workers"), [(1000.0, True), (1.0, False)])
async def test_what_is_more_goes_to_the_workers_if_it_is_worth_it(packet_us: float, is_for_workers: bool) -> None:
    """Work on the loop's thread is done when the send returns, with its output."""
    async with rm.Pipeline.load(VAD).session() as session:
        await session.send(WINDOW)
        packets = aiter(session)
        await anext(packets)
        native = session._native
        assert native._buffers is not None
        call = native._buffers.native
        out = done = 0
        for sent in range(1, SENDS + 1):
            # As after much work: no test could wait until a machine has done so much.
            call.loop_time.owed_us, call.packet_us = 1_000_000, packet_us
            while not session.try_send(WINDOW):
                await anext(packets)
                out += 1
            out += len(native.arrived)
            native.arrived.clear()
            done += out == sent
        # No worker is done each time before the send is back.
        assert (done < SENDS) == is_for_workers
        session.cancel()


async def test_sends_note_how_long_a_packet_takes() -> None:
    """A send of many packets that are done at once is no reason to hand them over."""
    async with rm.Pipeline.load(VAD).session() as session:
        await session.send_many([WINDOW] * 3)
        assert session._native._buffers is not None
        call = session._native._buffers.native
        assert 0 < call.packet_us <= call.loop_time.owed_us / 3
        session.cancel()


async def test_threads_that_send_have_no_share() -> None:
    async with rm.Pipeline.load(VAD).session() as session:
        await session.send(WINDOW)
        assert session._native._buffers is not None
        time = session._native._buffers.native.loop_time
        before = time.owed_us
        assert await asyncio.to_thread(session.send_from_thread, WINDOW)
        assert time.owed_us == before
        session.cancel()


SHORT = rm.Audio(numpy.random.default_rng(1).normal(0, 0.1, (1, 8000)).astype(numpy.float32), 16000)
PIPELINE = rm.Pipeline.load(VAD)


@pytest.fixture
async def inline(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each run took that was done when its submit returned, in microseconds; 0 for others."""
    runs: list[int] = []
    start = EventPort.start
    calls = loop_port(asyncio.get_running_loop()).driver.time
    # As of a thread that begins.
    calls.owed_us = calls.is_used_up = 0

    def noting(*arguments: Any) -> Any:
        before = calls.turn_us
        outcome = start(*arguments)
        runs.append(0 if isinstance(outcome, Run) else calls.turn_us - before)
        return outcome

    monkeypatch.setattr(EventPort, "start", noting)
    return runs


async def test_runs_that_wait_for_each_other_go_to_the_workers(inline: list[int]) -> None:
    """They were all done before any other task had a turn: 390 ms for a thousand of these."""
    begun = time.monotonic_ns()
    results = await asyncio.gather(*(PIPELINE.run([SHORT]) for _ in range(200)))
    taken_us = (time.monotonic_ns() - begun) / 1000
    assert len(results) == len(inline) == 200
    assert all(numpy.array_equal(each[0]["probabilities"], results[0][0]["probabilities"]) for each in results)
    # A run that took longer was interrupted by the system. One may begin where no more than that is owed.
    taken_inline_us = sum(min(each, MOST_OF_A_RUN_US) for each in inline)
    assert 0 < taken_inline_us <= MOST_OWED_US + MOST_OF_A_RUN_US + taken_us / SHARE


Step = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def runs() -> AsyncIterator[Step]:
    yield lambda: PIPELINE.run([SHORT])


@asynccontextmanager
async def sends() -> AsyncIterator[Step]:
    async with PIPELINE.session() as session:
        yield lambda: session.send(WINDOW)
        session.cancel()


@asynccontextmanager
async def sends_many() -> AsyncIterator[Step]:
    async with PIPELINE.session() as session:
        yield lambda: session.send_many([WINDOW, WINDOW])
        session.cancel()


@asynccontextmanager
async def streams() -> AsyncIterator[Step]:
    async with aclosing(PIPELINE.stream([WINDOW] * 10)) as outputs:
        yield lambda: anext(outputs)


@asynccontextmanager
async def maps() -> AsyncIterator[Step]:
    async with aclosing(PIPELINE.map([WINDOW] * 10, concurrency=1)) as results:
        yield lambda: anext(results)


@pytest.mark.parametrize("way", [runs, sends, sends_many, streams, maps])
async def test_after_a_millisecond_of_work_other_tasks_have_a_turn(
    way: Callable[[], AbstractAsyncContextManager[Step]],
) -> None:
    loop, turned = asyncio.get_running_loop(), asyncio.Event()
    async with way() as step:
        await step()
        loop_port(loop).driver.time.turn_us = TURN_US
        loop.call_soon(turned.set)
        await step()
        assert turned.is_set()
