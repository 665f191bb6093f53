"""Replies in parts: what is done leaves before the rest is made, the rest is made only while there is room, and nothing
more is made once a call is over. However a function is written, and wherever its call is served.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, eventually
from remotemedia._engine.port_registry import loop_port
from remotemedia._functions import serve

numpy = pytest.importorskip("numpy")

LONG = 30.0
"""Seconds after which a function gives up to wait, and a test has failed long since."""

Body = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def _each_value_leaves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """No value waits for the next one, as after 5 ms of work."""
    monkeypatch.setattr(serve, "PART_SECONDS", 0.0)


def plain(body: Body) -> Any:
    @rm.node
    def node(value: Any) -> Any:
        return body(value)

    return node


def instance(body: Body) -> Any:
    @rm.node
    class Node:
        def process(self, value: Any) -> Any:
            return body(value)

    return Node


def ports(body: Body) -> Any:
    @rm.node(inputs=["a", "b"], outputs=["c", "d"])
    def node(value: Any, port: str) -> Any:
        return None if (made := body(value)) is None else rm.Out("c", made)

    return node


def generator(body: Body) -> Any:
    @rm.node
    def node(value: Any) -> Iterator[Any]:
        yield body(value)

    return node


def single_batch(body: Body) -> Any:
    @rm.node(batch=1)
    def node(values: list[Any]) -> list[Any]:
        return [body(value) for value in values]

    return node


def plain_later(body: Body) -> Any:
    @rm.node
    async def node(value: Any) -> Any:
        return await asyncio.to_thread(body, value)

    return node


def instance_later(body: Body) -> Any:
    @rm.node
    class Node:
        async def process(self, value: Any) -> Any:
            return await asyncio.to_thread(body, value)

    return Node


def ports_later(body: Body) -> Any:
    @rm.node(inputs=["a", "b"], outputs=["c", "d"])
    async def node(value: Any, port: str) -> Any:
        return None if (made := await asyncio.to_thread(body, value)) is None else rm.Out("c", made)

    return node


SYNC = [plain, instance, ports, generator, single_batch]
LATER = [plain_later, instance_later, ports_later]


class Blocking:
    """A function that notes what it is called with, and waits in its first call."""

    def __init__(self, given: Callable[[Any], Any] = lambda value: value) -> None:
        self.seen: list[Any] = []
        self.is_busy, self.may_go_on = threading.Event(), threading.Event()
        self._given = given

    def __call__(self, value: Any) -> Any:
        self.seen.append(value)
        if value == 0:
            self.is_busy.set()
            assert self.may_go_on.wait(LONG)
        return self._given(value)


def nothing(value: Any) -> None:
    """Gives nothing, as a function does that only listens."""


def is_idle() -> bool:
    """Whether no function is at work on a serving thread."""
    from remotemedia._functions import threads

    return threads.here()._open == 0


@pytest.mark.parametrize("given", [lambda value: value, nothing], ids=["values", "nothing"])
@pytest.mark.parametrize("kind", SYNC)
@pytest.mark.parametrize("at", [None, "f"])
async def test_after_an_interruption_only_the_value_at_work_is_finished(kind: Any, given: Any, at: str | None) -> None:
    blocking = Blocking(given)
    async with (rm.Pipeline() >> rm.nodes.PassThrough() >> kind(blocking)(name="f")).session() as session:
        await session.send_many(range(20))
        assert await asyncio.to_thread(blocking.is_busy.wait, LONG)
        session.interrupt() if at is None else session.interrupt(at=at)
        # The event that ends the call.
        loop_port(asyncio.get_running_loop()).drain()
        blocking.may_go_on.set()
        await session.send(99)
        await session.finish()
        assert [packet.value async for packet in session] == [value for value in [given(99)] if value is not None]
    assert blocking.seen == [0, 99]


@pytest.mark.parametrize("given", [lambda value: value, nothing], ids=["values", "nothing"])
@pytest.mark.parametrize("kind", SYNC)
async def test_a_session_that_is_cancelled_finishes_only_the_value_at_work(kind: Any, given: Any) -> None:
    blocking = Blocking(given)
    async with (rm.Pipeline() >> kind(blocking)()).session() as session:
        await session.send_many(range(20))
        assert await asyncio.to_thread(blocking.is_busy.wait, LONG)
        session.cancel()
    blocking.may_go_on.set()
    assert eventually(is_idle)
    assert blocking.seen == [0]


@pytest.mark.parametrize("in_loop", [False, True], ids=["blocking", "awaited"])
@pytest.mark.parametrize("kind", SYNC)
def test_after_a_timeout_only_the_value_at_work_is_finished(kind: Any, in_loop: bool) -> None:
    blocking = Blocking()
    pipeline = rm.Pipeline() >> kind(blocking)()

    async def main() -> None:
        try:
            await pipeline.run(list(range(20)), timeout=0.05)
        finally:
            blocking.may_go_on.set()

    with pytest.raises(rm.TimedOut):
        asyncio.run(main()) if in_loop else pipeline.run_sync(list(range(20)), timeout=0.05)
    blocking.may_go_on.set()
    assert eventually(is_idle)
    assert blocking.seen == [0]


async def test_a_batch_that_failed_is_not_tried_value_by_value_after_an_interruption() -> None:
    seen: list[list[Any]] = []
    is_busy, may_go_on = threading.Event(), threading.Event()

    @rm.node(batch=4)
    def node(values: list[Any]) -> list[Any]:
        seen.append(values)
        if values == [0, 1, 2, 3]:
            is_busy.set()
            assert may_go_on.wait(LONG)
            raise ValueError("too many")
        return values

    async with (rm.Pipeline() >> node()).session() as session:
        await session.send_many(range(4))
        assert await asyncio.to_thread(is_busy.wait, LONG)
        session.interrupt()
        loop_port(asyncio.get_running_loop()).drain()
        may_go_on.set()
        await session.send(99)
        await session.finish()
        assert [packet.value async for packet in session] == [99]
    assert seen == [[0, 1, 2, 3], [99]]


async def test_an_instance_that_is_interrupted_in_its_first_call_is_cleaned_up_and_gets_no_value() -> None:
    log: list[Any] = []
    is_busy, may_go_on = threading.Event(), threading.Event()

    @rm.node
    class Node:
        def initialize(self) -> None:
            log.append("initialize")
            is_busy.set()
            assert may_go_on.wait(LONG)

        def process(self, value: int) -> int:
            log.append(value)
            return value

        def cleanup(self) -> None:
            log.append("cleanup")

    async with (rm.Pipeline() >> Node()).session() as session:
        await session.send_many(range(4))
        assert await asyncio.to_thread(is_busy.wait, LONG)
        session.interrupt()
        loop_port(asyncio.get_running_loop()).drain()
        may_go_on.set()
        await session.send(99)
        await session.finish()
        assert [packet.value async for packet in session] == [99]
    assert log == ["initialize", "cleanup", "initialize", 99, "cleanup"]


@pytest.mark.parametrize("kind", SYNC + LATER)
async def test_what_a_function_has_given_leaves_before_the_rest_is_made(kind: Any) -> None:
    arrived = threading.Event()

    def body(value: int) -> int | None:
        if value == 3:
            assert arrived.wait(LONG), "the values before it did not leave"
        # Where it gives none, what it gave before leaves too.
        return None if value == 2 else value

    async with (rm.Pipeline() >> kind(body)()).session() as session:
        await session.send_many(range(6))
        await session.finish()
        seen = []
        async for packet in session:
            seen.append(packet.value)
            if packet.value == 1:
                arrived.set()
    assert seen == [0, 1, 3, 4, 5]


@pytest.mark.parametrize("kind", SYNC + LATER)
def test_a_timeout_has_what_was_done_before_it(kind: Any) -> None:
    released = threading.Event()

    def body(value: int) -> int:
        if value == 2:
            assert released.wait(LONG)
        return value

    async def main() -> None:
        try:
            await (rm.Pipeline() >> kind(body)()).run(list(range(10)), timeout=1.0)
        finally:
            released.set()

    with pytest.raises(rm.TimedOut) as caught:
        asyncio.run(main())
    assert caught.value.outputs == [0, 1]


def sound(value: int) -> rm.Audio:
    """Six seconds: one alone fills a queue, which holds five."""
    return rm.Audio(numpy.full((1, 48_000), value, numpy.float32), 8000)


def number_of(heard: rm.Audio) -> int:
    return int(heard.samples[0, 0])


@pytest.mark.parametrize("kind", SYNC + LATER)
async def test_a_function_works_on_only_while_there_is_room(kind: Any) -> None:
    made: list[int] = []

    def body(value: int) -> rm.Audio:
        made.append(value)
        return sound(value)

    async with (rm.Pipeline() >> kind(body)()).session() as session:
        await session.send_many(range(30))
        await session.finish()
        for expected in range(30):
            assert number_of((await anext(aiter(session))).value) == expected
            # Those that wait to be taken, the one that filled the queue, and the one at work.
            assert len(made) <= expected + 5


@pytest.mark.parametrize("timeout", [None, LONG], ids=["on this thread", "on serving threads"])
@pytest.mark.parametrize("kind", SYNC)
def test_a_function_of_a_blocking_run_works_on_only_while_there_is_room(kind: Any, timeout: float | None) -> None:
    made: list[int] = []
    ahead: list[int] = []

    def body(value: int) -> rm.Audio:
        made.append(value)
        return sound(value)

    def listen(heard: rm.Audio) -> int:
        ahead.append(len(made) - number_of(heard))
        return number_of(heard)

    pipeline = rm.Pipeline() >> kind(body)() >> rm.nodes.PassThrough() >> plain(listen)()
    assert pipeline.run_sync(list(range(64)), timeout=timeout) == list(range(64))
    assert max(ahead) <= 5


async def test_functions_that_wait_for_room_occupy_no_threads() -> None:
    made: list[int] = []

    def body(value: int) -> rm.Audio:
        made.append(value)
        return sound(value)

    pipeline = rm.Pipeline() >> plain(body)()
    sessions = [pipeline.session() for _ in range(40)]
    for session in sessions:
        await session.__aenter__()
        await session.send_many(range(30))
    assert await asyncio.to_thread(eventually, lambda: len(made) >= 40 and is_idle())
    assert len(made) < 40 * 10
    for session in sessions:
        session.cancel()
        await session.__aexit__(None, None, None)


async def test_an_interruption_ends_calls_that_wait_for_room() -> None:
    for kind in SYNC + LATER:
        made: list[int] = []

        def body(value: int, made: list[int] = made) -> rm.Audio:
            made.append(value)
            return sound(value)

        async with (rm.Pipeline() >> kind(body)()).session() as session:
            reader = aiter(session)
            await session.send_many(range(30))
            assert number_of((await anext(reader)).value) == 0
            session.interrupt()
            await session.send(99)
            await session.finish()
            heard = [number_of(packet.value) async for packet in reader]
        assert heard[-1] == 99
        assert made[-1] == 99
        assert len(made) < 10


@pytest.mark.parametrize("kind", [*SYNC, plain_later, instance_later])
@pytest.mark.parametrize("way", ["blocking", "blocking with a timeout", "awaited", "reference"])
def test_an_error_in_the_middle_names_its_input_and_keeps_what_left_before(kind: Any, way: str) -> None:
    def body(value: int) -> int | None:
        if value == 5:
            raise ValueError("five")
        return None if value == 1 else value

    pipeline = rm.Pipeline() >> kind(body)(name="f")
    inputs = list(range(10))
    ways: dict[str, Callable[[], Any]] = {
        "blocking": lambda: pipeline.run_sync(inputs),
        "blocking with a timeout": lambda: pipeline.run_sync(inputs, timeout=LONG),
        "awaited": lambda: asyncio.run(pipeline.run(inputs)),
        "reference": lambda: pipeline.run_sync(inputs, engine="python"),
    }
    with pytest.raises(rm.NodeError) as caught:
        ways[way]()
    assert (caught.value.node_id, caught.value.item, caught.value.cause) == ("f", 5, "ValueError: five")
    assert caught.value.outputs.by_item[:5] == [[0], [], [2], [3], [4]]


@pytest.mark.parametrize("kind", SYNC + LATER)
@pytest.mark.parametrize("in_loop", [False, True], ids=["blocking", "awaited"])
def test_what_has_left_is_not_given_twice_when_a_value_is_tried_again(kind: Any, in_loop: bool) -> None:
    seen: list[int] = []

    def body(value: int) -> rm.Audio:
        seen.append(value)
        if value % 4 == 3 and seen.count(value) == 1:
            raise ValueError("not yet")
        return sound(value)

    manifest = chain(("f", kind(body), {}))
    manifest["nodes"][0]["on_error"] = {"retry": {"times": 1, "backoff_ms": 0}}
    inputs = list(range(20))
    outputs = asyncio.run(rm.execute(manifest, inputs)) if in_loop else rm.execute_sync(manifest, inputs)
    assert [number_of(heard) for heard in outputs] == inputs
    assert outputs.retries == 5


def test_an_exception_that_ends_iterations_is_an_error_like_others() -> None:
    def exhausted(value: int) -> int:
        return next(iter(()))  # type: ignore[call-overload]

    with pytest.raises(rm.NodeError) as caught:
        (rm.Pipeline() >> plain(exhausted)()).run_sync([1])
    assert caught.value.cause == "StopIteration"
