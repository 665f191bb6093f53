"""`PartialCall`: a call to sync generators or classes, whose reply is made in parts while there is room for them."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from .._functions.serve import FULL, GONE, READY, Backpressure, PartialReply, Reply
from .open_calls import OpenCall
from .port import EventPort

RunWork = Callable[["PartialCall", Callable[[], None], bool], None]
"""Runs work on a call where sync functions belong; with True on this serving thread, after its present work."""

ReplyLast = Callable[[EventPort[Any], OpenCall, Reply], None]
"""Makes the last reply to a call, and has the next call served that comes with it."""

ReplyPart = Callable[[EventPort[Any], OpenCall, Reply], Backpressure]
"""Makes a reply that is not the last one, and returns what there is room for."""


class PartialCall:
    """One such call. It goes from thread to thread, and one at a time works on it."""

    __slots__ = ("_partial", "_port", "_reply_last", "_reply_part", "_run_work")

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
        self._partial = PartialReply(call, context, when_closed)
        self._run_work = run_work
        self._reply_last = reply_last
        self._reply_part = reply_part

    def begin(self, on_this_thread: bool = False) -> None:
        """Makes parts of the reply, the first or further ones."""
        self._run_work(self, self._make_parts, on_this_thread)

    def resume(self) -> None:
        """Makes further parts, if the work was suspended."""
        if self._partial.resume():
            self.begin()

    def cancel(self) -> None:
        """Makes no more parts: the reply is not wanted any more."""
        if self._partial.leave():
            self._run_work(self, self._partial.close, False)

    def fail(self, error: BaseException) -> None:
        """Replies that a function raised this."""
        call = self._partial.call
        self._port.calls.end(call.id)
        self._port.reply(call, self._partial.failed(error))
        self._partial.close()

    def _make_parts(self) -> None:
        """Makes parts while there is room for them. Raises what is no failure of the node."""
        partial, call, reply, room = self._partial, self._partial.call, None, READY
        while not partial.is_over and room is not GONE:
            reply = partial.next()
            if reply.is_final:
                break
            room = self._reply_part(self._port, call, reply)
            if room is FULL and partial.suspend():
                return
        self._port.calls.end(call.id)
        # Before the last reply: what comes of it might still take this thread for busy.
        partial.close()
        if reply is not None and reply.is_final:
            self._reply_last(self._port, call, reply)
