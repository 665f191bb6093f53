"""`map`: many executions of a pipeline, up to so many at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .._engine.loop_port import LoopPort
from .._engine.port_registry import give_back_port, loop_port, sync_port
from .._engine.run import Run
from .._engine.sync_port import SyncPort, advance
from .._functions.event_loop import running_loop
from .._problem.whole_number import require_whole
from .._results.inputs import inputs_of
from .._results.outputs import Outputs
from ..errors import Error
from . import turns
from .own_loop import own_loop
from .stream import close_source
from .turns import INLINE_IN_A_ROW

if TYPE_CHECKING:
    from .._manifest.compile import Compiled
    from ..errors import NodeError

__all__ = ["Mapped", "map_sources", "map_sources_sync"]

_END: Any = object()

ROW_ERRORS = (Error, MemoryError)
"""What the end of a run raises; anything else comes from a signal handler, and ends the whole."""

ToInputs = Callable[[Any, tuple[str, ...]], Any]
"""Makes the inputs of a run of a source, for a pipeline with inputs of these names."""


class Mapped(NamedTuple):
    """The result for one source: its `outputs`, or the `error` that ended it, and how many `seconds` it took."""

    source: Any
    outputs: Outputs | None
    error: Exception | None
    seconds: float

    @property
    def skipped(self) -> list[NodeError]:
        """The errors after which a packet of this source was dropped, since a node says `on_error: skip`."""
        outputs = self.outputs if self.error is None else getattr(self.error, "outputs", None)
        return outputs.skipped if isinstance(outputs, Outputs) else []


async def map_sources(
    compiled: Compiled,
    sources: Iterable[Any] | AsyncIterable[Any],
    concurrency: int,
    ordered: bool,
    timeout_us: int,
    to_inputs: ToInputs = inputs_of,
) -> AsyncGenerator[Mapped, None]:
    """Runs a pipeline on each source, up to `concurrency` at a time. What `to_inputs` raises is the source's error."""
    concurrency = require_whole("concurrency", concurrency, 1)
    port = loop_port(running_loop("asyncio.run, main()"))
    upcoming = aiter(sources) if isinstance(sources, AsyncIterable) else None
    values = iter(()) if isinstance(sources, AsyncIterable) else iter(sources)
    fetching: asyncio.Future[Any] | None = None
    running: deque[Mapped | asyncio.Task[Mapped]] = deque()
    failures: list[Exception] = []
    is_over = False
    count = 0
    try:
        while True:
            while not is_over and len(running) < concurrency:
                if upcoming is None:
                    source = _next(values, failures)
                elif fetching is None:
                    fetching = asyncio.ensure_future(_next_async(upcoming, failures))
                    break
                elif not fetching.done():
                    break
                else:
                    source, fetching = fetching.result(), None
                if source is _END:
                    is_over = True
                else:
                    running.append(_begin(port, compiled, source, timeout_us, to_inputs))
                    count += 1
                    if count % INLINE_IN_A_ROW == 0 or turns.is_due(port.driver.time):
                        await asyncio.sleep(0)
                if _finished(running, ordered) is not None:
                    break
            found = _finished(running, ordered)
            if found is not None:
                running.remove(found)
                yield found if isinstance(found, Mapped) else found.result()
            elif running or fetching is not None:
                waited = {each for each in running if not isinstance(each, Mapped)}
                await asyncio.wait(
                    [*waited, *([fetching] if fetching is not None else [])], return_when="FIRST_COMPLETED"
                )
            else:
                break
        if failures:
            raise failures[0]
    finally:
        left = [each for each in running if not isinstance(each, Mapped)] + ([fetching] if fetching is not None else [])
        for each in left:
            each.cancel()
        if left:
            await asyncio.wait(left)
        await close_source(upcoming)


