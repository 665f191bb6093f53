"""The event loop of a blocking call that has async functions: Ctrl-C and what a signal handler raises in it end the
call.

Ctrl-C strikes nowhere: the loop ends the call by it, and gives up its cleaning up if it is pressed again (`ctrl_c.py`).
Handlers of the program may raise anything anywhere, which asyncio does not expect: it logs what was raised in a
callback, and forgets the callback that it had just taken or was about to keep. So here a loop stops by whatever is
raised in it, and a task that is never woken again is ended by another one.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import types
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from .._engine.port_registry import forget_loop, loop_port
from .._functions.event_loop import retrieve, unlisted_tasks
from .._functions.failures import repr_of
from .ctrl_c import CtrlC

__all__ = ["OwnLoop", "own_loop"]

_log = logging.getLogger("remotemedia")

LOOK_S = 0.05
"""How often cancelled tasks are looked at, whether they are forgotten."""


@contextmanager
def own_loop() -> Iterator[OwnLoop]:
    """An event loop that ends with the block. Leaves the thread's own loop, if it has one, alone."""
    ctrl_c = CtrlC()
    try:
        ctrl_c.hold()
        hooks = sys.get_asyncgen_hooks()
        own = OwnLoop(asyncio.new_event_loop(), ctrl_c)
        try:
            yield own
        finally:
            ctrl_c.hold()
            try:
                own.end()
            finally:
                # A loop that is struck as it stops leaves its own.
                sys.set_asyncgen_hooks(*hooks)
                own.close()
    finally:
        ctrl_c.let_go()


class OwnLoop:
    """The event loop of a blocking call."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ctrl_c: CtrlC) -> None:
        self._loop = loop
        self._task: asyncio.Task[Any] | None = None
        self._raised: list[BaseException] = []
        self._ctrl_c = ctrl_c
        self._presses = 0
        self._is_ending = False
        loop.set_exception_handler(self._raised_in_callback)
        ctrl_c.tell(self._tell)

    @contextmanager
    def left(self) -> Iterator[None]:
        """Lets Ctrl-C strike in the block, which is code of the caller, as it does without this loop."""
        self._ctrl_c.let_go()
        try:
            yield
        finally:
            self._ctrl_c.hold()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The result of work in a task. Raises also what a signal handler raised in a callback meanwhile."""
        try:
            self._task = self._loop.create_task(work)
        except BaseException:
            # A loop may have kept the step of a task that was not made to its end.
            work.close()
            raise
        return self._complete(self._task)

    def cancel_all(self) -> None:
        """Cancels all tasks, which what stopped the loop, as Ctrl-C does, may have left, and waits for their end."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self._complete(self._ended(tasks))

    def end(self) -> None:
        """Ends all that is left in the loop. Does not wait for it any more if Ctrl-C is pressed for the second time."""
        self._is_ending = True
        try:
            if self._presses > 1:
                raise KeyboardInterrupt
            self.cancel_all()
            self._complete(self._loop.shutdown_asyncgens())
            # A thread that was still at work may have begun to clean up meanwhile.
            self.cancel_all()
        except BaseException:
            self._give_up()
            raise

    def close(self) -> None:
        """Closes the loop and lets go of it: its finalizer is Python code, where Ctrl-C must not strike either."""
        self._ctrl_c.tell(None)
        try:
            forget_loop(self._loop)
        finally:
            self._loop.close()
            self._task = None
            del self._loop

    def _give_up(self) -> None:
        """Ends the coroutines of all tasks where they wait."""
        for task in asyncio.all_tasks(self._loop) | unlisted_tasks(self._loop):
            # asyncio would complain that it was not waited for.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            work: Any = task.get_coro()
            try:
                work.close()
            except Exception as error:
                _log.warning("%s does not end: %s", work.__qualname__, repr_of(error))

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self._pressed)

    def _pressed(self) -> None:
        self._ctrl_c.seen()
        self._presses += 1
        # While all ends by itself it is raised at the end.
        if not self._is_ending or self._presses > 1:
            self._ctrl_c.taken()
            self._raised.append(KeyboardInterrupt())
            self._loop.stop()

    def _complete(self, work: Coroutine[Any, Any, Any] | asyncio.Task[Any]) -> Any:
        """What `run_until_complete` does, also where a stop comes that was meant for what was left before."""
        task = asyncio.ensure_future(work, loop=self._loop)
        try:
            task.add_done_callback(self._stop)
            while not task.done() and not self._raised:
                self._loop.run_forever()
        finally:
            if self._loop.is_running():
                # It was struck as it stopped, and has not left the thread.
                self._loop._thread_id = None  # type: ignore[attr-defined]
                asyncio._set_running_loop(None)
            task.remove_done_callback(self._stop)
            # It is known by what ended the loop, if not by this.
            retrieve(task)
            if self._raised:
                error = self._raised[0]
                self._raised.clear()
                raise error from None
        return task.result()

    def _stop(self, _: object) -> None:
        self._loop.stop()

    async def _ended(self, tasks: set[asyncio.Task[Any]]) -> None:
        # The callbacks that are to run. Those of uvloop can't be seen; no Python code takes them out.
        ready = getattr(self._loop, "_ready", None)
        forgotten: dict[asyncio.Task[Any], asyncio.Task[None]] = {}
        while tasks:
            done, tasks = await asyncio.wait(tasks, timeout=LOOK_S)
            for task in done:
                retrieve(task)
            if ready is not None and not ready:
                known = asyncio.all_tasks() | unlisted_tasks(self._loop)
                for task in known - {asyncio.current_task(), *forgotten}:
                    if _is_forgotten(task):
                        forgotten[task] = asyncio.create_task(_end_forgotten(task))

    def _raised_in_callback(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Ends the work by what was raised in a callback that raises nothing itself.

        asyncio would log it, and what the callback was for would never come.
        """
        error, handle = context.get("exception"), context.get("handle")
        if error is None or self._task is None or not _is_quiet(getattr(handle, "_callback", None)):
            loop.default_exception_handler(context)
            return
        self._raised.append(error)
        # The task's end, or what it waits for, may be what was not told. It comes first: asyncio also drops what is
        # raised here.
        loop.stop()
        loop_port(loop).fail(error)
        self._task.cancel()


def _is_quiet(callback: object) -> bool:
    """Whether a callback is one of this package or of asyncio, and raises nothing itself."""
    if isinstance(getattr(callback, "__self__", None), asyncio.Task):
        return True
    module = getattr(callback, "__module__", None) or type(callback).__module__
    return module.partition(".")[0] in ("remotemedia", "asyncio", "_asyncio")


def _is_forgotten(task: asyncio.Task[Any]) -> bool:
    """Whether nothing wakes a task, where no callback is left to run: it waits for nothing, or for what is done."""
    waits_for = task._fut_waiter  # type: ignore[attr-defined]
    return not task.done() and (waits_for is None or waits_for.done())


async def _end_forgotten(task: asyncio.Task[Any]) -> None:
    """Ends the coroutine of a task, and the task as one that is cancelled."""
    try:
        await _cancelled(task.get_coro())
    finally:
        # That of a task only asks for it.
        asyncio.Future.cancel(task)


@types.coroutine
def _cancelled(work: Any) -> Generator[Any, None, None]:
    """Continues a coroutine with its cancellation, wherever it waits."""
    try:
        waits_for = work.throw(asyncio.CancelledError())
        while True:
            try:
                yield waits_for
            except BaseException as error:
                waits_for = work.throw(error)
            else:
                waits_for = work.send(None)
    except StopIteration:
        pass
