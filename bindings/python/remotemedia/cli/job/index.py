"""The index of a run: a row of JSON for each input, by which a run that was cut off is resumed.

A row is written when all results of its input are. So whatever ends the program, an input without a row is to be run,
and one with a row is not, as long as its content and the manifest are what the row says. Of several rows of an input
the last one holds; the ones before it go at the end. Rows are written by one call each; what a crash leaves of one is
no row. Results are synced before their rows are written, and the index behind them, so that a power cut leaves no row
of results that it took.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..._files.fetching import fetched
from ..._functions.threads import Workers
from ..._media.file import to_text
from ..._results.outputs import Packet
from ...errors import InvalidArgumentError
from ...media import Audio, File, Tensor
from ..arguments.inputs import Input, Key
from ..results.records import json_row
from ..results.rows import Row, key_of, title_of
from .appended_file import AppendedFile
from .fingerprint import content_hash


class Index:
    """The file of `--index`, locked while it is open.

    `done` are the keys of the inputs that need no run, `rows` their rows, `files` their results, each with its input.
    `changed` are the rows of inputs that need a run again, since their content, the manifest, by its hash, or the
    length of results is not what the row says; `reason` tells which. `others` are the rows of inputs that are not named
    and were done by another manifest. `given` are all results that inputs have had by this manifest, as long as a row
    tells of them: those of another one a user may have use for. `is_continued` tells whether a run by this manifest may
    have been cut off, perhaps before its first row.

    Raises `InvalidArgumentError` for a file that holds rows and is not to be resumed, that another process writes, or
    that is no index.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self.path = path
        self.done: set[Key] = set()
        self.rows: list[dict[str, Any]] = []
        self.files: dict[str, str] = {}
        self.changed: dict[Key, dict[str, Any]] = {}
        self.reason = ""
        self.others: list[dict[str, Any]] = []
        self.given: dict[Key, list[str]] = {}
        self.is_continued = resume and os.path.exists(path)
        self._known: set[Key] = set()
        self._has_old_rows = False
        self._file = AppendedFile(path)
        # Nobody else adds rows from here on.
        wrong = None
        if resume and not self._file.is_file:
            wrong = "--resume reads it, which a pipe allows once; name a file"
        elif not resume and self._file.is_file and os.path.getsize(path):
            wrong = "it is there already; continue it with --resume, or remove it to start anew"
        if wrong is not None:
            self._file.close()
            raise InvalidArgumentError(f"--index {path}: {wrong}")

    def resume(self, inputs: Sequence[Input], manifest: str, jobs: int, has_lines: Callable[[Row], bool]) -> None:
        """Finds what is done. Reads the inputs that have rows, `jobs` at a time; `has_lines` tells whether the results
        of a row in files of all results are there."""
        sources = {source.key: source for source in inputs}
        last: dict[Key, dict[str, Any]] = {}
        for row in self.all_rows():
            key = key_of(row)
            # A run that was killed has not come to what it does at its end.
            self._has_old_rows |= key in last
            last[key] = row
            if row.get("manifest") == manifest:
                self.given.setdefault(key, []).extend(_results_of(row))
        manifests = {row[name] for row in last.values() for name in ("manifest", "again_by") if name in row}
        self.is_continued &= not manifests or manifest in manifests
        # Else a row would be added to what a crash left of one.
        self._file.keep(lambda row: True)
        self._known = set(last)
        good = {key: row for key, row in last.items() if row["error"] is None}
        known = [key for key in good if key in sources]
        self.others = [row for key, row in good.items() if key not in sources and row.get("manifest") != manifest]
        pool = Workers("remotemedia-resume", jobs)
        hashed = [fetched(partial(_is_same, good[key], sources[key], manifest), pool) for key in known]
        same = [each.result() for each in hashed]
        cut_off = {key for key in known if _is_cut_off(good[key]) or not has_lines(good[key])}
        changed = cut_off | {key for key, is_same in zip(known, same, strict=True) if not is_same}
        for key, row in good.items():
            if key not in changed:
                self._take(row)
                continue
            self.changed[key] = row
        if any(row.get("manifest") != manifest for row in self.changed.values()):
            self.reason = "what is asked for has changed since the index was written"
        elif changed - cut_off:
            self.reason = "an input has changed since the index was written"
        elif changed:
            self.reason = "a result is shorter than it was when the index was written"

    def drop(self, is_dropped: Callable[[Row], bool]) -> None:
        """Removes rows, whose inputs are to be run again, from the file too."""
        rows, self.done, self.rows, self.files = self.rows, set(), [], {}
        for row in rows:
            if not is_dropped(row):
                self._take(row)
        self._file.keep(lambda row: not is_dropped(row))

    def withdraw(self, manifest: str) -> None:
        """Marks the rows of `changed` as failed, before their results are replaced by those of this manifest.

        Whatever ends the run then, no row tells of results that others have replaced, also if what has changed is as it
        was by the next run.
        """
        if self.changed:
            self.add(*(_withdrawn(row, manifest) for row in self.changed.values()))
            self.sync()

    def add(self, *rows: Row) -> None:
        """Adds rows, all or none."""
        self._file.append("".join(f"{json_row(row)}\n" for row in rows).encode())
        self._has_old_rows |= any(key_of(row) in self._known for row in rows)

    def sync(self) -> None:
        """Returns once the rows are on their disk."""
        self._file.sync()

    def given_up(self, manifest: str) -> set[str]:
        """The results by this manifest that inputs had and have no more, now that rows have replaced those of then.

        A file that any row has now is none of them, whoever had it before, and neither is one that a failed input had.
        """
        if not self._has_old_rows:
            return set()
        rows = list(self.all_rows())
        last = {key_of(row): row for row in rows}
        kept = {os.path.realpath(path) for row in last.values() for path in _results_of(row)}
        done = {key for key, row in last.items() if row["error"] is None and row.get("manifest") == manifest}
        ours = (row for row in rows if row.get("manifest") == manifest and key_of(row) in done)
        return {path for row in ours for path in _results_of(row) if os.path.realpath(path) not in kept}

    def end(self) -> None:
        """Removes the rows that others have replaced, and with them what `given_up` tells.

        Raises `OSError` if the file can't be replaced. It is no worse then: the last rows hold.
        """
        if self._has_old_rows:
            self._keep_last()
            self._has_old_rows = False

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    @property
    def is_file(self) -> bool:
        """Whether its rows can be read again."""
        return self._file.is_file

    def all_rows(self) -> Iterator[dict[str, Any]]:
        """The rows as they are in the file."""
        for _, row in self._file.lines():
            if not isinstance(row, dict) or "input" not in row or "error" not in row:
                raise InvalidArgumentError(f"--index {self.path}: this is no index of a run; choose another name")
            yield row

    def last_rows(self) -> list[dict[str, Any]]:
        """The row of each input that holds."""
        rows = list(self.all_rows())
        left = Counter(map(key_of, rows))
        return [row for row in rows if _is_last(row, left)]

    def _take(self, row: dict[str, Any]) -> None:
        self.done.add(key_of(row))
        self.rows.append(row)
        self.files.update(dict.fromkeys(row.get("files", ()), title_of(row)))

    def _keep_last(self) -> None:
        left = Counter(map(key_of, self.all_rows()))
        self._file.keep(lambda row: _is_last(row, left))


