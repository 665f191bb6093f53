"""The calls of a port that are open: from the moment their number is known here until their reply is made.

The runtime calls a call off by its number, which may be known here or not: a call that comes inside a reply is known
only when the reply returns. So an unknown number is remembered until every reply that was being made then has returned:
one of them brings the call, or it was answered before.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

from .._functions.serve import Call


class Serving(Call):
    """A call of the runtime, and the work on its reply: a thread's, which attaches itself, or that of a task."""

    __slots__ = ("_leave", "_lock", "_resume", "id", "job", "task")

    def __init__(self, call_id: int, job: int, lock: threading.RLock) -> None:
        self.id = call_id
        self.job = job
        self.is_over = False
        self.task: asyncio.Task[None] | None = None
        self._lock = lock
        self._leave: Callable[[], None] | None = None
        self._resume: Callable[[], None] | None = None

    def attach(self, leave: Callable[[], None], resume: Callable[[], None] | None = None) -> bool:
        """Has `leave` called when the call is called off, and `resume` when there is room for more of its reply.

        Returns False if it is over already: then neither is called, and no work has to begin.
        """
        with self._lock:
            self._leave, self._resume = leave, resume
            return not self.is_over

    def resume_with(self, resume: Callable[[], None]) -> None:
        """Has `resume` called when there is room for more of its reply."""
        self._resume = resume

    def leave(self) -> None:
        """Ends the work on the reply, which is not wanted any more."""
        with self._lock:
            leave = None if self.is_over else self._leave
            self.is_over = True
        if leave is not None:
            leave()

    def resume(self) -> None:
        """Continues the work on the reply: there is room for more of it."""
        if self._resume is not None and not self.is_over:
            self._resume()

    def cancel_task(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Cancels the task that works on it, if there is one."""
        if self.task is None:
            return
        if loop is not None and not loop.is_closed():
            self.task.cancel()
            return
        coroutine: Any = self.task.get_coro()
        if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
            # It will never begin; Python would complain that it was never awaited.
            coroutine.close()


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
        """Adds a call that an event has brought."""
        serving = self._open[call_id] = Serving(call_id, job, self._lock)
        return serving

    def reply_begins(self, call_id: int) -> None:
        """Notes that a reply to this call is being made, which may bring the next call."""
        self._replies.add(call_id)

    def reply_brought(self, call_id: int, job: int, next_id: int) -> Serving:
        """Adds the call that the reply to another one has brought. It may be over already."""
        with self._lock:
            serving = Serving(next_id, job, self._lock)
            serving.is_over = self._called_off.pop(next_id, None) is not None
            if not serving.is_over:
                self._open[next_id] = serving
            self.reply_ends(call_id)
        return serving

    def reply_ends(self, call_id: int) -> None:
        """Notes that the reply to this call has returned, with the next call or without."""
        self._replies.discard(call_id)
        # Calls that are called off from now on don't wait for this reply.
        if not self._called_off:
            return
        with self._lock:
            for number, replies in list(self._called_off.items()):
                replies.discard(call_id)
                if not replies:
                    del self._called_off[number]

    def call_off(self, call_id: int) -> None:
        """Ends a call whose reply the runtime does not want any more."""
        with self._lock:
            serving = self._open.pop(call_id, None)
            if serving is None and self._replies:
                self._called_off[call_id] = set(self._replies)
        if serving is not None:
            serving.leave()

    def resume(self, call_id: int) -> None:
        """Continues a call: there is room for more of its reply."""
        serving = self._open.get(call_id)
        if serving is not None:
            serving.resume()

    def leave_all(self, job: int) -> None:
        """Ends all calls of an execution, whose replies are not wanted any more."""
        with self._lock:
            # A copy: others begin and end meanwhile.
            left = [serving for serving in list(self._open.values()) if serving.job == job]
            for serving in left:
                self._open.pop(serving.id, None)
        for serving in left:
            serving.leave()

    def end(self, call_id: int) -> None:
        """Removes a call whose reply is made."""
        self._open.pop(call_id, None)
