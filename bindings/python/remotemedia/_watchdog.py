"""The watchdog of a session: names the node that holds up the others, and a `send` that waits for no reader at all."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import TYPE_CHECKING

from .errors import StalledError

if TYPE_CHECKING:
    from ._metrics import Metrics
    from ._session import Session

WATCHDOG_SECONDS = 5.0
"""How long nothing may move before the watchdog says so."""

_log = logging.getLogger("remotemedia")


class Watchdog:
    """Looks at a session from time to time, as long as it goes on. It keeps none alive."""

    def __init__(self, session: Session, seconds: float) -> None:
        self._session = weakref.ref(session)
        self._seconds = seconds
        self._before: tuple[int, ...] = ()
        self._next = asyncio.get_running_loop().call_later(seconds, self._look)

    def stop(self) -> None:
        """Looks no more."""
        self._next.cancel()

    def _look(self) -> None:
        session = self._session()
        if session is None or session.has_ended:
            return
        if session.is_open:
            self._compare(session.metrics())
        self._next = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def _compare(self, metrics: Metrics) -> None:
        """Says which node holds everything up, if nothing has moved since the look before."""
        now = (metrics.sent, *(node.packets for node in metrics.nodes))
        is_stuck, self._before = now == self._before, now
        # Whoever waits for input or room waits for another node, which is the one to name.
        culprits = (node for node in metrics.nodes if node.waits_for in ("nothing", "the host", "a reader"))
        culprit = next(culprits, None) if is_stuck else None
        if culprit is not None:
            doing = "is in a step" if culprit.waits_for == "nothing" else f"waits for {culprit.waits_for}"
            _log.warning(
                "no packet moved for %g s: node '%s' %s after %d packets, %d wait before it",
                self._seconds,
                culprit.node,
                doing,
                culprit.packets,
                culprit.waiting,
            )


def look_for_a_stall(metrics: Metrics) -> None:
    """Raises `StalledError` if a node waits for a reader, of a session whose outputs nobody has ever read."""
    if any(node.waits_for == "a reader" for node in metrics.nodes):
        count, sink = max((count, sink) for sink, count in metrics.unread.items())
        raise StalledError(
            f"'send' waits: {count} outputs of '{sink}' are unread; read in another task or use pipeline.stream()"
        )
