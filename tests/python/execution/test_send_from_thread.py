"""`Session.send_from_thread`: packets from threads beside the event loop, without waiting for it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually

BOUND = 30.0
"""No wait of a test takes longer, in seconds."""

THROUGH = rm.Pipeline() >> rm.nodes.PassThrough()


class Gate:
    """A function that holds every value until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def pipeline(self) -> rm.Pipeline:
        @rm.node
        def held(value: Any) -> Any:
            self.entered.set()
            assert self.opened.wait(BOUND)
            return value

        return rm.Pipeline() >> held


async def on_thread(work: Callable[[], Any]) -> Any:
    return await asyncio.wait_for(asyncio.to_thread(work), BOUND)


async def read_all(session: rm.Session) -> list[Any]:
    return [packet.value async for packet in session]


@pytest.mark.parametrize("is_used", [False, True], ids=["opened by the thread", "opened by the loop"])
async def test_values_arrive_in_their_order(is_used: bool) -> None:
    async with THROUGH.session() as session:
        if is_used:
            await session.send(-1)
        reading = asyncio.create_task(read_all(session))
        taken = await on_thread(lambda: [session.send_from_thread(number, timeout=BOUND) for number in range(1000)])
        await session.finish()
        assert taken == [True] * 1000
        assert await reading == [*([-1] if is_used else []), *range(1000)]
        assert session.metrics().sent == 1000 + is_used


async def test_it_returns_though_the_loop_is_busy() -> None:
    async with THROUGH.session() as session:
        sent: concurrent.futures.Future[bool] = concurrent.futures.Future()
        threading.Thread(target=lambda: sent.set_result(session.send_from_thread("value")), daemon=True).start()
        # The loop does nothing meanwhile.
        assert sent.result(BOUND) is True
        await session.finish()
        assert await read_all(session) == ["value"]


async def test_without_room_it_says_so_at_once_and_keeps_nothing() -> None:
    gate = Gate()
    async with gate.pipeline().session(buffer={"packets": 4}) as session:

        def fill() -> int:
            assert session.send_from_thread(0)
            # What it has taken leaves room once: here, and not later.
            assert gate.entered.wait(BOUND)
            count = 1
            while session.send_from_thread(count):
                count += 1
                assert count < 1000
            return count

        taken = await on_thread(fill)
        assert taken >= 4
        begin = time.monotonic()
        assert await on_thread(lambda: session.send_from_thread("late", timeout=0.05)) is False
        assert time.monotonic() - begin >= 0.05
        gate.opened.set()
        await session.finish()
        assert await read_all(session) == list(range(taken))


@pytest.mark.parametrize("timeout", [None, BOUND])
async def test_it_waits_for_room(timeout: float | None) -> None:
    gate = Gate()
    async with gate.pipeline().session(buffer={"packets": 2}) as session:
        reading = asyncio.create_task(read_all(session))
        sending = asyncio.create_task(
            on_thread(lambda: [session.send_from_thread(number, timeout=timeout) for number in range(50)])
        )
        done, _ = await asyncio.wait([sending], timeout=0.1)
        assert not done
        gate.opened.set()
        assert await sending == [True] * 50
        await session.finish()
        assert await reading == list(range(50))


@pytest.mark.parametrize("pcm", [None, rm.PCM("u8", 1000, 1)])
async def test_what_waits_at_an_interruption_is_dropped(pcm: rm.PCM | None) -> None:
    gate = Gate()
    async with gate.pipeline().session(buffer={"packets": 2}, input=pcm) as session:

        def fill() -> int:
            assert session.send_from_thread(b"old")
            assert gate.entered.wait(BOUND)
            count = 1
            while session.send_from_thread(b"old"):
                count += 1
            return count

        taken = await on_thread(fill)
        sending = asyncio.create_task(on_thread(lambda: session.send_from_thread(b"old", timeout=BOUND)))
        assert await on_thread(lambda: eventually(lambda: session._threads._waiting == 1))
        session.interrupt()
        gate.opened.set()
        assert await sending
        assert await on_thread(lambda: session.send_from_thread(b"new", timeout=BOUND))
        await session.finish()
        (packet,) = [packet async for packet in session]
        if pcm is None:
            assert packet.value == b"new"
        else:
            assert (packet.value.to_pcm("u8"), packet.pts_ns) == (b"new", 3_000_000 * (taken + 1))


