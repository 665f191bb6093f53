"""Functions that run in a `contextvars.Context` of their own, whoever calls them and on whatever thread.

A context can be entered once at a time: the caller sees to it that only one call in a context goes on. What waits has
left it, so that the work of several contexts may be in progress in one task, each in its own between two waits.
"""

from __future__ import annotations

import functools
import types
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextvars import Context
from typing import Any


def in_context(context: Context, function: Callable[..., Any], is_async: bool, gives_many: bool) -> Callable[..., Any]:
    """The function, which from now on runs in `context`: also what it waits for, and each step of a generator."""
    if not is_async and not gives_many:
        return functools.partial(context.run, function)
    begin = awaited if not gives_many else AsyncStepsInContext if is_async else StepsInContext
    return lambda *arguments, **params: begin(context, context.run(function, *arguments, **params))


@types.coroutine
def awaited(context: Context, work: Any) -> Generator[Any, Any, Any]:
    """The result of an awaitable, whose work runs in `context`, not in that of the task that awaits this."""
    run = context.run
    if not hasattr(work, "send"):
        # No coroutine, but a future, or an object of the user's.
        work = work.__await__()
    try:
        waits_for = run(work.send, None)
        while True:
            thrown: BaseException | None = None
            try:
                sent = yield waits_for
            except GeneratorExit:
                run(work.close)
                raise
            except BaseException as error:
                # Not thrown here: it would be the context of all that is raised from then on.
                thrown = error
            try:
                waits_for = run(work.send, sent) if thrown is None else run(work.throw, thrown)
            finally:
                # It has this frame.
                del thrown
    except StopIteration as end:
        return end.value


class StepsInContext:
    """A generator whose steps run in a context."""

    __slots__ = ("_context", "_given")

    def __init__(self, context: Context, given: Generator[Any, None, None]) -> None:
        self._context = context
        self._given = given

    def __iter__(self) -> StepsInContext:
        return self

    def __next__(self) -> Any:
        return self._context.run(next, self._given)

    def close(self) -> None:
        self._context.run(self._given.close)


class AsyncStepsInContext:
    """An async generator whose steps run in a context."""

    __slots__ = ("_context", "_given")

    def __init__(self, context: Context, given: AsyncGenerator[Any, None]) -> None:
        self._context = context
        self._given = given

    def __aiter__(self) -> AsyncStepsInContext:
        return self

    def __anext__(self) -> Awaitable[Any]:
        return awaited(self._context, self._given.__anext__())

    def aclose(self) -> Awaitable[None]:
        return awaited(self._context, self._given.aclose())
