"""`Deadline`: the time that a run of the reference executor may take, and what it was doing when that was over."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import TIMEOUT_MAX

from .._problem.seconds import microseconds
from .._results.outputs import Outputs
from ..errors import TimedOut
from .graph import Step


class Deadline:
    """The end of a run's time; without a `timeout` there is none."""

    def __init__(self, timeout: float | None) -> None:
        span_us = -1 if timeout is None else microseconds("timeout", timeout)
        # More than a thread can wait for is as good as no end.
        self.timeout = None if span_us < 0 or span_us / 1e6 > TIMEOUT_MAX else span_us / 1e6
        self.blocking = 0
        """How many functions are at work on threads."""
        self._end = None if self.timeout is None else time.monotonic() + self.timeout
        self._begun: tuple[Step, int, float] | None = None
        self.outputs: Callable[[], Outputs] | None = None
        """What has come out so far, once the run has begun."""

    def begin(self, step: Step, item: int) -> None:
        """Notes that a step begins to work on an item. Raises `TimedOut` if the time is over."""
        if self._end is not None:
            self.check()
            self._begun = step, item, time.monotonic()

    def check(self) -> None:
        """Raises `TimedOut` if the time is over."""
        if self._end is not None and time.monotonic() >= self._end:
            raise self.expired()

    def expired(self) -> TimedOut:
        """What is raised once the time is over."""
        doing = "no node is at work" if self.timeout else "no time was left when it began"
        if self._begun is not None:
            step, item, since = self._begun
            took = time.monotonic() - since
            doing = f"node '{step.id}' ({step.node_type}) has worked on input {item} for {took:.2f} s"
        error = TimedOut(f"timed out after {self.timeout:g} s: {doing}. Allow more time, or give it less to do.")
        error.outputs = self.outputs() if self.outputs is not None else None
        return error
