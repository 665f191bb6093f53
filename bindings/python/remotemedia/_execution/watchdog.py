"""The watchdog of a session: names the node that holds up the others, and finds a `send` that waits for no reader."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING

from ..errors import StalledError

if TYPE_CHECKING:
    from .metrics import Metrics
    from .session import Session
    from .time_breaks import TimeBreakReport

WATCHDOG_SECONDS = 5.0
"""How long no packet may move before the watchdog warns."""

_log = logging.getLogger("remotemedia")


class Watchdog:
    """Checks a session from time to time while it runs. Does not keep it alive."""

    def __init__(self, session: Session, seconds: float, time_breaks: TimeBreakReport) -> None:
        self._session = weakref.ref(session)
        self._time_breaks = time_breaks
        self._seconds = seconds
        self._before: tuple[int, ...] = ()
        self._next = asyncio.get_running_loop().call_later(seconds, self._look)

    def stop(self) -> None:
        """Cancels the timer."""
        self._next.cancel()

    def _look(self) -> None:
        session = self._session()
        if session is None or session.has_ended:
            return
        if session.is_open:
            metrics = session.metrics()
            self._compare(metrics)
            self._time_breaks.look(metrics)
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def _compare(self, metrics: Metrics) -> None:
        """Logs which node holds up the others, if no packet has moved since the last check."""
        now = (metrics.sent, *(node.packets for node in metrics.nodes))
        is_stuck, self._before = now == self._before, now
        if is_stuck and (said := what_is_stuck(metrics)):
            _log.warning("no packet moved for %g s: %s", self._seconds, said)


def what_is_stuck(metrics: Metrics) -> str:
    """What the node that holds up the others does, and what waits before it; empty if none does."""
    for node in metrics.nodes:
        at = "" if node.item is None else f"item {node.item}"
        if node.item is not None and node.pts is not None:
            at += f" at {node.pts:.3f} s"
        if node.waits_for == "a reader" and node.node in metrics.unread:
            after = at and f" after {at}"
            return (
                f"node '{node.node}' waits for a reader{after}; {metrics.unread[node.node]} of its outputs are unread"
            )
        # A node that waits for input or room waits for another node, which is the one to name.
        if node.waits_for in ("nothing", "Python"):
            doing = "is in a step" if node.waits_for == "nothing" else "waits for Python"
            busy = at and f" with {at}"
            waits = "1 packet waits" if node.waiting == 1 else f"{node.waiting} packets wait"
            oldest = "" if node.oldest is None else f"; the oldest has been there for {node.oldest:.2f} s"
            return f"node '{node.node}' {doing}{busy}; {waits} before it ({node.fill:.0%} full){oldest}"
    return ""


def look_for_a_stall(metrics: Metrics) -> None:
    """Raises `StalledError` if a node of a session waits for a reader, whose outputs were never read."""
    if any(node.waits_for == "a reader" for node in metrics.nodes):
        count, sink = max((count, sink) for sink, count in metrics.unread.items())
        raise StalledError(
            f"'send' waits: {count} outputs of '{sink}' are unread; read in another task or use pipeline.stream()"
        )