def map_sources_sync(
    compiled: Compiled,
    sources: Iterable[Any],
    concurrency: int,
    ordered: bool,
    timeout_us: int,
    to_inputs: ToInputs = inputs_of,
) -> Generator[Mapped, None, None]:
    """Does what `map_sources` does without an event loop, or blocking it."""
    concurrency = require_whole("concurrency", concurrency, 1)
    pipeline, functions = compiled
    if functions and any(each.on_loop for each in functions.values()):
        with own_loop() as loop:
            results = map_sources(compiled, sources, concurrency, ordered, timeout_us, to_inputs)
            try:
                while True:
                    result = loop.run(_step(results))
                    if result is _END:
                        return
                    with loop.left():
                        yield result
            finally:
                # What ends the loop, as Ctrl-C does, leaves a step waiting, and `results` at work.
                loop.cancel_all()
                loop.run(_closed(results))
                # It keeps the loop, which has to be gone before Ctrl-C may strike again.
                del results
    # As in `execute_blocking`.
    port = sync_port(on_threads=bool(functions) and timeout_us >= 0)
    values = iter(sources)
    running: deque[tuple[Any, float, Outputs | Exception | Run]] = deque()
    failures: list[Exception] = []
    is_over = False
    try:
        while True:
            while not is_over and len(running) < concurrency:
                source = _next(values, failures)
                if source is _END:
                    is_over = True
                    break
                begin = time.perf_counter()
                outcome: Outputs | Exception | Run
                try:
                    outcome = port.start(pipeline, functions, to_inputs(source, pipeline.inputs), timeout_us)
                except Exception as error:
                    outcome = error
                running.append((source, begin, outcome))
                if not isinstance(outcome, Run):
                    break
            if not running:
                break
            first = [running[0]] if ordered else list(running)
            ended = next(
                (each for each in first if not isinstance(each[2], Run) or each[2].completion is not None), None
            )
            if ended is None:
                advance(port)
                continue
            running.remove(ended)
            yield _settled(port, *ended)
        if failures:
            raise failures[0]
    finally:
        for _, _, outcome in running:
            if isinstance(outcome, Run):
                port.abandon(outcome)
        give_back_port(port)


async def _step(results: AsyncGenerator[Mapped, None]) -> Any:
    # `anext(results, _END)` can crash the interpreter where a signal handler raises in it.
    try:
        return await results.__anext__()
    except StopAsyncIteration:
        return _END


async def _closed(results: AsyncGenerator[Mapped, None]) -> None:
    await results.aclose()


def _begin(
    port: LoopPort, compiled: Compiled, source: Any, timeout_us: int, to_inputs: ToInputs
) -> Mapped | asyncio.Task[Mapped]:
    begin = time.perf_counter()
    try:
        pipeline, functions = compiled
        outcome = port.start(pipeline, functions, to_inputs(source, pipeline.inputs), timeout_us)
    except Exception as error:
        return Mapped(source, None, error, time.perf_counter() - begin)
    if isinstance(outcome, Run):
        run = outcome
        task = asyncio.create_task(_ended(port, run, source, begin))
        # A task that is cancelled before it began never comes to cancel its run.
        task.add_done_callback(lambda _: port.abandon(run))
        return task
    return Mapped(source, outcome, None, time.perf_counter() - begin)


async def _ended(port: LoopPort, run: Run, source: Any, begin: float) -> Mapped:
    try:
        outputs = await run.outcome(port.abandon)
    except ROW_ERRORS as error:
        return Mapped(source, None, error, time.perf_counter() - begin)
    return Mapped(source, outputs, None, time.perf_counter() - begin)


def _settled(port: SyncPort, source: Any, begin: float, outcome: Outputs | Exception | Run) -> Mapped:
    error = outcome if isinstance(outcome, Exception) else None
    outputs: Outputs | None = None
    if isinstance(outcome, Run):
        if outcome.borrowed:
            port.drain()
        try:
            outputs = outcome.settle(outcome.completion)
        except ROW_ERRORS as raised:
            error = raised
    elif not isinstance(outcome, Exception):
        outputs = outcome
    return Mapped(source, outputs, error, time.perf_counter() - begin)


def _finished(running: deque[Mapped | asyncio.Task[Mapped]], ordered: bool) -> Mapped | asyncio.Task[Mapped] | None:
    for each in running:
        if isinstance(each, Mapped) or each.done():
            return each
        if ordered:
            return None
    return None


def _next(values: Iterator[Any], failures: list[Exception]) -> Any:
    """The next source. What the sources themselves raise is kept, and ends them: what they gave before is finished."""
    try:
        return next(values, _END)
    except Exception as error:
        failures.append(error)
        return _END


async def _next_async(values: AsyncIterator[Any], failures: list[Exception]) -> Any:
    try:
        return await anext(values)
    except StopAsyncIteration:
        return _END
    except Exception as error:
        failures.append(error)
        return _END
