"""The rows of a run: which inputs its index has done already, and where each new row goes.

A row is final once its results are on their disk; only then it gets into the index, by which a run is resumed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ..._media.file import at_home
from ...errors import InvalidArgumentError
from ..arguments.inputs import Input, Key
from ..files.disk import Disk
from ..files.leftovers import remove_parts
from ..results.destinations import Destinations
from ..results.rows import Row
from ..terminal import is_terminal, tell
from .appended_file import AppendedFile, lines_of
from .batch_files import check_first_files, check_same_manifest
from .index import Index, size_of
from .measures import column_names, columns_of
from .parquet_index import ENDING, ROWS, check_pyarrow, write_parquet
from .report import write_report
from .summary import Summary


class Ledger:
    """The rows of a run on `inputs`: in the index, if there is one, in the summary, and on the page about the run.

    `settled` are rows of inputs whose results are written and perhaps not on the disk yet, `indexed` counts those that
    this run has put into the index.
    """

    def __init__(
        self,
        chosen: argparse.Namespace,
        inputs: Sequence[Input],
        destinations: Destinations,
        measures: list[str],
        manifest_hash: str,
    ) -> None:
        self.inputs, self.destinations, self.measures = inputs, destinations, measures
        self.manifest_hash = manifest_hash
        self.index_path = None if chosen.index is None else at_home(chosen.index)
        self.report_path = None if chosen.report is None else at_home(chosen.report)
        self.index: Index | None = None
        self.summary = Summary(column_names(measures))
        self.settled: list[dict[str, Any]] = []
        self.indexed = 0
        self._resumes, self._jobs = chosen.resume, chosen.jobs
        self._beside = [] if chosen.failures is None else [at_home(chosen.failures)]
        self._synced: list[AppendedFile] = []
        self._disk = Disk()

    @property
    def can_resume(self) -> bool:
        """Whether the run can be continued by its index."""
        return self.index is not None and self.index.is_file

    def check(self) -> None:
        """Refuses files of nodes that are there, before an index could say that they are those of a killed run."""
        if self.index_path is not None and not (self._resumes and os.path.exists(self._rows_path(self.index_path))):
            self.destinations.file_sinks.check_new(self.inputs, {})

    def open(self) -> None:
        """Opens the index and locks it."""
        if self.index_path is not None:
            self.index = Index(self._rows_path(self.index_path), resume=self._resumes)
            self._disk.sync([self.index.path])

    def resumed(self) -> AbstractSet[Key]:
        """The inputs that are done, if this run continues another one. Removes what that left of files."""
        if self.index is None:
            return frozenset()
        if self._resumes:
            self._resume(self.index)
        return self.index.done

    def keep_synced(self, journal: AppendedFile) -> None:
        """Lets a file of results that grows be on its disk before each row."""
        self._disk.sync([journal.path])
        self._synced.append(journal)

    def take_settled(self) -> list[dict[str, Any]]:
        """The rows of `settled`, for `add`."""
        rows, self.settled = self.settled, []
        return rows

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Takes rows that are final: whatever comes next, be it a power cut, these inputs are done."""
        for row in rows:
            self.summary.add(row)
        if self.index is None or not rows:
            return
        self._disk.sync(path for row in rows for path in row["files"])
        for journal in self._synced:
            journal.sync()
        for row in rows:
            row["bytes"] = size_of(row["files"])
        self.index.add(*rows)
        self.index.sync()
        self.indexed += len(rows)

    def add_failed(self, source: Input, failure: Mapping[str, Any]) -> None:
        """Takes the row of an input that failed: its names, its error and where that came from."""
        row = {**source.names, "duration": None, "last": {}, "files": [], **failure}
        if self.index is not None and self.destinations.shards is None and self.index.given.get(source.key):
            # Still there, and to be removed once there are others in their place.
            old = list(dict.fromkeys(self.index.given[source.key]))
            row |= {"old_files": old, "manifest": self.manifest_hash}
        self.summary.add(row)
        if self.index is not None:
            self.index.add(row)

    def end(self) -> None:
        """Makes the Parquet file, if the index is one, and leaves the last row of each input."""
        self.write_parquet()
        if self.index is not None:
            self._end_index(self.index)

    def close(self) -> None:
        """Closes the index, with the last row of each input as far as that can be had."""
        if self.index is not None:
            with contextlib.suppress(OSError, InvalidArgumentError):
                self._end_index(self.index)
            self.index.close()

    def write_parquet(self) -> None:
        """Makes a Parquet file of the index, if it is one."""
        if self.index is not None and self.index_path is not None and self.index_path.endswith(ENDING):
            rows = self.index.last_rows()
            write_parquet(self.index_path, rows, columns_of(rows, self.measures))

    def write_report(self, name: str, seconds: float, places: Iterable[str]) -> None:
        """Writes the page about the run, if there is to be one. `places` are sentences of where its results are."""
        if self.report_path is None:
            return
        if self.index is not None and self.index.is_file:
            # It is about all inputs, of which this run may have had a few.
            rows = self.index.last_rows()
            self.summary = Summary(columns_of(rows, self.measures))
            for row in rows:
                self.summary.add(row)
        index = [f"The index is {self.index_path}."] if self.index_path else []
        write_report(self.report_path, self.summary, name, seconds, [*places, *index])

    def _rows_path(self, index: str) -> str:
        """The file of the rows: the index itself, or the one that grows beside it."""
        if not index.endswith(ENDING):
            return index
        check_pyarrow(f"--index {index}")
        if not self._resumes and os.path.exists(index):
            raise InvalidArgumentError(f"--index {index}: it is there already; choose another name, or remove it")
        rows = index + ROWS
        if os.path.exists(index) and not os.path.exists(rows):
            raise InvalidArgumentError(
                f"--index {index}: --resume continues {rows!r}, which is gone, and its rows would be lost; put it "
                "back, or choose another name"
            )
        return rows

    def _resume(self, index: Index) -> None:
        """Finds what is done, and removes what a killed run left of files."""
        if is_terminal(sys.stderr):
            tell("comparing the inputs with the index", sys.stderr, "bold")
        index.resume(self.inputs, self.manifest_hash, self._jobs, self._has_lines())
        check_same_manifest(self.destinations, index)
        if index.changed:
            tell(f"{index.reason}; to run again: {len(index.changed)}", sys.stderr, "bold")
        keys = {source.key for source in self.inputs}
        check_first_files(self.destinations, keys | index.done)
        if self.destinations.shards is not None:
            stale = self.destinations.shards.stale(index.rows, index.changed.values(), keys)
            # A row whose shard is gone is found by the next run, a shard whose row is gone is not.
            self.destinations.shards.resume(index.rows, stale)
            index.drop(lambda row: row.get("shard") in stale)
        left = {number: source for number, source in enumerate(self.inputs) if source.key not in index.done}
        self.destinations.keep_results(index.files, left)
        self._resume_file_sinks(index, list(left.values()))
        remove_parts([*self.destinations.paths(left), *filter(None, (self.index_path, *self._beside))])
        if self.destinations.shards is None:
            index.withdraw(self.manifest_hash)

    def _has_lines(self) -> Callable[[Row], bool]:
        """Tells of a row whether the files of all results have as many lines of its input as it says."""
        there = [_lines_by_input(each.shared) for each in self.destinations.grown]
        return lambda row: all(
            found[row["input"]] >= lines for found, lines in zip(there, row.get("lines", ()), strict=False)
        )

    def _resume_file_sinks(self, index: Index, left: Sequence[Input]) -> None:
        """Lets nodes that write files replace what belongs to the inputs that are `left`, and nothing else."""
        given = {key: row.get("files", ()) for key, row in index.changed.items()}
        given |= {key: files for key, files in index.given.items() if files}
        if not index.is_continued:
            self.destinations.file_sinks.check_new(left, given)
        self.destinations.file_sinks.resume(continued=index.is_continued, given=given)

    def _end_index(self, index: Index) -> None:
        """Leaves the last row of each input, and of results what these rows have: no seventh segment where there are
        six now. That waits for the end, since until then an input may get a file that another one had."""
        # In a shard there are other inputs' samples, and a name with a number in it may be another input's.
        named = not any("index" in each.template.fields for each in self.destinations.all)
        paths = index.given_up(self.manifest_hash) if named and self.destinations.shards is None else set[str]()
        skipped = self.destinations.file_sinks.skipped(self.inputs) if paths else ()
        kept = {*self.destinations.kept, *map(os.path.realpath, skipped)}
        for path in paths:
            if os.path.realpath(path) not in kept and os.path.isfile(path):
                with contextlib.suppress(OSError):
                    os.unlink(path)
        index.end()


def _lines_by_input(path: str | None) -> Counter[str]:
    """How many lines of a file of all results are of each input; none where it is gone."""
    if path is None or not os.path.isfile(path):
        return Counter()
    return Counter(str(row.get("input")) for _, row in lines_of(path) if isinstance(row, dict))
