"""Generators as nodes: several values for one, each as soon as it is made, and only as many as there is room for."""

from __future__ import annotations

import asyncio
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, eventually
from face_functions import even, up_to
from remotemedia._functions import late_cleanups
from remotemedia._functions.chain import _END, _Stepped
from remotemedia._functions.spec import HostFunction
from ways import everywhere, native, reference, reference_sync


def below(value: int) -> Iterator[int]:
    yield from range(value)


async def below_later(value: int) -> AsyncIterator[int | None]:
    for number in range(value):
        await asyncio.sleep(0)
        yield number
        yield None


def double(value: int) -> int:
    return value * 2


async def negative(value: int) -> int:
    return -value


def odd(value: int) -> int | None:
    return value if value % 2 else None


@everywhere
@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ([below], [0, 0, 1, 2]),
        ([below_later], [0, 0, 1, 2]),
        ([below, double], [0, 0, 2, 4]),
        ([below, "PassThrough", double], [0, 0, 2, 4]),
        ([double, below], [0, 1, 0, 1, 2, 3, 4, 5]),
        ([below, below_later], [0, 0, 1]),
        ([below_later, below], [0, 0, 1]),
        ([below, negative, odd], [-1]),
        ([odd, below_later, double], [0, 0, 2, 4]),
    ],
)
def test_all_that_is_yielded_comes_out_in_order(execute: Any, functions: list[Any], expected: list[int]) -> None:
    manifest = chain(*((f"n{index}", function, {}) for index, function in enumerate(functions)))
    outputs = execute(manifest, [1, 0, 3])
    assert outputs == expected
    if len(functions) == 1:
        assert [packet.item for packet in outputs.packets] == [0, 2, 2, 2]


@everywhere
def test_params_of_decorated_generators(execute: Any) -> None:
    text = (rm.Pipeline() >> up_to(step=3) >> even).to_json()
    assert execute(text, [7], python=["face_functions"]) == [0, 6]


def fails_late(value: int) -> Iterator[int]:
    yield value
    raise ValueError("no more")


async def fails_late_on_the_loop(value: int) -> AsyncIterator[int]:
    yield value
    raise ValueError("no more")


@everywhere
@pytest.mark.parametrize("function", [fails_late, fails_late_on_the_loop])
def test_an_exception_keeps_what_was_yielded_before_it(execute: Any, function: Any) -> None:
    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("first", double, {}), ("late", function, {})), [7])
    error = caught.value
    assert (error.node_id, error.item, error.outputs) == ("late", 0, [14])
    assert error.cause == "ValueError: no more"
    assert [frame.name for frame in traceback.extract_tb(error.__cause__.__traceback__)] == [function.__name__]


@everywhere
@pytest.mark.parametrize("function", [below, below_later])
def test_a_value_that_cannot_cross_ends_it_and_the_generator_is_closed(execute: Any, function: Any) -> None:
    closed = []

    def objects(value: int) -> Iterator[Any]:
        try:
            yield value
            yield object()
            closed.append("went on")
        finally:
            closed.append("closed")

    with pytest.raises(rm.NodeError, match="the returned value: an object can't cross") as caught:
        execute(chain(("f", function, {}), ("objects", objects, {})), [3])
    assert caught.value.outputs == [0]
    assert eventually(lambda: bool(closed))
    assert closed == ["closed"]


