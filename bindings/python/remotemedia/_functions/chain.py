"""What a chain of functions makes of one value, one by one: functions may be generators, which give several.

Each value passes the whole chain before the generator that it came from goes on. A generator that is left before its
end is closed, the deepest one first.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from .access import read_only
from .batches import Failure, through, through_now
from .calls import InThread, begin, call, call_async
from .cursor import Cursor, ThrownError
from .event_loop import to_the_end
from .instances import Instance
from .ports import Out, input_of, output_of
from .spec import HostFunction

_END: Any = object()
_log = logging.getLogger("remotemedia")


def values_of(
    functions: Sequence[HostFunction], value: Any, cursor: Cursor, node: int = 0
) -> Generator[Any, None, None]:
    """The values that `functions`, from number `node` on, make of a value; all of them are sync."""
    if node == len(functions):
        yield value
        return
    function = functions[node]
    cursor.at(node, function)
    if not function.gives_many:
        found = call(function, value)
        if found is not None:
            found = _onward(functions, node, found)
            yield from values_of(functions, found, cursor, node + 1)
        return
    given = begin(function, value)
    try:
        while (found := next(given, _END)) is not _END:
            if found is not None:
                found = _onward(functions, node, found)
                yield from values_of(functions, found, cursor, node + 1)
            cursor.at(node, function)
    finally:
        given.close()


async def values_of_async(
    functions: Sequence[HostFunction], value: Any, cursor: Cursor, in_thread: InThread, node: int = 0
) -> AsyncGenerator[Any, None]:
    """The same for functions of all kinds: async ones run on this loop, sync ones by `in_thread`.

    What a sync one raised comes as `ThrownError`.
    """
    if node == len(functions):
        yield value
        return
    function = functions[node]
    cursor.at(node, function)
    async with aclosing(_given(function, value, in_thread)) as given:
        async for found in given:
            if found is not None:
                found = _onward(functions, node, found)
                async with aclosing(values_of_async(functions, found, cursor, in_thread, node + 1)) as values:
                    async for each in values:
                        yield each
            cursor.at(node, function)


def all_values(functions: Sequence[HostFunction], entries: Sequence[Any], cursor: Cursor) -> Generator[Any, None, None]:
    """The values of all entries of a call, whose functions are sync; instances of classes live on from call to call."""
    batched = functions[0].spec.batch is not None
    for part in _opening(functions, cursor):
        call(part, None)
    for cursor.entry, group in _groups(entries, batched):
        if len(group[0]) > 1 and batched:
            yield from _batch(functions, _numbered(cursor.entry, group), cursor)
        elif len(group[0]) > 1:
            yield from values_of(functions, input_of(functions[0], group[0]), cursor)
        elif group[0]:
            for node, flush in _flushing(functions):
                if batched:
                    held = [(cursor.entry, each) for each in values_of([*functions[:node], flush], None, cursor, node)]
                    yield from _batch(functions, held, cursor, node + 1)
                else:
                    yield from values_of([*functions[:node], flush, *functions[node + 1 :]], None, cursor, node)
        else:
            for part in closing(functions, cursor):
                call(part, None)


async def all_values_async(
    functions: Sequence[HostFunction], entries: Sequence[Any], cursor: Cursor, in_thread: InThread
) -> AsyncGenerator[Any, None]:
    """The same for functions of all kinds."""
    batched = functions[0].spec.batch is not None
    for part in _opening(functions, cursor):
        await call_part(part, in_thread)
    for cursor.entry, group in _groups(entries, batched):
        if len(group[0]) > 1 and not batched:
            value = input_of(functions[0], group[0])
            async with aclosing(values_of_async(functions, value, cursor, in_thread)) as values:
                async for each in values:
                    yield each
        elif len(group[0]) > 1:
            async for each in _batch_async(functions, _numbered(cursor.entry, group), cursor, in_thread):
                yield each
        elif group[0]:
            for node, flush in _flushing(functions):
                after = () if batched else functions[node + 1 :]
                held = []
                async with aclosing(
                    values_of_async([*functions[:node], flush, *after], None, cursor, in_thread, node)
                ) as values:
                    async for each in values:
                        if batched:
                            held.append((cursor.entry, each))
                        else:
                            yield each
                async for each in _batch_async(functions, held, cursor, in_thread, node + 1):
                    yield each
        else:
            for part in closing(functions, cursor):
                await call_part(part, in_thread)


def _onward(functions: Sequence[HostFunction], node: int, found: Any) -> Any:
    """What the next function gets. What the last one gives stays as it is, for the reply."""
    if type(found) is not Out or node + 1 == len(functions):
        return found
    output_of(functions[node], found)
    return found.value


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


def _numbered(first: int, entries: Sequence[Any]) -> list[tuple[int, Any]]:
    """The values of entries for functions that take batches."""
    return [(index, read_only(entry[1])) for index, entry in enumerate(entries, first)]


def _batch(
    functions: Sequence[HostFunction], entries: list[tuple[int, Any]], cursor: Cursor, first: int = 0
) -> Generator[Any, None, None]:
    """What the functions from number `first` on make of a batch."""
    outputs, failure = through_now(functions, entries, cursor, first)
    for cursor.entry, value in outputs:
        yield value
    _fail(failure, cursor)


async def _batch_async(
    functions: Sequence[HostFunction],
    entries: list[tuple[int, Any]],
    cursor: Cursor,
    in_thread: InThread,
    first: int = 0,
) -> AsyncGenerator[Any, None]:
    """The same for functions of all kinds."""
    outputs, failure = await through(functions, entries, cursor, in_thread, first)
    for cursor.entry, value in outputs:
        yield value
    _fail(failure, cursor)


def _fail(failure: Failure | None, cursor: Cursor) -> None:
    """Raises what a batch failed at, once all that came before it has left."""
    if failure is not None:
        cursor.entry, cursor.node = failure.entry, failure.node
        raise ThrownError(failure.error)


async def call_part(part: HostFunction, in_thread: InThread) -> None:
    """Calls a method of an instance that is for no value. Raises `ThrownError` if a thread did.

    What has begun to clean up comes to its end, whatever is cancelled meanwhile.
    """
    work = call_async(part, None, in_thread)
    _, thrown = await (to_the_end(work, lambda error: complain(part, error)) if part.method == "cleanup" else work)
    if thrown is not None:
        raise ThrownError(thrown)


async def clean_up(functions: Iterable[HostFunction], in_thread: InThread) -> None:
    """Cleans up the instances that still are to be. What they raise is logged: the work has failed already.

    A cancellation that comes meanwhile is raised when all of them are.
    """
    await to_the_end(_clean_up(functions, in_thread), _complain_at_all)


async def _clean_up(functions: Iterable[HostFunction], in_thread: InThread) -> None:
    interrupted: KeyboardInterrupt | None = None
    for part in closing(functions, Cursor()):
        try:
            await call_part(part, in_thread)
        except KeyboardInterrupt as error:
            interrupted = error
        except BaseException as error:
            # Also what would end the loop: the work has ended, and so this is no matter of anybody's.
            complain(part, error.error if isinstance(error, ThrownError) else error)
    if interrupted is not None:
        raise interrupted


def complain(part: HostFunction, error: BaseException) -> None:
    """Logs what a method raised that was called after the end of the work."""
    _log.warning("%s of %s raised: %r", part.method, part.node_type, error)


def _complain_at_all(error: BaseException) -> None:
    _log.warning("what cleans up raised: %r", error)


def _opening(functions: Sequence[HostFunction], cursor: Cursor) -> Generator[HostFunction, None, None]:
    """What is to be called before the first value, for instances that are new."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance):
            for part in function.opening():
                cursor.at(node, part)
                yield part


