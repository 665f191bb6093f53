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
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from ..._execution.execute import execute
from ..._files.fetching import fetched
from ..._graph.pipeline import Pipeline
from ..._graph.plan import Plan
from ..._media.file import at_home, is_utf8, to_text
from ..._problem.outside_text import shown
from ..._results.outputs import Outputs
from ..._results.progress import Progress as Made
from ...errors import Error
from .. import DONE, FAILED, sentence_of
from ..arguments.inputs import Input, Key, marked, opened
from ..files.standard import StdoutLeft, outlive_stdout, relayed_stdout, require_stdout
from ..files.whole_file import GrowingFile, is_full, whole
from ..results.destination import Destination
from ..results.destinations import Destinations
from ..results.records import Lines, document, json_row
from ..terminal import is_terminal, tell
from .appended_file import AppendedFile
from .batch_files import check
from .fingerprint import content_hash, manifest_hash
from .index import last_value
from .ledger import Ledger
from .measures import Measured, check_measures, column_names, decoders, measures_of
from .progress import Progress, Warnings
from .report import told

Result = TypeVar("Result")

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
    row: dict[str, Any]
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
        self.failures: GrowingFile | None = None
        self.shared: list[tuple[Destination, Lines]] = []
        self.journals: list[tuple[Destination, AppendedFile]] = []
        self.ended_by: Error | OSError | None = None
        """The error of an input that ended the run."""
        self.begun: set[Future[Any]] = set()
        """What threads are at work on."""
        self.done_before = 0
        self.has_rows = any((chosen.index, chosen.report, destinations.shards))
        # What reads our output may be on the same terminal; a bar would get in its way.
        printed = not destinations.all or any(each.is_stdout for each in destinations.all)
        if printed:
            require_stdout()
        self.silent = printed and (_is_pipe(sys.stdout) or (getattr(chosen, "json", False) and not sys.stdout.isatty()))
        self.progress = Progress(len(inputs), sys.stderr, quiet=self.silent)
        self.places = asyncio.Semaphore(chosen.jobs)
        self.measures = measures_of(chosen.measure)
        if self.has_rows:
            destinations.keep_values(decoders(plan))
        check_measures(self.measures, plan)
        asked = {**destinations.asked, "measures": self.measures}
        self.ledger = Ledger(chosen, inputs, destinations, self.measures, manifest_hash(pipeline, plan, asked))
        # Only a node that asks for it gets to see it, since messages and results have the path too.
        self.marks_roots = any("{relative}" in str(node["params"].get("path", "")) for node in plan.nodes)
        check(chosen, destinations, inputs)
        self.ledger.check()
        destinations.check(pipeline, inputs[0])

    def run(self) -> int:
        """Runs everything; returns the exit code.

        Raises the first error of an input, in the order of the command line, unless failures end nothing. What Ctrl-C
        raises says how far the run came.
        """
        with contextlib.ExitStack() as files:
            if self._makes_files():
                outlive_stdout()
                if any(each.is_stdout and each.encoded for each in self.destinations.all) and _is_pipe(sys.stdout):
                    files.enter_context(relayed_stdout())
            # These first: they refuse a second process, which would empty the file of failures.
            shards = self.destinations.shards
            files.callback(self.ledger.close)
            self.ledger.open()
            if shards is not None:
                files.callback(shards.close)
                shards.begin(resume=self.chosen.resume)
            done = self.ledger.resumed()
            self.done_before = sum(source.key in done for source in self.inputs)
            self.progress.total -= self.done_before
            if self.failures_path is not None:
                self.failures = files.enter_context(contextlib.closing(GrowingFile(self.failures_path, anew=True)))
            try:
                with self._full_disk_is_told():
                    try:
                        code = asyncio.run(self._run(done))
                    finally:
                        # Whoever waited for a thread may have been called off, and its files are open.
                        wait(self.begun)
                    self.ledger.end()
                return code
            except (Error, OSError) as error:
                if error is self.ended_by:
                    self._write_report()
                    self.ledger.write_parquet()
                raise
            except KeyboardInterrupt:
                raise KeyboardInterrupt(self._how_far()) from None

    async def _run(self, done: AbstractSet[Key]) -> int:
        bar = asyncio.create_task(self._draw()) if self.progress.draws else None
        warnings, log = Warnings(self.progress), logging.getLogger("remotemedia")
        log.addHandler(warnings)
        try:
            with contextlib.ExitStack() as files:
                self._open_shared(files)
                await self._run_all(done)
                for _, lines in self.shared:
                    lines.end()
                if self.destinations.shards is not None:
                    self.destinations.shards.end(self.ledger.add)
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
        self._write_report()
        for line in told(self.ledger.summary) if self.ledger.report_path is not None and not self.silent else ():
            tell(line, sys.stderr, "bold")
        if failed and self.ledger.can_resume:
            tell("to run the failed ones again, repeat the command with --resume", sys.stderr, "bold")
        return FAILED if failed else DONE

    def _open_shared(self, files: contextlib.ExitStack) -> None:
        index = self.ledger.index
        known = set() if index is None else {row["input"] for row in index.rows}
        for destination in self.destinations.shared:
            path, columns = destination.shared, destination.options.columns
            assert path is not None
            if destination.is_stdout:
                self.shared.append((destination, Lines(sys.stdout.buffer, destination.ending, columns)))
            elif index is None or destination.is_device:
                self.shared.append((destination, Lines(files.enter_context(whole(path)), destination.ending, columns)))
            else:
                # It must hold what the index says is done, so it grows in its place.
                journal = AppendedFile(path)
                files.callback(journal.close)
                journal.keep(lambda row: isinstance(row, dict) and row.get("input") in known)
                self.ledger.keep_synced(journal)
                self.journals.append((destination, journal))

    async def _run_all(self, done: AbstractSet[Key]) -> None:
        waiting: deque[tuple[Input, asyncio.Task[Done]]] = deque()
        try:
            for index, source in enumerate(self.inputs):
                if source.key in done:
                    continue
                waiting.append((source, asyncio.create_task(self._one(source, index))))
                while len(waiting) > AHEAD * self.chosen.jobs:
                    await self._settle_first(waiting)
            while waiting:
                await self._settle_first(waiting)
        finally:
            # What is done is done, whatever ended the others.
            with contextlib.suppress(OSError):
                self.ledger.add(self.ledger.take_settled())
            tasks = [task for _, task in waiting]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle_first(self, waiting: deque[tuple[Input, asyncio.Task[Done]]]) -> None:
        """Settles the first input. Those that are done behind it are synced with it: a disk takes as long for one."""
        await self._settle(*waiting.popleft())
        if len(self.ledger.settled) >= AHEAD * self.chosen.jobs or not (waiting and waiting[0][1].done()):
            await self._add_settled()

    async def _one(self, source: Input, index: int) -> Done:
        async with self.places:
            try:
                done = await self._results(source, index)
            except (Error, OSError) as error:
                if isinstance(error, StdoutLeft):
                    raise
                if self._has_no_reader() and not self._makes_files():
                    raise StdoutLeft from None
                self.progress.count(failed=True)
                return Done({}, {}, error)
            self.progress.count()
            return done

    async def _results(self, source: Input, index: int) -> Done:
        self.destinations.file_sinks.check_name(source)
        self.destinations.make_folders(source, index)
        manifest = self.destinations.manifest(self.pipeline, source, index)
        measured, content = Measured(self.measures), None
        if self.ledger.index is not None:
            content = await self._hash_of(source)
        if self.has_rows:
            measured.add_to(manifest, self.plan)

        def told(progress: Made) -> None:
            self.progress.tell(index, progress.media)

        with opened(source, marks=self.marks_roots) as inputs:
            results = await execute(
                manifest,
                inputs,
                timeout=self.chosen.timeout,
                on_progress=None if self.progress.quiet else told,
            )
        if self.destinations.silent is not None and not any(outputs.packets for outputs in results.values()):
            raise Error(f"{source.title!r} {self.destinations.silent}")
        self.progress.skipped += results.skips
        files = await self.destinations.write(results, source, index)
        found = self.destinations.by_sink(results)
        row: dict[str, Any] = {}
        if self.has_rows:
            row = {
                **source.names,
                "duration": _end(found) if measured.seconds is None else measured.seconds,
                **measured.columns(),
                "last": {sink: last_value(outputs.packets) for sink, outputs in found.items()},
                "files": files,
                "bytes": None,
                "error": None,
                "sha256": content,
                "manifest": self.ledger.manifest_hash,
            }
        # What is written already need not wait in memory for an earlier input.
        is_waited_for = not self.destinations.all or self.destinations.shared
        return Done(found if is_waited_for else {}, row, None)

    async def _settle(self, source: Input, task: asyncio.Task[Done]) -> None:
        done = await task
        if done.error is not None:
            await self._add_settled()
            self._failed(source, done.error)
            return
        for destination, lines in self.shared:
            for sink in destination.sinks:
                lines.add(destination.options.records(done.found[sink].packets, sink, source.name))
            if destination.is_stdout:
                sys.stdout.buffer.flush()
        if self.journals:
            done.row["lines"] = [self._append(done, source, each, journal) for each, journal in self.journals]
        if not self.destinations.all:
            self.progress.erase()
            self.printer.add(done.found, source)
            sys.stdout.flush()
        if self.destinations.shards is not None:
            await self._on_thread(partial(self._to_shard, source, done.row))
        elif self.has_rows:
            self.ledger.settled.append(done.row)

    def _append(self, done: Done, source: Input, destination: Destination, journal: AppendedFile) -> int:
        """Adds the results of an input to a file of all results; returns how many lines they are."""
        lines = 0
        for sink in destination.sinks:
            records = destination.options.records(done.found[sink].packets, sink, source.name)
            data = document(records, destination.ending)
            journal.append(data)
            lines += data.count(b"\n")
        return lines

    async def _add_settled(self) -> None:
        """Writes the rows that wait, while other inputs are processed."""
        rows = self.ledger.take_settled()
        if self.ledger.index is None:
            self.ledger.add(rows)
        elif rows:
            await self._on_thread(partial(self.ledger.add, rows))

    async def _hash_of(self, source: Input) -> str | None:
        stop = threading.Event()
        try:
            return await self._on_thread(partial(content_hash, source, stop))
        except OSError:
            # Its node tells more of what is wrong with it.
            return None
        finally:
            # Else a large file would be read to its end after Ctrl-C.
            stop.set()

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises on a thread, while other inputs are processed; `run` waits for its end."""
        begun = fetched(work)
        self.begun.add(begun)
        try:
            return await asyncio.wrap_future(begun)
        finally:
            if begun.done():
                self.begun.discard(begun)

    def _failed(self, source: Input, error: Error | OSError) -> None:
        message, node_id = sentence_of(error), getattr(error, "node_id", None)
        position = getattr(error, "position", None)
        if self.marks_roots:
            for each in (source, *(file for _, file in source.beside)):
                message = message.replace(shown(to_text(marked(each))), shown(to_text(each.name or "")))
            error = Error(message)
        if self.destinations.shards is not None:
            # The user did not choose the names of staged files.
            without = self.destinations.shards.without_staging(message)
            error, message = (error, message) if without == message else (Error(without), without)
        if source.name is not None and not is_utf8(source.name):
            # Its file was named by its number.
            name = shown(source.name)
            message = re.sub(r"/dev/fd/\d+", lambda _: name, message)
            message = re.sub(r"(?<=input 0 )'\d+'", lambda _: f"'{os.path.basename(name)}'", message)
            error = Error(message)
        if is_full(error) and len(self.inputs) > 1:
            # It is not the fault of the input, which gets no row, and the next ones would fail too.
            raise Error(f"{message.removesuffix('.')}; stopped{self._how_far()}")
        failure = {**source.names, "error": message, "node": node_id, "position": position}
        if self.failures is not None:
            self.failures.append(f"{json_row(failure)}\n".encode())
        self.ledger.add_failed(source, failure)
        if not self.chosen.keep_going or len(self.inputs) == 1:
            self.ended_by = error
            raise error
        self.progress.erase()
        sys.stdout.flush()
        tell(message if source.title is None else f"{source.title}: {message}", sys.stderr)

    def _to_shard(self, source: Input, row: dict[str, Any]) -> None:
        """Adds an input to the shard. Its rows are written here: whoever waits for this thread may be called off."""
        assert self.destinations.shards is not None
        (staged,) = (each for each in self.destinations.all if each.is_staged)
        # Its own values are the samples.
        beside = {sink: value for sink, value in row["last"].items() if sink not in staged.sinks}
        facts = {name: row[name] for name in column_names(self.measures)} | ({"last": beside} if beside else {})
        self.destinations.shards.add(source, row, staged.spans, facts, self.ledger.add)

    @contextlib.contextmanager
    def _full_disk_is_told(self) -> Iterator[None]:
        """Says of a disk that is full which one it is, and how to continue, whatever was written.

        What ends a run here is no file of one input: of the others' too it would hold nothing more.
        """
        try:
            yield
        except OSError as error:
            if not is_full(error, shared=True) or len(self.inputs) == 1:
                raise
            place = error.filename or self.destinations.places or "stdout"
            raise Error(f"{error.strerror}: {place!r}; stopped{self._how_far()}") from None

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

    def _write_report(self) -> None:
        places = [f"Results are in {self.destinations.places}."] if self._wrote_files() else []
        self.ledger.write_report(self.plan.name, self.progress.seconds, places)

    def _where(self, *, is_cut_off: bool = False) -> str:
        """Where the results are, behind the summary. A run that `is_cut_off` writes no report."""
        some = self.progress.done + self.done_before > self.progress.failed
        places = [f"results are in {self.destinations.places}"] if some and self._wrote_files() else []
        places += [f"failures in {self.failures_path}"] if self.failures_path and self.progress.failed else []
        places += [f"the index is {self.ledger.index_path}"] if self.ledger.index_path else []
        places += [f"the report is {self.ledger.report_path}"] if self.ledger.report_path and not is_cut_off else []
        return f"; {', '.join(places)}" if places else ""

    def _how_far(self) -> str:
        """What is done when a run is cut off, and how to continue."""
        if len(self.inputs) == 1:
            return ""
        # Some may be done and wait for an earlier one to have its row.
        done = (
            self.progress.done - self.progress.failed
            if self.ledger.index is None
            else self.done_before + self.ledger.indexed
        )
        text = f" after {done} of {len(self.inputs)} files"
        if self.ledger.can_resume:
            return f"{text}{self._where(is_cut_off=True)}; to continue, repeat the command with --resume"
        if self._wrote_files() and not self.destinations.shared and self.progress.done:
            text += f"; results are in {self.destinations.places}"
        return f"{text}; a run with --index FILE can be continued"

    def _makes_files(self) -> bool:
        """Whether something else comes of the run than what is printed."""
        return bool(
            self._wrote_files()
            or self.destinations.file_sinks.all
            or any((self.ledger.index_path, self.ledger.report_path, self.failures_path))
        )

    def _wrote_files(self) -> bool:
        return any(not each.is_stdout for each in self.destinations.all)


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
