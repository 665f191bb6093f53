"""Runs values through chains of functions, of which generators give several values for one.

Each value passes the whole chain before the generator that it came from goes on. A generator that is left before its
end is closed, the deepest one first.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from . import late_cleanups
from .active_calls import ActiveCalls
from .arguments import SCALARS, Convert
from .batches import Entry, through, through_now
from .event_loop import to_the_end
from .failures import Cursor, Failure, cause_of, repr_of
from .instances import Instance, call_part, call_part_now, closing, flushing, opening
from .places_in_time import Place, place_of
from .ports import input_of, onward
from .spec import HostFunction, InThread

_END: Any = object()
_log = logging.getLogger("remotemedia")


class Chain:
    """Functions that are called together, each with what the one before returned, and their common traits."""

    __slots__ = ("active", "epoch", "functions", "in_parts", "key", "on_loop", "steps", "streams")

    def __init__(
        self,
        functions: Sequence[HostFunction],
        epoch: int,
        instances: ActiveCalls | None = None,
        sync_calls: ActiveCalls | None = None,
    ) -> None:
        self.functions = functions
        self.epoch = epoch
        """How many interruptions came before its instances were made."""
        self.key = functions[0].node_type
        """The name of its first node, which is in no other chain."""
        self.on_loop = self.in_parts = self.streams = False
        self.active: ActiveCalls | None = None
        """The calls of its run that a call has to wait for, where one at a time works with instances, or runs sync
        functions; None where each begins at once."""
        for each in functions:
            self.on_loop |= each.on_loop
            self.in_parts |= each.in_parts
            self.streams |= each.streams
            if isinstance(each, Instance):
                self.active = instances
            elif not each.on_loop and self.active is None:
                self.active = sync_calls
        self.steps: list[tuple[Callable[..., Any], Convert | None, Mapping[str, Any], HostFunction]] = []
        """What calling each function takes, if all are plain and sync."""
        if not self.in_parts and not self.on_loop:
            self.steps = [(each.function, each.convert, each.params, each) for each in functions]


def values_of(
    functions: Sequence[HostFunction],
    value: Any,
    cursor: Cursor,
    node: int = 0,
    place: Place | None = None,
    port: int = 0,
) -> Generator[Any, None, None]:
    """The values that `functions` from number `node` on, all of them sync, make of a value at `place`.

    The value came at the input `port` of the first of them. None comes before a generator continues, also where nothing
    became of what it gave last: there a call may be left.
    """
    if node == len(functions):
        yield value
        return
    function = functions[node]
    cursor.at(node, function, place)
    if not function.gives_many:
        try:
            found = function.call(value, port)
        except StopIteration as error:
            # As it is, this generator would make another error of it.
            raise Failure(error) from None
        if found is not None:
            found, place = _onward(functions, node, found, place)
            yield from values_of(functions, found, cursor, node + 1, place)
        return
    given = function.invoke(value, port)
    try:
        while (found := next(given, _END)) is not _END:
            if found is not None:
                found, its_place = _onward(functions, node, found, place)
                yield from values_of(functions, found, cursor, node + 1, its_place)
            cursor.at(node, function, place)
            yield None
    finally:
        given.close()


async def values_of_async(
    functions: Sequence[HostFunction],
    value: Any,
    cursor: Cursor,
    in_thread: InThread,
    node: int = 0,
    place: Place | None = None,
    port: int = 0,
) -> AsyncGenerator[Any, None]:
    """Does what `values_of` does for functions of all kinds: async ones run on this loop, sync ones by `in_thread`."""
    if node == len(functions):
        yield value
        return
    function = functions[node]
    cursor.at(node, function, place)
    async with aclosing(_given(function, value, in_thread, port)) as given:
        async for found in given:
            if found is not None:
                found, its_place = _onward(functions, node, found, place)
                values = values_of_async(functions, found, cursor, in_thread, node + 1, its_place)
                async with aclosing(values):
                    async for each in values:
                        yield each
            cursor.at(node, function, place)
            if function.gives_many:
                yield None


def all_values(functions: Sequence[HostFunction], entries: Sequence[Any], cursor: Cursor) -> Generator[Any, None, None]:
    """The values that functions, all of them sync, make of the entries of a call. `cursor` tells where it stands.

    None comes before more work begins: there a call may be left, and what it has given may leave.
    """
    batched = functions[0].spec.batch is not None
    for part in opening(functions, cursor):
        call_part_now(part)
        yield None
    for cursor.entry, group in _groups(entries, batched):
        yield None
        if len(group[0]) > 1 and batched:
            yield from _batch(functions, _numbered(cursor.entry, group), cursor)
        elif len(group[0]) > 1:
            value, port = input_of(group[0])
            yield from values_of(functions, value, cursor, port=port)
        elif group[0]:
            for node, flush in flushing(functions):
                yield None
                if batched:
                    held = []
                    for each in values_of([*functions[:node], flush], None, cursor, node):
                        if each is None:
                            yield None
                        else:
                            held.append(_held(functions, node, each, cursor))
                    yield from _batch(functions, held, cursor, node + 1)
                else:
                    yield from values_of([*functions[:node], flush, *functions[node + 1 :]], None, cursor, node)
        else:
            for part in closing(functions, cursor):
                call_part_now(part)


async def all_values_async(
    functions: Sequence[HostFunction], entries: Sequence[Any], cursor: Cursor, in_thread: InThread
) -> AsyncGenerator[Any, None]:
    """Does what `all_values` does for functions of all kinds."""
    batched = functions[0].spec.batch is not None
    for part in opening(functions, cursor):
        await call_part(part, in_thread)
    for cursor.entry, group in _groups(entries, batched):
        yield None
        if len(group[0]) > 1 and not batched:
            value, port = input_of(group[0])
            async with aclosing(values_of_async(functions, value, cursor, in_thread, port=port)) as values:
                async for each in values:
                    yield each
        elif len(group[0]) > 1:
            async for each in _batch_async(functions, _numbered(cursor.entry, group), cursor, in_thread):
                yield each
        elif group[0]:
            for node, flush in flushing(functions):
                yield None
                after = () if batched else functions[node + 1 :]
                held = []
                async with aclosing(
                    values_of_async([*functions[:node], flush, *after], None, cursor, in_thread, node)
                ) as values:
                    async for each in values:
                        if batched and each is not None:
                            held.append(_held(functions, node, each, cursor))
                        else:
                            yield each
                async for each in _batch_async(functions, held, cursor, in_thread, node + 1):
                    yield each
        else:
            for part in closing(functions, cursor):
                await call_part(part, in_thread)


def _onward(functions: Sequence[HostFunction], node: int, found: Any, place: Place | None) -> tuple[Any, Place | None]:
    """The value that the next function gets, and its place, of one that was made of a value at `place`."""
    if type(found) not in SCALARS:
        found = onward(functions, node, found)
    return found, place if node + 1 == len(functions) else place_of(found, place)


def _held(functions: Sequence[HostFunction], node: int, value: Any, cursor: Cursor) -> Entry:
    """What the function with this number gave at the end of an item, for those behind it."""
    return cursor.entry, *_onward(functions, node, value, None)


def _groups(entries: Sequence[Any], batched: bool) -> Iterator[tuple[int, list[Any]]]:
    """The entries of a call with their numbers; for functions that take batches, values in a row together."""
    values: list[Any] = []
    for index, entry in enumerate(entries):
        if batched and len(entry) > 1:
            values.append(entry)
            continue
        if values:
            yield index - len(values), values
            values = []
        yield index, [entry]
    if values:
        yield len(entries) - len(values), values


def _numbered(first: int, entries: Sequence[Any]) -> list[Entry]:
    """The values of entries for functions that take batches."""
    return [(index, entry[1], None) for index, entry in enumerate(entries, first)]


def _batch(
    functions: Sequence[HostFunction], entries: list[Entry], cursor: Cursor, first: int = 0
) -> Generator[Any, None, None]:
    """What the functions from number `first` on make of a batch."""
    outputs, failure = yield from through_now(functions, entries, cursor, first)
    for cursor.entry, value, cursor.place in outputs:
        yield value
    _fail(failure, cursor)


async def _batch_async(
    functions: Sequence[HostFunction],
    entries: list[Entry],
    cursor: Cursor,
    in_thread: InThread,
    first: int = 0,
) -> AsyncGenerator[Any, None]:
    outputs, failure = await through(functions, entries, cursor, in_thread, first)
    for cursor.entry, value, cursor.place in outputs:
        yield value
    _fail(failure, cursor)


def _fail(failure: Failure | None, cursor: Cursor) -> None:
    """Raises what a batch failed at, once all that came before it has left."""
    if failure is not None:
        cursor.entry, cursor.node, cursor.place = failure.entry, failure.node, failure.place
        raise failure


async def _given(function: HostFunction, value: Any, in_thread: InThread, port: int) -> AsyncGenerator[Any, None]:
    """What one function gives for a value that came at this input."""
    if not function.gives_many:
        try:
            found = await function.call_async(value, in_thread, port)
        except StopAsyncIteration as error:
            # As it is, this generator would make another error of it.
            raise Failure(error) from None
        yield found
    elif function.is_async:
        async with aclosing(function.invoke(value, port)) as given:
            async for found in given:
                yield found
    else:
        stepped = _Stepped(function, value, port)
        try:
            while (found := await in_thread(stepped.step)) is not _END:
                yield found
        finally:
            if stepped.is_left_to_us():
                await _close(stepped, in_thread)


async def _close(stepped: _Stepped, in_thread: InThread) -> None:
    # Not on this thread: it might wait for the one that steps it.
    try:
        await to_the_end(in_thread(stepped.close), _complain)
    except Failure as failure:
        _complain(failure)


def _complain(error: BaseException) -> None:
    _log.warning("a node raised while it was closed: %s", repr_of(cause_of(error)))


class _Stepped:
    """A sync generator that threads step. It may be left while one of them is in the middle of a step."""

    is_in_thread = True
    """For the end of the program, which asks while a thread is to close it."""

    def __init__(self, function: HostFunction, value: Any, port: int = 0) -> None:
        self._node_type = function.node_type
        self._begin = functools.partial(function.invoke, value, port)
        self._given: Generator[Any, None, None] | None = None
        self._lock = threading.Lock()
        self._is_left = False
        self._is_closed = False

    def step(self) -> Any:
        """The next value."""
        try:
            with self._lock:
                if self._is_left:
                    # Before this thread came to it: who closes it would wait for the step.
                    return _END
                if self._given is None:
                    self._given = self._begin()
                found = next(self._given, _END)
                if found is _END:
                    # Nothing is left to close.
                    self._given = None
        finally:
            if self._is_left:
                self._close_late()
        return found

    def is_left_to_us(self) -> bool:
        """Leaves it. Returns whether the caller has to close it: else the thread that steps it does."""
        self._is_left = True
        if self._lock.acquire(blocking=False):
            self._lock.release()
            return self._given is not None
        late_cleanups.add(self)
        # That thread may have been faster.
        if self._is_closed:
            late_cleanups.discard(self)
        return False

    def uncleaned(self) -> list[str]:
        """What to say of it where the program ends before that thread has closed it."""
        return [f"{self._node_type} is not closed"]

    def _close_late(self) -> None:
        try:
            self.close()
        finally:
            self._is_closed = True
            late_cleanups.discard(self)

    def close(self) -> None:
        """Closes it; twice does no harm."""
        with self._lock:
            if self._given is not None:
                self._given.close()
