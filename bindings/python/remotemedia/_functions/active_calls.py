"""Which calls are at work, where one at a time may work with the same nodes.

After an interruption the work of a call that it ended may still go on, since a function takes its time: the next call
waits for it. Several calls may wait, where interruptions follow each other closely: each has its place until its turn,
or until it is called off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Waiting = tuple[Callable[[], None], bool]
"""A function that starts the work of a call, and whether a thread does that work."""


class ActiveCalls:
    """The calls of a run that are at work, and those that wait. Any thread may use it."""

    def __init__(self) -> None:
        # The garbage collector may end a run, with its loop, on a thread that holds it.
        self._lock = threading.RLock()
        self._busy: dict[str, int] = {}
        self._threads = 0
        self._waiting: dict[str, dict[int, Waiting]] = {}
        """The calls that wait for the nodes of each key, by their numbers, in the order of their arrival."""
        self._when_idle: Callable[[], None] | None = None

    def begin(self, key: str, call_id: int, start: Callable[[], None], in_thread: bool) -> bool:
        """Starts the work of a call on the nodes that `key` names, once no other call works with them.

        Returns whether it did or will: nothing begins in a run that has ended.
        """
        with self._lock:
            if self._when_idle is not None:
                return False
            if key in self._busy:
                self._waiting.setdefault(key, {})[call_id] = start, in_thread
                return True
            self._busy[key] = 1
            self._threads += in_thread
        start()
        return True

    def withdraw(self, key: str, call_id: int) -> bool:
        """Removes a call that waits for these nodes. Returns False if it does not wait."""
        with self._lock:
            return self._waiting.get(key, {}).pop(call_id, None) is not None

    def retain(self, key: str) -> None:
        """Marks one more thread as working on this call."""
        with self._lock:
            self._busy[key] += 1
            self._threads += 1

    def release(self, key: str, in_thread: bool) -> None:
        """Marks some of that work as done; starts the next call if it was the last, or ends the run."""
        start = when_idle = None
        with self._lock:
            self._busy[key] -= 1
            self._threads -= in_thread
            if not self._busy[key]:
                del self._busy[key]
                waiting = self._waiting.get(key)
                if waiting:
                    start, starts_in_thread = waiting.pop(next(iter(waiting)))
                    self._busy[key] = 1
                    self._threads += starts_in_thread
                elif not self._busy:
                    when_idle = self._when_idle
        if start is not None:
            start()
        if when_idle is not None:
            when_idle()

    def end(self, when_idle: Callable[[], None]) -> bool:
        """Ends the run: has `when_idle` called once no work goes on. Returns whether to wait for that.

        Not while a sync function is at work, which may take any time.
        """
        with self._lock:
            if self._when_idle is not None:
                return False
            self._when_idle = when_idle
            self._waiting.clear()
            is_worth_it, is_idle = not self._threads, not self._busy
        if is_idle:
            when_idle()
        return is_worth_it
