"""What is written into as it is, be it stdout, a pipe or a device: all of it, or an error that names it."""

from __future__ import annotations

import errno
import io
import select
from typing import Any

LEFT = "nobody reads this pipe any more; keep its reader running until the end"


class Outlet(io.FileIO):
    """An open descriptor. Where it does not block, `write` waits for room; `path` is its name in errors."""

    def __init__(self, number: int, path: str | None = None, *, closefd: bool = True) -> None:
        super().__init__(number, "wb", closefd=closefd)
        self._path = path

    def write(self, data: Any, /) -> int:
        """Writes some of it, as `io.BufferedWriter` expects, and returns how much. Raises `OSError`."""
        while True:
            try:
                written = super().write(data)
            except OSError as error:
                reason = LEFT if error.errno == errno.EPIPE else error.strerror
                raise OSError(error.errno, reason, self._path) from None
            # For files of Python's own None stands for no room.
            if written is not None:
                return written
            wait_until(self.fileno(), select.POLLOUT)

    def write_all(self, data: bytes) -> None:
        """Writes all of it. Raises `OSError`."""
        left = memoryview(data)
        while left:
            left = left[self.write(left) :]


def wait_until(number: int, event: int) -> None:
    """Waits until a descriptor that does not block is ready for `select.POLLIN` or `select.POLLOUT`."""
    ready = select.poll()
    ready.register(number, event)
    ready.poll()
