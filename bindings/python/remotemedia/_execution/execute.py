"""`execute` and `execute_sync`: a manifest and inputs in, outputs out. Chooses the engine."""

from __future__ import annotations

import asyncio
from asyncio import _get_running_loop, current_task, get_running_loop
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .._functions.event_loop import refuse_in_loop, running_loop
from .._problem.seconds import microseconds
from .._process import FIRST_USE, in_main_interpreter
from .._results import progress
from .._results.inputs import Inputs, lists_of
from ..errors import LibraryError
from .turns import TURN_US

try:
    from .._engine.loop_port import LoopPort
    from .._engine.port_registry import give_back_port, loop_port, sync_port, thread_ports
    from .._engine.run import Functions, Run
    from .._engine.sync_port import SLICE_US, wait
    from .._manifest.compile import Compiled, CompiledPipeline, Manifest, cached, compile_manifest
    from .own_loop import own_loop
except LibraryError:
    if not in_main_interpreter():
        raise
    HAS_LIBRARY = False
else:
    HAS_LIBRARY = True

if TYPE_CHECKING:
    from .._reference.execute import Engine
    from .._results.outputs import Outputs
    from .._results.progress import OnProgress, Reporter

__all__ = ["execute", "execute_sync"]

EXECUTE_SYNC = "execute_sync", "await remotemedia.execute(manifest, inputs)"
"""The blocking call, and its twin."""

BLOCKING = "remotemedia.execute_sync, manifest, inputs"
"""The arguments of `trio.to_thread.run_sync`, where no loop of asyncio runs."""


async def execute(
    manifest: Manifest,
    inputs: Inputs | None = None,
    *,
    timeout: float | None = None,
    python: Sequence[str] = (),
    engine: Engine = "auto",
    on_progress: OnProgress | None = None,
) -> Outputs:
    """Runs a manifest on a list of inputs and waits for its outputs.

    `manifest` is a dict, a path, or JSON or YAML text: a `str` is text if it has a newline or begins with "{", else a
    path. In a dict, a `node_type` may be a Python function, sync or async: it gets each value, and the node's params
    as keywords; returning None emits nothing. Sync functions run on threads, async ones on this loop. `inputs` is a
    list with one entry for each input, or None for manifests whose nodes need none; a manifest that names several
    inputs takes a list for each, of one length: `{"mic": [...], "reference": [...]}`. Arrays are borrowed until this
    returns: don't change them meanwhile. `timeout` is in seconds.
    `python` names the packages of which text may name functions, as `python:package.module:function`: it runs code.
    `engine="python"` is a reference executor in Python for the basic nodes and functions; "auto" takes it only where
    the native library can't be loaded. An execution that fails is never run again by the other one.
    `on_progress` is called on this loop with a `Progress`, at most ten times a second and once when all is done. What
    it raises is logged and ends nothing.

    Returns `Outputs`, a flat list ordered by input and emission; if there are several outputs, a dict of them by name:
    that of the manifest, or the id of a node without successor. Cancelling the await cancels the work.

    Raises `ManifestError`, `FileNotFoundError`, `MarshalError`, `NodeError` (an `ExecutionError`), `TimeoutError`.
    """
    if engine != "auto" and engine != "native":
        with FIRST_USE:
            from .._reference import execute as reference

        return await reference.execute(
            manifest, inputs, timeout=timeout, python=python, engine=engine, on_progress=on_progress
        )
    loop = _get_running_loop() or running_loop(BLOCKING)
    port = thread_ports.last()
    if port is None or port.driver.loop() is not loop:
        port = loop_port(loop)
    driver = port.driver
    functions: Functions = None
    if isinstance(manifest, Compiled):
        pipeline, functions = manifest
    elif type(manifest) is not str or (pipeline := cached(manifest)) is None:
        pipeline, functions = compile_manifest(manifest, python)
    if type(inputs) is not list and inputs is not None:
        inputs = lists_of(inputs)
    timeout_us = -1 if timeout is None else microseconds("timeout", timeout)
    if on_progress is not None:
        reporter = progress.reporter_of(on_progress, inputs)
        return await with_progress(port, pipeline, functions, inputs, timeout_us, reporter)
    outcome = port.start(pipeline, functions, inputs, timeout_us, id(current_task(loop)))
    if type(outcome) is Run:
        driver.time.turn_us = 0
        return await outcome.outcome(port.abandon)
    if driver.time.turn_us >= TURN_US:
        driver.time.turn_us = 0
        await asyncio.sleep(0)
    return outcome  # type: ignore[return-value]