def _is_last(row: Row, left: Counter[Key]) -> bool:
    """Whether no row of its input follows. `left` has how many do, this one among them."""
    left[key_of(row)] -= 1
    return left[key_of(row)] == 0


def size_of(files: Iterable[str]) -> int | None:
    """How many bytes files have together; None if one of them is gone."""
    try:
        return sum(map(os.path.getsize, files))
    except OSError:
        return None


def _results_of(row: Row) -> list[str]:
    """The files that a row has, and those that its input had before it failed."""
    return [*row.get("files", ()), *row.get("old_files", ())]


def _withdrawn(row: Row, manifest: str) -> Row:
    """The row of an input that is run again by a manifest, until there is a new one. It has the one of its results."""
    names = {key: value for key, value in row.items() if key in ("input", "inputs")}
    error = {"error": "it was to be run again, and the run ended before that", "node": None, "position": None}
    before = {"old_files": _results_of(row), "manifest": row.get("manifest"), "again_by": manifest}
    return {**names, "duration": None, "last": {}, "files": [], **error, **before}


def _is_cut_off(row: Row) -> bool:
    """Whether the results are shorter than when the row was written. That one was put elsewhere is no fault."""
    size, known = size_of(row.get("files", ())), row.get("bytes")
    return size is not None and known is not None and size < known


def _is_same(row: Mapping[str, Any], source: Input, manifest: str) -> bool:
    """Whether an input and the manifest are what they were when its row was written."""
    if row.get("manifest") != manifest:
        return False
    if source.name is None:
        # A graph that brings its own input.
        return True
    try:
        found = content_hash(source)
    except OSError:
        return False
    return found is not None and found == row.get("sha256")


def last_value(packets: list[Packet]) -> Any:
    """The last value of a sink as plain JSON: of media values, what describes them; of bytes, how many they are."""
    return _plain(packets[-1].value) if packets else None


def _plain(value: Any) -> Any:
    if isinstance(value, Audio):
        return {"rate": value.rate, "channels": value.channels, "frames": value.frames, "pts": value.pts}
    if isinstance(value, File):
        return to_text(value.path) if value.path is not None else _plain(value.data)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"bytes": memoryview(value).nbytes}
    if isinstance(value, Tensor) or hasattr(value, "__array_interface__"):
        return {"dtype": str(value.dtype), "shape": list(value.shape)} if value.shape else value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no number for it.
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
