"""How far a run is: a bar on a terminal, a plain line now and then elsewhere, both on stderr.

Nothing of the terminal is changed but the line of the bar, which is erased whenever something else is printed.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from ..terminal import is_terminal, tell

PATIENCE = 0.5
"""Seconds before a bar appears: what is done sooner needs none."""
BETWEEN_LINES = 10.0
"""The least seconds between two plain lines."""
BAR = 24
ERASE = "\r\x1b[K"


class Progress:
    """The files of a run that are done. `quiet` shows nothing at all; `clock` gives seconds."""

    def __init__(
        self, total: int, stream: TextIO, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total, self.done, self.failed, self.skipped = total, 0, 0, 0
        self.quiet = quiet
        self._stream, self._clock = stream, clock
        self._is_terminal = is_terminal(stream)
        self._begun = self._told = clock()
        self._drawn = ""
        self._media: dict[int, float] = {}

    @property
    def draws(self) -> bool:
        """Whether there is a bar, which `show` keeps up to date."""
        return self._is_terminal and not self.quiet

    def count(self, *, failed: bool = False) -> None:
        """One more file is done."""
        self.done += 1
        self.failed += failed
        now = self._clock()
        if self._is_terminal or self.quiet or self.done == self.total or now - self._told < BETWEEN_LINES:
            return
        self._told = now
        print(f"remotemedia: {self._counts()}{self._times(now)}", file=self._stream, flush=True)

    def tell(self, index: int, media: float | None) -> None:
        """So many seconds of media have come out of this file."""
        if media is not None:
            self._media[index] = media

    def show(self) -> None:
        """Draws the bar as things stand."""
        now = self._clock()
        if not self.draws or now - self._begun < PATIENCE:
            return
        filled = BAR * self.done // max(self.total, 1)
        words = f"{self._counts()}{self._times(now)}"
        bar = f"[{'#' * filled}{'-' * (BAR - filled)}] {words}"
        width = _width(self._stream) - 1
        lines = (bar + self._rate(now), bar, words)
        line = next((line for line in lines if len(line) <= width), words[:width])
        if line != self._drawn:
            self._stream.write(f"{ERASE}{line}")
            self._stream.flush()
            self._drawn = line

    def erase(self) -> None:
        """Takes the bar away, before something else is printed."""
        if self._drawn:
            self._stream.write(ERASE)
            self._stream.flush()
            self._drawn = ""

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return self._clock() - self._begun

    def summary(self) -> str:
        """What a run of several files ends with."""
        return f"{self._counts()}, {_spoken(self._clock() - self._begun)}"

    def _counts(self) -> str:
        files = f"{self.done} of {self.total} file{'s' * (self.total != 1)}"
        failed = f", {self.failed} failed" if self.failed else ""
        skipped = f", {self.skipped} error{'s' * (self.skipped != 1)} skipped" if self.skipped else ""
        return f"{files}{failed}{skipped}"

    def _times(self, now: float) -> str:
        elapsed = now - self._begun
        if not 0 < self.done < self.total:
            return f", {_spoken(elapsed)}"
        return f", {_spoken(elapsed)}, about {_spoken(elapsed / self.done * (self.total - self.done))} left"

    def _rate(self, now: float) -> str:
        media, elapsed = sum(self._media.values()), now - self._begun
        return f", {media / elapsed:.0f} x real time" if media and elapsed > 0 else ""


class Warnings(logging.Handler):
    """Prints what the package logs, and takes the bar away before."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress

    def emit(self, record: logging.LogRecord) -> None:
        """Prints a record."""
        self._progress.erase()
        sys.stdout.flush()
        tell(record.getMessage(), sys.stderr)


def _spoken(seconds: float) -> str:
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
