"""How far work is: on_progress of executions, maps and sessions."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import ADD_5, PASS, chain
from remotemedia._results.progress import Progress, Reporter

numpy = pytest.importorskip("numpy")

LEVEL = chain(("level", "AudioLevel", {"window_ms": 100}))


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._results.progress.BETWEEN_SECONDS", 0.001)


def second(value: float = 0.1) -> rm.Audio:
    return rm.Audio(numpy.full(8000, value, "f4"), 8000)


def pipeline(manifest: dict[str, Any]) -> rm.Pipeline:
    return rm.Pipeline.load(manifest)


async def test_the_last_call_tells_that_all_is_done() -> None:
    seen: list[rm.Progress] = []
    await rm.execute(LEVEL, [second(), second()], on_progress=seen.append)
    last = seen[-1]
    assert (last.items, last.total, last.media, last.media_total) == (2, 2, 2.0, 2.0)
    assert last.rate == 2.0 / last.seconds
    assert last.eta == 0.0


async def test_a_map_counts_its_sources() -> None:
    seen: list[rm.Progress] = []
    results = [result async for result in pipeline(LEVEL).map([second()] * 3, on_progress=seen.append)]
    assert len(results) == 3
    assert (seen[-1].items, seen[-1].total, seen[-1].media) == (3, 3, 3.0)


def test_a_map_without_a_loop_counts_sources_of_unknown_number() -> None:
    seen: list[rm.Progress] = []
    assert [result.outputs for result in pipeline(ADD_5).map_sync(iter([1]), on_progress=seen.append)] == [[6]]
    assert (seen[-1].items, seen[-1].total, seen[-1].media) == (1, 1, None)


async def test_an_execution_tells_its_items_while_it_goes_on() -> None:
    seen: list[rm.Progress] = []
    one_is_done = asyncio.Event()

    def note(progress: rm.Progress) -> None:
        seen.append(progress)
        if progress.items >= 1:
            one_is_done.set()

    async def wait(value: int) -> int:
        if value == 32:
            # In the second call: the 32 items of the first one are done.
            await one_is_done.wait()
        return value

    assert await rm.execute(chain(("wait", wait, {})), list(range(33)), on_progress=note) == list(range(33))
    assert next(progress.items for progress in seen if progress.items) == 32
    assert (seen[-1].items, seen[-1].total, seen[-1].media, seen[-1].rate, seen[-1].eta) == (33, 33, None, None, 0.0)


def test_execute_sync_tells_on_the_calling_thread() -> None:
    threads: set[int] = set()
    seen: list[rm.Progress] = []

    def note(progress: rm.Progress) -> None:
        threads.add(threading.get_ident())
        seen.append(progress)

    def same(value: int) -> int:
        return value

    assert rm.execute_sync(chain(("same", same, {})), list(range(100)), on_progress=note) == list(range(100))
    assert threads == {threading.get_ident()}
    assert (seen[-1].items, seen[-1].total) == (100, 100)
    assert pipeline(ADD_5).run_sync([1], on_progress=note) == [6]
    assert (seen[-1].items, seen[-1].total) == (1, 1)


def reports_between(node: Any, seen: list[rm.Progress], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs `node`, which notes how many reports there were, on the calling thread: each of its values is a part."""
    monkeypatch.setattr("remotemedia._results.progress.BETWEEN_SECONDS", 0.0)
    monkeypatch.setattr("remotemedia._functions.serve.PART_SECONDS", 0.0)
    counts = (rm.Pipeline() >> node()).run_sync(list(range(32)), on_progress=seen.append)
    assert len(counts) == 32
    assert all(before < after for before, after in itertools.pairwise(counts)), counts


def test_execute_sync_tells_between_the_values_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[rm.Progress] = []

    @rm.node
    def count(value: int) -> int:
        return len(seen)

    reports_between(count, seen, monkeypatch)


def test_execute_sync_tells_between_the_values_of_a_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[rm.Progress] = []

    @rm.node
    def count(value: int) -> Iterator[int]:
        yield len(seen)

    reports_between(count, seen, monkeypatch)


def test_execute_sync_tells_how_far_a_generator_is() -> None:
    seen: list[rm.Progress] = []

    @rm.node
    def speak(value: int) -> Iterator[rm.Audio]:
        begin = time.monotonic()
        for number in itertools.count():
            if any(progress.media for progress in seen):
                return
            assert time.monotonic() - begin < 20, "no report came while it went on"
            yield rm.Audio(second().samples, 8000, pts=float(number))

    (rm.Pipeline() >> speak()).run_sync([1], on_progress=seen.append)
    assert (seen[-1].items, seen[-1].total) == (1, 1)


async def test_what_it_raises_is_logged_and_kills_nothing(caplog: pytest.LogCaptureFixture) -> None:
    calls = 0

    def broken(progress: rm.Progress) -> None:
        nonlocal calls
        calls += 1
        raise ValueError("no bar today")

    with caplog.at_level(logging.ERROR, logger="remotemedia"):
        results = [r.outputs async for r in pipeline(ADD_5).map(range(20), ordered=True, on_progress=broken)]
    assert results == [[value + 5] for value in range(20)]
    assert calls == 1
    assert caplog.messages == ["on_progress raised ValueError: no bar today; it is not called again"]


async def test_a_session_tells_packets_and_media_until_its_end() -> None:
    seen: list[rm.Progress] = []
    told = asyncio.Event()

    def note(progress: rm.Progress) -> None:
        seen.append(progress)
        if progress.media == 2.0:
            told.set()

    async with pipeline(LEVEL).session(on_progress=note) as session:
        for number in range(2):
            await session.send(rm.Audio(second().samples, 8000, pts=100 + number))
        await told.wait()
        assert (seen[-1].items, seen[-1].total) == (2, None)
        await session.finish()
        assert len([packet async for packet in session]) == 20
    ticker = session._ticker
    assert ticker is not None
    assert ticker._next is not None
    assert ticker._next.cancelled(), "nothing is told after the end"


async def test_a_failed_execution_never_tells_that_it_is_done() -> None:
    seen: list[rm.Progress] = []
    with pytest.raises(rm.NodeError):
        await rm.execute(ADD_5, [1, "two"], on_progress=seen.append)
    assert all(progress.items < 2 for progress in seen)


async def test_the_reference_executor_tells_the_end() -> None:
    seen: list[rm.Progress] = []
    await rm.execute(PASS, [1, 2], engine="python", on_progress=seen.append)
    assert (seen[-1].items, seen[-1].total) == (2, 2)


def test_rate_and_eta_follow_from_what_is_known() -> None:
    assert Progress(1, 4, 30.0, 120.0, 10.0).rate == 3.0
    assert Progress(1, 4, 30.0, 120.0, 10.0).eta == 30.0
    assert Progress(1, 4, 30.0, None, 10.0).eta == 30.0
    assert Progress(0, 4, None, None, 10.0).eta is None
    assert Progress(7, None, None, None, 10.0).eta is None
    assert Progress(0, 1, 0.0, None, 0.0).rate is None


def test_what_can_not_be_called_is_refused() -> None:
    async def later(progress: rm.Progress) -> None:
        raise AssertionError

    with pytest.raises(
        rm.InvalidArgumentError, match=r"^on_progress must be a plain function: it is called, not awaited$"
    ):
        Reporter(later, 1)
    with pytest.raises(rm.InvalidArgumentError, match=r"^on_progress must be a function, got 3$"):
        Reporter(3, 1)  # type: ignore[arg-type]
