"""The last lines that this process and the programs it starts print, kept while they go where they went before."""

from __future__ import annotations

import os
import selectors
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

COUNT = 15
LONGEST = 300
"""Characters of a line that are kept."""


@contextmanager
def kept() -> Iterator[deque[str]]:
    """The last lines on stdout and stderr while this is open, complete once it is closed.

    On a terminal nothing is kept: what was printed is on it, and programs that see a pipe print without colours.
    """
    lines: deque[str] = deque(maxlen=COUNT)
    if sys.stdout.isatty():
        yield lines
        return
    watched = [_Watched(stream, lines) for stream in (1, 2)]
    stop_reading, stop = os.pipe()
    reader = threading.Thread(target=_pass_on, args=(watched, stop_reading), name="last-lines")
    reader.start()
    try:
        yield lines
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for each in watched:
            each.give_back()
        # Not by the end of the pipes: a program that was left running would hold them open.
        os.close(stop)
        reader.join()
        os.close(stop_reading)
        for each in watched:
            each.close()


class _Watched:
    """A stream of this process, with a pipe in its place."""

    def __init__(self, stream: int, lines: deque[str]) -> None:
        self.lines = lines
        self.reading, writing = os.pipe()
        os.set_blocking(self.reading, False)
        self._stream = stream
        self._before = os.dup(stream)
        self._begun = b""
        os.dup2(writing, stream)
        os.close(writing)

    def pass_on(self) -> bool:
        """Passes on what there is; whether there was something."""
        try:
            data = os.read(self.reading, 65536)
        except BlockingIOError:
            return False
        left = data
        # Programs that print go on where nobody reads any more; this one is told when it prints itself.
        with suppress(BrokenPipeError):
            while left:
                left = left[os.write(self._before, left) :]
        *whole, self._begun = (self._begun + data).split(b"\n")
        self.lines.extend(line.decode("utf-8", "replace")[:LONGEST] for line in whole)
        return bool(data)

    def give_back(self) -> None:
        """Puts the stream back where it was."""
        os.dup2(self._before, self._stream)

    def close(self) -> None:
        """Ends with a line that has no end of its own."""
        if self._begun:
            self.lines.append(self._begun.decode("utf-8", "replace")[:LONGEST])
        os.close(self.reading)
        os.close(self._before)


def _pass_on(watched: list[_Watched], stop: int) -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(stop, selectors.EVENT_READ)
        for each in watched:
            waiting.register(each.reading, selectors.EVENT_READ, each)
        is_open = True
        while is_open:
            for key, _ in waiting.select():
                if key.data is None:
                    is_open = False
                elif not key.data.pass_on():
                    waiting.unregister(key.fileobj)
        for each in watched:
            while each.pass_on():
                pass
