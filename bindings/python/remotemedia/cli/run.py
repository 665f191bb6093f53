"""`remotemedia run`: a pipeline on many files, several at a time, their results in the order of the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import glob
import logging
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from .._execution.execute import execute
from .._graph.pipeline import Pipeline
from .._graph.plan import Plan
from .._manifest.catalog import node_types, type_name
from .._problem.outside_text import one_line
from .._results.outputs import Outputs
from .._results.progress import Progress as Made
from ..errors import Error, InvalidArgumentError
from ..media import File
from . import DONE, FAILED, sentence_of
from .manifest import assign, load
from .progress import Progress
from .results import Destinations, Lines, Results, by_sink, json_line, json_text
from .terminal import tell
from .whole_file import whole

AHEAD = 4
"""How many files may be done and wait for an earlier one, for each that is at work."""
REDRAW = 0.1
"""Seconds between two drawings of the bar."""


class Done(NamedTuple):
    """What became of an input: its results, or the error that ended it."""

    results: Results | None
    error: Error | OSError | None


def command(chosen: argparse.Namespace) -> int:
    """Runs all files. Raises the first error of a file, in the order of the command line, unless `--keep-going`."""
    if chosen.json and chosen.output is not None:
        raise InvalidArgumentError("--json prints results and -o writes them; take one, perhaps -o results.jsonl")
    pipeline = load(chosen)
    plan = assign(pipeline, chosen.set)
    inputs: list[str | None] = [*dict.fromkeys(_files(chosen.input))] or [None]
    hungry = _entries(plan) if inputs == [None] else []
    if hungry:
        raise InvalidArgumentError(f"node {hungry[0]!r} waits for input; name files: -i FILE")
    destinations = None if chosen.output is None else Destinations(chosen.output, plan, inputs, chosen.manifest)
    if chosen.failures is not None:
        _check_failures(chosen.failures, chosen.manifest, inputs, destinations)
    with contextlib.ExitStack() as files:
        failures = files.enter_context(open(chosen.failures, "w", encoding="utf-8")) if chosen.failures else None
        batch = _Batch(chosen, pipeline, plan, inputs, destinations, failures)
        return asyncio.run(batch.run())


def _check_failures(path: str, manifest: str, inputs: Sequence[str | None], destinations: Destinations | None) -> None:
    """Refuses a file for failures that holds something else, under whatever name: it would be emptied."""
    others = {manifest: "the manifest"} | {each: "an input" for each in inputs if each is not None}
    shared = None if destinations is None else destinations.shared
    if shared is not None and os.path.realpath(shared) == os.path.realpath(path):
        raise InvalidArgumentError(f"--failures {path}: the results go there already; choose another name")
    for other, what in others.items():
        with contextlib.suppress(OSError):
            if os.path.samefile(path, other) and os.path.isfile(path):
                raise InvalidArgumentError(
                    f"--failures {path}: this is {what} and would be emptied; choose another name"
                )


class _Batch:
    def __init__(
        self,
        chosen: argparse.Namespace,
        pipeline: Pipeline,
        plan: Plan,
        inputs: Sequence[str | None],
        destinations: Destinations | None,
        failures: IO[str] | None,
    ) -> None:
        self.chosen, self.pipeline, self.inputs = chosen, pipeline, inputs
        self.destinations, self.failures = destinations, failures
        self.lines: Lines | None = None
        self.sinks = plan.sinks
        # Whoever reads our output may be on the same terminal; a bar would get in its way.
        silent = destinations is None and (_is_pipe(sys.stdout) or (chosen.json and not sys.stdout.isatty()))
        self.progress = Progress(len(inputs), sys.stderr, quiet=silent)
        self.places = asyncio.Semaphore(chosen.jobs)

    async def run(self) -> int:
        """Runs everything; returns the exit code."""
        bar = asyncio.create_task(self._draw()) if self.progress.draws else None
        warnings, log = _Warnings(self.progress), logging.getLogger("remotemedia")
        log.addHandler(warnings)
        try:
            with contextlib.ExitStack() as files:
                if self.destinations is not None and self.destinations.shared is not None:
                    file = files.enter_context(whole(self.destinations.shared))
                    self.lines = Lines(file, self.destinations.ending)
                await self._run_all()
                if self.lines is not None:
                    self.lines.end()
        finally:
            if bar is not None:
                bar.cancel()
            log.removeHandler(warnings)
            self.progress.erase()
        failed = self.progress.failed
        if failed or self.progress.skipped or (len(self.inputs) > 1 and not self.progress.quiet):
            sys.stdout.flush()
            tell(self.progress.summary(), sys.stderr, "error" if failed else "bold")
        return FAILED if failed else DONE

    async def _run_all(self) -> None:
        waiting: deque[tuple[str | None, asyncio.Task[Done]]] = deque()
        try:
            for index, name in enumerate(self.inputs):
                waiting.append((name, asyncio.create_task(self._one(name, index))))
                while len(waiting) > AHEAD * self.chosen.jobs:
                    await self._settle(*waiting.popleft())
            while waiting:
                await self._settle(*waiting.popleft())
        finally:
            tasks = [task for _, task in waiting]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, name: str | None, index: int) -> Done:
        async with self.places:
            try:
                results = await self._results(name, index)
            except (Error, OSError) as error:
                self.progress.count(failed=True)
                return Done(None, error)
            self.progress.count()
            return Done(results, None)

    async def _results(self, name: str | None, index: int) -> Results | None:
        inputs = None if name is None else [File(name)]
        destinations, timeout = self.destinations, self.chosen.timeout

        def told(progress: Made) -> None:
            self.progress.tell(index, progress.media)

        on_progress = None if self.progress.quiet else told
        if destinations is None or destinations.shared is not None:
            results = await execute(self.pipeline.manifest(), inputs, timeout=timeout, on_progress=on_progress)
            self.progress.skipped += _skips(results)
            return results
        destinations.make_folders(name, index)
        manifest = destinations.manifest(self.pipeline, name, index)
        results = await execute(manifest, inputs, timeout=timeout, on_progress=on_progress)
        self.progress.skipped += _skips(results)
        destinations.write(results, name, index)
        return None

    async def _settle(self, name: str | None, task: asyncio.Task[Done]) -> None:
        done = await task
        if done.error is not None:
            self._failed(name, done.error)
        elif done.results is not None and self.lines is not None:
            self.lines.add(done.results, name)
        elif done.results is not None:
            self.progress.erase()
            self._print(name, done.results)

    def _failed(self, name: str | None, error: Error | OSError) -> None:
        message = sentence_of(error)
        if self.failures is not None:
            failure = {
                "input": name,
                "error": message,
                "node": getattr(error, "node_id", None),
                "position": getattr(error, "position", None),
            }
            print(json_text(failure), file=self.failures, flush=True)
        if not self.chosen.keep_going:
            raise error
        self.progress.erase()
        sys.stdout.flush()
        tell(message if name is None else f"{name}: {message}", sys.stderr)

    def _print(self, name: str | None, results: Results) -> None:
        for sink, outputs in by_sink(results, self.sinks):
            for packet in outputs.packets:
                if self.chosen.json:
                    print(json_line(packet, name))
                    continue
                words = [name] if len(self.inputs) > 1 and name is not None else []
                words += [sink] if len(self.sinks) > 1 else []
                words += [] if packet.pts is None else [f"{packet.pts:.3f} s"]
                print("  ".join(map(one_line, [*words, _shown(packet.value)])))
        sys.stdout.flush()

    async def _draw(self) -> None:
        while True:
            self.progress.show()
            await asyncio.sleep(REDRAW)


class _Warnings(logging.Handler):
    """Prints what the package logs, and takes the bar away before."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.erase()
        sys.stdout.flush()
        tell(record.getMessage(), sys.stderr)


