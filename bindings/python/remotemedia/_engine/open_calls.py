"""The calls of a port that are open: from when their number is known here until their last reply.

The runtime cancels a call by its number, which may not be known here yet: a call that comes with a reply is known only
when the reply returns. So an unknown number is remembered until every reply that was being made then has returned: one
of them brings the call, or it was answered before.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

from .._functions.active_calls import ActiveCalls
from .._functions.serve import Call


class OpenCall(Call):
    """A call of the runtime, and the work on its reply: a thread's, which attaches itself, or that of a task."""

    __slots__ = ("_cancel", "_lock", "_resume", "id", "job", "task", "waits_for_thread")

    def __init__(self, call_id: int, job: int, lock: threading.RLock) -> None:
        self.id = call_id
        self.job = job
        """The token of its run."""
        self.is_over = False
        self.waits_for_thread: bool | None = None
        """Whether it waits until a thread is done with other work; None if no thread was asked to work on it."""
        self.task: asyncio.Task[None] | None = None
        self._lock = lock
        self._cancel: Callable[[], None] | None = None
        self._resume: Callable[[], None] | None = None

    def attach(self, cancel: Callable[[], None], resume: Callable[[], None] | None = None) -> bool:
        """Sets what is called when the call is cancelled, and when there is room for more of its reply.

        Returns False if it is over already: then neither is called, and no work has to begin.
        """
        with self._lock:
            if not self.is_over:
                self._cancel, self._resume = cancel, resume
            return not self.is_over

    def detach(self) -> None:
        """Forgets the work that has attached itself: neither is called any more.

        The work knows the call too. Without this the inputs of every call, which may be minutes of sound, would stay
        until the garbage collector comes by.
        """
        self._cancel = self._resume = None

    def resume_with(self, resume: Callable[[], None]) -> None:
        """Sets what is called when there is room for more of its reply."""
        self._resume = resume

    def cancel(self) -> None:
        """Ends the work on the reply, which is not wanted any more."""
        with self._lock:
            cancel, self._resume = self._cancel, None
            self.is_over = True
        if cancel is not None:
            cancel()
            # Then: who is interrupted before does it again.
            self.detach()

    def resume(self) -> None:
        """Continues the work on the reply: there is room for more of it."""
        # Another thread may detach it.
        resume = self._resume
        if resume is not None and not self.is_over:
            resume()

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
    """The open calls of a port, by their numbers. Any thread may use it."""

    def __init__(self) -> None:
        # The garbage collector may close a port on a thread that holds it.
        self._lock = threading.RLock()
        self._of_run: dict[int, dict[int, OpenCall]] = {}
        """The open calls by the tokens of their runs: what a run asks for must not depend on how many others there
        are."""
        self._open: dict[int, OpenCall] = {}
        """All of them by their numbers, but for those that an exception came between, as of a signal handler: added
        after, removed before."""
        self._replies: dict[int, int] = {}
        """Calls whose reply, which may bring the next one, is being made, with their runs."""
        self._cancelled: dict[int, set[int]] = {}
        """Numbers of cancelled calls that are not known yet, with the replies that may bring them."""
        self._called_off: dict[int, bool] = {}
        """Whether the calls of a run that were called off all waited for a thread, by their runs."""
        self._closing: dict[int, set[asyncio.Task[None]]] = {}
        """Tasks that close what they have begun for calls that are over, by their runs."""

    def open(self, call_id: int, job: int) -> OpenCall:
        """Adds a call that has come as an event."""
        call = OpenCall(call_id, job, self._lock)
        with self._lock:
            self._add(call)
        return call

    def begin(
        self,
        call: OpenCall,
        active: ActiveCalls | None,
        begin: Callable[[], None],
        cancel: Callable[[], None],
        resume: Callable[[], None] | None = None,
        *,
        in_thread: bool = True,
    ) -> None:
        """Begins the work on a call, unless it is over: where `active` is given, once no other works with its nodes.

        `cancel` and `resume` are for work that has begun; `in_thread` says whether a thread does it.
        """
        key = call.chain.key

        def leave() -> None:
            if active is None or not active.withdraw(key, call.id):
                cancel()

        if not call.attach(leave, resume):
            return
        if active is None:
            begin()
        elif not active.begin(key, call.id, begin, in_thread):
            self.end(call.id)

    def reply_begins(self, call_id: int, job: int) -> None:
        """Notes that a reply to this call of a run is about to be made, and may bring the next call."""
        self._replies[call_id] = job

    def reply_brought(self, call_id: int, job: int, next_id: int) -> OpenCall:
        """Adds the call that came with the reply to `call_id`; it may be cancelled already."""
        with self._lock:
            call = OpenCall(next_id, job, self._lock)
            call.is_over = self._cancelled.pop(next_id, None) is not None
            if not call.is_over:
                self._add(call)
            self.reply_ends(call_id)
        return call

    def reply_ends(self, call_id: int) -> None:
        """Notes that the reply to this call has returned, with the next call or without."""
        self._replies.pop(call_id, None)
        # A call that is cancelled from now on does not wait for this reply any more.
        if not self._cancelled:
            return
        with self._lock:
            for number, replies in list(self._cancelled.items()):
                replies.discard(call_id)
                if not replies:
                    del self._cancelled[number]

    def cancel(self, call_id: int) -> None:
        """Cancels a call: the runtime does not need its reply any more."""
        with self._lock:
            call = self._open.get(call_id)
            if call is None and self._replies:
                self._cancelled[call_id] = set(self._replies)
        if call is not None:
            if call.waits_for_thread is not None:
                waited = self._called_off.get(call.job, True) and call.waits_for_thread
                self._called_off[call.job] = waited
            call.cancel()
            self._note_closing(call)
            with self._lock:
                self._remove(call)

    def resume(self, call_id: int) -> None:
        """Continues the work on a call: there is room for more of its reply."""
        call = self._open.get(call_id)
        if call is not None:
            call.resume()

    def cancel_all(self, job: int) -> None:
        """Cancels the calls of a run, which has ended."""
        if not (self._of_run or self._called_off or self._replies):
            return
        self._called_off.pop(job, None)
        # Whoever was interrupted in the middle of one has left it here.
        for call_id in [each for each, of in list(self._replies.items()) if of == job]:
            self.reply_ends(call_id)
        with self._lock:
            cancelled = list(self._of_run.get(job, {}).values())
        for call in cancelled:
            call.cancel()
            self._note_closing(call)
            # Then: who is interrupted before does it again.
            with self._lock:
                self._remove(call)

    def leave(self, call: OpenCall) -> None:
        """Removes a call whose reply is not wanted any more, and whose task closes what it has begun.

        Nothing cancels that any more.
        """
        self.end(call.id)
        self._note_closing(call)

    def wait_for_thread(self, job: int) -> bool:
        """Whether all calls of a run wait until a thread is done with other work, or did when they were called off."""
        if not (self._of_run or self._called_off):
            return False
        with self._lock:
            waiting = [call.waits_for_thread for call in self._of_run.get(job, {}).values()]
        if job in self._called_off:
            waiting.append(self._called_off[job])
        return bool(waiting) and all(waiting)

    def closing(self, job: int) -> set[asyncio.Task[None]]:
        """The tasks that close what they have begun for a run, but for the one that asks. For its end.

        None where no loop runs: nobody waits for them there.
        """
        tasks = self._closing.pop(job, None)
        if not tasks or asyncio._get_running_loop() is None:
            return set()
        return {task for task in tasks if not task.done() and task is not asyncio.current_task()}

    def is_open(self, call_id: int) -> bool:
        """Whether a call has not been answered to its end, and is still wanted."""
        return call_id in self._open

    def end(self, call_id: int) -> None:
        """Removes a call whose last reply is made."""
        with self._lock:
            call = self._open.get(call_id)
            if call is not None:
                call.detach()
                self._remove(call)

    def _add(self, call: OpenCall) -> None:
        self._of_run.setdefault(call.job, {})[call.id] = call
        self._open[call.id] = call

    def _remove(self, call: OpenCall) -> None:
        self._open.pop(call.id, None)
        of_run = self._of_run.get(call.job)
        if of_run is not None:
            of_run.pop(call.id, None)
            if not of_run:
                self._of_run.pop(call.job, None)

    def _note_closing(self, call: OpenCall) -> None:
        task = call.task
        # Where the garbage collector ends a run nothing waits for its tasks.
        if task is None or task.done() or asyncio._get_running_loop() is not task.get_loop():
            return
        tasks = self._closing.setdefault(call.job, set())
        tasks.add(task)

        def forget(_: object) -> None:
            tasks.discard(task)
            if not tasks:
                self._closing.pop(call.job, None)

        task.add_done_callback(forget)
