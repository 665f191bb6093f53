"""The calls of a port that are not over, from the moment their number is known here until their answer is given.

The runtime calls a call off by its number, which may be known here or not: a call that comes inside a reply is known
only when the reply returns. So a number that nobody knows is remembered until every reply that was being made then has
returned: one of them brings the call, or it was answered before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Serving:
    """A call that is to be answered. Who works at it is told when nobody wants the answer any more."""

    __slots__ = ("_leave", "_lock", "_resume", "id", "is_over", "job")

    def __init__(self, call_id: int, job: int, lock: threading.RLock) -> None:
        self.id = call_id
        self.job = job
        self.is_over = False
        """Whether nobody wants its answer any more."""
        self._lock = lock
        self._leave: Callable[[], None] | None = None
        self._resume: Callable[[], None] | None = None

    def attach(self, leave: Callable[[], None], resume: Callable[[], None]) -> bool:
        """Has `leave` called when it is called off, and `resume` when there is room for more of its answer.

        Answers False if it is over already: then neither is called, and nothing is to begin.
        """
        with self._lock:
            self._leave, self._resume = leave, resume
            return not self.is_over

    def leave(self) -> None:
        """Nobody wants the answer any more."""
        with self._lock:
            leave = None if self.is_over else self._leave
            self.is_over = True
        if leave is not None:
            leave()

    def resume(self) -> None:
        """There is room for more of the answer."""
        if self._resume is not None and not self.is_over:
            self._resume()


class OpenCalls:
    """The calls of a port, by their numbers. Any thread may use it."""

    def __init__(self) -> None:
        # The garbage collector may close a port on a thread that holds it.
        self._lock = threading.RLock()
        self._open: dict[int, Serving] = {}
        self._replies: set[int] = set()
        """Calls whose reply, which may bring the next one, is being made."""
        self._called_off: dict[int, set[int]] = {}

    def open(self, call_id: int, job: int) -> Serving:
        """A call that has come."""
        serving = self._open[call_id] = Serving(call_id, job, self._lock)
        return serving

    def reply_begins(self, call_id: int) -> None:
        """The reply to this call, which may bring the next one, is about to be made."""
        self._replies.add(call_id)

    def reply_brought(self, call_id: int, job: int, next_id: int) -> Serving:
        """The reply to a call has brought the next one, which may be over already."""
        with self._lock:
            serving = Serving(next_id, job, self._lock)
            serving.is_over = self._called_off.pop(next_id, None) is not None
            if not serving.is_over:
                self._open[next_id] = serving
            self.reply_ends(call_id)
        return serving

    def reply_ends(self, call_id: int) -> None:
        """The reply to this call has returned, with the next one or without."""
        self._replies.discard(call_id)
        # Whoever calls one off from now on finds this reply no more.
        if not self._called_off:
            return
        with self._lock:
            for number, replies in list(self._called_off.items()):
                replies.discard(call_id)
                if not replies:
                    del self._called_off[number]

    def call_off(self, call_id: int) -> None:
        """The runtime does not want the answer to this call any more."""
        with self._lock:
            serving = self._open.pop(call_id, None)
            if serving is None and self._replies:
                self._called_off[call_id] = set(self._replies)
        if serving is not None:
            serving.leave()

    def resume(self, call_id: int) -> None:
        """There is room for more of the answer to this call."""
        serving = self._open.get(call_id)
        if serving is not None:
            serving.resume()

    def leave_all(self, job: int) -> None:
        """Nobody wants answers for this execution any more."""
        with self._lock:
            # A copy: others begin and end meanwhile.
            left = [serving for serving in list(self._open.values()) if serving.job == job]
            for serving in left:
                self._open.pop(serving.id, None)
        for serving in left:
            serving.leave()

    def end(self, call_id: int) -> None:
        """This call is answered."""
        self._open.pop(call_id, None)
