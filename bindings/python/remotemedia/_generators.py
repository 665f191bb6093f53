"""What a chain of functions makes of one value, one by one: functions may be generators, which give several.

Each value passes the whole chain before the generator that it came from goes on. A generator that is left before its
end is closed, the deepest one first.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from typing import Any

from ._calls import HostFunction, InThread, begin, call, call_async

_END: Any = object()
_log = logging.getLogger("remotemedia")


class Place:
    """Where a call stands: with which of its entries, in which function of the chain."""

    __slots__ = ("entry", "node")

    def __init__(self) -> None:
        self.entry = 0
        self.node = 0


class ThrownError(Exception):
    """What a function raised on a thread. As it is, it might end the loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def values_of(functions: Sequence[HostFunction], value: Any, place: Place, node: int = 0) -> Generator[Any, None, None]:
    """The values that `functions`, from number `node` on, make of a value; all of them are sync."""
    if node == len(functions):
        yield value
        return
    function = functions[node]
    place.node = node
    if not function.gives_many:
        found = call(function, value)
        if found is not None:
            yield from values_of(functions, found, place, node + 1)
        return
    given = begin(function, value)
    try:
        while (found := next(given, _END)) is not _END:
            if found is not None:
                yield from values_of(functions, found, place, node + 1)
            place.node = node
    finally:
        given.close()


async def values_of_async(
    functions: Sequence[HostFunction], value: Any, place: Place, in_thread: InThread, node: int = 0
) -> AsyncGenerator[Any, None]:
    """The same for functions of all kinds: async ones run on this loop, sync ones by `in_thread`.

    What a sync one raised comes as `ThrownError`.
    """
    if node == len(functions):
        yield value
        return
    function = functions[node]
    place.node = node
    async with aclosing(_given(function, value, in_thread)) as given:
        async for found in given:
            if found is not None:
                async with aclosing(values_of_async(functions, found, place, in_thread, node + 1)) as values:
                    async for each in values:
                        yield each
            place.node = node


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
    try:
        _, thrown = await in_thread(stepped.close)
    except BaseException:
        # Cancelled before a thread came to it, perhaps.
        stepped.close()
        raise
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
