"""`stream`, `map` and `map_sync`: order, bounds, failures, and readers that leave early."""

from __future__ import annotations

import asyncio
import gc
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy
import pytest
import remotemedia as rm
from conftest import ADD_5, chain, eventually, live_objects
from remotemedia._engine.loop_port import LoopDriver
from remotemedia._engine.port import EventPort
from remotemedia._engine.run import Run

SPEECH = pathlib.Path(__file__).parents[3] / "examples/speech.flac"


def later(*steps: tuple[str, Any]) -> rm.Pipeline:
    return rm.Pipeline.load(chain(*((name, function, {}) for name, function in steps)))


async def add_one(value: int) -> int:
    await asyncio.sleep(0)
    return value + 1


def no_threes(value: int) -> int:
    if value == 3:
        raise ValueError("no threes")
    return value


async def numbers(count: int) -> AsyncIterator[int]:
    for value in range(count):
        await asyncio.sleep(0)
        yield value


async def test_a_stream_is_in_order_whatever_the_source_is() -> None:
    for pipeline, by in ((rm.Pipeline.load(ADD_5), 5), (later(("one", add_one)), 1)):
        for source in (range(300), iter(range(300)), numbers(300)):
            assert [value async for value in pipeline.stream(source)] == [value + by for value in range(300)]


async def test_a_stream_asks_for_no_more_than_is_bounded() -> None:
    asked = 0

    def source() -> Iterator[int]:
        nonlocal asked
        while True:
            yield asked
            asked += 1

    stream = later(("one", add_one)).stream(source(), buffer={"packets": 4})
    for expected in range(1, 200):
        assert await anext(stream) == expected
        # What waits at the entry, with the function and at the sink, and one batch of outputs.
        assert asked < expected + 4 + 32 + 4 + 256
    await stream.aclose()
    assert eventually(lambda: live_objects()["sessions"] == 0)


async def test_what_a_source_raises_comes_after_what_it_gave() -> None:
    def plain() -> Iterator[int]:
        yield from range(3)
        raise KeyError("empty")

    async def asynchronous() -> AsyncIterator[int]:
        for value in range(3):
            yield value
        raise KeyError("empty")

    for source in (plain(), asynchronous()):
        got = []
        with pytest.raises(KeyError, match="empty"):  # noqa: PT012
            async for value in rm.Pipeline.load(ADD_5).stream(source):
                got.append(value)
        assert got == [5, 6, 7]


async def test_a_stream_raises_what_a_node_raised_after_what_came_before() -> None:
    for source in (range(100), numbers(100)):
        got = []
        with pytest.raises(rm.NodeError, match="no threes"):  # noqa: PT012
            async for value in later(("no", no_threes)).stream(source):
                got.append(value)
        assert got == [0, 1, 2]


async def test_a_stream_gives_what_came_before_the_failure_of_a_class() -> None:
    @rm.node
    class NoThrees:
        def process(self, value: int) -> int:
            return no_threes(value)

        async def cleanup(self) -> None:
            await asyncio.sleep(0.02)

    got = []
    with pytest.raises(rm.NodeError, match="no threes"):  # noqa: PT012
        async for value in (rm.Pipeline() >> NoThrees()).stream(range(1000)):
            got.append(value)
    assert got == [0, 1, 2]


async def test_map_gives_a_result_for_each_source() -> None:
    for pipeline in (later(("no", no_threes)), later(("no", no_threes), ("one", add_one))):
        for source in (range(20), numbers(20)):
            results = [result async for result in pipeline.map(source, concurrency=3)]
            assert sorted(result.source for result in results) == list(range(20))
            for result in results:
                assert result.seconds >= 0
                if result.source == 3:
                    assert isinstance(result.error, rm.NodeError)
                    assert result.outputs is None
                else:
                    assert result.error is None
                    assert result.outputs == [result.source + len(pipeline.nodes) - 1]
    ordered = later(("one", add_one)).map(range(50), ordered=True)
    assert [result.source async for result in ordered] == list(range(50))


async def test_a_worker_may_be_done_before_the_task_of_map_begins_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    start = EventPort.start

    def done(port: Any, *arguments: Any) -> Any:
        run = start(port, *arguments)
        while isinstance(run, Run) and run.completion is None:
            port.drain()
        return run

    monkeypatch.setattr(EventPort, "start", done)
    monkeypatch.setattr(LoopDriver, "budget_us", 0)
    arrays = [numpy.full(30_000, number, numpy.float32) for number in range(5)]
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough()

    async def mapped() -> list[Any]:
        return [(result.error, result.outputs) async for result in pipeline.map(arrays)]

    for (error, outputs), array in zip(await asyncio.wait_for(mapped(), 60), arrays, strict=True):
        assert error is None
        assert numpy.array_equal(outputs[0], array)


