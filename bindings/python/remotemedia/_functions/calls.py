"""The one way in which every engine calls a Python function with a value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from .access import SCALARS
from .ports import Out, output_of
from .spec import HostFunction

InThread = Callable[[Callable[[], Any]], Awaitable["tuple[Any, BaseException | None]"]]
"""Runs work on a thread; answers its value, or None and what it raised."""


def call(function: HostFunction, value: Any) -> Any:
    """What a sync function makes of a value, which it gets in the form that its annotation asks for."""
    result = function.invoke(value)
    if type(result) not in SCALARS:
        refuse_wrong(function, result)
    return result


def refuse_wrong(function: HostFunction, result: Any) -> None:
    """Raises `TypeError` for what is to be awaited, which a sync function returned, and `ValueError` for no output."""
    if type(result) is Out:
        output_of(function, result)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError(f"{function.node_type} returned an awaitable; define it with async def")


async def call_async(function: HostFunction, value: Any, in_thread: InThread) -> tuple[Any, BaseException | None]:
    """What a function makes of a value: an async one on this loop, a sync one by `in_thread`.

    Raises what an async function raises. What a sync one raised is answered: even what would end a loop ends this
    execution alone if it was raised on a thread.
    """
    if function.is_async:
        found = await function.invoke(value)
        if type(found) is Out:
            output_of(function, found)
        return found, None
    return await in_thread(functools.partial(call, function, value))


def begin(function: HostFunction, value: Any) -> Any:
    """The generator that a function which gives several values makes of one, sync or async as it is."""
    return function.invoke(value)
