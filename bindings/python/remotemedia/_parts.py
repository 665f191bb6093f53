"""Calls that are answered in parts, because a generator is among their functions.

Each value is a part of its own, so that it leaves before the next one is made. Where the runtime has no room for
another one, the generators rest until it says that there is.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import aclosing
from typing import Any

from ._calls import InThread, read_only
from ._generators import Place, ThrownError, values_of, values_of_async
from ._host_nodes import Answer, Call, Raised
from ._raised import without_our_frames

_END: Any = object()
_log = logging.getLogger("remotemedia")


class Parts:
    """The answer to a call whose functions are sync, as it is made part by part. One thread at a time works at it."""

    def __init__(self, call: Call, context: contextvars.Context) -> None:
        self.call = call
        self.is_over = False
        """Whether nobody waits for more."""
        self._context = context
        self._place = Place()
        self._values = self._all()
        self._lock = threading.Lock()
        self._rests = False
        self._has_room = False

    def next(self) -> Answer:
        """The next part. Raises `KeyboardInterrupt` and `SystemExit` of the functions."""
        try:
            value = self._context.run(next, self._values, _END)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return self.failed(error)
        if value is _END:
            return Answer([], None)
        return Answer([[self._place.entry, value]], None, is_final=False)

    def failed(self, error: BaseException) -> Answer:
        """The last part, if a function raised."""
        return Answer([], Raised(self._place.entry, self._place.node, without_our_frames(error)))

    def rest(self) -> bool:
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
        """Closes the generators that are left."""
        try:
            self._context.run(self._values.close)
        except Exception as error:
            _log.warning("a node raised while it was closed: %r", error)

    def _all(self) -> Generator[Any, None, None]:
        place = self._place
        for place.entry, (_, value, _, _) in enumerate(self.call.entries):
            yield from values_of(self.call.functions, read_only(value), place)


async def answer_in_parts(
    call: Call, in_thread: InThread, ended: Callable[[], bool], reply: Callable[[Answer], Awaitable[bool]]
) -> None:
    """Answers a call, async functions on this loop, sync ones by `in_thread`. `reply` says whether to go on.

    `ended` says whether the call is over, so that a cancellation comes from there and not from a function.
    """
    from asyncio import CancelledError

    place = Place()
    try:
        for place.entry, (_, value, _, _) in enumerate(call.entries):
            async with aclosing(values_of_async(call.functions, read_only(value), place, in_thread)) as values:
                async for each in values:
                    if not await reply(Answer([[place.entry, each]], None, is_final=False)):
                        return
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        # A function may also cancel itself.
        if isinstance(error, CancelledError) and ended():
            raise
        cause = error.error if isinstance(error, ThrownError) else error
        await reply(Answer([], Raised(place.entry, place.node, without_our_frames(cause))))
        return
    await reply(Answer([], None))
