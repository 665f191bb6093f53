"""Threads for what may take long before it gives a file: networks, and file objects.

They are daemons, so that a server that does not answer keeps no program from its end.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from .._functions.threads import Levels, Workers
from .._process import after_fork

Result = TypeVar("Result")


def fetched(work: Callable[[], Result], pool: Workers | None = None) -> Future[Result]:
    """Runs `work` on a thread, of this pool if there is one, in a copy of this context; here if there is no thread.

    The future has what it returns or raises.
    """
    future: Future[Result] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = context.run(work)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    try:
        (pool or _threads.here()).submit(run)
    except RuntimeError:
        # The process may have no more threads.
        run()
    return future


async def afetched(work: Callable[[], Result]) -> Result:
    """What `work` returns or raises on a thread, while the event loop goes on."""
    return await asyncio.wrap_future(fetched(work))


_threads = Levels("remotemedia-fetch")


def _child() -> None:
    # A child has no threads of its parent.
    global _threads
    _threads = Levels("remotemedia-fetch")


after_fork(_child)
