"""Serves calls to Python functions: entries for a chain of functions in, a reply out.

A value passes the whole chain; None ends its way and emits nothing. The first exception ends the call, and what came
before it is in the reply too. A reply leaves in parts if it takes long: what is done does not wait for the rest. Where
generators are, each value is a part of its own, which leaves before the next one is made. The work is suspended while
the engine has no room for another part, and ends once the reply is not wanted any more.

Sync functions are served by a `PartialReply`, on threads, others on their loop: by `serve_async` where each function
makes one value of one, else, with generators, batches, ports and classes, by `serve_in_parts`.
"""

from __future__ import annotations

import contextvars
import logging
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from enum import Enum
from time import monotonic
from typing import Any, NamedTuple, Protocol

from .._media.scalars import LEAST_INTEGER, MOST_INTEGER, SURE
from .arguments import SCALARS, handed_on, read_only
from .chain import Chain, all_values, all_values_async
from .failures import ENDS_PROGRAM, Cursor, Failure, repr_of, without_our_frames
from .places_in_time import TIMED, Place, place_of, timed
from .ports import Keep, output_row
from .spec import InThread

PART_SECONDS = 0.005
"""How long values wait for the rest of a reply: a slow function must not hold up what is done."""

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

Send = Callable[[Reply], Awaitable[bool]]
"""Sends a part of a reply, waits for room for the next one, and returns whether that is wanted."""


class PartialReply(Protocol):
    """The reply to a call whose functions are all sync, made part by part. One thread at a time works on it."""

    def next(self) -> Reply:
        """Makes the next part, which ends early if the call is over. Raises what it was made to raise."""

    def failed(self, error: BaseException) -> Reply:
        """The last part, when something else than a function raised this."""

    def close(self) -> None:
        """Closes the generators that are left; no more work is done for the call."""


class PlainReply:
    """Such a reply where each function of the chain makes one value of one."""

    __slots__ = ("_call", "_context", "_keep", "_left", "_raises")

    def __init__(
        self, call: Call, context: contextvars.Context, raises: tuple[type[BaseException], ...], keep: Keep
    ) -> None:
        self._call = call
        self._context = context
        self._keep = keep
        self._raises = raises
        self._left = enumerate(call.entries)
        """The entries that are left."""

    def next(self) -> Reply:
        """Makes the next part of the values that are left."""
        return self._context.run(self._next)

    def failed(self, error: BaseException) -> Reply:
        """The last part, when something else than a function raised this."""
        index, _ = next(self._left, (len(self._call.entries) - 1, None))
        return Reply([], Failure(error, index))

    def close(self) -> None:
        """Does nothing: no function is in the middle of its work."""

    def _next(self) -> Reply:
        call, due = self._call, monotonic() + PART_SECONDS
        outputs: list[list[Any]] = []
        steps = call.chain.steps
        last, last_entry = len(steps) - 1, len(call.entries) - 1
        keep, append = self._keep, outputs.append
        for index, entry in self._left:
            value = entry[1]
            node = 0
            place: Place | None = None
            try:
                if type(value) not in SCALARS:
                    value = read_only(value)
                # What `HostFunction.call` does, written out: this loop is most of what a small function costs.
                for function, convert, params, each in steps:
                    if convert is not None:
                        value = convert(value)
                    # To pass no keywords takes as long as a small function.
                    value = function(value, **params) if params else function(value)
                    if value is None:
                        break
                    kind = type(value)
                    if kind not in SCALARS:
                        each.check(value)
                        if node < last:
                            value = handed_on(value)
                            if type(value) in TIMED:
                                place = place_of(value, place)
                    node += 1
                else:
                    # What `keep` finds of a scalar, without calling it. Integers of 30 bits are compared faster.
                    if kind is int:
                        if not (-1_000_000_000 < value < 1_000_000_000 or LEAST_INTEGER <= value <= MOST_INTEGER):
                            value = keep(value)
                    elif kind not in SURE and not (kind is str and value.isascii()):
                        value = keep(value)
            except self._raises:
                raise
            except BaseException as error:
                return Reply(outputs, Failure(without_our_frames(error), index, min(node, last), place=place))
            # A value behind the last step may be None: an `Enum` is kept as its value.
            if node > last:
                append([index, value] if place is None else timed([index, value], place))
            if index < last_entry and (call.is_over or (outputs and monotonic() >= due)):
                return Reply(outputs, is_final=False)
        return Reply(outputs)


