"""Serves calls to Python functions: entries for a chain of functions in, a reply out.

A value passes the whole chain; None ends its way and emits nothing. The first exception ends the call, and what came
before it is in the reply too. There are four ways, side by side here: plain functions return one value for each and are
served by `serve` or `serve_async`; generators, batches, ports and classes give parts of a reply, by `PartialReply` or
`serve_in_parts`. Where generators are, each value is a part of its own, which leaves before the next one is made; while
the engine has no room for another part, they are suspended.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum
from time import monotonic
from typing import Any, Generic, NamedTuple, TypeVar

from .arguments import SCALARS, read_only, snapshot
from .chain import Chain, all_values, all_values_async
from .failures import Cursor, Failure, without_our_frames
from .places_in_time import TIMED, Place, place_of, timed
from .ports import output_row
from .spec import InThread

PART_SECONDS = 0.005
"""How long values wait for the rest of a reply: a slow function must not hold up what is done."""

_END: Any = object()
_log = logging.getLogger("remotemedia")


class Call:
    """Entries for a chain of functions.

    An entry is [item, value, pts, duration], with [..., port] for another input of the first function than its first
    one. Where instances of classes are in the chain, [item] is the end of an item, and [] the end of all.
    """

    __slots__ = ("chain", "entries", "is_over")

    chain: Chain
    entries: Sequence[Sequence[Any]]
    is_over: bool
    """Whether its reply is not wanted any more."""


AnyCall = TypeVar("AnyCall", bound=Call)


class Reply(NamedTuple):
    """The values for a call: [entry, value], [entry, value, pts, duration] or [entry, value, pts, duration, port].

    A time is there where it is neither that of the value nor that of the entry: of what became of it between functions.

    Behind them the failure that ended the call, if one did. If it is not final, more of the reply follows.
    """

    outputs: list[list[Any]]
    failure: Failure | None = None
    is_final: bool = True


class Backpressure(Enum):
    """What the engine has room for after a part of a reply."""

    READY = 1
    """Another part."""
    FULL = 2
    """Nothing, until the call is resumed."""
    GONE = 3
    """Nothing any more: the reply was final, or its execution has ended."""


READY, FULL, GONE = Backpressure

Send = Callable[[Reply], Backpressure]
"""Sends a part of a reply, and returns what there is room for."""


def serve(call: Call, send: Send | None = None) -> Reply:
    """Runs a chain of plain functions, all of them sync, on this thread. Returns what `send` has not sent yet."""
    pending = _Pending(send)
    steps = call.chain.steps
    last = len(steps) - 1
    for index, (_, value, _, _) in enumerate(call.entries):
        node = 0
        place: Place | None = None
        try:
            if type(value) not in SCALARS:
                value = read_only(value)
            # What `HostFunction.call` does, written out: this loop is most of what a small function costs.
            for function, convert, params, each in steps:
                if convert is not None:
                    value = convert(value)
                value = function(value, **params)
                if value is None:
                    break
                if type(value) not in SCALARS:
                    each.check(value)
                    if type(value) in TIMED and node < last:
                        place = place_of(value, place)
                node += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Reply(pending.outputs, Failure(without_our_frames(error), index, node))
        if value is not None and not pending.add(index, value, place):
            break
    return Reply(pending.outputs)


async def serve_async(call: Call, in_thread: InThread, send: Send | None = None) -> Reply:
    """Runs a chain of plain functions, async ones on this loop, sync ones by `in_thread`.

    Returns what `send` has not sent yet. A cancellation is raised if the call is over; else it is like other failures.
    """
    pending = _Pending(send)
    cursor = Cursor()
    for cursor.entry, (_, value, _, _) in enumerate(call.entries):
        cursor.node = 0
        place: Place | None = None
        try:
            value = read_only(value)
            for cursor.node, each in enumerate(call.chain.functions):
                if cursor.node > 0:
                    place = place_of(value, place)
                value = await each.call_async(value, in_thread)
                if value is None:
                    break
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if call.is_over and isinstance(error, CancelledError):
                raise
            return Reply(pending.outputs, cursor.failure(error))
        if value is not None and not pending.add(cursor.entry, value, place):
            break
    return Reply(pending.outputs)


class PartialReply(Generic[AnyCall]):
    """The reply to a call whose functions are all sync, made part by part. One thread at a time works on it."""

    def __init__(
        self, call: AnyCall, context: contextvars.Context, when_closed: Callable[[], None] | None = None
    ) -> None:
        self.call = call
        self.is_over = False
        """Whether no more parts are wanted."""
        self._when_closed = when_closed
        self._context = context
        self._cursor = Cursor()
        self._values = all_values(call.chain.functions, call.entries, self._cursor)
        self._lock = threading.Lock()
        self._is_suspended = False
        self._has_room = False

    def next(self) -> Reply:
        """Makes the next part. Raises `KeyboardInterrupt` and `SystemExit` of the functions."""
        chain = self.call.chain
        outputs: list[list[Any]] = []
        try:
            while (value := self._context.run(next, self._values, _END)) is not _END:
                outputs.append(output_row(chain.functions[-1], self._cursor, value))
                if chain.streams:
                    return Reply(outputs, is_final=False)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Reply(outputs, self._cursor.failure(error))
        return Reply(outputs)

    def failed(self, error: BaseException) -> Reply:
        """The last part, when a function raised."""
        return Reply([], self._cursor.failure(error))

    def suspend(self) -> bool:
        """Suspends the work unless there is room again. Returns whether the thread is done with it for now."""
        with self._lock:
            self._is_suspended = not self._has_room and not self.is_over
            self._has_room = False
            return self._is_suspended

    def resume(self) -> bool:
        """Notes that there is room again. Returns whether the work was suspended: then a thread has to continue it."""
        with self._lock:
            self._has_room = not self._is_suspended
            was_suspended, self._is_suspended = self._is_suspended, False
            return was_suspended

    def leave(self) -> bool:
        """Ends the reply. Returns whether it was suspended and has to be closed: else the thread at work closes it."""
        with self._lock:
            self.is_over = True
            was_suspended, self._is_suspended = self._is_suspended, False
            return was_suspended

    def close(self) -> None:
        """Closes the generators that are left; no more work is done for the call."""
        try:
            self._context.run(self._values.close)
        except Exception as error:
            _log.warning("a node raised while it was closed: %r", error)
        finally:
            when_closed, self._when_closed = self._when_closed, None
            if when_closed is not None:
                when_closed()


async def serve_in_parts(call: Call, in_thread: InThread, send: Callable[[Reply], Awaitable[bool]]) -> None:
    """Replies to a call part by part, async functions on this loop, sync ones by `in_thread`.

    `send` returns whether more parts are wanted. A cancellation is raised if the call is over; else it is like other
    failures.
    """
    chain, cursor = call.chain, Cursor()
    outputs: list[list[Any]] = []
    try:
        async with aclosing(all_values_async(chain.functions, call.entries, cursor, in_thread)) as values:
            async for value in values:
                outputs.append(output_row(chain.functions[-1], cursor, value))
                if chain.streams:
                    part, outputs = outputs, []
                    if not await send(Reply(part, is_final=False)):
                        return
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if call.is_over and isinstance(error, CancelledError):
            raise
        await send(Reply(outputs, cursor.failure(error)))
        return
    await send(Reply(outputs))


class _Pending:
    """The values of a reply that are still to be sent: with its end, or before if that takes long."""

    __slots__ = ("_due", "_send", "outputs")

    def __init__(self, send: Send | None) -> None:
        self.outputs: list[list[Any]] = []
        self._send = send
        self._due = monotonic() + PART_SECONDS

    def add(self, entry: int, value: Any, place: Place | None) -> bool:
        """Adds a value that was made of one at `place`. Returns whether more are wanted."""
        self.outputs.append([entry, value if type(value) in SCALARS else snapshot(value)])
        if place is not None:
            timed(self.outputs[-1], place)
        if self._send is None or monotonic() < self._due:
            return True
        room, self.outputs = self._send(Reply(self.outputs, is_final=False)), []
        # Without room the rest comes with the last part.
        self._send, self._due = (self._send if room is READY else None), monotonic() + PART_SECONDS
        return room is not GONE
