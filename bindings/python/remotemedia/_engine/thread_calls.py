"""Calls to sync functions, which run where no event loop does. A reply is made in parts while there is room for them.

`PartialCall` is the work on one call; `ThreadCall` does it on serving threads.
"""

from __future__ import annotations

import contextvars
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from .._functions import late_cleanups, threads
from .._functions.active_calls import ActiveCalls
from .._functions.instances import Instance
from .._functions.serve import FULL, GONE, READY, Backpressure, Reply, partial_reply
from .._functions.threads import Workers
from .open_calls import OpenCall
from .port import EventPort, NextCall
from .returned import kept_of


class PartialCall(ABC):
    """The work on a call. It goes from thread to thread, and one at a time does it; none while there is no room."""

    __slots__ = ("_has_begun", "_has_room", "_is_suspended", "_lock", "_partial", "call", "port")

    def __init__(
        self,
        port: EventPort[Any],
        call: OpenCall,
        context: contextvars.Context,
        raises: tuple[type[BaseException], ...] = (),
    ) -> None:
        """`raises` are the exceptions of functions that are raised; others are their errors."""
        self.port = port
        self.call = call
        self._partial = partial_reply(call, context, raises, kept_of)
        self._lock = threading.Lock()
        self._has_begun = False
        self._is_suspended = False
        self._has_room = False

    @abstractmethod
    def run(self, work: Callable[[], None], on_this_thread: bool) -> None:
        """Runs work on the call where sync functions belong.

        With `on_this_thread` that is this serving thread, after its present work.
        """

    def reply_part(self, part: Reply) -> Backpressure:
        """Makes a reply that is not the last one, and returns what there is room for."""
        return self.port.reply(self.call, part)

    @abstractmethod
    def reply_last(self, part: Reply) -> None:
        """Makes the last reply, and has the next call served that comes with it."""

    def left(self) -> None:  # noqa: B027
        """Called when no more of the reply is wanted, before it is closed; perhaps by two threads."""

    def closed(self) -> None:  # noqa: B027
        """Called once no more work is done for the call."""

    def begin(self, on_this_thread: bool = False) -> None:
        """Makes parts of the reply, the first or further ones."""
        self.run(self._make_parts, on_this_thread)

    def resume(self) -> None:
        """Notes that there is room again. Makes further parts, if the work was suspended."""
        with self._lock:
            self._has_room = not self._is_suspended
            was_suspended, self._is_suspended = self._is_suspended, False
        if was_suspended:
            self.begin()

    def cancel(self) -> None:
        """Makes no more parts: the call is over. If it was suspended it is closed, else by the thread at work."""
        self.left()
        with self._lock:
            was_suspended, self._is_suspended = self._is_suspended, False
        if was_suspended:
            self.run(self._close, False)

    def fail(self, error: BaseException) -> None:
        """Replies that the work on the call raised this."""
        self.port.calls.end(self.call.id)
        self.port.reply(self.call, self._partial.failed(error))
        self._close()

    def _make_parts(self) -> None:
        """Makes parts while there is room for them. Raises what is no failure of the node."""
        call, reply, room = self.call, None, READY
        self._has_begun = True
        while not call.is_over and room is not GONE:
            reply = self._partial.next()
            if reply.is_final:
                break
            room = self.reply_part(reply)
            if room is FULL and self._suspend():
                return
        if room is GONE:
            # The run may end now, and who waits for it the program.
            self.left()
        self.port.calls.end(call.id)
        # Before the last reply: what comes of it might still take this thread for busy.
        self._close()
        if reply is not None and reply.is_final:
            self.reply_last(reply)

    def _suspend(self) -> bool:
        """Suspends the work unless there is room again. Returns whether the thread is done with it for now."""
        with self._lock:
            self._is_suspended = not self._has_room and not self.call.is_over
            self._has_room = False
            return self._is_suspended

    def _close(self) -> None:
        """Closes the generators that are left; no more work is done for the call."""
        try:
            self._partial.close()
        finally:
            self.closed()


class ThreadCall(PartialCall):
    """The work on a call by serving threads. `active` are the calls of its run, where one at a time may be at work."""

    __slots__ = ("__weakref__", "_active", "_is_closed")

    def __init__(
        self, port: EventPort[Any], call: OpenCall, context: contextvars.Context, active: ActiveCalls | None
    ) -> None:
        super().__init__(port, call, context)
        self._active = active
        self._is_closed = False

    def serve(self, on_this_thread: bool) -> None:
        """Begins in its turn. With `on_this_thread` on this serving thread, after its present work."""
        calls, active = self.port.calls, self._active
        calls.begin(self.call, active, lambda: self.begin(on_this_thread), self.cancel, self.resume)

    def run(self, work: Callable[[], None], on_this_thread: bool) -> None:
        """Runs work on this serving thread, once that is done with its present work, or on any thread."""

        def attempt() -> None:
            call.waits_for_thread = False
            try:
                work()
            except BaseException as error:
                self.fail(error)

        call = self.call
        pool: Workers = self.port.driver.pool
        call.waits_for_thread = not on_this_thread and call.waits_for_thread is None and pool.is_full
        no_thread: RuntimeError | None = None
        try:
            if on_this_thread:
                threads.run_next(attempt)
            else:
                pool.submit(attempt)
        except RuntimeError as error:
            no_thread = error
        if no_thread is not None:
            self.fail(no_thread)

    def reply_last(self, part: Reply) -> None:
        """Makes the last reply; this thread serves the next call, unless others wait for a thread."""
        next_calls: list[NextCall] | None = None if threads.are_short() else []
        self.port.reply(self.call, part, next_calls)
        if next_calls:
            self.port.serve(*next_calls[0], on_this_thread=True)

    def left(self) -> None:
        """Has the end of the program wait until generators that have begun are closed."""
        if self.call.chain.streams and self._has_begun:
            late_cleanups.add(self)
            # The thread at work may have been faster.
            if self._is_closed:
                late_cleanups.discard(self)

    @property
    def is_in_thread(self) -> bool:
        """Whether a thread is at work on it, or is about to close it."""
        return not self._is_closed

    def uncleaned(self) -> list[str]:
        """What to say of its generators where the program ends before they are closed; instances say so themselves."""
        left = [each for each in self.call.chain.functions if each.gives_many and not isinstance(each, Instance)]
        return [f"{each.node_type} is not closed" for each in left]

    def closed(self) -> None:
        """Lets the next call to the same nodes begin, unless it did so before."""
        self._is_closed = True
        if self.call.chain.streams:
            late_cleanups.discard(self)
        active, self._active = self._active, None
        if active is not None:
            active.release(self.call.chain.key, in_thread=True)
