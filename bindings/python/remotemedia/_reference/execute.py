"""The reference executor: the basic nodes and Python functions, in plain Python, one step after the other.

It is the oracle that the native runtime is compared with, and what runs where the native library can't be loaded. It
is written to be read: no threads, no queues, no budget. See `run.py` for the order in which things happen.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import logging
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, Literal

from .._functions import late_cleanups, threads
from .._functions.event_loop import in_thread, refuse_in_loop, retrieve, running_loop, to_the_end, until_done
from .._functions.failures import ENDS_PROGRAM, Failure
from .._functions.spec import HostClass, HostFunction
from .._manifest.source import is_text, read
from .._process import FIRST_USE
from .._results.inputs import Inputs
from .._results.outputs import Outputs
from .._results.progress import OnProgress, reporter_of
from ..errors import InvalidArgumentError, LibraryError, ManifestError, Problem
from .deadline import Deadline
from .graph import Graph, graph_of
from .inputs import columns_of
from .run import run

Engine = Literal["auto", "native", "python"]
"""Which of the two executors runs a pipeline; `auto` is the native one wherever its library can be loaded."""

_log = logging.getLogger("remotemedia")
_told = False
_left: set[asyncio.Task[Any]] = set()
"""Runs that timed out while a function blocks."""


async def execute(
    manifest: Any,
    inputs: Inputs | None = None,
    *,
    timeout: float | None = None,
    python: Sequence[str] = (),
    engine: Engine = "auto",
    on_progress: OnProgress | None = None,
) -> Outputs:
    """Does what `remotemedia.execute` does, for the nodes that this executor has."""
    graph = _prepared(manifest, python, engine)
    running_loop("remotemedia.execute_sync, manifest, inputs")
    deadline = Deadline(timeout)
    result = await _in_time(
        run(graph, columns_of(graph, inputs), functools.partial(_in_thread, deadline), deadline, asyncio.sleep),
        deadline,
    )
    _tell(on_progress, inputs, result)
    return result


def execute_sync(
    manifest: Any,
    inputs: Inputs | None = None,
    *,
    timeout: float | None = None,
    python: Sequence[str] = (),
    engine: Engine = "auto",
    on_progress: OnProgress | None = None,
) -> Outputs:
    """Does what `remotemedia.execute_sync` does, for the nodes that there are here."""
    names = "execute_sync", "await remotemedia.execute(manifest, inputs)"
    return execute_blocking(names, manifest, inputs, timeout, python, engine, on_progress)


def execute_blocking(
    names: tuple[str, str],
    manifest: Any,
    inputs: Inputs | None,
    timeout: float | None,
    python: Sequence[str],
    engine: Engine,
    on_progress: OnProgress | None,
) -> Outputs:
    """Does what `execute_sync` does. `names` are what the user called, and what to write in a running event loop."""
    graph = _prepared(manifest, python, engine)
    on_loop = [step.work for step in graph.steps if isinstance(step.work, HostFunction) and step.work.on_loop]
    if on_loop:
        refuse_in_loop(on_loop, *names)
        return asyncio.run(
            execute(manifest, inputs, timeout=timeout, python=python, engine="python", on_progress=on_progress)
        )

    # Nothing in it waits, so that it needs no loop, and a function may call `execute_sync` itself.
    deadline = Deadline(timeout)
    # As on the native engine: with a timeout functions run on a serving thread.
    inline = functools.partial(_run_inline, ENDS_PROGRAM if deadline.timeout is None else ())
    work = run(graph, columns_of(graph, inputs), inline, deadline, _pause)
    # Where a loop runs on this thread, what asks for it would wait for the loop, which is blocked.
    is_inline = deadline.timeout is None and asyncio._get_running_loop() is None
    result = _completed(work) if is_inline else _completed_in_time(work, deadline, graph)
    _tell(on_progress, inputs, result)
    return result


async def _in_time(work: Coroutine[Any, Any, Outputs], deadline: Deadline) -> Outputs:
    """What `work` returns, unless the deadline comes first: then it does not wait for a function that blocks."""
    if deadline.timeout is None:
        return await work
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=deadline.timeout)
    except asyncio.CancelledError:
        task.cancel()
        await until_done(task)
        raise
    if done:
        return task.result()
    expired = deadline.expired()
    task.cancel()
    if not deadline.blocking:
        await until_done(task)
        raise expired
    _left.add(task)
    task.add_done_callback(_forget)
    raise expired


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    retrieve(task)


class _LeftRun:
    """A run that has timed out while a thread is at work on it, which cleans up when its function has returned."""

    def __init__(self, future: Future[Outputs]) -> None:
        self._future = future
        late_cleanups.add(self)
        future.add_done_callback(lambda _: late_cleanups.discard(self))

    @property
    def is_in_thread(self) -> bool:
        """Whether the thread is at work."""
        return not self._future.done()

    def uncleaned(self) -> list[str]:
        """Nothing: how far the thread has come is not known."""
        return []


def _completed_in_time(work: Coroutine[Any, Any, Outputs], deadline: Deadline, graph: Graph) -> Outputs:
    """Completes `work` on a thread, and waits for it no longer than until the deadline, if there is one."""
    context = contextvars.copy_context()
    future: Future[Outputs] = Future()

    def attempt() -> None:
        try:
            future.set_result(context.run(_completed, work))
        except BaseException as error:
            future.set_exception(error)

    threads.submit(attempt)
    done, _ = wait([future], deadline.timeout)
    if not done:
        if any(isinstance(step.work, HostFunction) and _cleans_up(step.work) for step in graph.steps):
            _LeftRun(future)
        raise deadline.expired()
    return future.result()


def _cleans_up(function: HostFunction) -> bool:
    """Whether there may be something to do when it is left."""
    return function.streams or isinstance(function, HostClass)


def _completed(work: Coroutine[Any, Any, Any]) -> Outputs:
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("the reference executor waited for something")


def _tell(on_progress: OnProgress | None, inputs: Inputs | None, result: Outputs) -> None:
    """Reports progress once, at the end: runs are too short for more."""
    if on_progress is not None:
        reporter_of(on_progress, inputs).done(result)


async def _run_inline(raises: tuple[type[BaseException], ...], work: Callable[[], Any]) -> Any:
    try:
        return work()
    except raises:
        raise
    except BaseException as error:
        raise Failure(error) from None


async def _pause(seconds: float) -> None:
    # No event loop is blocked by this.
    time.sleep(seconds)  # noqa: ASYNC251


async def _in_thread(deadline: Deadline, work: Callable[[], Any]) -> Any:
    deadline.blocking += 1
    try:
        # Cancelled or not: what comes after it, such as the cleaning up, would meet a thread that is still at work.
        return await to_the_end(in_thread(work), _log_lost)
    finally:
        deadline.blocking -= 1


def _log_lost(error: BaseException) -> None:
    if not isinstance(error, Failure):
        _log.warning("a thread could not be started: %r", error)


def _prepared(manifest: Any, python: Sequence[str], engine: Engine) -> Graph:
    global _told
    if engine not in ("auto", "native", "python"):
        raise InvalidArgumentError(f'engine must be "auto", "native" or "python", got {engine!r}')
    if engine == "native":
        with FIRST_USE:
            from .._abi import library  # noqa: F401 - raises what keeps it from being loaded
    elif engine == "auto" and not _told:
        _told = True
        _log.warning("the native library can't be loaded: the reference executor in Python runs instead, slowly")
    return graph_of(_document(manifest, python), python)


def _document(manifest: Any, python: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(manifest, Mapping):
        return manifest
    if not isinstance(manifest, (str, os.PathLike)):
        raise ManifestError(
            f"a manifest is a dict, a path, or JSON or YAML text, not {type(manifest).__name__}",
            [Problem("", "wrong type", expected="dict, path or text", got=type(manifest).__name__)],
        )
    text = manifest if isinstance(manifest, str) and is_text(manifest) else read(os.fspath(manifest))
    try:
        document: Any = json.loads(text)
    except ValueError:
        document = _read_natively(text, python)
    if not isinstance(document, Mapping):
        raise ManifestError("the manifest is no map", [Problem("", "the manifest is no map", expected="a map")])
    return document


def _read_natively(text: str, python: Sequence[str]) -> Any:
    try:
        with FIRST_USE:
            from .._manifest.text_reader import from_text
    except LibraryError as error:
        raise LibraryError(
            f"{error}. Without it only JSON text and dicts can be read, and this manifest is neither"
        ) from None
    return from_text(text, python)


__all__ = ["Engine", "execute", "execute_sync"]
