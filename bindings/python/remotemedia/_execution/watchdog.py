"""The watchdog of a session: names the node that holds up the others, and what is waited for that can't come.

What may still come is a warning in the log: also what only a thread, a timer or a socket could bring. What can't,
because an output is full that was never read, is a `StalledError` of the task that waits.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING

from .._functions import threads
from ..errors import StalledError

if TYPE_CHECKING:
    from .metrics import Metrics, NodeMetrics
    from .session import Session
    from .time_breaks import TimeBreakReport

STALL_SECONDS = 5.0
"""How long a `send` waits while outputs were never read, and the end of a block for a task that reads nothing."""

WATCHDOG_SECONDS = 5.0
"""How long no packet may move before the watchdog warns."""

_log = logging.getLogger("remotemedia")


LOOKS = 5
"""How many times it looks in that time."""


class Watchdog:
    """Looks at a session from time to time until it ends, and holds it weakly.

    With `seconds=None` it warns of no stalls.
    """

    def __init__(self, session: Session, seconds: float | None, time_breaks: TimeBreakReport) -> None:
        self._session = weakref.ref(session)
        self._time_breaks = time_breaks
        self._seconds = WATCHDOG_SECONDS if seconds is None else seconds
        self._is_silent = seconds is None
        self._before: tuple[int, ...] = ()
        self._progress: tuple[int, float | None] | None = None
        self._looks = 0
        """How many looks in a row have found nothing changed."""
        self._unseen = 0
        """How many looks have found progress."""
        self._has_named_a_reader = False
        self._next = self._later()

    def stop(self) -> None:
        """Cancels the next look."""
        self._next.cancel()

    def _later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._seconds / LOOKS, self._look)

    def _look(self) -> None:
        session = self._session()
        if session is None or session.has_ended:
            return
        if session.is_open and self._is_wanted(session):
            metrics = session.metrics()
            self._compare(session, metrics)
            self._time_breaks.look(metrics)
        self._next = self._later()

    def _is_wanted(self, session: Session) -> bool:
        """Whether the metrics could show something to report; taking them costs more than all the rest of a look.

        A silent watchdog has nothing to report but a reader whose wait is in vain, and where packets come in or media
        comes out, nothing is stuck.
        """
        if self._is_silent and not any(reader.waiter is not None for reader in session.readers):
            self._before = ()
            return False
        before, self._progress = self._progress, session.moved()
        if before != self._progress:
            self._before = ()
            # Seen before the end of the session, but not five times as often as anything is logged.
            self._unseen += 1
            if self._is_silent or self._time_breaks.is_done or self._unseen % LOOKS:
                return False
        return True

    def _compare(self, session: Session, metrics: Metrics) -> None:
        """Reports what holds everything up, if nothing has moved for long."""
        now = (metrics.sent, *(node.packets for node in metrics.nodes), *metrics.unread.values())
        if now != self._before:
            self._before, self._looks = now, 0
            return
        self._looks += 1
        if self._looks % LOOKS:
            return
        for reader in session.readers:
            if reader.waiter is not None and not reader.waiter.done():
                try:
                    refuse_a_stall("the reader of " + (f"'{reader.name}'" if reader.name else "the session"), session)
                    self._name_a_reader(session, metrics)
                except StalledError as error:
                    reader.waiter.set_exception(error)
                    return
        if not self._is_silent and (said := what_is_stuck(metrics, session.waits_for_thread)):
            _log.warning("no packet moved for %g s: %s", self._seconds, said)

    def _name_a_reader(self, session: Session, metrics: Metrics) -> None:
        """Warns of a reader for whom nothing is sent."""
        if self._has_named_a_reader or self._is_silent or session.is_finished or session.has_other_sender:
            return
        if not all(map(_is_idle, metrics.nodes)):
            return
        self._has_named_a_reader = True
        cure = "call session.finish() when no more comes"
        # This is called by the loop, on which no task runs now; one is the reader's.
        if metrics.sent and len(asyncio.all_tasks(asyncio.get_running_loop())) == 1:
            # A thread or a callback may still send.
            cure = "no other task is there to send more: call session.finish() before reading to the end"
        _log.warning(
            "no packet moved for %g s: a reader waits, and %s; %s",
            self._seconds,
            "all that was sent is worked off" if metrics.sent else "nothing was sent",
            cure,
        )


def what_is_stuck(metrics: Metrics, waits_for_thread: bool = False) -> str:
    """What the node that holds up the others does, and what waits before it; empty if none does.

    With `waits_for_thread` no function of the session has a thread.
    """
    for node in metrics.nodes:
        at = "" if node.item is None else f"item {node.item}"
        if node.item is not None and node.pts is not None:
            at += f" at {node.pts:.3f} s"
        if node.waits_for == "a reader" and node.node in metrics.unread:
            after = at and f" after {at}"
            return (
                f"node '{node.node}' waits for a reader{after}; {metrics.unread[node.node]} of its outputs are unread"
            )
        if node.waits_for.startswith("its next try"):
            return f"node '{node.node}' waits for {node.waits_for}; {_queue_of(node)}"
        # A node that waits for input or room waits for another node, which is the one to name.
        if node.waits_for in ("nothing", "Python"):
            doing = "is in a step" if node.waits_for == "nothing" else "waits for Python"
            reason = ""
            if node.waits_for == "Python" and waits_for_thread:
                doing, reason = "waits for a thread", f"; {threads.all_at_work()}"
            busy = at and f" with {at}"
            oldest = "" if node.oldest is None else f"; the oldest has been there for {node.oldest:.2f} s"
            return f"node '{node.node}' {doing}{busy}; {_queue_of(node)}{oldest}{reason}"
    for node in metrics.nodes:
        if node.waits_for == "input" and node.waiting:
            return (
                f"node '{node.node}' waits for input while {_queue_of(node)}; "
                "it needs more than these, such as packets at another of its inputs"
            )
    return ""


def refuse_a_stall(waiting: str, session: Session) -> None:
    """Raises `StalledError` if a node waits for the reader of a sink that was never read. `waiting` names who waits."""
    never = {reader.name for reader in session.readers if reader.task is None}
    if not never:
        return
    metrics = session.metrics()
    full = {node.node for node in metrics.nodes if node.waits_for == "a reader"}
    unread = [(count, sink) for sink, count in metrics.unread.items() if sink in full and never & {None, sink}]
    if unread:
        count, sink = max(unread)
        cure = "read in another task or use pipeline.stream()"
        if None not in never and len(session.readers) > 1:
            cure = f"read session.output('{sink}') at the same time, in a task of its own"
        outputs = "1 output" if count == 1 else f"{count} outputs"
        raise StalledError(f"{waiting} waits: {outputs} of '{sink}' {'is' if count == 1 else 'are'} unread; {cure}")


def _queue_of(node: NodeMetrics) -> str:
    waits = "1 packet waits" if node.waiting == 1 else f"{node.waiting} packets wait"
    return f"{waits} before it ({node.fill:.0%} full)"


def _is_idle(node: NodeMetrics) -> bool:
    return node.waits_for == "input" and not node.waiting
