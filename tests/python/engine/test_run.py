"""A run by itself: its one end, and who waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._engine.run import Run

DONE: dict[str, Any] = {"status": 0, "outputs": {"sink": {"values": [7], "items": [0]}}, "errors": []}


def new_run() -> Run:
    return Run(1, None, 1, None)


async def waiting(work: Any) -> asyncio.Task[Any]:
    """A task that has begun to wait."""
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    return task


async def test_the_outcome_is_what_the_completion_holds() -> None:
    run, log = new_run(), []
    task = await waiting(run.outcome(log.append))
    run.complete(DONE)
    assert (await task, log, run.completion) == ([7], [], DONE)


async def test_a_run_may_end_before_its_task_begins_to_wait() -> None:
    run = new_run()
    run.complete(DONE)
    assert await asyncio.wait_for(run.outcome([].append), 10) == [7]


async def test_the_outcome_is_the_exception_that_stands_in_for_a_completion() -> None:
    run = new_run()
    task = await waiting(run.outcome([].append))
    run.complete(rm.ShutDownError("over"))
    with pytest.raises(rm.ShutDownError, match="over"):
        await task


async def test_the_end_waits_until_instances_are_cleaned_up() -> None:
    run = new_run()
    run.cleaned = asyncio.get_running_loop().create_future()
    task = await waiting(run.outcome([].append))
    run.complete(DONE)
    await asyncio.sleep(0)
    assert (task.done(), run.completion) == (False, None)
    run.cleaned.set_result(None)
    assert await task == [7]


async def test_a_cancelled_wait_abandons_the_run_and_ends_once_it_is_cleaned_up() -> None:
    run, log = new_run(), []
    cleaned = asyncio.get_running_loop().create_future()

    def abandon(abandoned: Run) -> None:
        log.append(abandoned)
        abandoned.cleaned = cleaned

    task = await waiting(run.outcome(abandon))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert (log, task.done()) == ([run], False)
    cleaned.set_result(None)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_completion_in_the_turn_of_the_cancellation_is_dropped() -> None:
    run, log = new_run(), []
    task = await waiting(run.outcome(log.append))
    assert run.future is not None
    run.future.cancel()
    run.complete(DONE)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == [run]


async def test_a_coroutine_that_is_closed_abandons_its_run() -> None:
    run, log = new_run(), []
    coroutine = run.outcome(log.append)
    coroutine.send(None)
    coroutine.close()
    assert log == [run]


def test_a_session_is_notified_of_its_end() -> None:
    run, kinds = new_run(), []
    run.notify = kinds.append
    run.complete(DONE)
    assert kinds == [1]
