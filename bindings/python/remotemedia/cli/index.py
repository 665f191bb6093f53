"""The index of a run: a row of JSON for each input, by which a run that was cut off is resumed.

A row is written when all results of its input are. So whatever ends the program, an input without a row is to be run,
and one with a row is not, as long as its content and the manifest are what the row says. Rows are written by one call
each; what a crash leaves of one is no row.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .._results.outputs import Packet
from ..errors import InvalidArgumentError
from ..media import Audio, File, Tensor
from .fingerprint import content_hash
from .inputs import Input
from .records import json_text
from .whole_file import whole


class Index:
    """The file of `--index`, locked while it is open.

    `done` are the names of the inputs that need no run, `rows` their rows, `files` their results, each with its input.
    `changed` are the rows of inputs that need a run again, since their content or the manifest, by its hash, are not
    what the row says; `manifest_changed` tells whether it is the manifest.

    With `resume` the rows of failed and changed inputs go. Raises `InvalidArgumentError` for a file that holds rows and
    is not to be resumed, that another process writes, or that is no index.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self.path = path
        self.done: set[str | None] = set()
        self.rows: list[dict[str, Any]] = []
        self.files: dict[str, str] = {}
        self.changed: dict[str | None, dict[str, Any]] = {}
        self.manifest_changed = False
        if not resume and os.path.exists(path) and os.path.getsize(path):
            raise InvalidArgumentError(
                f"--index {path}: it is there already; continue it with --resume, or remove it to start anew"
            )
        self._file = AppendedFile(path)

    def resume(self, inputs: Sequence[Input], manifest: str, jobs: int) -> None:
        """Finds what is done, and leaves the rows of that alone. Reads the inputs that have rows, `jobs` at a time.

        Rows of files that are no inputs of this command stay.
        """
        sources = {source.name: source for source in inputs}
        rows = list(self.all_rows())
        known = [row for row in rows if row["error"] is None and row["input"] in sources]
        with ThreadPoolExecutor(jobs) as threads:
            same = list(threads.map(lambda row: _is_same(row, sources[row["input"]], manifest), known))
        for row, is_same in zip(known, same, strict=True):
            if not is_same:
                self.manifest_changed |= row.get("manifest") != manifest
                self.changed[row["input"]] = row
        self._file.keep(self._is_done)

    def drop(self, is_dropped: Callable[[Mapping[str, Any]], bool]) -> None:
        """Removes rows, whose inputs are to be run again."""
        kept = [row for row in self.rows if not is_dropped(row)]
        if len(kept) < len(self.rows):
            names = {row["input"] for row in kept}
            self.done, self.rows, self.files = set(), [], {}
            self._file.keep(lambda row: row["input"] in names and self._is_done(row))

    def add(self, *rows: Mapping[str, Any]) -> None:
        """Adds rows, all or none."""
        self._file.append("".join(f"{json_text(dict(row))}\n" for row in rows).encode())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def all_rows(self) -> Iterator[dict[str, Any]]:
        """The rows as they are in the file."""
        for _, row in self._file.lines():
            if not isinstance(row, dict) or "input" not in row or "error" not in row:
                raise InvalidArgumentError(f"--index {self.path}: this is no index of a run; choose another name")
            yield row

    def _is_done(self, row: Any) -> bool:
        name = row["input"]
        if row["error"] is not None or name in self.done or name in self.changed:
            return False
        self.done.add(name)
        self.rows.append(row)
        self.files.update(dict.fromkeys(row.get("files", ()), name))
        return True


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


class AppendedFile:
    """A file of JSON lines that grows, and that one process at a time may write."""

    def __init__(self, path: str) -> None:
        self.path = path
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self._open()

    def keep(self, is_kept: Callable[[Any], bool]) -> None:
        """Removes the lines that are not to be kept, and what a crash left of a line, in one step."""
        kept = [line for line, row in self.lines() if is_kept(row)]
        if sum(map(len, kept)) == os.path.getsize(self.path):
            return
        with whole(self.path) as file:
            file.writelines(kept)
        os.close(self._number)
        self._open()

    def lines(self) -> Iterator[tuple[bytes, Any]]:
        """The whole lines, each with its value; what a crash left of one is left out."""
        with open(self.path, "rb") as file:
            lines = file.readlines()
        for number, line in enumerate(lines, 1):
            try:
                value = json.loads(line)
            except ValueError:
                # Only the last line may be cut off. A power cut can leave zeros in place of several.
                if number == len(lines) or not line.strip(b"\0\n"):
                    continue
                raise InvalidArgumentError(f"{self.path}: line {number} is no JSON; choose another name") from None
            if line.endswith(b"\n"):
                yield line, value

    def append(self, data: bytes) -> None:
        """Adds whole lines. If they can't all be written, none of them is."""
        size = os.fstat(self._number).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._number, data[written:])
        except OSError as error:
            os.ftruncate(self._number, size)
            raise OSError(error.errno, error.strerror, self.path) from None

    def close(self) -> None:
        """Closes the file."""
        os.close(self._number)

    def _open(self) -> None:
        self._number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            fcntl.flock(self._number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._number)
            raise InvalidArgumentError(f"{self.path}: another process writes it; wait for its end") from None


def last_value(packets: list[Packet]) -> Any:
    """The last value of a sink as plain JSON: of media values, what describes them; of bytes, how many they are."""
    return _plain(packets[-1].value) if packets else None


def _plain(value: Any) -> Any:
    if isinstance(value, Audio):
        return {"rate": value.rate, "channels": value.channels, "frames": value.frames, "pts": value.pts}
    if isinstance(value, File):
        return value.path if value.path is not None else _plain(value.data)
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