class SteppedReply:
    """Such a reply where generators, batches, ports or classes are in the chain."""

    __slots__ = ("_call", "_context", "_cursor", "_keep", "_values")

    def __init__(
        self, call: Call, context: contextvars.Context, raises: tuple[type[BaseException], ...], keep: Keep
    ) -> None:
        self._call = call
        self._context = context
        self._keep = keep
        self._cursor = Cursor(raises)
        self._values = all_values(call.chain.functions, call.entries, self._cursor)

    def next(self) -> Reply:
        """Makes the next part; where generators are, of one value."""
        return self._context.run(self._next)

    def failed(self, error: BaseException) -> Reply:
        """The last part, when something else than a function raised this."""
        return Reply([], self._cursor.failure(error))

    def close(self) -> None:
        """Closes the generators that are left."""
        try:
            self._context.run(self._values.close)
        except self._cursor.raises:
            raise
        except BaseException as error:
            _log.warning("a node raised while it was closed: %s", repr_of(error))

    def _next(self) -> Reply:
        call, cursor, streams = self._call, self._cursor, self._call.chain.streams
        last, due = call.chain.functions[-1], monotonic() + PART_SECONDS
        outputs: list[list[Any]] = []
        try:
            for value in self._values:
                if value is not None:
                    outputs.append(output_row(last, cursor, value, self._keep))
                    if streams:
                        return Reply(outputs, is_final=False)
                elif call.is_over or ((outputs or streams) and monotonic() >= due):
                    # Empty where all that a generator gives is dropped: its work is paced all the same, and ends where
                    # nothing but the answer to a part says that its run has ended.
                    return Reply(outputs, is_final=False)
        except cursor.raises:
            raise
        except BaseException as error:
            return Reply(outputs, cursor.failure(error))
        return Reply(outputs)


def partial_reply(
    call: Call, context: contextvars.Context, raises: tuple[type[BaseException], ...], keep: Keep
) -> PartialReply:
    """The reply to a call whose functions are all sync; they run in `context`.

    `raises` are the exceptions of functions that it raises: `ENDS_PROGRAM`, or none where that would end but a thread.
    """
    return (SteppedReply if call.chain.in_parts else PlainReply)(call, context, raises, keep)


async def serve_async(call: Call, in_thread: InThread, keep: Keep, send: Send) -> None:
    """Replies to a call to plain functions, async ones on this loop, sync ones by `in_thread`.

    A cancellation is raised if the call is over; else it is like other failures.
    """
    functions, cursor = call.chain.functions, Cursor()
    last, last_entry = len(functions) - 1, len(call.entries) - 1
    due = monotonic() + PART_SECONDS
    outputs: list[list[Any]] = []
    for cursor.entry, (_, value, _, _) in enumerate(call.entries):
        cursor.node, cursor.place, is_dropped = 0, None, True
        try:
            value = read_only(value)
            for cursor.node, each in enumerate(functions):
                if cursor.node > 0:
                    cursor.place = place_of(value, cursor.place)
                value = await each.call_async(value, in_thread)
                if value is None:
                    break
                value = keep(value) if cursor.node == last else handed_on(value)
            else:
                is_dropped = False
        except ENDS_PROGRAM:
            raise
        except BaseException as error:
            if call.is_over and isinstance(error, CancelledError):
                raise
            await send(Reply(outputs, cursor.failure(error)))
            return
        # What is kept of a value may be None, as of an `Enum`.
        if not is_dropped:
            outputs.append(timed([cursor.entry, value], cursor.place))
        if cursor.entry < last_entry and (call.is_over or (outputs and monotonic() >= due)):
            part, outputs = outputs, []
            if not await send(Reply(part, is_final=False)):
                return
            due = monotonic() + PART_SECONDS
    await send(Reply(outputs))


async def serve_in_parts(call: Call, in_thread: InThread, keep: Keep, send: Send) -> None:
    """Does what `serve_async` does where generators, batches, ports or classes are in the chain."""
    chain, cursor = call.chain, Cursor()
    last, due = chain.functions[-1], monotonic() + PART_SECONDS
    outputs: list[list[Any]] = []
    try:
        async with aclosing(all_values_async(chain.functions, call.entries, cursor, in_thread)) as values:
            async for value in values:
                if value is not None:
                    outputs.append(output_row(last, cursor, value, keep))
                    leaves = chain.streams
                else:
                    leaves = call.is_over or (bool(outputs or chain.streams) and monotonic() >= due)
                if leaves:
                    part, outputs = outputs, []
                    if not await send(Reply(part, is_final=False)):
                        return
                    due = monotonic() + PART_SECONDS
    except ENDS_PROGRAM:
        raise
    except BaseException as error:
        if call.is_over and isinstance(error, CancelledError):
            raise
        await send(Reply(outputs, cursor.failure(error)))
        return
    await send(Reply(outputs))
