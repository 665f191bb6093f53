"""Calls to generators, which are answered in parts, and to instances of classes.

With a generator each value is a part of its own, so that it leaves before the next one is made. Where the runtime has
no room for another one, the generators rest until it says that there is.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

from .calls import InThread
from .chain import all_values, all_values_async
from .cursor import Cursor, ThrownError
from .failures import without_our_frames
from .ports import output_row
from .serve import Answer, Call, Raised

_END: Any = object()
_log = logging.getLogger("remotemedia")


class PartialReply:
    """The answer to a call whose functions are sync, as it is made part by part. One thread at a time works at it."""

    def __init__(self, call: Call, context: contextvars.Context, when_closed: Callable[[], None] | None = None) -> None:
        self.call = call
        self._when_closed = when_closed
        self.is_over = False
        """Whether nobody waits for more."""
        self._context = context
        self._cursor = Cursor()
        self._values = all_values(call.functions, call.entries, self._cursor)
        self._streams = any(each.streams for each in call.functions)
        self._lock = threading.Lock()
        self._rests = False
        self._has_room = False

    def next(self) -> Answer:
        """The next part. Raises `KeyboardInterrupt` and `SystemExit` of the functions."""
        outputs: list[list[Any]] = []
        try:
            while (value := self._context.run(next, self._values, _END)) is not _END:
                outputs.append(output_row(self.call.functions[-1], self._cursor.entry, value))
                if self._streams:
                    return Answer(outputs, None, is_final=False)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Answer(outputs, self._raised(error))
        return Answer(outputs, None)

    def failed(self, error: BaseException) -> Answer:
        """The last part, if a function raised."""
        return Answer([], self._raised(error))

    def _raised(self, error: BaseException) -> Raised:
        cursor, cause = self._cursor, error.error if isinstance(error, ThrownError) else error
        return Raised(cursor.entry, cursor.node, without_our_frames(cause), cursor.method)

    def suspend(self) -> bool:
        """Lets go of it while there is no room; answers whether the thread is done with it for now."""
        with self._lock:
            self._rests = not self._has_room and not self.is_over
            self._has_room = False
            return self._rests

    def resume(self) -> bool:
        """There is room again. Answers whether it rests, so that a thread is to go on with it."""
        with self._lock:
            self._has_room = not self._rests
            rests, self._rests = self._rests, False
            return rests

    def leave(self) -> bool:
        """Nobody waits for more. Answers whether it rests and is to be closed; else the thread at it does that."""
        with self._lock:
            self.is_over = True
            rests, self._rests = self._rests, False
            return rests

    def close(self) -> None:
        """Closes the generators that are left. Nothing goes on with the call then."""
        try:
            self._context.run(self._values.close)
        except Exception as error:
            _log.warning("a node raised while it was closed: %r", error)
        finally:
            when_closed, self._when_closed = self._when_closed, None
            if when_closed is not None:
                when_closed()


async def answer_in_parts(
    call: Call, in_thread: InThread, ended: Callable[[], bool], reply: Callable[[Answer], Awaitable[bool]]
) -> None:
    """Answers a call, async functions on this loop, sync ones by `in_thread`. `reply` says whether to go on.

    `ended` says whether the call is over, so that a cancellation comes from there and not from a function.
    """
    from asyncio import CancelledError

    cursor = Cursor()
    outputs: list[list[Any]] = []
    streams = any(each.streams for each in call.functions)
    try:
        async with aclosing(all_values_async(call.functions, call.entries, cursor, in_thread)) as values:
            async for each in values:
                outputs.append(output_row(call.functions[-1], cursor.entry, each))
                if streams:
                    given, outputs = outputs, []
                    if not await reply(Answer(given, None, is_final=False)):
                        return
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A function may also cancel itself.
        if isinstance(error, CancelledError) and ended():
            raise
        cause = error.error if isinstance(error, ThrownError) else error
        raised = Raised(cursor.entry, cursor.node, without_our_frames(cause), cursor.method)
        await reply(Answer(outputs, raised))
        return
    await reply(Answer(outputs, None))
