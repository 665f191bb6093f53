"""Ports without an event loop: the thread that submits waits for their events, and runs Python functions itself.

With a timeout serving threads run them, so that a function that blocks keeps this thread no longer than it may.
"""

from __future__ import annotations

import contextvars
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._abi import ownership
from .._abi.library import NULL
from .._codec.call_buffers import CallBuffers
from .._functions import threads
from .._functions.failures import ENDS_PROGRAM, repr_of
from .._functions.serve import Backpressure, Reply
from .._results.outputs import Outputs
from .loop_calls import LoopCalls
from .open_calls import OpenCall
from .port import EventPort, NextCall
from .run import Run
from .thread_calls import PartialCall

if TYPE_CHECKING:
    from .._results.progress import Reporter

_log = logging.getLogger("remotemedia")

SLICE_US = 50_000
"""How long a thread waits at its port before it looks whether Ctrl-C was pressed."""

SYNC_BUDGET_US = 10_000
"""How much work a submit may do on a thread that would only wait otherwise, in microseconds."""

NEXT_CALLS_IN_A_ROW = 8
"""After so many calls that each came with the reply to the one before, a thread looks at its port."""


class SyncDriver:
    """Runs the calls of a port on the thread that waits at it."""

    time: Any = NULL
    options = b'{"bell":"none"}'
    """Nobody watches a descriptor."""

    def __init__(self, budget_us: int = SYNC_BUDGET_US) -> None:
        self.budget_us = budget_us
        self.next_calls: list[NextCall] = []
        """The call that came with the last reply, if one did."""
        self.in_a_row = 0
        self.report: Callable[[], None] | None = None
        """Called after each part of a reply: while this thread runs functions, it does not look at its port."""

    def serve(self, port: EventPort[SyncDriver], run: Run, call: OpenCall, on_this_thread: bool) -> None:
        """Runs the functions of a call now."""
        assert run.context is not None
        work = _CallOfThisThread(port, call, run.context.copy(), self)
        port.calls.begin(call, None, work.begin, work.cancel, work.resume)

    def clean(self, run: Run) -> None:
        """Cleans up the instances of a run now."""
        if run.instances is not None and run.context is not None:
            run.context.copy().run(run.instances.clean)

    def decode(self, port: EventPort[SyncDriver], used: CallBuffers) -> list[Any]:
        """The events that are in `used`."""
        events: list[Any] = used.unpack(port.resolve)
        return events

    def stop(self) -> None:
        """Nothing waits for events but a call of `wait`."""


class _CallOfThisThread(PartialCall):
    """The work on a call by the thread that waits at the port."""

    __slots__ = ("_driver",)

    def __init__(self, port: EventPort[Any], call: OpenCall, context: contextvars.Context, driver: SyncDriver) -> None:
        super().__init__(port, call, context, ENDS_PROGRAM)
        self._driver = driver

    def run(self, work: Callable[[], None], on_this_thread: bool) -> None:
        """Runs work now."""
        work()

    def reply_part(self, part: Reply) -> Backpressure:
        """Makes a reply, and reports progress where that is due."""
        room = self.port.reply(self.call, part)
        if self._driver.report is not None:
            self._driver.report()
        return room

    def reply_last(self, part: Reply) -> None:
        """Makes the last reply; the call that comes with it is the next one that the thread serves."""
        self.port.reply(self.call, part, self._driver.next_calls)


class ThreadsDriver(LoopCalls, SyncDriver):
    """Runs the calls of a port on serving threads, while the thread that waits at it only waits."""

    def __init__(self, budget_us: int = SYNC_BUDGET_US) -> None:
        super().__init__(budget_us)
        self.pool = threads.here()
        # All functions are sync.
        self.loop = _no_loop

    def clean(self, run: Run) -> None:
        """Cleans up the instances of a run now, or on the thread that works with them, once it is done."""
        instances, context = run.instances, run.context
        if instances is None or context is None:
            return
        ending = True

        def clean() -> None:
            try:
                context.copy().run(instances.clean)
            except KeyboardInterrupt as error:
                if ending:
                    raise
                # A function raised it itself; Ctrl-C strikes the main thread alone.
                _log.warning("cleaning up raised: %s", repr_of(error))

        instances.end(clean)
        ending = False


SyncPort = EventPort[SyncDriver]


def advance(port: SyncPort) -> None:
    """Dispatches the events that are there, or serves the next call; waits at most a slice for the first event."""
    driver = port.driver
    if driver.next_calls and driver.in_a_row < NEXT_CALLS_IN_A_ROW:
        driver.in_a_row += 1
        port.serve(*driver.next_calls.pop())
    else:
        driver.in_a_row = 0
        port.advance(0 if driver.next_calls else SLICE_US)


def wait(port: SyncPort, run: Run, reporter: Reporter | None = None) -> Outputs:
    """Waits until the run has ended. Ctrl-C interrupts it within a slice, and cancels the run."""

    def report() -> None:
        if reporter is not None and reporter.is_due and (found := port.progress(run)) is not None:
            reporter.tell(*found)

    try:
        if reporter is not None:
            port.driver.report = report
        while run.completion is None:
            advance(port)
            report()
        if run.borrowed and ownership.is_borrowed(run.borrowed):
            port.drain()
    finally:
        port.driver.report = None
        port.abandon(run)
    return run.settle(run.completion)


def _no_loop() -> None:
    """The loop of a driver without one."""