async def test_map_runs_so_many_at_a_time() -> None:
    running = most = 0
    are_four, may_end = asyncio.Event(), asyncio.Event()

    async def count(value: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 4:
            are_four.set()
        await may_end.wait()
        running -= 1
        return value

    async def let_them_end() -> None:
        await are_four.wait()
        # A fifth one would begin in these turns of the loop.
        for _ in range(100):
            await asyncio.sleep(0)
        may_end.set()

    ending = asyncio.create_task(let_them_end())
    results = [result async for result in later(("count", count)).map(range(30), concurrency=4)]
    await ending
    assert (len(results), most) == (30, 4)
    with pytest.raises(rm.InvalidArgumentError, match="concurrency must be a whole number of 1 or more, got 0"):
        await anext(later(("count", count)).map([1], concurrency=0))


async def test_a_reader_of_map_may_leave_early() -> None:
    results = later(("one", add_one)).map(range(10**9))
    async for result in results:
        if result.source >= 20:
            break
    await results.aclose()
    assert eventually(lambda: live_objects()["runs"] == 0)


@pytest.mark.parametrize("start", [rm.Pipeline.stream, rm.Pipeline.map], ids=["stream", "map"])
async def test_a_source_is_closed_before_those_who_left_early_go_on(start: Any) -> None:
    closed = False

    async def source() -> AsyncIterator[int]:
        nonlocal closed
        try:
            while True:
                yield 1
        finally:
            await asyncio.sleep(0)
            closed = True

    values = start(rm.Pipeline.load(ADD_5), source())
    await anext(values)
    await values.aclose()
    assert closed


def test_map_sync_is_the_same_without_a_loop() -> None:
    for pipeline, by in ((rm.Pipeline.load(ADD_5), 5), (later(("one", add_one)), 1)):
        results = list(pipeline.map_sync(range(50), ordered=True))
        assert [(result.source, result.outputs) for result in results] == [(value, [value + by]) for value in range(50)]
    results = list(later(("no", no_threes)).map_sync(range(6)))
    assert [result.source for result in results if result.error is not None] == [3]
    for pipeline in (later(("no", no_threes)), later(("one", add_one))):
        for result in pipeline.map_sync(range(10**9)):
            if result.source >= 2:
                break
    assert eventually(lambda: live_objects()["runs"] == 0)


async def test_map_sync_blocks_a_running_loop_unless_a_function_needs_it() -> None:
    assert [result.outputs for result in rm.Pipeline.load(ADD_5).map_sync([1, 2], ordered=True)] == [[6], [7]]
    name = f"python:{__name__}:add_one"
    message = (
        f"map_sync would block the running event loop, which the async function {name} needs; "
        r"write: async for result in pipeline.map\(sources\)"
    )
    with pytest.raises(RuntimeError, match=message):
        later(("one", add_one)).map_sync([1])


@pytest.mark.parametrize("is_async", [False, True])
async def test_raw_samples_that_end_within_one_give_their_outputs_and_then_the_error(is_async: bool) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    pieces = [bytes(640), bytes(321)]
    source = arriving() if is_async else pieces
    frames = []
    with pytest.raises(rm.InvalidArgumentError, match=r"^the stream ends in the middle of a frame: 1 byte"):  # noqa: PT012
        async for sound in (rm.Pipeline() >> rm.nodes.PassThrough()).stream(source, input=rm.PCM("s16", 16000, 1)):
            frames.append(sound.frames)
    assert frames == [320, 160]


async def slowly_closed(values: Any, closed: Callable[[], None]) -> AsyncIterator[Any]:
    try:
        for value in values:
            yield value
    finally:
        await asyncio.sleep(0)
        closed()


LEFT: dict[str, Callable[[Any], Any]] = {
    "stream": lambda closed: rm.Pipeline.load(ADD_5).stream(slowly_closed(range(1000), closed)),
    "map": lambda closed: rm.Pipeline.load(ADD_5).map(slowly_closed(range(1000), closed)),
    "counted": lambda closed: rm.Pipeline.load(ADD_5).map(
        slowly_closed(range(1000), closed), on_progress=lambda _: None
    ),
    "files": lambda closed: rm.aiter_many(slowly_closed([SPEECH] * 50, closed)),
}


@pytest.mark.parametrize("is_garbage", [False, True], ids=["end", "garbage"])
@pytest.mark.parametrize("form", LEFT)
def test_a_loop_closes_what_was_left_and_logs_nothing(
    form: str, is_garbage: bool, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[Any] = []
    is_closed, count = asyncio.Event(), 0

    def closed() -> None:
        nonlocal count
        count += 1
        is_closed.set()

    async def main() -> None:
        left = LEFT[form](closed)
        await anext(left)
        kept.append(left)
        if is_garbage:
            kept.append(kept.copy())
            kept[1].append(kept[1])
            del left
            kept.clear()
            gc.collect()
            await is_closed.wait()

    asyncio.run(main())
    kept.clear()
    gc.collect()
    assert (count, caplog.messages) == (1, [])