def closing(functions: Iterable[HostFunction], cursor: Cursor) -> Generator[HostFunction, None, None]:
    """What is to be called when nothing more comes."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance):
            for part in function.closing():
                cursor.at(node, part)
                yield part


def _flushing(functions: Sequence[HostFunction]) -> Generator[tuple[int, HostFunction], None, None]:
    """What the end of an item calls: of each instance in turn, with its number, what gives that which it holds back."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance) and function.flush is not None:
            yield node, function.flush


async def _given(function: HostFunction, value: Any, in_thread: InThread) -> AsyncGenerator[Any, None]:
    """What one function gives for a value."""
    if not function.gives_many:
        found, thrown = await call_async(function, value, in_thread)
        if thrown is not None:
            raise ThrownError(thrown)
        yield found
    elif function.is_async:
        async with aclosing(begin(function, value)) as given:
            async for found in given:
                yield found
    else:
        stepped = _Stepped(function, value)
        try:
            while True:
                found, thrown = await in_thread(stepped.step)
                if thrown is not None:
                    raise ThrownError(thrown)
                if found is _END:
                    return
                yield found
        finally:
            if stepped.is_left_to_us():
                await _close(stepped, in_thread)


async def _close(stepped: _Stepped, in_thread: InThread) -> None:
    # Not on this thread, whatever is cancelled: it might wait for the one that is at work with it.
    _, thrown = await to_the_end(in_thread(stepped.close), _complain_at_all)
    if thrown is not None:
        _log.warning("a node raised while it was closed: %r", thrown)


class _Stepped:
    """A sync generator that threads step. It may be left while one of them is in the middle of a step."""

    def __init__(self, function: HostFunction, value: Any) -> None:
        self._begin = functools.partial(begin, function, value)
        self._given: Generator[Any, None, None] | None = None
        self._lock = threading.Lock()
        self._is_left = False

    def step(self) -> Any:
        """The next value."""
        with self._lock:
            if self._given is None:
                self._given = self._begin()
            found = next(self._given, _END)
            if found is _END:
                # Nothing is left to close.
                self._given = None
        if self._is_left:
            self.close()
        return found

    def is_left_to_us(self) -> bool:
        """Leaves it. Answers whether the caller is to close it: else the thread that steps it does."""
        self._is_left = True
        if not self._lock.acquire(blocking=False):
            return False
        self._lock.release()
        return self._given is not None

    def close(self) -> None:
        """Closes it; twice does no harm."""
        with self._lock:
            if self._given is not None:
                self._given.close()
