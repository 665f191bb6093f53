"""Interruptions that follow each other closely: every session comes to its end, and no call that is over begins."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, eventually
from remotemedia._engine.port_registry import loop_port

SECONDS = 60.0
"""How long a session may take before it counts as hanging; it takes milliseconds."""


def sync_class() -> Any:
    @rm.node
    class Same:
        def initialize(self) -> None:
            self.is_open = True

        def process(self, value: Any) -> Any:
            assert self.is_open
            return value

        def cleanup(self) -> None:
            self.is_open = False

    return Same


def async_class() -> Any:
    @rm.node
    class Same:
        async def initialize(self) -> None:
            self.is_open = True

        async def process(self, value: Any) -> Any:
            assert self.is_open
            await asyncio.sleep(0)
            return value

        async def cleanup(self) -> None:
            self.is_open = False

    return Same


def mixed_class() -> Any:
    @rm.node
    class Same:
        def initialize(self) -> None:
            self.is_open = True

        async def process(self, value: Any) -> Any:
            assert self.is_open
            yield value

        def cleanup(self) -> None:
            self.is_open = False

    return Same


@rm.node
def generator(value: Any) -> Iterator[Any]:
    yield value


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Threads take turns often, so that they meet at every line."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


async def one_session(pipeline: rm.Pipeline, chance: random.Random) -> None:
    async with pipeline.session() as session:
        got = []

        async def read() -> None:
            async for packet in session:
                got.append(packet.value)

        reading = asyncio.create_task(read())
        number = 0
        for _ in range(chance.randrange(1, 8)):
            for _ in range(chance.randrange(3)):
                number += 1
                await session.send(number)
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 2000 if chance.random() < 0.5 else 0)
            session.interrupt()
        await session.send("last")
        await session.finish()
        await reading
        assert got[-1] == "last"


@pytest.mark.usefixtures("many_switches")
@pytest.mark.parametrize("make", [sync_class, async_class, mixed_class, lambda: generator])
async def test_a_storm_of_interruptions_leaves_no_session_waiting(make: Callable[[], Any]) -> None:
    node = make()
    chance = random.Random(7)
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> node() >> rm.nodes.PassThrough()
    for _ in range(75):
        await asyncio.wait_for(asyncio.gather(*[one_session(pipeline, chance) for _ in range(16)]), SECONDS)


@pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])
async def test_of_calls_that_wait_for_a_busy_instance_only_the_one_that_is_wanted_begins(on_loop: bool) -> None:
    log: list[int] = []
    is_busy, may_go_on = threading.Event(), threading.Event()

    def busy(value: int) -> int:
        log.append(value)
        if value == 1:
            is_busy.set()
            assert may_go_on.wait(20)
        return value

    @rm.node
    class Slow:
        if on_loop:

            async def initialize(self) -> None:
                pass

        def process(self, value: int) -> int:
            return busy(value)

    async with rm.Pipeline.load(chain(("slow", Slow, {}))).session() as session:
        await session.send(1)
        assert await asyncio.to_thread(is_busy.wait, 20)
        for value in (2, 3, 4):
            session.interrupt()
            await session.send(value)
            while session.metrics().nodes[0].item != value - 1:  # noqa: ASYNC110
                await asyncio.sleep(0)
        # The event that cancels a call comes before the call behind it.
        loop_port(asyncio.get_running_loop()).drain()
        may_go_on.set()
        await session.finish()
        assert [packet.value async for packet in session] == [4]
    assert log == [1, 4]


async def test_the_run_ends_with_a_busy_instance_and_calls_that_wait_for_it() -> None:
    log: list[Any] = []
    is_busy, may_go_on = threading.Event(), threading.Event()

    @rm.node
    class Slow:
        def process(self, value: int) -> None:
            log.append(value)
            is_busy.set()
            assert may_go_on.wait(20)

        def cleanup(self) -> None:
            log.append("cleanup")

    async with rm.Pipeline.load(chain(("slow", Slow, {}))).session() as session:
        await session.send(1)
        assert await asyncio.to_thread(is_busy.wait, 20)
        session.interrupt()
        await session.send(2)
        session.cancel()
    may_go_on.set()
    assert eventually(lambda: len(log) == 2)
    assert log == [1, "cleanup"]


class Blocking:
    """Sync functions that note how many calls are in them, and wait in the first one until they may go on."""

    def __init__(self) -> None:
        self.is_busy, self.may_go_on = threading.Event(), threading.Event()
        self.calls = self.most = 0

    def enter(self, value: int) -> None:
        self.calls += 1
        self.most = max(self.most, self.calls)
        if value == 1:
            self.is_busy.set()
            assert self.may_go_on.wait(20)

    def plain(self, value: int) -> int:
        self.enter(value)
        self.calls -= 1
        return value

    def generator(self, value: int) -> Iterator[int]:
        self.enter(value)
        try:
            yield value
        finally:
            self.calls -= 1


async def same(value: int) -> int:
    return value


@pytest.mark.parametrize("kind", ["plain", "generator"])
@pytest.mark.parametrize("is_mixed", [False, True])
async def test_a_sync_function_that_was_interrupted_ends_before_its_next_call(kind: str, is_mixed: bool) -> None:
    blocking = Blocking()
    nodes: list[tuple[str, Any, dict[str, Any]]] = [("f", getattr(blocking, kind), {})]
    if is_mixed:
        # One call to both, on the loop.
        nodes.insert(0, ("same", same, {}))
    async with rm.Pipeline.load(chain(*nodes)).session() as session:
        await session.send(1)
        assert await asyncio.to_thread(blocking.is_busy.wait, 20)
        for value in range(2, 10):
            session.interrupt()
            await session.send(value)
            # A turn of the loop, in which the call would begin.
            await asyncio.sleep(0)
        threading.Timer(0.05, blocking.may_go_on.set).start()
        await session.finish()
        assert [packet.value async for packet in session] == [9]
    assert blocking.most == 1


@pytest.mark.parametrize("is_class", [False, True])
async def test_what_a_generator_closes_after_an_interruption_comes_to_its_end(is_class: bool) -> None:
    """An event cancels the call as well, when the generator may be closing already: it is to be cancelled once."""
    opened, closed = [], []

    async def answer(value: int) -> AsyncIterator[int]:
        opened.append(value)
        try:
            while True:
                yield value
                await asyncio.sleep(0)
        finally:
            # As `await response.aclose()` does.
            for _ in range(5):
                await asyncio.sleep(0)
            closed.append(value)

    @rm.node
    class Answer:
        async def process(self, value: int) -> AsyncIterator[int]:
            async with contextlib.aclosing(answer(value)) as values:
                async for each in values:
                    yield each

    pipeline = rm.Pipeline.load(chain(("answer", Answer if is_class else answer, {})))
    async with pipeline.session(buffer={"packets": 4}) as session:
        reader = aiter(session)
        for turn in range(100):
            await session.send(turn)
            for _ in range(turn % 7):
                await anext(reader)
            session.interrupt()
        session.cancel()
    assert sorted(closed) == sorted(opened)


def test_a_run_that_ends_when_its_loop_has_stopped_waits_for_no_generator() -> None:
    async def answer(value: int) -> AsyncIterator[int]:
        try:
            while True:
                yield value
                await asyncio.sleep(0)
        finally:
            closing.append(value)
            await asyncio.sleep(60)

    closing: list[int] = []

    async def begin() -> Any:
        await session.__aenter__()
        for value in range(3):
            await session.send(value)
            assert (await anext(aiter(session))).value == value
            session.interrupt()
        while len(closing) < 3:  # noqa: ASYNC110 - whatever turn of the loop they close in
            await asyncio.sleep(0)
        return loop_port(asyncio.get_running_loop())

    session = rm.Pipeline.load(chain(("answer", answer, {}))).session(buffer={"packets": 4})
    loop = asyncio.new_event_loop()
    port = loop.run_until_complete(begin())
    # As the garbage collector does, on whatever thread.
    port.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()


@pytest.mark.parametrize("how", ["left", "cancelled", "interrupted", "timed out"])
async def test_the_end_waits_until_a_generator_has_closed_what_it_holds(how: str) -> None:
    closed = []

    async def answer(value: int) -> AsyncIterator[int]:
        try:
            yield value
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            closed.append(value)

    pipeline = rm.Pipeline.load(chain(("answer", answer, {})))
    if how == "timed out":
        with pytest.raises(rm.TimedOut):
            await pipeline.run([1], timeout=0.01)
        assert closed == [1]
        return
    with contextlib.suppress(ZeroDivisionError):
        async with pipeline.session() as session:
            await session.send(1)
            assert (await anext(aiter(session))).value == 1
            if how == "cancelled":
                session.cancel()
            elif how == "interrupted":
                session.interrupt()
            else:
                raise ZeroDivisionError
    assert closed == [1]


def fails(value: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize("how", ["finished", "cancelled", "failed", "left", "unused"])
async def test_an_interruption_after_the_end_is_no_error(how: str) -> None:
    pipeline = rm.Pipeline.load(chain(("f", fails if how == "failed" else "PassThrough", {})))
    session = pipeline.session()
    try:
        async with session:
            if how == "unused":
                session.interrupt()
                return
            await session.send(1)
            if how == "finished":
                await session.finish()
                assert [packet.value async for packet in session] == [1]
            elif how == "cancelled":
                session.cancel()
            elif how == "failed":
                with pytest.raises(rm.NodeError):
                    await anext(aiter(session))
            if how != "left":
                session.interrupt()
    finally:
        session.interrupt()
