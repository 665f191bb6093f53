"""A pipeline on many inputs: several at a time, their results in the order of the command line, failures apart.

The commands `run`, `convert`, `levels` and `segments` are this with different graphs and different records.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import re
import select
import stat
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import IO, Any, NamedTuple, Protocol

from .._execution.execute import execute
from .._graph.pipeline import Pipeline
from .._graph.plan import Plan
from .._problem.outside_text import shown
from .._results.outputs import Outputs
from .._results.progress import Progress as Made
from ..errors import Error, InvalidArgumentError
from ..media import at_home
from . import DONE, FAILED, sentence_of
from .destination import Destination
from .index import AppendedFile, Index, last_value
from .inputs import Input, is_text, marked, opened
from .length import Length
from .progress import Progress
from .records import Lines, document, json_text
from .results import Destinations
from .terminal import is_terminal, tell
from .whole_file import is_full, whole

AHEAD = 4
"""How many files may be done and wait for an earlier one, for each that is at work."""
REDRAW = 0.1
"""Seconds between two drawings of the bar."""


class Printer(Protocol):
    """What prints results where no `-o` is."""

    def add(self, found: Mapping[str, Outputs], source: Input) -> None:
        """Prints the results of one input."""

    def end(self) -> None:
        """Prints what waited for the end."""


class Done(NamedTuple):
    """What became of an input: its values by sink, what the index has of it, or the error that ended it."""

    found: Mapping[str, Outputs]
    row: Mapping[str, Any]
    error: Error | OSError | None


class Batch:
    """A run of a pipeline on inputs. `chosen` has the options that all such commands share.

    Raises `InvalidArgumentError` for options that don't go together, before anything runs.
    """

    def __init__(
        self,
        chosen: argparse.Namespace,
        pipeline: Pipeline,
        plan: Plan,
        inputs: Sequence[Input],
        destinations: Destinations,
        printer: Printer,
    ) -> None:
        self.chosen, self.pipeline, self.plan = chosen, pipeline, plan
        self.inputs, self.destinations, self.printer = inputs, destinations, printer
        self.failures_path = None if chosen.failures is None else at_home(chosen.failures)
        self.index_path = None if chosen.index is None else at_home(chosen.index)
        self.failures: IO[str] | None = None
        self.index: Index | None = None
        self.shared: list[tuple[Destination, Lines]] = []
        self.journals: list[tuple[Destination, AppendedFile]] = []
        self.done_before = self.indexed = 0
        # What reads our output may be on the same terminal; a bar would get in its way.
        printed = not destinations.all or any(each.is_stdout for each in destinations.all)
        self.silent = printed and (_is_pipe(sys.stdout) or (getattr(chosen, "json", False) and not sys.stdout.isatty()))
        self.progress = Progress(len(inputs), sys.stderr, quiet=self.silent)
        self.places = asyncio.Semaphore(chosen.jobs)
        # Only a node that asks for it gets to see it, since messages and results have the path too.
        self.marks_roots = any("{relative}" in str(node["params"].get("path", "")) for node in plan.nodes)
        self._check()
        destinations.check(pipeline, inputs[0])

    def run(self) -> int:
        """Runs everything; returns the exit code.

        Raises the first error of an input, in the order of the command line, unless failures end nothing. What Ctrl-C
        raises says how far the run came.
        """
        with contextlib.ExitStack() as files:
            # The index first: it refuses a second process, which would empty the file of failures.
            if self.index_path is not None:
                self.index = Index(self.index_path, resume=self.chosen.resume)
                files.callback(self.index.close)
            done: AbstractSet[str | None] = frozenset() if self.index is None else self.index.done
            self.done_before = sum(source.name in done for source in self.inputs)
            self.progress.total -= self.done_before
            if self.index is not None and done:
                left = {number: source for number, source in enumerate(self.inputs) if source.name not in done}
                self.destinations.keep_results(self.index.files, left)
            if self.failures_path is not None:
                self.failures = files.enter_context(open(self.failures_path, "w", encoding="utf-8"))
            try:
                return asyncio.run(self._run(done))
            except KeyboardInterrupt:
                raise KeyboardInterrupt(self._how_far()) from None

    async def _run(self, done: AbstractSet[str | None]) -> int:
        bar = asyncio.create_task(self._draw()) if self.progress.draws else None
        warnings, log = _Warnings(self.progress), logging.getLogger("remotemedia")
        log.addHandler(warnings)
        try:
            with contextlib.ExitStack() as files:
                self._open_shared(files, done)
                await self._run_all(done)
                for _, lines in self.shared:
                    lines.end()
                if not self.destinations.all:
                    self.printer.end()
        finally:
            if bar is not None:
                bar.cancel()
            log.removeHandler(warnings)
            self.progress.erase()
        sys.stdout.flush()
        failed = self.progress.failed
        if failed or self.progress.skipped or self.done_before or (len(self.inputs) > 1 and not self.progress.quiet):
            before = f", {self.done_before} done before" if self.done_before else ""
            tell(f"{self.progress.summary()}{before}{self._where()}", sys.stderr, "error" if failed else "bold")
        elif self.destinations.all and is_terminal(sys.stderr) and not self.silent:
            tell(f"done{self._where()}", sys.stderr, "bold")
        if failed and self.index is not None:
            tell("to run the failed ones again, repeat the command with --resume", sys.stderr, "bold")
        return FAILED if failed else DONE

    def _open_shared(self, files: contextlib.ExitStack, done: AbstractSet[str | None]) -> None:
        for destination in self.destinations.shared:
            path = destination.shared
            assert path is not None
            if destination.is_stdout:
                self.shared.append((destination, Lines(sys.stdout.buffer, destination.ending)))
            elif self.index is None:
                self.shared.append((destination, Lines(files.enter_context(whole(path)), destination.ending)))
            else:
                # It must hold what the index says is done, so it grows in its place.
                journal = AppendedFile(path)
                files.callback(journal.close)
                journal.keep(lambda row: isinstance(row, dict) and row.get("input") in done)
                self.journals.append((destination, journal))

    async def _run_all(self, done: AbstractSet[str | None]) -> None:
        waiting: deque[tuple[Input, asyncio.Task[Done]]] = deque()
        try:
            for index, source in enumerate(self.inputs):
                if source.name in done:
                    continue
                waiting.append((source, asyncio.create_task(self._one(source, index))))
                while len(waiting) > AHEAD * self.chosen.jobs:
                    await self._settle(*waiting.popleft())
            while waiting:
                await self._settle(*waiting.popleft())
        finally:
            tasks = [task for _, task in waiting]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, source: Input, index: int) -> Done:
        async with self.places:
            try:
                done = await self._results(source, index)
            except (Error, OSError) as error:
                if isinstance(error, BrokenPipeError):
                    raise
                if self._has_no_reader():
                    raise BrokenPipeError from None
                self.progress.count(failed=True)
                return Done({}, {}, error)
            self.progress.count()
            return done

    async def _results(self, source: Input, index: int) -> Done:
        self.destinations.make_folders(source, index)
        manifest = self.destinations.manifest(self.pipeline, source, index)
        length = Length()
        if self.index is not None:
            length.add_to(manifest, self.plan)

        def told(progress: Made) -> None:
            self.progress.tell(index, progress.media)

        with opened(source, marks=self.marks_roots) as inputs:
            results = await execute(
                manifest,
                inputs,
                timeout=self.chosen.timeout,
                on_progress=None if self.progress.quiet else told,
            )
        self.progress.skipped += results.skips
        files = await self.destinations.write(results, source, index)
        found = self.destinations.by_sink(results)
        row: dict[str, Any] = {}
        if self.index is not None:
            row = {
                "input": source.name,
                "duration": _end(found) if length.seconds is None else length.seconds,
                "last": {sink: last_value(outputs.packets) for sink, outputs in found.items()},
                "files": files,
                "error": None,
            }
        # What is written already need not wait in memory for an earlier input.
        is_waited_for = not self.destinations.all or self.destinations.shared
        return Done(found if is_waited_for else {}, row, None)

    async def _settle(self, source: Input, task: asyncio.Task[Done]) -> None:
        done = await task
        if done.error is not None:
            self._failed(source, done.error)
            return
        for destination, lines in self.shared:
            for sink in destination.sinks:
                lines.add(destination.options.records(done.found[sink].packets, sink, source.name))
            if destination.is_stdout:
                sys.stdout.buffer.flush()
        for destination, journal in self.journals:
            for sink in destination.sinks:
                records = destination.options.records(done.found[sink].packets, sink, source.name)
                journal.append(document(records, destination.ending))
        if not self.destinations.all:
            self.progress.erase()
            self.printer.add(done.found, source)
            sys.stdout.flush()
        if self.index is not None:
            self.index.add(done.row)
            self.indexed += 1

    def _failed(self, source: Input, error: Error | OSError) -> None:
        message, node_id = sentence_of(error), getattr(error, "node_id", None)
        position = getattr(error, "position", None)
        if self.marks_roots:
            for each in (source, *(file for _, file in source.beside)):
                message = message.replace(shown(marked(each)), shown(each.name or ""))
            error = Error(message)
        if source.name is not None and not is_text(source.name):
            # Its file was named by its number.
            name = shown(source.name)
            message = re.sub(r"/dev/fd/\d+", lambda _: name, message)
            message = re.sub(r"(?<=input 0 )'\d+'", lambda _: f"'{os.path.basename(name)}'", message)
            error = Error(message)
        if is_full(error) and len(self.inputs) > 1:
            # It is not the fault of the input, which gets no row, and the next ones would fail too.
            raise Error(f"{message.removesuffix('.')}; stopped{self._how_far()}")
        failure = {"input": source.name, "error": message, "node": node_id, "position": position}
        if self.failures is not None:
            print(json_text(failure), file=self.failures, flush=True)
        if self.index is not None:
            self.index.add({"input": source.name, "duration": None, "last": {}, "files": []} | failure)
        if not self.chosen.keep_going or len(self.inputs) == 1:
            raise error
        self.progress.erase()
        sys.stdout.flush()
        tell(message if source.name is None else f"{source.name}: {message}", sys.stderr)

    async def _draw(self) -> None:
        while True:
            self.progress.show()
            await asyncio.sleep(REDRAW)

    def _has_no_reader(self) -> bool:
        """Whether audio went into a pipe that nothing reads any more."""
        if not any(each.is_stdout for each in self.destinations.all) or not _is_pipe(sys.stdout):
            return False
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLOUT)
        return any(events & select.POLLERR for _, events in poll.poll(0))

    def _where(self) -> str:
        """Where the results are, behind the summary."""
        some = self.progress.done + self.done_before > self.progress.failed
        places = [f"results are in {self.destinations.places}"] if some and self._wrote_files() else []
        places += [f"failures in {self.failures_path}"] if self.failures_path and self.progress.failed else []
        places += [f"the index is {self.index_path}"] if self.index_path else []
        return f"; {', '.join(places)}" if places else ""

    def _how_far(self) -> str:
        """What is done when a run is cut off, and how to continue."""
        if len(self.inputs) == 1:
            return ""
        # Some may be done and wait for an earlier one to have its row.
        done = self.progress.done - self.progress.failed if self.index is None else self.done_before + self.indexed
        text = f" after {done} of {len(self.inputs)} files"
        if self.index is not None:
            return f"{text}{self._where()}; to continue, repeat the command with --resume"
        if self._wrote_files() and not self.destinations.shared and self.progress.done:
            text += f"; results are in {self.destinations.places}"
        return f"{text}; a run with --index FILE can be continued"

    def _wrote_files(self) -> bool:
        return any(not each.is_stdout for each in self.destinations.all)

    def _check(self) -> None:
        chosen = self.chosen
        if chosen.resume and chosen.index is None:
            raise InvalidArgumentError("--resume needs the index of the run that was cut off: --index FILE")
        for destination in self.destinations.shared if self.index_path is not None else ():
            if destination.ending != ".jsonl" and not destination.is_stdout:
                raise InvalidArgumentError(
                    f"{destination.option}: with --index it grows file by file, which {destination.ending} can't; "
                    "end the name in .jsonl, or give each input a file: "
                    f"-o 'out/{{relative}}{destination.ending}'"
                )
        taken: dict[str, str] = {}
        for option, path in (("--failures", self.failures_path), ("--index", self.index_path)):
            if path is None:
                continue
            for destination in self.destinations.shared:
                if destination.shared is not None and os.path.realpath(destination.shared) == os.path.realpath(path):
                    raise InvalidArgumentError(f"{option} {path}: the results go there already; choose another name")
            other = taken.setdefault(os.path.realpath(path), option)
            if other != option:
                raise InvalidArgumentError(f"{option} {path}: {other} is the same file; choose another name")
            self._check_kept(option, path)

    def _check_kept(self, option: str, path: str) -> None:
        """Refuses a file that holds something else, under whatever name: it would be emptied."""
        for other, what in self.destinations.kept.items():
            with contextlib.suppress(OSError):
                if os.path.samefile(path, other) and os.path.isfile(path):
                    raise InvalidArgumentError(
                        f"{option} {path}: this is {what} and would be emptied; choose another name"
                    )


class _Warnings(logging.Handler):
    """Prints what the package logs, and takes the bar away before."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.erase()
        sys.stdout.flush()
        tell(record.getMessage(), sys.stderr)


def _end(found: Mapping[str, Outputs]) -> float | None:
    """Where the results of an input end, in seconds."""
    return max(_ends(found), default=None)


def _ends(found: Mapping[str, Outputs]) -> Iterator[float]:
    for outputs in found.values():
        for packet in outputs.packets:
            if packet.pts is not None:
                yield packet.pts + (packet.duration or 0.0)


def _is_pipe(stream: Any) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False
