"""Ctrl-C while a blocking call has an event loop of its own: kept until the loop can end the call by it.

As `KeyboardInterrupt` on any line it would cut steps of asyncio in half, and get lost in finalizers.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

__all__ = ["CtrlC"]


class CtrlC:
    """Ctrl-C on the main thread, where nobody else handles it. Elsewhere this does nothing."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_due = False
        """Whether it was pressed and has not been raised."""
        self._is_seen = True
        """Whether the loop has learned of the last time."""
        self._tell: Callable[[], object] | None = None

    def hold(self) -> None:
        """Keeps it from striking from now on."""
        if self._is_held or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._is_held = True
            signal.signal(signal.SIGINT, self._pressed)

    def let_go(self) -> None:
        """Lets it strike again. Raises `KeyboardInterrupt` if it was pressed, and that has not been raised."""
        if self._is_held:
            if signal.getsignal(signal.SIGINT) == self._pressed:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            self._is_held = False
        if self._is_due:
            self.taken()
            raise KeyboardInterrupt

    def tell(self, what: Callable[[], object] | None) -> None:
        """Sets what has the loop call `seen` when it is pressed, and calls it if it was pressed already."""
        self._tell = what
        if what is not None and self._is_due:
            what()

    def seen(self) -> None:
        """Notes that the loop has learned of it."""
        self._is_seen = True

    def taken(self) -> None:
        """Notes that it is raised."""
        self._is_due, self._is_seen = False, True

    def _pressed(self, _: int, __: object) -> None:
        if not self._is_seen:
            # A function blocks the loop.
            self.taken()
            raise KeyboardInterrupt
        self._is_due, self._is_seen = True, False
        if self._tell is not None:
            self._tell()
