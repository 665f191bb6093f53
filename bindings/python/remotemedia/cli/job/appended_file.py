"""A file of JSON lines that grows under a lock, as an index does and results beside it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

from ..._media.file import from_native
from ...errors import InvalidArgumentError
from ..files.disk import sync_open
from ..files.leftovers import is_at
from ..files.whole_file import GrowingFile, whole
from ..results.rows import with_names

UNREPLACED = (errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system says of a file that may be written and not replaced."""
MOST_REPLACED = 10
"""So many times in turn a file is replaced between its opening and its lock only by who keeps doing so."""


def lines_of(path: str) -> Iterator[tuple[bytes, Any]]:
    """The whole lines of a file, each with its value; what a crash left of one is left out.

    Raises `InvalidArgumentError` for a line that is no JSON.
    """
    with open(path, "rb") as file:
        lines = file.readlines()
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except ValueError:
            # Only the last line may be cut off. A power cut can leave zeros in place of several.
            if number == len(lines) or not line.strip(b"\0\n"):
                continue
            raise InvalidArgumentError(f"{path}: line {number} is no JSON; choose another name") from None
        if line.endswith(b"\n"):
            yield line, with_names(value, from_native) if isinstance(value, dict) else value


class AppendedFile:
    """A file of JSON lines that grows, and that one process at a time may write."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = self._opened()

    @property
    def is_file(self) -> bool:
        """Whether its lines can be read again; a pipe gives them to its reader."""
        return self._file.is_file

    def keep(self, is_kept: Callable[[Any], bool]) -> None:
        """Removes the lines that are not to be kept, and what a crash left of a line, in one step."""
        kept = [line for line, row in self.lines() if is_kept(row)]
        if not self.is_file or sum(map(len, kept)) == os.path.getsize(self.path):
            return
        number: int | None = None
        try:
            with whole(self.path, synced=True) as file:
                file.writelines(kept)
                # With it the lock stays, which it has since it was made: another process could come in between.
                number = os.dup(file.fileno())
        except BaseException as error:
            if number is not None:
                os.close(number)
            if not isinstance(error, OSError) or error.errno not in UNREPLACED:
                raise
            raise OSError(
                error.errno,
                f"{self.path!r} has lines that count no more, and can't be replaced by one without them: "
                f"{os.strerror(error.errno)}; give this user the right to write its folder, or mount that folder and "
                "not the file alone, and repeat the command with --resume",
            ) from None
        self._file.close()
        self._file = GrowingFile(self.path, number=number)

    def lines(self) -> Iterator[tuple[bytes, Any]]:
        """The whole lines, each with its value; what a crash left of one is left out. A pipe gives none back."""
        if self.is_file:
            yield from lines_of(self.path)

    def append(self, data: bytes) -> None:
        """Adds whole lines. If they can't all be written, none of them is."""
        self._file.append(data)

    def sync(self) -> None:
        """Returns once the lines are on their disk."""
        sync_open(self._file.fileno(), self.path)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _opened(self) -> GrowingFile:
        """The file under its lock. Another process may replace it until it is locked, and that is not the file then."""
        for _ in range(MOST_REPLACED):
            file = GrowingFile(self.path)
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                break
            except OSError as error:
                file.close()
                # Some network shares have no locks.
                raise InvalidArgumentError(
                    f"{self.path}: its file system can't lock it ({error.strerror}); put it on a local disk"
                ) from None
            if not file.is_file or is_at(file.fileno(), self.path):
                return file
            file.close()
        raise InvalidArgumentError(f"{self.path}: another process writes it; wait for its end")
