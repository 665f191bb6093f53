"""The index of a run: a row of JSON for each input, by which a run that was cut off is resumed.

A row is written when all results of its input are. So whatever ends the program, an input without a row is to be run,
and one with a row is not. Rows are written by one call each; what a crash leaves of one is no row.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._results.outputs import Packet
from ..errors import InvalidArgumentError
from ..media import Audio, File, Tensor
from .records import json_text
from .whole_file import whole


class Index:
    """The file of `--index`, locked while it is open. `done` are the names of the inputs that need no run, `files`
    their results, each with its input.

    With `resume` the rows of failed inputs go, since those are run again. Raises `InvalidArgumentError` for a file
    that holds rows and is not to be resumed, that another process writes, or that is no index.
    """

    def __init__(self, path: str, *, resume: bool) -> None:
        self.path = path
        self.done: set[str | None] = set()
        self.files: dict[str, str] = {}
        if not resume and os.path.exists(path) and os.path.getsize(path):
            raise InvalidArgumentError(
                f"--index {path}: it is there already; continue it with --resume, or remove it to start anew"
            )
        self._file = AppendedFile(path)
        try:
            if resume:
                self._file.keep(self._is_done)
        except BaseException:
            self.close()
            raise

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds a row."""
        self._file.append(f"{json_text(dict(row))}\n".encode())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _is_done(self, row: Any) -> bool:
        if not isinstance(row, dict) or "input" not in row or "error" not in row:
            raise InvalidArgumentError(f"--index {self.path}: this is no index of a run; choose another name")
        name = row["input"]
        if row["error"] is not None or name in self.done:
            return False
        self.done.add(name)
        self.files.update(dict.fromkeys(row.get("files", ()), name))
        return True


class AppendedFile:
    """A file of JSON lines that grows, and that one process at a time may write."""

    def __init__(self, path: str) -> None:
        self.path = path
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self._open()

    def keep(self, is_kept: Callable[[Any], bool]) -> None:
        """Removes the lines that are not to be kept, and what a crash left of a line, in one step."""
        with open(self.path, "rb") as file:
            lines = file.readlines()
        kept = []
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError:
                # Only the last line may be cut off. A power cut can leave zeros in place of several.
                if number == len(lines) or not line.strip(b"\0\n"):
                    continue
                raise InvalidArgumentError(f"{self.path}: line {number} is no JSON; choose another name") from None
            if line.endswith(b"\n") and is_kept(row):
                kept.append(line)
        if kept == lines:
            return
        with whole(self.path) as file:
            file.writelines(kept)
        os.close(self._number)
        self._open()

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