async def test_several_threads_send_at_once_and_each_keeps_its_order() -> None:
    async with THROUGH.session(buffer={"packets": 8}) as session:
        reading = asyncio.create_task(read_all(session))

        def send(thread: int) -> None:
            for number in range(200):
                assert session.send_from_thread([thread, number], timeout=BOUND)

        await asyncio.gather(*(on_thread(lambda thread=thread: send(thread)) for thread in range(4)))
        for number in range(10):
            await session.send([4, number])
        await session.finish()
        values = await reading
    for thread in range(4):
        assert [number for each, number in values if each == thread] == list(range(200))


async def test_pcm_may_be_split_anywhere_also_where_there_was_no_room() -> None:
    speech = rm.testing.speech()[:1.0]
    data = speech.to_pcm("s16")
    gate = Gate()
    async with gate.pipeline().session(input=rm.PCM("s16", rate=16000, channels=1), buffer={"packets": 2}) as session:
        refused = 0

        def send() -> None:
            nonlocal refused
            for begin in range(0, len(data), 333):
                while not session.send_from_thread(data[begin : begin + 333]):
                    refused += 1
                    gate.opened.set()
                    time.sleep(0.001)

        reading = asyncio.create_task(read_all(session))
        await on_thread(send)
        await session.finish()
        chunks = await reading
    assert refused > 0
    assert np.array_equal(np.concatenate([chunk.samples for chunk in chunks], axis=1), speech.samples)
    frames = 0
    for chunk in chunks:
        assert chunk.pts_ns == (frames * 1_000_000_000 + 8000) // 16000
        frames += chunk.frames


async def test_memory_that_is_used_again_was_copied() -> None:
    memory = np.zeros((1, 1 << 16), "float32")
    async with THROUGH.session() as session:

        def send() -> None:
            for number in range(4):
                memory[:] = number
                assert session.send_from_thread(rm.Audio(memory, 192000, pts=float(number)), timeout=BOUND)

        reading = asyncio.create_task(read_all(session))
        await on_thread(send)
        await session.finish()
        assert [(float(each.samples.max()), each.pts) for each in await reading] == [
            (number, number) for number in range(4)
        ]


async def test_large_read_only_values_stay_alive() -> None:
    async with THROUGH.session() as session:
        reading = asyncio.create_task(read_all(session))

        def send() -> None:
            for number in range(40):
                assert session.send_from_thread(bytes([number]) * (1 << 16), timeout=BOUND)
                # What takes the place of a value that was freed too early.
                other = bytes([255]) * (1 << 16)
                del other

        await on_thread(send)
        await session.finish()
        assert [(len(value), value[0]) for value in await reading] == [(1 << 16, number) for number in range(40)]


async def test_functions_see_the_context_of_the_block() -> None:
    variable = contextvars.ContextVar("variable", default="nothing")

    @rm.node
    def seen(value: Any) -> str:
        return variable.get()

    variable.set("block")
    async with (rm.Pipeline() >> seen).session() as session:

        def send() -> bool:
            variable.set("thread")
            return session.send_from_thread(1)

        assert await on_thread(send)
        await session.finish()
        assert await read_all(session) == ["block"]


async def test_a_failure_is_raised_in_the_thread_and_left_for_the_block() -> None:
    @rm.node
    def fails(value: Any) -> None:
        raise ValueError("broken")

    def send(session: rm.Session) -> None:
        for _ in range(10_000):
            session.send_from_thread(1, timeout=0.01)

    async def use() -> None:
        async with (rm.Pipeline() >> fails(name="mine")).session() as session:
            reading = asyncio.create_task(read_all(session))
            with pytest.raises(rm.GoneError, match="the session has ended"):
                await on_thread(lambda: send(session))
            await asyncio.wait([reading])
            with pytest.raises(rm.GoneError, match=r"the session has ended: .*broken") as caught:
                await on_thread(lambda: session.send_from_thread(1))
            assert isinstance(caught.value.__cause__, rm.NodeError)
            # A reader is told too; the block raises what no reader has raised.
            await reading

    with pytest.raises(rm.NodeError, match="broken"):
        await use()


