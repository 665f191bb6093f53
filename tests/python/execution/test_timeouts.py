"""A timeout holds wherever it can be given, while functions block, and names node, input and for how long."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, few_threads

TIMEOUT = 0.05
LONG = 20.0
"""Seconds after which a function gives up to block, and a test has failed long since."""

release = threading.Event()


@pytest.fixture(autouse=True)
def _functions_that_block_end_with_their_test() -> Iterator[None]:
    release.clear()
    yield
    release.set()


@rm.node
def block(value: Any) -> Any:
    release.wait(LONG)
    return value


@rm.node
def block_in_parts(value: Any) -> Iterator[Any]:
    yield value
    release.wait(LONG)
    yield value


@rm.node
class Block:
    def process(self, value: Any) -> Any:
        release.wait(LONG)
        return value


@rm.node
class BlockAtTheBegin:
    def initialize(self) -> None:
        release.wait(LONG)

    def process(self, value: Any) -> Any:
        return value


@rm.node(batch=4)
def block_batch(values: list[Any]) -> list[Any]:
    release.wait(LONG)
    return values


@rm.node
async def later(value: Any) -> Any:
    return value


KINDS = [block, block_in_parts, Block, BlockAtTheBegin, block_batch]


def run_sync(pipeline: rm.Pipeline, engine: Any) -> Any:
    return pipeline.run_sync([1, 2], timeout=TIMEOUT, engine=engine)


def execute_sync(pipeline: rm.Pipeline, engine: Any) -> Any:
    return rm.execute_sync(pipeline.manifest(), [1, 2], timeout=TIMEOUT, engine=engine)


def run(pipeline: rm.Pipeline, engine: Any) -> Any:
    return in_loop(lambda: pipeline.run([1, 2], timeout=TIMEOUT, engine=engine))


def run_sync_in_loop(pipeline: rm.Pipeline, engine: Any) -> Any:
    async def blocking() -> Any:
        return pipeline.run_sync([1, 2], timeout=TIMEOUT, engine=engine)

    return in_loop(blocking)


def in_loop(work: Callable[[], Any]) -> Any:
    """What `work` gives; the function that blocks may end once that is there, so that the loop can close."""

    async def main() -> Any:
        try:
            return await work()
        finally:
            ended.append(time.monotonic())
            release.set()

    return asyncio.run(main())


ended: list[float] = []


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("way", [run_sync, execute_sync, run, run_sync_in_loop])
@pytest.mark.parametrize("kind", KINDS)
def test_a_timeout_holds_while_a_function_blocks(kind: Any, way: Callable[..., Any], engine: Any) -> None:
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> kind()
    begin = time.monotonic()
    ended.clear()
    with pytest.raises(rm.TimedOut):
        way(pipeline, engine)
    assert (ended[0] if ended else time.monotonic()) - begin < LONG / 2


def test_a_timeout_holds_beside_an_async_function() -> None:
    begin = time.monotonic()
    with pytest.raises(rm.TimedOut):
        (rm.Pipeline() >> later() >> block()).run_sync([1], timeout=TIMEOUT)
    assert time.monotonic() - begin < LONG / 2


@pytest.mark.parametrize("ordered", [False, True])
def test_a_timeout_of_map_is_that_of_each_source(ordered: bool) -> None:
    @rm.node
    def some_block(value: int) -> int:
        if value % 2:
            release.wait(LONG)
        return value

    pipeline = rm.Pipeline() >> some_block()

    async def map_async() -> list[Any]:
        results = pipeline.map(range(6), concurrency=2, ordered=ordered, timeout=1.0)
        return [result async for result in results]

    begin = time.monotonic()
    for results in (
        list(pipeline.map_sync(range(6), concurrency=2, ordered=ordered, timeout=1.0)),
        in_loop(map_async),
    ):
        assert {result.source: list(result.outputs or []) for result in results if result.error is None} == {
            0: [0],
            2: [2],
            4: [4],
        }
        assert {result.source for result in results if isinstance(result.error, rm.TimedOut)} == {1, 3, 5}
    assert time.monotonic() - begin < LONG


def test_without_a_timeout_functions_run_on_the_calling_thread_and_with_one_elsewhere() -> None:
    @rm.node
    def thread(value: Any) -> int:
        return threading.get_ident()

    pipeline = rm.Pipeline() >> thread()
    assert pipeline.run_sync([1]) == [threading.get_ident()]
    (other,) = pipeline.run_sync([1], timeout=60)
    assert other != threading.get_ident()


def test_a_class_is_cleaned_up_once_before_the_call_returns_and_by_its_thread_if_that_blocks() -> None:
    cleaned: list[str] = []
    is_clean = threading.Event()

    @rm.node
    class Kept:
        def __init__(self, *, blocks: bool) -> None:
            self.blocks = blocks

        def process(self, value: Any) -> Any:
            if self.blocks:
                release.wait(LONG)
            return value

        def cleanup(self) -> None:
            cleaned.append(threading.current_thread().name)
            is_clean.set()

    assert (rm.Pipeline() >> Kept(blocks=False)).run_sync([1, 2], timeout=60) == [1, 2]
    assert len(cleaned) == 1
    is_clean.clear()
    with pytest.raises(rm.TimedOut):
        (rm.Pipeline() >> Kept(blocks=True)).run_sync([1, 2], timeout=TIMEOUT)
    assert len(cleaned) == 1
    release.set()
    assert is_clean.wait(LONG)
    assert len(cleaned) == 2
    assert cleaned[1] == "remotemedia-node"


def test_a_function_may_run_a_pipeline_with_a_timeout_itself() -> None:
    inner = rm.Pipeline() >> rm.Node("Calculator", {"operation": "add", "operand": 1})

    @rm.node
    def nested(value: int) -> int:
        return int(next(iter(inner.run_sync([value], timeout=60))))

    assert (rm.Pipeline() >> nested()).run_sync(list(range(50)), timeout=60) == list(range(1, 51))


def test_context_variables_are_those_of_the_caller() -> None:
    from contextvars import ContextVar

    name: ContextVar[str] = ContextVar("name")
    name.set("mine")

    @rm.node
    def read(value: Any) -> str:
        return name.get()

    assert (rm.Pipeline() >> read()).run_sync([1], timeout=60) == ["mine"]


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    few_threads(monkeypatch, 1)


WAITED = (
    r"timed out after 0\.05 s: node '(block|block_in_parts|Block)' \(python:[\w.]+:\w+\) has waited for a thread "
    r"with input 0 for \d+\.\d\d s: 1 sync function is at work, on the only thread\. "
    r"Make them async, or raise function_threads with remotemedia\.configure\."
)


async def in_a_loop(pipeline: rm.Pipeline) -> None:
    await pipeline.run([1], timeout=TIMEOUT)


async def without_a_loop(pipeline: rm.Pipeline) -> None:
    await asyncio.to_thread(pipeline.run_sync, [1], timeout=TIMEOUT)


async def in_a_session(pipeline: rm.Pipeline) -> None:
    async with pipeline.session(deadline=TIMEOUT, watchdog=None) as session:
        await session.send(1)
        async for _ in session:
            pass


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", [block, block_in_parts, Block])
@pytest.mark.parametrize("way", [in_a_loop, without_a_loop, in_a_session])
async def test_the_message_tells_that_a_function_waits_for_a_thread(kind: Any, way: Callable[..., Any]) -> None:
    is_busy = asyncio.Event()
    loop = asyncio.get_running_loop()

    @rm.node
    def busy(value: Any) -> Any:
        loop.call_soon_threadsafe(is_busy.set)
        release.wait(LONG)
        return value

    other = asyncio.create_task((rm.Pipeline() >> busy()).run([1]))
    await is_busy.wait()
    with pytest.raises(rm.TimedOut) as caught:
        await way(rm.Pipeline() >> kind())
    assert re.fullmatch(WAITED, str(caught.value)), str(caught.value)
    release.set()
    assert await other == [1]


@pytest.mark.usefixtures("one_thread")
async def test_a_function_that_has_a_thread_is_named_as_at_work_while_others_wait() -> None:
    pipeline = rm.Pipeline() >> block()
    first = asyncio.create_task(pipeline.run([1], timeout=0.3))
    second = asyncio.create_task(pipeline.run([1]))
    with pytest.raises(rm.TimedOut, match=r"node 'block' .* has worked on input 0 for "):
        await first
    release.set()
    assert await second == [1]


AT_WORK = (
    r"timed out after 1 s: node 'slow' \(python:[\w.]+:wait\) has worked on input(s \d to)? \d for \d+\.\d\d s\. "
    r"Allow more time, or give it less to do\."
)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_message_names_the_node_its_input_and_for_how_long(is_async: bool, engine: Any) -> None:
    if is_async:

        async def wait(value: Any) -> Any:
            await asyncio.Event().wait()
    else:

        def wait(value: Any) -> Any:
            release.wait(LONG)

    manifest = chain(("in", "PassThrough", {}), ("slow", wait, {}))
    with pytest.raises(rm.TimedOut) as caught:
        rm.execute_sync(manifest, [1, 2], timeout=1, engine=engine)
    assert re.fullmatch(AT_WORK, str(caught.value))


called: list[Any] = []
NO_TIME = "timed out after 0 s: no time was left when it began. Allow more time, or give it less to do."


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("last", [rm.nodes.PassThrough(), rm.node(lambda value: called.append(value))()])
async def test_no_time_at_all_is_over_before_a_node_works(last: Any, engine: Any) -> None:
    called.clear()
    pipeline = rm.Pipeline() >> last
    for _ in range(50):
        with pytest.raises(rm.TimedOut) as caught:
            await pipeline.run([1], timeout=0, engine=engine)
        assert str(caught.value) == NO_TIME
        with pytest.raises(rm.TimedOut) as caught:
            await asyncio.to_thread(pipeline.run_sync, [1], timeout=0, engine=engine)
        assert str(caught.value) == NO_TIME
        if engine == "native":
            with pytest.raises(rm.TimedOut) as caught:  # noqa: PT012
                async with pipeline.session(deadline=0) as session:
                    await session.send(1)
                    await session.receive()
            assert str(caught.value) == NO_TIME
    assert called == []


async def test_a_session_that_is_out_of_time_says_what_it_waits_for() -> None:
    with pytest.raises(rm.TimedOut) as caught:  # noqa: PT012
        async with (rm.Pipeline() >> rm.nodes.PassThrough()).session(deadline=0.01) as session:
            async for _ in session:
                pass
    assert str(caught.value) == (
        "timed out after 0.01 s: it waits for more packets, or for its finish. Allow more time, or give it less to do."
    )


def test_a_node_that_waits_for_a_pipe_has_worked_all_the_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "silent.wav")
    # It looks up every quarter of a second.
    with pytest.raises(rm.TimedOut, match=r"\(AudioDecode\) has worked on input 0 for [01]\.\d\d s\.") as caught:
        (rm.Pipeline() >> rm.nodes.AudioDecode()).run_sync([rm.File(tmp_path / "silent.wav")], timeout=1)
    assert float(str(caught.value).rpartition(" for ")[2].split()[0]) > 0.5
