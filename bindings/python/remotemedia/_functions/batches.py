"""Functions that take batches: a list of values in, a list as long out.

When a batch raises, the function gets its values again as they were, each in a list of its own: that finds the one at
fault, the error names it alone, and `on_error` drops or repeats no other. What its neighbours became is kept. A batch
that raises as a whole while each of its values passes by itself is no error.
"""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import Any

from .arguments import SCALARS, read_only
from .event_loop import cancellations
from .failures import ENDS_PROGRAM, Cursor, Failure
from .places_in_time import Place, place_of
from .ports import onward
from .spec import HostFunction, InThread

Entry = tuple[int, Any, Place | None]
"""A value, with the number of the entry that it comes from, and the place of what the last function got for it."""


async def through(
    functions: Sequence[HostFunction], entries: list[Entry], cursor: Cursor, in_thread: InThread, first: int = 0
) -> tuple[list[Entry], Failure | None]:
    """What a chain of functions, from number `first` on, makes of a batch, up to the first entry that fails.

    Beside it that failure, if there is one. None is left out. Raises what is no failure of a value, such as a
    cancellation of the call; `cursor` tells where.
    """
    failure = None
    for node, function in enumerate(functions[first:], first):
        if not entries:
            break
        cursor.entry, _, place = entries[0]
        cursor.at(node, function, place)
        results, error = await _results(functions, node, [value for _, value, _ in entries], in_thread)
        if error is not None:
            # It comes before a failure of an earlier function: what that one failed at did not get so far.
            entry, _, place = entries[len(results)]
            failure = Failure(error, entry, node, place=place)
        is_last = node + 1 == len(functions)
        entries = [
            (index, made, place if is_last else place_of(made, place))
            for (index, _, place), made in zip(entries, results, strict=False)
            if made is not None
        ]
    return entries, failure


def through_now(
    functions: Sequence[HostFunction], entries: list[Entry], cursor: Cursor, first: int = 0
) -> Generator[None, None, tuple[list[Entry], Failure | None]]:
    """Does what `through` does for functions that are all sync, on this thread; stops before each of their calls."""
    inline = functools.partial(_run_inline, cursor.raises)
    with closing(through(functions, entries, cursor, inline, first)) as work:
        while True:
            try:
                work.send(None)
            except StopIteration as end:
                found: tuple[list[Entry], Failure | None] = end.value
                return found
            yield


async def _results(
    functions: Sequence[HostFunction], node: int, values: list[Any], in_thread: InThread
) -> tuple[list[Any], BaseException | None]:
    """What a function makes of a batch, as it goes on: as many results as values, or those before one that failed."""
    function = functions[node]
    results: list[Any] = []
    made, error = await _given(function, values, in_thread)
    if error is None or len(values) == 1:
        return results, _add(results, functions, node, made, len(values)) if error is None else error
    for value in values:
        made, error = await _given(function, [value], in_thread)
        if error is None:
            error = _add(results, functions, node, made, 1)
        if error is not None:
            break
    return results, error


def _add(
    results: list[Any], functions: Sequence[HostFunction], node: int, made: Any, count: int
) -> BaseException | None:
    """Adds what a function returned for so many values to `results`, up to the first one that can't go on."""
    wrong = _wrong_with(functions[node], made, count)
    if wrong is not None:
        return wrong
    for each in made:
        try:
            result = each if type(each) in SCALARS else onward(functions, node, each)
        except Exception as error:
            return error
        results.append(result)
    return None


async def _given(function: HostFunction, values: list[Any], in_thread: InThread) -> tuple[Any, BaseException | None]:
    """What a function returned, and what it raised. Raises what ends the program, and a cancellation of the call."""
    cancelled = cancellations()
    try:
        # It may change what it gets, and then get the values again: each time they are its own.
        own = [value if type(value) in SCALARS else read_only(value) for value in values]
        return await function.call_async(own, in_thread), None
    except GeneratorExit:
        raise
    except ENDS_PROGRAM:
        raise
    except Failure as failure:
        return None, failure.error
    except asyncio.CancelledError as error:
        # Without a count each one may be that of the call.
        if cancelled is None or cancellations() != cancelled:
            raise
        return None, error
    except BaseException as error:
        return None, error


def _wrong_with(function: HostFunction, made: Any, count: int) -> Exception | None:
    if type(made) is list and len(made) == count:
        return None
    begin = f"{function.node_type} took a batch of {count} value{'s' * (count != 1)} and returned"
    cure = f"return a list of {count}, with None where nothing is to come out"
    if type(made) is list:
        return ValueError(f"{begin} a list of {len(made)}; {cure}")
    kind = "None" if made is None else f"a value of type {type(made).__name__}"
    return TypeError(f"{begin} {kind}; {cure}")


async def _run_inline(raises: tuple[type[BaseException], ...], work: Callable[[], Any]) -> Any:
    await _stop()
    try:
        return work()
    except raises:
        raise
    except BaseException as error:
        # As it is, StopIteration would become another error, and the others might be of who awaits this.
        raise Failure(error) from None


@types.coroutine
def _stop() -> Generator[None, None, None]:
    yield