def execute_sync(
    manifest: Manifest,
    inputs: Inputs | None = None,
    *,
    timeout: float | None = None,
    python: Sequence[str] = (),
    engine: Engine = "auto",
    on_progress: OnProgress | None = None,
) -> Outputs:
    """Runs a manifest like `execute`, and blocks until its outputs are there: for programs without an event loop.

    Sync functions that are nodes run on this thread, with a `timeout` on others, so that it holds while they block;
    async ones run in an event loop of their own. Ctrl-C cancels the work. Where an event loop runs, as in a notebook,
    it blocks that too. Raises as `execute` does, and `RuntimeError` if a running loop would be blocked that an async
    function needs.
    """
    return execute_blocking(EXECUTE_SYNC, manifest, inputs, timeout, python, engine, on_progress)


def execute_blocking(
    names: tuple[str, str],
    manifest: Manifest | Compiled,
    inputs: Inputs | None,
    timeout: float | None,
    python: Sequence[str],
    engine: Engine,
    on_progress: OnProgress | None,
) -> Outputs:
    """Does what `execute_sync` does, also with a compiled pipeline.

    `names` are what the user called, and what to write in a running event loop.
    """
    if engine != "auto" and engine != "native":
        with FIRST_USE:
            from .._reference import execute as reference

        return reference.execute_blocking(names, manifest, inputs, timeout, python, engine, on_progress)
    functions: Functions = None
    pipeline: CompiledPipeline | None
    if isinstance(manifest, Compiled):
        pipeline, functions = manifest
    elif type(manifest) is not str or (pipeline := cached(manifest)) is None:
        pipeline, functions = compile_manifest(manifest, python)
    if type(inputs) is not list and inputs is not None:
        inputs = lists_of(inputs)
    timeout_us = -1 if timeout is None else microseconds("timeout", timeout)
    reporter = None if on_progress is None else progress.reporter_of(on_progress, inputs)
    if functions and any(each.on_loop for each in functions.values()):
        refuse_in_loop(functions.values(), *names)
        return _in_own_loop(pipeline, functions, inputs, timeout_us, reporter)
    # A function that blocks must not keep this thread beyond the timeout.
    port = sync_port(on_threads=bool(functions) and timeout_us >= 0)
    try:
        outcome = port.start(pipeline, functions, inputs, timeout_us, wait_us=SLICE_US)
        result = wait(port, outcome, reporter) if isinstance(outcome, Run) else outcome
    finally:
        give_back_port(port)
    if reporter is not None:
        reporter.done(result)
    return result


async def with_progress(
    port: LoopPort,
    pipeline: CompiledPipeline,
    functions: Functions,
    inputs: Inputs | None,
    timeout_us: int,
    reporter: Reporter,
) -> Outputs:
    """Runs the pipeline and reports its progress."""
    outcome = port.start(pipeline, functions, inputs, timeout_us)
    if isinstance(outcome, Run):
        run = outcome
        with progress.Ticker(reporter, lambda: port.progress(run)):
            outcome = await run.outcome(port.abandon)
    reporter.done(outcome)
    return outcome


def _in_own_loop(
    pipeline: CompiledPipeline,
    functions: Functions,
    inputs: Inputs | None,
    timeout_us: int,
    reporter: Reporter | None,
) -> Outputs:
    """Runs the pipeline in an event loop that ends with it."""

    async def run() -> Outputs:
        port = loop_port(get_running_loop())
        if reporter is not None:
            return await with_progress(port, pipeline, functions, inputs, timeout_us, reporter)
        outcome = port.start(pipeline, functions, inputs, timeout_us)
        return await outcome.outcome(port.abandon) if isinstance(outcome, Run) else outcome

    with own_loop() as loop:
        outputs: Outputs = loop.run(run())
        return outputs


if not HAS_LIBRARY:
    from .._reference.execute import execute, execute_blocking, execute_sync