def _skips(results: Results) -> int:
    """How many errors were skipped in the execution of an input."""
    outputs = results if isinstance(results, Outputs) else next(iter(results.values()), None)
    return 0 if outputs is None else outputs.skips


def _entries(plan: Plan) -> list[str]:
    """The nodes that get the inputs of the run: those that nothing leads to, without sources."""
    fed = {connection["to"].rpartition(".")[0] for connection in plan.connections}
    types = node_types()

    def is_source(node_type: str) -> bool:
        described = types.get(type_name(node_type))
        return described is not None and not described["inputs"]

    return [node["id"] for node in plan.nodes if node["id"] not in fed and not is_source(node["node_type"])]


def _files(patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if os.path.isdir(pattern):
            raise IsADirectoryError(f"{pattern!r} is a folder; name its files: '{os.path.join(pattern, '*')}'")
        if os.path.exists(pattern):
            yield pattern
            continue
        if not glob.has_magic(pattern):
            raise FileNotFoundError(f"no such file {pattern!r} in {os.getcwd()}")
        found = [each for each in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(each)]
        if not found:
            raise FileNotFoundError(f"no file matches {pattern!r} in {os.getcwd()}")
        yield from found


def _is_pipe(stream: Any) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _shown(value: Any) -> str:
    """A value for people: no more digits than they read. `--json` has them all."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bytes) and len(value) > 64:
        return f"<{len(value)} bytes, which -o writes into a file>"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_shown(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
