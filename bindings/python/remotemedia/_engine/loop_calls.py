"""Where calls to Python functions run that come to an event loop: async functions in tasks of the loop, sync ones on
serving threads (`thread_calls.py`), and the instances of a class in one call at a time.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from .._functions.active_calls import ActiveCalls
from .._functions.event_loop import call_on, in_thread, retrieve
from .._functions.failures import Failure
from .._functions.serve import FULL, GONE, Reply, serve_async, serve_in_parts
from .._functions.spec import InThread
from .._functions.threads import Workers
from .open_calls import OpenCall
from .port import EventPort
from .returned import kept_of
from .run import Run
from .thread_calls import ThreadCall

PARTS_IN_A_ROW = 32
"""After so many values of an async generator that never waited, the event loop gets a turn; after a part without one
too."""

Loop = Callable[[], asyncio.AbstractEventLoop | None]
"""The loop; None where there is none, or where it was collected."""


class LoopCalls:
    """The part of a driver that serves calls: on its loop, or on serving threads where functions are sync."""

    loop: Loop
    pool: Workers
    """The threads for its sync functions."""

    def serve(self, port: EventPort[Any], run: Run, call: OpenCall, on_this_thread: bool) -> None:
        """Has the functions of a call run where they belong.

        With `on_this_thread` sync functions run on this serving thread, after its present work.
        """
        assert run.context is not None
        chain, context = call.chain, run.context.copy()
        if not chain.on_loop:
            ThreadCall(port, call, context, chain.active).serve(on_this_thread)
        elif chain.active is None:
            _serve_on_loop(port, self.loop, context, call)
        else:
            _serve_on_loop_in_turn(port, self.loop, context, call, chain.active)


def _serve_on_loop(port: EventPort[Any], loop: Loop, context: contextvars.Context, call: OpenCall) -> None:
    """Serves a call by a task of the loop."""
    if not call.attach(lambda: call.cancel_task(loop())):
        return

    def begin(loop: asyncio.AbstractEventLoop) -> None:
        if not call.is_over:
            _begin_task(port, loop, context, call, in_thread)

    running = loop()
    if running is not None and asyncio._get_running_loop() is running:
        begin(running)
    elif running is not None:
        call_on(running, lambda: begin(running))


def _serve_on_loop_in_turn(
    port: EventPort[Any], loop: Loop, context: contextvars.Context, call: OpenCall, active: ActiveCalls
) -> None:
    """Serves a call by a task of the loop, once no other call works with the same nodes."""
    key = call.chain.key

    async def in_retained_thread(work: Callable[[], Any]) -> Any:
        active.retain(key)
        return await in_thread(work, lambda: active.release(key, in_thread=True))

    def done() -> None:
        active.release(key, in_thread=False)

    def begin_here(loop: asyncio.AbstractEventLoop) -> None:
        task = None if call.is_over else _begin_task(port, loop, context, call, in_retained_thread)
        if task is None:
            done()
        else:
            task.add_done_callback(lambda _: done())

    def begin() -> None:
        running = loop()
        if running is not None and asyncio._get_running_loop() is running:
            begin_here(running)
        elif running is None or not call_on(running, lambda: begin_here(running)):
            # It had to wait for a thread, and now there is no loop any more.
            done()

    port.calls.begin(call, active, begin, lambda: call.cancel_task(loop()), in_thread=False)


def _begin_task(
    port: EventPort[Any],
    loop: asyncio.AbstractEventLoop,
    context: contextvars.Context,
    call: OpenCall,
    in_thread: InThread,
) -> asyncio.Task[None] | None:
    """The task that serves a call. None if none can be made, as where the task factory of the loop raises."""
    work = _reply_on_loop(port, call, in_thread)
    try:
        task = call.task = context.run(loop.create_task, work)
    except Exception as error:
        work.close()
        port.calls.end(call.id)
        port.reply(call, Reply([], Failure(error)))
        return None
    task.add_done_callback(lambda task: _answer_in_any_case(port, call, task))
    return task


def _answer_in_any_case(port: EventPort[Any], call: OpenCall, task: asyncio.Task[None]) -> None:
    """Answers a call whose task has ended before its first line: cancelled, or by what a signal handler raised."""
    if port.calls.is_open(call.id):
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            port.reply(call, Reply([], Failure(error)))
        port.calls.end(call.id)


async def _reply_on_loop(port: EventPort[Any], call: OpenCall, in_thread: InThread) -> None:
    parts = 0

    async def send(part: Reply) -> bool:
        nonlocal parts
        status = port.reply(call, part)
        parts += 1
        if status is FULL:
            # The event comes to this loop, and so not before this waits for it.
            room = asyncio.Event()
            call.resume_with(room.set)
            await room.wait()
        elif status is GONE and not part.is_final:
            # An event says so too, and would cancel what closes the generators.
            port.calls.leave(call)
        elif not part.is_final and (parts % PARTS_IN_A_ROW == 0 or not part.outputs):
            await asyncio.sleep(0)
        return status is not GONE

    try:
        await (serve_in_parts if call.chain.in_parts else serve_async)(call, in_thread, kept_of, send)
    except asyncio.CancelledError as error:
        if not call.is_over:
            # Before the first function began.
            port.reply(call, Reply([], Failure(error)))
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        # Those of functions do not come here, but a signal handler's may. Where the call is answered already, this
        # reply is dropped.
        port.reply(call, Reply([], Failure(error)))
        if isinstance(error, (KeyboardInterrupt, SystemExit)) and call.task is not None:
            # The reply has it, and no one awaits the task.
            call.task.add_done_callback(retrieve)
        raise
    finally:
        port.calls.end(call.id)
