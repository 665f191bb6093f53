"""`PartialCall`: a call to sync functions, whose reply is made in parts while there is room for them."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

from .._functions.serve import FULL, GONE, READY, Backpressure, Reply, partial_reply
from .open_calls import OpenCall
from .port import EventPort

RunWork = Callable[["PartialCall", Callable[[], None], bool], None]
"""Runs work on a call where sync functions belong; with True on this serving thread, after its present work."""

ReplyLast = Callable[[EventPort[Any], OpenCall, Reply], None]
"""Makes the last reply to a call, and has the next call served that comes with it."""

ReplyPart = Callable[[EventPort[Any], OpenCall, Reply], Backpressure]
"""Makes a reply that is not the last one, and returns what there is room for."""


class PartialCall:
    """One such call. It goes from thread to thread, and one at a time works on it; none while there is no room."""

    __slots__ = (
        "_call",
        "_has_room",
        "_is_suspended",
        "_lock",
        "_partial",
        "_port",
        "_reply_last",
        "_reply_part",
        "_run_work",
        "_when_closed",
    )

    def __init__(
        self,
        port: EventPort[Any],
        call: OpenCall,
        context: contextvars.Context,
        run_work: RunWork,
        reply_last: ReplyLast,
        when_closed: Callable[[], None] | None = None,
        reply_part: ReplyPart = EventPort.reply,
    ) -> None:
        self._port = port
        self._call = call
        self._partial = partial_reply(call, context)
        self._run_work = run_work
        self._reply_last = reply_last
        self._reply_part = reply_part
        self._when_closed = when_closed
        self._lock = threading.Lock()
        self._is_suspended = False
        self._has_room = False

    def begin(self, on_this_thread: bool = False) -> None:
        """Makes parts of the reply, the first or further ones."""
        self._run_work(self, self._make_parts, on_this_thread)

    def resume(self) -> None:
        """Notes that there is room again. Makes further parts, if the work was suspended."""
        with self._lock:
            self._has_room = not self._is_suspended
            was_suspended, self._is_suspended = self._is_suspended, False
        if was_suspended:
            self.begin()

    def cancel(self) -> None:
        """Makes no more parts: the call is over. If it was suspended it is closed, else by the thread at work."""
        with self._lock:
            was_suspended, self._is_suspended = self._is_suspended, False
        if was_suspended:
            self._run_work(self, self._close, False)

    def fail(self, error: BaseException) -> None:
        """Replies that a function raised this."""
        self._port.calls.end(self._call.id)
        self._port.reply(self._call, self._partial.failed(error))
        self._close()

    def _make_parts(self) -> None:
        """Makes parts while there is room for them. Raises what is no failure of the node."""
        call, reply, room = self._call, None, READY
        while not call.is_over and room is not GONE:
            reply = self._partial.next()
            if reply.is_final:
                break
            room = self._reply_part(self._port, call, reply)
            if room is FULL and self._suspend():
                return
        self._port.calls.end(call.id)
        # Before the last reply: what comes of it might still take this thread for busy.
        self._close()
        if reply is not None and reply.is_final:
            self._reply_last(self._port, call, reply)

    def _suspend(self) -> bool:
        """Suspends the work unless there is room again. Returns whether the thread is done with it for now."""
        with self._lock:
            self._is_suspended = not self._has_room and not self._call.is_over
            self._has_room = False
            return self._is_suspended

    def _close(self) -> None:
        """Closes the generators that are left; no more work is done for the call."""
        try:
            self._partial.close()
        finally:
            when_closed, self._when_closed = self._when_closed, None
            if when_closed is not None:
                when_closed()
