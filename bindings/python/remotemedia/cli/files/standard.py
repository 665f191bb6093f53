"""stdin, stdout and stderr of a command, of which each may be closed, may not block, and may lose its other end.

What is printed goes through one object, which writes all of it or raises. Messages go through another, which drops what
can't be written: whoever reads them may leave without a loss of work.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO, cast

from ..._functions.threads import start
from ..ending import Ended, wait_until
from .outlet import Outlet

STDIN, STDOUT, STDERR = 0, 1, 2
PIECE = 1 << 16


class StdoutLeft(BrokenPipeError):
    """The reader of stdout has left, as `head` does, and nothing else is to be made."""


class _Results(Outlet):
    """stdout. With `is_dropped` nothing is written any more."""

    is_alone = True
    """Whether what is printed is all that is made, so that without a reader there is nothing left to do."""
    is_dropped = False

    def write(self, data: Any, /) -> int:
        """Writes some of it. Raises `StdoutLeft`, and `OSError`."""
        try:
            return len(data) if self.is_dropped else super().write(data)
        except KeyboardInterrupt:
            # Its reader is waited for once.
            self.is_dropped = True
            raise
        except BrokenPipeError as error:
            if self.is_alone:
                raise StdoutLeft(error.errno, error.strerror) from None
            self.is_dropped = True
            return len(data)


class _Messages(Outlet):
    """stderr."""

    def write(self, data: Any, /) -> int:
        """Writes some of it, or drops it."""
        try:
            return super().write(data)
        except (OSError, Ended):
            return len(data)


class _Closed(io.TextIOBase):
    """stdout that the caller closed."""

    @property
    def buffer(self) -> NoReturn:
        """Raises `OSError`."""
        self.write("")

    def write(self, _text: str, /) -> NoReturn:
        """Raises `OSError`."""
        raise OSError(errno.EBADF, "stdout is closed; redirect it into a file or a pipe")


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Makes `sys.stdout` and `sys.stderr` what this module says, unless a program has put streams of its own there."""
    _take_closed()
    before, results = (sys.stdout, sys.stderr), None
    if sys.stdout is None:
        sys.stdout = cast("TextIO", _Closed())
    elif sys.stdout is sys.__stdout__:
        with contextlib.suppress(OSError):
            before[0].flush()
        results = _Results(before[0].fileno(), "stdout", closefd=False)
        sys.stdout = _text(results, before[0])
    if sys.stderr is sys.__stderr__:
        # None where it was closed.
        number = STDERR if before[1] is None else before[1].fileno()
        sys.stderr = _text(_Messages(number, closefd=False), before[1])
    # What runs may put others in their place.
    ours = sys.stdout, sys.stderr
    try:
        yield
    finally:
        with contextlib.suppress(OSError, KeyboardInterrupt):
            ours[0].flush()
        if results is not None:
            # What can't be written is not tried again, as it would be with the end of the process.
            results.is_dropped = True
            ours[0].flush()
        ours[1].flush()
        sys.stdout, sys.stderr = before


def require_stdout() -> None:
    """Raises `OSError` where the caller closed stdout."""
    if isinstance(sys.stdout, _Closed):
        sys.stdout.write("")


def outlive_stdout() -> None:
    """Lets a command go on when the reader of stdout leaves, since it makes other results too."""
    results = _results()
    if results is not None:
        results.is_alone = False


def print_utf8() -> None:
    """Makes UTF-8 of what is printed from here on, as programs read JSON and drawings, whatever the locale."""
    if _results() is not None:
        cast("io.TextIOWrapper", sys.stdout).reconfigure(encoding="utf-8")


def _results() -> _Results | None:
    """stdout, unless it is closed or a program has put a stream of its own there."""
    outlet = None if isinstance(sys.stdout, _Closed) else getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return outlet if isinstance(outlet, _Results) else None


@contextlib.contextmanager
def relayed_stdout() -> Iterator[None]:
    """Takes what is written into fd 1 to the reader of stdout, and drops what comes once that has left.

    So a node that writes into `/dev/stdout` fails no graph that has other results.
    """
    sys.stdout.flush()
    kept = os.dup(STDOUT)
    (source, into), (ended, end) = os.pipe(), os.pipe()
    os.set_blocking(source, False)
    try:
        thread = start("remotemedia-stdout", _relay, source, kept, ended)
        os.dup2(into, STDOUT)
        try:
            yield
        finally:
            os.close(into)
            try:
                sys.stdout.flush()
            finally:
                os.dup2(kept, STDOUT)
                os.close(end)
                _join(thread)
    finally:
        for number in (kept, source, ended):
            os.close(number)


def _join(thread: threading.Thread) -> None:
    """Waits for a thread that still writes; Ctrl-C ends what it does, and then it needs its descriptors no more."""
    try:
        thread.join()
    except KeyboardInterrupt:
        thread.join()
        raise


def _relay(source: int, kept: int, ended: int) -> None:
    """Carries over what comes until nobody writes any more, or `ended` has no writer and nothing is left."""
    outlet, is_read, is_ended = Outlet(kept, closefd=False), True, False
    more = select.poll()
    more.register(source, select.POLLIN)
    more.register(ended, 0)
    while True:
        try:
            data = os.read(source, PIECE)
        except BlockingIOError:
            if is_ended:
                return
            is_ended = any(number == ended for number, _ in more.poll())
            continue
        if not data:
            return
        with contextlib.suppress(OSError):
            if is_read:
                is_read = False
                outlet.write_all(data)
                is_read = True


def read_stdin() -> bytes:
    """All that comes on stdin, for which one that does not block is waited for."""
    stream = sys.stdin.buffer
    content = stream.read()
    try:
        number = stream.fileno()
        waits = os.get_blocking(number)
    except (OSError, ValueError):
        waits = True
    if waits:
        return content
    pieces = []
    while content != b"":
        if content is not None:
            pieces.append(content)
        else:
            wait_until(number, select.POLLIN)
        content = stream.read()
    return b"".join(pieces)


def _take_closed() -> None:
    """Has something in the place of what is closed: a file that is opened later would be taken for it.

    It can't be used: who reads it or writes into it gets the error that a closed one gives.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                # The lowest number that is free, which is this one.
                os.set_inheritable(os.open(os.devnull, os.O_WRONLY if number == STDIN else os.O_RDONLY), True)


def _text(outlet: Outlet, like: TextIO | None) -> TextIO:
    """A stream of text like this one of Python, but that `-u` flushes lines: without a buffer writes may be short.

    What the encoding lacks becomes an escape.
    """
    encoding = "utf-8" if like is None else like.encoding
    errors = "backslashreplace" if like is None or like.errors in ("strict", "surrogateescape") else like.errors
    lines = like is None or getattr(like, "line_buffering", False) or getattr(like, "write_through", False)
    return io.TextIOWrapper(io.BufferedWriter(outlet), encoding, errors, line_buffering=lines)
