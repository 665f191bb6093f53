"""`Nested`: an async generator that another one of this package iterates, and closes when it is closed itself.

An event loop closes the generators that it knows when it ends, or when they are garbage: all of them at once. One that
it closes while the outer one does so too raises that it is already running.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Generic, TypeVar

Given = TypeVar("Given")


class Nested(Generic[Given]):
    """An async generator that its event loop does not know."""

    __slots__ = ("_given", "_is_begun")

    def __init__(self, given: AsyncGenerator[Given, None]) -> None:
        self._given = given
        self._is_begun = False

    def __aiter__(self) -> Nested[Given]:
        return self

    def __anext__(self) -> Awaitable[Given]:
        if self._is_begun:
            return self._given.__anext__()
        self._is_begun = True
        hooks = sys.get_asyncgen_hooks()
        # Python asks for them when a generator is first used. Without the second one it closes what is garbage itself.
        sys.set_asyncgen_hooks(None, _leave)
        try:
            return self._given.__anext__()
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def aclose(self) -> Awaitable[None]:
        return self._given.aclose()


def _leave(_: AsyncGenerator[Any, None]) -> None:
    """Leaves a generator that is garbage to the outer one, which is garbage with it."""
