"""The event loop of a thread: finds it, refuses what would deadlock on it, has threads work for it, and completes work
despite cancellations.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from . import threads
from .failures import Failure

if TYPE_CHECKING:
    from .spec import HostFunction

Found = TypeVar("Found")


def refuse_in_loop(functions: Iterable[HostFunction], call: str, twin: str) -> None:
    """Raises `RuntimeError` where the blocking `call` would keep an async one of its functions from the running loop.

    `twin` is what to write instead.
    """
    if asyncio._get_running_loop() is None:
        return
    for function in functions:
        if function.on_loop:
            raise RuntimeError(
                f"{call} would block the running event loop, which the async function {function.node_type} needs; "
                f"write: {twin}"
            )


def running_loop(instead: str) -> asyncio.AbstractEventLoop:
    """The event loop that runs on this thread.

    Raises `RuntimeError` where there is none, or one of trio; `instead` is what to write then.
    """
    loop = asyncio._get_running_loop()
    if loop is not None:
        return loop
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "this needs an event loop of asyncio, and here one of trio runs; "
            f"write: await trio.to_thread.run_sync({instead})"
        )
    raise RuntimeError("no running event loop of asyncio; write: asyncio.run(main())")


def call_on(loop: asyncio.AbstractEventLoop | None, what: Callable[[], object]) -> bool:
    """Has `what` called on a loop, unless it is closed or gone. Returns whether it will be called."""
    try:
        if loop is not None:
            loop.call_soon_threadsafe(what)
    except RuntimeError:
        return False
    return loop is not None


async def in_thread(work: Callable[[], Any], when_done: Callable[[], None] | None = None) -> Any:
    """Runs `work` on a serving thread, in the context of the caller. Raises `Failure` for what it raises.

    `when_done` is called when it has ended, also if this is not waited for any more.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    context = contextvars.copy_context()
    # What is returned leaves it before it is used: the thread may have it a while longer.
    found: list[tuple[Any, BaseException | None]] = []

    def finish() -> None:
        if not future.done():
            future.set_result(None)

    def run() -> None:
        try:
            found.append((context.run(work), None))
        except BaseException as error:
            found.append((None, error))
        if when_done is not None:
            # Before the loop hears of it: else what comes next might still take this thread for busy.
            when_done()
        call_on(loop, finish)

    threads.submit(run)
    await future
    value, error = found.pop()
    if error is not None:
        raise Failure(error)
    return value


def cancellations() -> int | None:
    """How many times the running task was asked to end; 0 where none runs, None where Python does not count it."""
    task = None if asyncio._get_running_loop() is None else asyncio.current_task()
    if task is None:
        return 0
    # From Python 3.11 on.
    return task.cancelling() if hasattr(task, "cancelling") else None


async def to_the_end(work: Awaitable[Found], lost: Callable[[BaseException], None]) -> Found:
    """Awaits `work` to its end. If this is cancelled meanwhile, the cancellation is raised here after that.

    `lost` then gets what the work raised. Without a running loop nothing can be cancelled, and it is simply awaited.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        return await work
    task = loop.create_task(_outcome(work))
    # At the end of a loop `asyncio.run` cancels all tasks that are listed: the one that waits here, but not this one.
    asyncio.tasks._unregister_task(task)
    _unlisted.add(weakref.ref(task, _unlisted.discard))
    cancelled = await _wait_for(task)
    found, error = task.result()
    if cancelled is not None:
        if error is not None:
            lost(error)
        raise cancelled
    if error is not None:
        raise error
    return found  # type: ignore[return-value]


_unlisted: set[weakref.ref[asyncio.Task[Any]]] = set()
"""The tasks of `to_the_end`."""


def unlisted_tasks(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """The tasks of `to_the_end` in a loop that have not ended, which `asyncio.all_tasks` does not list."""
    # Other threads may add theirs meanwhile: a copy is made in one step.
    tasks = (known() for known in tuple(_unlisted))
    return {task for task in tasks if task is not None and task.get_loop() is loop and not task.done()}


async def _outcome(work: Awaitable[Found]) -> tuple[Found | None, BaseException | None]:
    """The result of `work` and what it raised: a task that raises more than an `Exception` would end its loop."""
    try:
        return await work, None
    except BaseException as error:
        return None, error


async def until_done(future: asyncio.Future[Any]) -> None:
    """Waits until `future` is done. If this is cancelled meanwhile, the cancellation is raised after that."""
    cancelled = await _wait_for(future)
    if cancelled is not None:
        raise cancelled


def retrieve(task: asyncio.Task[Any]) -> None:
    """Takes the error of a task, if it has ended by one: asyncio would log it as one that nobody has seen."""
    if task.done() and not task.cancelled():
        task.exception()


async def _wait_for(future: asyncio.Future[Any]) -> asyncio.CancelledError | None:
    """Waits until `future` is done. Returns the last cancellation that came meanwhile."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled
