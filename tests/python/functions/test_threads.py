"""The threads that run Python functions: what is submitted runs at once, up to the most that there may be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, few_threads
from remotemedia._functions import threads
from remotemedia._functions.threads import Levels, Workers

SECONDS = 20


def test_work_does_not_wait_behind_a_thread_that_has_just_taken_other_work() -> None:
    taken, go_on = threading.Event(), threading.Event()

    class Slow(SimpleQueue):  # type: ignore[type-arg]
        def get(self, *arguments: Any, **options: Any) -> Any:
            work = super().get(*arguments, **options)
            taken.set()
            go_on.wait(SECONDS)
            return work

    pool = Workers()
    pool._work = Slow()
    # Two functions that wait for each other, and for this test.
    meet = threading.Barrier(3, timeout=SECONDS)
    pool.submit(meet.wait)  # type: ignore[arg-type]
    assert taken.wait(SECONDS)
    pool.submit(meet.wait)  # type: ignore[arg-type]
    go_on.set()
    meet.wait()


refused: list[str] = []
"""The names of threads that could not start."""


def no_thread(name: str, run: Callable[..., None], *arguments: object) -> None:
    refused.append(name)
    raise RuntimeError("can't start new thread")


@pytest.fixture(autouse=True)
def nothing_refused() -> None:
    refused.clear()


def test_work_that_no_thread_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, ran = Workers(), SimpleQueue[str]()
    with monkeypatch.context() as patch:
        patch.setattr(threads, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            pool.submit(lambda: ran.put("refused"))
    pool.submit(lambda: ran.put("taken"))
    assert ran.get(timeout=SECONDS) == "taken"
    # A thread that is there takes what another one was to take.
    meet = threading.Barrier(2, timeout=SECONDS)
    pool.submit(meet.wait)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(threads, "start", no_thread)
        pool.submit(lambda: ran.put("later"))
    meet.wait()
    assert ran.get(timeout=SECONDS) == "later"
    assert ran.empty()


def test_a_process_without_another_thread_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def counted(value: int) -> list[int]:
        return list(range(value))

    async def main() -> None:
        monkeypatch.setattr(threads, "_levels", Levels("remotemedia-node"))
        function = chain(("f", lambda value: value + 1, {}))
        with monkeypatch.context() as patch:
            patch.setattr(threads, "start", no_thread)
            with pytest.raises(rm.NodeError, match="can't start new thread") as caught:
                await rm.execute(function, [1])
            assert isinstance(caught.value.__cause__, RuntimeError)
            # What a thread reads elsewhere, since it is long, the loop reads.
            assert await rm.execute(chain(("f", counted, {})), [100_000, 3]) == [list(range(100_000)), [0, 1, 2]]
            assert refused == ["remotemedia-node", "remotemedia-unpack"]
        assert await rm.execute(function, [1]) == [2]

    asyncio.run(main())


def test_the_error_of_a_process_without_another_thread_has_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda thread: no_thread(thread.name, lambda: None))
    with pytest.raises(rm.errors.OutOfResourcesError) as caught:
        threads.start("one", lambda: None)
    assert str(caught.value) == (
        "the system gave no thread: can't start new thread; raise its limit on processes (`ulimit -u`, or the `pids` "
        "of a container), or end some, and try again"
    )


def test_calls_that_no_thread_takes_hold_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    @rm.node
    class Same:
        def process(self, value: int) -> int:
            return value

    async def main() -> None:
        monkeypatch.setattr(threads, "_levels", Levels("remotemedia-node"))
        asked = asyncio.Event()

        def start(*arguments: Any) -> None:
            asked.set()
            no_thread(*arguments)

        async with (rm.Pipeline() >> Same(on_error="skip")).session() as session:
            with monkeypatch.context() as patch:
                patch.setattr(threads, "start", start)
                await session.send(1)
                await asked.wait()
            await session.send(2)
            await session.finish()
            assert [packet.value async for packet in session] == [2]

    asyncio.run(main())


def test_threads_are_used_again() -> None:
    pool = Workers()
    threads = set()
    for _ in range(20):
        done = threading.Event()
        pool.submit(lambda done=done: (threads.add(threading.current_thread()), done.set()))  # type: ignore[misc]
        assert done.wait(SECONDS)
    assert len(threads) < 20


def test_nothing_that_a_thread_is_to_go_on_with_is_lost() -> None:
    done: SimpleQueue[str] = SimpleQueue()

    def first() -> None:
        for name in ("second", "third"):
            threads.run_next(lambda name=name: done.put(name))

    threads.submit(first)
    assert {done.get(timeout=20) for _ in range(2)} == {"second", "third"}
    # This thread is none of them.
    threads.run_next(lambda: done.put("elsewhere"))
    assert done.get(timeout=20) == "elsewhere"


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    few_threads(monkeypatch, 2)


@rm.node
def plus_one(value: int) -> int:
    return value + 1


@rm.node
async def plus_one_later(value: int) -> int:
    return value + 1


@rm.node
class PlusOne:
    def process(self, value: int) -> Iterator[int]:
        yield value + 1


TWICE = rm.Pipeline() >> plus_one() >> PlusOne()
BESIDE_ASYNC = rm.Pipeline() >> plus_one_later() >> rm.nodes.PassThrough() >> plus_one()


async def streamed(value: int) -> int:
    results = [each async for each in TWICE.stream([value])]
    return int(results[0])


def deeper(value: int) -> int:
    """Runs a function that runs a pipeline itself."""

    @rm.node
    def nested(value: int) -> int:
        return int(TWICE.run_sync([value], timeout=SECONDS)[0])

    return int((rm.Pipeline() >> nested()).run_sync([value], timeout=SECONDS)[0])


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    "inner",
    [
        lambda value: TWICE.run_sync([value], timeout=SECONDS)[0],
        lambda value: BESIDE_ASYNC.run_sync([value])[0],
        lambda value: next(TWICE.map_sync([value], timeout=SECONDS)).outputs[0],
        lambda value: rm.execute_sync(TWICE.manifest(), [value], timeout=SECONDS)[0],
        lambda value: asyncio.run(TWICE.run([value]))[0],
        lambda value: asyncio.run(streamed(value)),
        deeper,
    ],
    ids=["run_sync", "an async function", "map_sync", "execute_sync", "a loop of its own", "stream", "deeper"],
)
def test_functions_on_all_threads_may_run_pipelines(inner: Callable[[int], int]) -> None:
    # Two are at work at the same time, and two more wait.
    meet = threading.Barrier(2, timeout=SECONDS)

    @rm.node
    def outer(value: int) -> int:
        meet.wait()
        return inner(value)

    async def main() -> list[Any]:
        return await asyncio.gather(*((rm.Pipeline() >> outer()).run([value], timeout=SECONDS) for value in range(4)))

    assert asyncio.run(main()) == [[2], [3], [4], [5]]


@pytest.mark.usefixtures("two_threads")
def test_no_more_functions_run_at_the_same_time_than_may_at_each_level() -> None:
    lock, at_work, most = threading.Lock(), {"outer": 0, "inner": 0}, {"outer": 0, "inner": 0}
    # Two at a time do run.
    pair = threading.Barrier(2, timeout=SECONDS)

    def count(level: str, by: int) -> None:
        with lock:
            at_work[level] += by
            most[level] = max(most[level], at_work[level])

    @rm.node
    def inside(value: int) -> int:
        count("inner", 1)
        count("inner", -1)
        return value

    inner = rm.Pipeline() >> inside()

    @rm.node
    def outer(value: int) -> list[Any]:
        count("outer", 1)
        pair.wait()
        results = inner.map_sync(range(8), concurrency=8, ordered=True, timeout=SECONDS)
        found = [result.source for result in results if result.error is None]
        count("outer", -1)
        return found

    async def main() -> list[Any]:
        return await asyncio.gather(*((rm.Pipeline() >> outer()).run([value]) for value in range(8)))

    assert asyncio.run(main()) == [[list(range(8))]] * 8
    assert most["outer"] == 2
    assert 1 <= most["inner"] <= 2