@everywhere
def test_what_follows_a_generator_fails_by_its_own_name(execute: Any) -> None:
    left = []

    def numbers(value: int) -> Iterator[int]:
        try:
            yield from range(value)
        finally:
            left.append(value)

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("numbers", numbers, {}), ("inverse", lambda value: 1 // (1 - value), {})), [5])
    assert (caught.value.node_id, caught.value.outputs) == ("inverse", [1])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert eventually(lambda: left == [5])


class Endless:
    """Generators without an end, and what became of them."""

    def __init__(self) -> None:
        self.made = 0
        self.has_begun = threading.Event()
        self.closed = threading.Event()

    def sync(self, value: int) -> Iterator[int]:
        try:
            while True:
                yield self.made
                self.made += 1
                self.has_begun.set()
        finally:
            self.closed.set()

    async def later(self, value: int) -> AsyncIterator[int]:
        try:
            while True:
                yield self.made
                self.made += 1
                self.has_begun.set()
        finally:
            self.closed.set()


kinds = pytest.mark.parametrize("kind", ["sync", "later"])


async def happened(event: threading.Event) -> bool:
    return await asyncio.get_running_loop().run_in_executor(None, event.wait, 20)


@kinds
async def test_the_first_value_leaves_before_the_second_is_made(kind: str) -> None:
    may_go_on = threading.Event()

    def sync(value: int) -> Iterator[int]:
        yield 1
        assert may_go_on.wait(20)
        yield 2

    async def later(value: int) -> AsyncIterator[int]:
        yield 1
        assert await happened(may_go_on)
        yield 2

    function = sync if kind == "sync" else later
    async with rm.Pipeline.load(chain(("f", function, {}), ("d", double, {}))).session() as session:
        reader = aiter(session)
        await session.send(0)
        assert (await anext(reader)).value == 2
        may_go_on.set()
        assert (await anext(reader)).value == 4


@kinds
async def test_a_generator_goes_on_only_while_there_is_room_and_is_closed_with_its_session(kind: str) -> None:
    endless = Endless()
    pipeline = rm.Pipeline.load(chain(("endless", getattr(endless, kind), {})))
    async with pipeline.session(buffer={"packets": 4}) as session:
        reader = aiter(session)
        await session.send(0)
        for expected in range(20):
            assert (await anext(reader)).value == expected
            # Four that wait, the one that waits to be taken, and what one read brought along.
            assert endless.made <= expected + 10
        session.cancel()
    assert await happened(endless.closed)


@kinds
async def test_an_interruption_closes_the_generator_and_the_session_goes_on(kind: str) -> None:
    endless = Endless()
    pipeline = rm.Pipeline.load(chain(("endless", getattr(endless, kind), {})))
    async with pipeline.session(buffer={"packets": 4}) as session:
        reader = aiter(session)
        await session.send(0)
        assert (await anext(reader)).value == 0
        session.interrupt()
        assert await happened(endless.closed)
        endless.made = 1000
        await session.send(1)
        assert (await anext(reader)).value == 1000
        session.cancel()


@kinds
@pytest.mark.parametrize("execute", [native, rm.execute_sync, reference, reference_sync])
def test_a_timeout_ends_an_endless_generator(execute: Any, kind: str) -> None:
    endless = Endless()
    with pytest.raises(rm.TimedOut):
        execute(chain(("endless", getattr(endless, kind), {})), [0], timeout=0.05)
    assert endless.closed.wait(20)


@kinds
async def test_cancelling_the_await_closes_the_generator(kind: str) -> None:
    endless = Endless()
    task = asyncio.create_task(rm.execute(chain(("endless", getattr(endless, kind), {})), [0]))
    assert await happened(endless.has_begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await happened(endless.closed)


@kinds
async def test_a_stream_that_is_left_closes_the_generator(kind: str) -> None:
    endless = Endless()
    async for value in rm.Pipeline.load(chain(("endless", getattr(endless, kind), {}))).stream([0]):
        if value == 5:
            break
    assert await happened(endless.closed)


def nothing(value: int) -> None:
    """Drops all that it gets."""


async def nothing_later(value: int) -> None:
    """Drops all that it gets."""


def no_more(value: int) -> Iterator[int]:
    """Drops all that it gets."""
    yield from ()


@rm.node
class Dropping:
    def process(self, value: int) -> None:
        """Drops all that it gets."""


droppers = pytest.mark.parametrize("dropper", [nothing, nothing_later, no_more, Dropping])


@kinds
@droppers
@pytest.mark.parametrize("execute", [native, rm.execute_sync, reference, reference_sync])
def test_a_timeout_ends_a_generator_whose_values_are_dropped(execute: Any, kind: str, dropper: Any) -> None:
    endless = Endless()
    with pytest.raises(rm.TimedOut):
        execute(chain(("endless", getattr(endless, kind), {}), ("drop", dropper, {})), [0], timeout=0.05)
    assert endless.closed.wait(20)


@kinds
@droppers
async def test_an_interruption_ends_a_generator_whose_values_are_dropped(kind: str, dropper: Any) -> None:
    endless = Endless()
    manifest = chain(("endless", getattr(endless, kind), {}), ("drop", dropper, {}))
    async with rm.Pipeline.load(manifest).session() as session:
        await session.send(0)
        assert await happened(endless.has_begun)
        session.interrupt()
        assert await happened(endless.closed)


class EndlessAtTheEnd:
    """A class of batches whose flush never ends; the next node, one of batches too, waits for its end."""

    endless = Endless()

    def process(self, values: list[int]) -> list[int]:
        return values

    def flush(self) -> Iterator[int]:
        yield from self.endless.sync(0)


def test_a_timeout_ends_an_endless_flush_of_a_class_of_batches() -> None:
    EndlessAtTheEnd.endless = Endless()
    manifest = chain(
        ("end", rm.node(EndlessAtTheEnd, batch=4), {}), ("all", rm.node(lambda values: values, batch=4), {})
    )
    with pytest.raises(rm.TimedOut):
        rm.execute_sync(manifest, [0], timeout=0.05)
    assert EndlessAtTheEnd.endless.closed.wait(20)


def test_an_error_of_another_node_ends_a_generator_whose_values_are_dropped() -> None:
    endless = Endless()
    manifest = {
        "version": "v1",
        "nodes": [
            {"id": "in", "node_type": "PassThrough"},
            {"id": "decode", "node_type": "AudioDecode"},
            {"id": "endless", "node_type": endless.sync},
            {"id": "drop", "node_type": nothing},
        ],
        "connections": [
            {"from": "in", "to": "decode"},
            {"from": "in", "to": "endless"},
            {"from": "endless", "to": "drop"},
        ],
    }
    with pytest.raises(rm.NodeError, match="node 'decode'"):
        rm.execute_sync(manifest, [rm.File(b"no sound")])
    # The error may be faster than its first value.
    assert endless.closed.is_set() == endless.has_begun.is_set()


@pytest.mark.parametrize("before", [[], [("negative", negative, {})]])
async def test_the_end_of_the_program_waits_for_a_generator_that_is_left_at_work(
    before: list[Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_busy, may_go_on, closed = (threading.Event() for _ in range(3))

    def busy(value: int) -> Iterator[int]:
        try:
            is_busy.set()
            assert may_go_on.wait(20)
            yield value
        finally:
            closed.set()

    task = asyncio.create_task(rm.execute(chain(*before, ("busy", busy, {})), [0]))
    assert await happened(is_busy)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with caplog.at_level(logging.WARNING, "remotemedia"), monkeypatch.context() as patch:
        patch.setattr(late_cleanups, "PATIENCE_SECONDS", 0.001)
        late_cleanups._wait()
    (message,) = caplog.messages
    assert message.endswith("busy is not closed: the program ends while it is still at work")
    threading.Timer(0.01, may_go_on.set).start()
    monkeypatch.setattr(late_cleanups, "PATIENCE_SECONDS", 20.0)
    late_cleanups._wait()
    assert closed.is_set()


def test_a_generator_that_is_left_makes_no_step_that_has_not_begun() -> None:
    endless = Endless()
    stepped = _Stepped(HostFunction(endless.sync, "endless", {}), 0)
    assert stepped.step() == 0
    assert stepped.is_left_to_us()
    assert stepped.step() is _END
    assert endless.made == 0
    assert endless.closed.is_set()


def test_what_a_generator_raises_while_it_is_closed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def stubborn(value: int) -> Iterator[Any]:
        try:
            yield object()
        finally:
            raise OSError("the device is gone")

    with caplog.at_level(logging.WARNING), pytest.raises(rm.NodeError, match="an object can't cross"):
        rm.execute_sync(chain(("stubborn", stubborn, {})), [0])
    assert caplog.messages == ["a node raised while it was closed: OSError('the device is gone')"]


async def test_generators_pass_arrays_without_a_copy_of_the_memory() -> None:
    numpy = pytest.importorskip("numpy")
    sound = numpy.zeros((1, 48000), numpy.float32)

    @rm.node
    def halves(value: rm.Audio) -> Iterator[rm.Audio]:
        middle = value.frames // 2
        yield rm.Audio(value.samples[:, :middle], value.rate)
        yield rm.Audio(value.samples[:, middle:], value.rate)

    outputs = await (rm.Pipeline() >> halves).run([rm.Audio(sound, 48000)])
    assert [output.frames for output in outputs] == [24000, 24000]
    assert all(numpy.shares_memory(output.samples, sound) for output in outputs)