async def test_the_block_raises_a_failure_that_only_the_thread_has_met() -> None:
    @rm.node
    def fails(value: Any) -> None:
        raise ValueError("broken")

    async def use() -> None:
        async with (rm.Pipeline() >> fails).session() as session:

            def send() -> None:
                for _ in range(10_000):
                    session.send_from_thread(1, timeout=0.01)

            with pytest.raises(rm.GoneError, match="the session has ended"):
                await on_thread(send)

    with pytest.raises(rm.NodeError, match="broken"):
        await use()


@pytest.mark.parametrize("timeout", [None, BOUND])
@pytest.mark.parametrize("end", ["cancel", "leave", "fail"])
async def test_who_waits_is_woken_by_the_end(end: str, timeout: float | None) -> None:
    gate = Gate()
    fails = threading.Event()

    @rm.node
    def failing(value: Any) -> Any:
        assert fails.wait(BOUND)
        if end == "fail":
            raise ValueError("broken")
        return value

    waiting: Any = None
    try:
        async with (rm.Pipeline() >> failing).session(buffer={"packets": 1}) as session:

            def fill() -> None:
                while True:
                    session.send_from_thread(1, timeout=timeout)

            waiting = asyncio.create_task(on_thread(fill))
            await asyncio.wait([waiting], timeout=0.1)
            if end == "cancel":
                session.cancel()
            fails.set()
            if end == "leave":
                # It takes what is sent until then.
                raise KeyError
    except (KeyError, rm.NodeError):
        pass
    with pytest.raises((rm.GoneError, rm.InvalidArgumentError)):
        await waiting
    gate.opened.set()


async def test_misuse_is_refused_with_the_cure() -> None:
    session = THROUGH.session()
    with pytest.raises(rm.InvalidArgumentError, match="open the session first"):
        await on_thread(lambda: session.send_from_thread(1))
    async with session:
        with pytest.raises(rm.InvalidArgumentError, match=r"here write: await session.send\(value\), or session.try"):
            session.send_from_thread(1)
        for timeout in (-1, float("nan"), float("inf"), "1", True):
            with pytest.raises(rm.InvalidArgumentError, match="timeout must be a number of seconds, 0 or more"):
                await on_thread(lambda timeout=timeout: session.send_from_thread(1, timeout=timeout))
        with pytest.raises(rm.MarshalError, match="value"):
            await on_thread(lambda: session.send_from_thread(object()))
        assert await on_thread(lambda: session.send_from_thread(1)) is True
        await session.finish()
        with pytest.raises(rm.InvalidArgumentError, match="was finished before"):
            await on_thread(lambda: session.send_from_thread(2))
        assert await read_all(session) == [1]
    with pytest.raises((rm.GoneError, rm.InvalidArgumentError)):
        await on_thread(lambda: session.send_from_thread(1))


def test_a_loop_that_is_closed_is_no_place_to_send_to() -> None:
    made: list[rm.Session] = []

    async def leave_it_open() -> None:
        session = THROUGH.session()
        await session.__aenter__()
        await session.send(1)
        made.append(session)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave_it_open())
    loop.close()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        for timeout in (0, 5, None):
            future = pool.submit(made[0].send_from_thread, 2, timeout=timeout)
            with pytest.raises(rm.GoneError, match="the event loop of this session is closed"):
                future.result(BOUND)


async def test_sessions_that_threads_feed_leave_nothing_behind() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(20):
            async with THROUGH.session() as session:
                reading = asyncio.create_task(read_all(session))

                def feed(session: rm.Session = session) -> None:
                    try:
                        for number in range(100):
                            session.send_from_thread(bytes(1 << 15) + bytes([number]), timeout=BOUND)
                    except rm.GoneError:
                        pass

                feeding = [asyncio.create_task(on_thread(feed)) for _ in range(2)]
                await session.send(b"x")
                await asyncio.sleep(0.002)
                session.cancel()
                await asyncio.gather(reading, *feeding)
    finally:
        sys.setswitchinterval(interval)
