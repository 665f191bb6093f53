"""What is written into, be it a file, stdout, a pipe or a device: all of it, or an error that names it."""

from __future__ import annotations

import errno
import io
import os
import select
import stat
from typing import Any

from ..ending import wait_until

LEFT = "nobody reads this pipe any more; keep its reader running until the end"


class Outlet(io.FileIO):
    """An open descriptor; `path` is its name in errors.

    Where another program may have to make room, `write` waits for that, also if the descriptor does not block. The end
    of the command ends the wait; see `wait_until`.
    """

    def __init__(self, number: int, path: str | None = None, *, closefd: bool = True) -> None:
        super().__init__(number, "wb", closefd=closefd)
        self._path = path
        mode = os.fstat(number).st_mode
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)

    def write(self, data: Any, /) -> int:
        """Writes some of it, as `io.BufferedWriter` expects, and returns how much. Raises `OSError`."""
        while True:
            if self._waits:
                wait_until(self.fileno(), select.POLLOUT)
                # So much fits a pipe that has room, and the system does not wait.
                data = memoryview(data)[: select.PIPE_BUF]
            try:
                written = super().write(data)
            except OSError as error:
                reason = LEFT if error.errno == errno.EPIPE else error.strerror
                raise OSError(error.errno, reason, self._path) from None
            # For files of Python's own None stands for no room, which another program has taken.
            if written is not None:
                return written

    def close(self) -> None:
        """Closes it, which may tell what did not fit. Raises `OSError`."""
        try:
            super().close()
        except OSError as error:
            raise OSError(error.errno, error.strerror, self._path) from None

    def write_all(self, data: bytes) -> None:
        """Writes all of it. Raises `OSError`."""
        left = memoryview(data)
        while left:
            left = left[self.write(left) :]
