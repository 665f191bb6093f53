"""`LoopPort`: the port of an event loop. Its async functions run on the loop, its sync ones on serving threads."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

from .._abi.constants import COMPLETED, SHUT_DOWN
from .._abi.library import NULL, check, ffi, lib
from .._codec.call_buffers import CallBuffers
from .._functions import threads
from .._functions.event_loop import until_done
from .._functions.failures import Failure
from .._functions.instances import InstancePool
from .._functions.serve import FULL, GONE, Backpressure, PartialReply, Reply, serve, serve_async, serve_in_parts
from .._functions.spec import InThread
from .._process import exiting
from ..errors import Error
from .completion import Result, keep_causes
from .open_calls import Serving
from .port import EventPort, Following
from .run import Run

PUMP_SLICE_US = 500_000
"""How long a draining thread waits before it looks whether its loop is still there."""

LOOP_BUDGET_US = 300
"""How much work a submit may do on the event loop's thread, in microseconds."""

PARTS_IN_A_ROW = 32
"""After so many values of an async generator that never waited, the event loop gets a turn."""

_log = logging.getLogger("remotemedia")


class LoopPort(EventPort):
    """The port of an event loop. It knows the loop weakly: a loop that is forgotten takes its port with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, forget: Callable[[LoopPort], None]) -> None:
        super().__init__()
        self.loop: Callable[[], asyncio.AbstractEventLoop | None] = weakref.ref(loop, lambda _: forget(self))
        self.inline_in_a_row = 0
        self._descriptor = -1
        self._closed = False
        self._cleaning: set[asyncio.Task[None]] = set()
        self._is_unpacking = False
        self._lane = CallBuffers()
        """For its events, which are only looked at on the thread of the loop."""
        descriptor = ffi.new("int32_t *")
        error = ffi.new("rm_error **")
        check(lib.rm_port_fd(self.handle, descriptor, error), error)
        try:
            loop.add_reader(descriptor[0], self.drain)
            self._descriptor = descriptor[0]
        except NotImplementedError:
            threading.Thread(target=_pump, args=(weakref.ref(self),), name="remotemedia-port", daemon=True).start()

    async def finish(self, run: Run) -> Result:
        """Waits for the end of a run. Cancelling the wait cancels the run."""
        future = run.future = asyncio.get_running_loop().create_future()
        try:
            completion = await future
        except GeneratorExit:
            # Nobody runs this any more.
            self.abandon(run)
            raise
        except BaseException:
            self.abandon(run)
            if run.cleaned is not None:
                await until_done(run.cleaned)
            raise
        return run.settle(completion)

    def close(self) -> None:
        """Cancels what goes on and lets go of the native port. The loop is closed or gone."""
        self._closed = True
        for run in list(self.runs.values()):
            self.abandon(run)
        self._unwatch()
        # A thread may still wait at it; it is freed when that thread lets go.
        lib.rm_port_wake(self.handle, NULL)
        self.handle = NULL

    def ended(self) -> None:
        """The runtime is shut down: the descriptor stays readable for ever, so it leaves the loop."""
        self._unwatch()
        super().ended()

    @property
    def is_gone(self) -> bool:
        """Whether its loop is closed or forgotten."""
        loop = self.loop()
        return loop is None or loop.is_closed()

    @property
    def closed(self) -> bool:
        """Whether the port is of no use any more."""
        return self._closed

    def drain(self) -> None:
        """Deals with all that is there. A long document is unpacked by a thread, while the loop goes on."""
        if self._closed or self._is_unpacking:
            return
        used = self._lane
        events = self._fetched(used, 0)
        if events is None and used.is_long():
            # Nothing else is fetched meanwhile: events are dealt with in their order.
            self._is_unpacking = True
            self._watch(False)
            self._lane = CallBuffers()
            threading.Thread(target=self._unpack, args=(used,), name="remotemedia-unpack", daemon=True).start()
            return
        self.dispatch(used.unpack(self._resolve) if events is None else events)

    def _unpack(self, used: CallBuffers) -> None:
        events: list[Any] = []
        try:
            events = used.unpack(self._resolve)
        except Exception as error:
            _log.exception("the events of a port can't be read: %s", error)
        loop = self.loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._unpacked, events)
        except RuntimeError:
            # The loop was closed meanwhile: nobody waits any more.
            self.close()

    def _unpacked(self, events: list[Any]) -> None:
        self._is_unpacking = False
        self._watch(True)
        self.dispatch(events)
        self.drain()

    def _watch(self, is_watched: bool) -> None:
        loop = self.loop()
        if self._descriptor < 0 or loop is None or loop.is_closed():
            return
        if is_watched:
            loop.add_reader(self._descriptor, self.drain)
        else:
            loop.remove_reader(self._descriptor)

    def _unwatch(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        loop = self.loop()
        if descriptor >= 0 and loop is not None and not loop.is_closed():
            loop.remove_reader(descriptor)

    def _complete(self, token: int, completion: Any) -> None:
        run = self.runs.pop(token, None)
        if run is None:
            return
        self._leave(run)
        if run.cleaned is None:
            self._deliver(run, completion)
        else:
            # What it names may be given back before it is delivered.
            keep_causes(completion)
            run.cleaned.add_done_callback(lambda _: self._deliver(run, completion))

    def _deliver(self, run: Run, completion: Any) -> None:
        if run.future is not None and not run.future.done():
            # Never `set_exception`: if the waiter was cancelled in the same turn, asyncio would complain about it.
            run.future.set_result(completion)
        if run.notify is not None:
            run.notify(COMPLETED)

    def _call(self, run: Run, call: Serving, on_this_thread: bool) -> None:
        assert run.context is not None
        chain, context = call.chain, run.context.copy()
        instances = run.instances if chain.has_instances else None
        if chain.on_loop:
            if instances is None:
                self._serve_on_loop(context, call)
            else:
                self._serve_instances_on_loop(context, call, instances)
        elif instances is not None:
            self._serve_instances(context, call, instances, on_this_thread)
        elif chain.in_parts:
            partial = PartialReply(call, context)
            if call.attach(lambda: self._leave_reply(partial), lambda: self._resume(partial)):
                self._work_on(partial, self._make_parts, on_this_thread)
        else:
            _submit(lambda: self._serve_in_thread(context, call), on_this_thread)

    def _serve_instances(
        self, context: contextvars.Context, call: Serving, instances: InstancePool, on_this_thread: bool
    ) -> None:
        """Serves a call to classes that are all sync, by a thread, once no other call works with them."""
        key = call.chain.key
        partial = PartialReply(call, context, lambda: instances.release(key, in_thread=True))

        def leave() -> None:
            if not instances.withdraw(key, call.id):
                self._leave_reply(partial)

        def start() -> None:
            self._work_on(partial, self._make_parts, on_this_thread)

        is_wanted = call.attach(leave, lambda: self._resume(partial))
        if is_wanted and not instances.begin(key, call.id, start, in_thread=True):
            self.calls.end(call.id)

    def _serve_on_loop(self, context: contextvars.Context, call: Serving) -> None:
        """Serves a call by a task of the loop."""
        if not call.attach(lambda: call.cancel_task(self.loop())):
            return

        def begin(loop: asyncio.AbstractEventLoop) -> None:
            if not call.is_over:
                call.task = context.run(loop.create_task, self._reply_on_loop(call, _in_thread))

        loop = self.loop()
        if loop is not None and asyncio._get_running_loop() is loop:
            begin(loop)
        elif loop is not None:
            _tell(loop, lambda: begin(loop))

    def _serve_instances_on_loop(self, context: contextvars.Context, call: Serving, instances: InstancePool) -> None:
        """Serves a call to classes by a task of the loop, once no other call works with the same instances."""
        key = call.chain.key

        async def in_thread(work: Callable[[], Any]) -> Any:
            instances.retain(key)
            return await _in_thread(work, lambda: instances.release(key, in_thread=True))

        def done() -> None:
            instances.release(key, in_thread=False)

        def begin_here(loop: asyncio.AbstractEventLoop) -> None:
            if call.is_over:
                done()
                return
            call.task = context.run(loop.create_task, self._reply_on_loop(call, in_thread))
            call.task.add_done_callback(lambda _: done())

        def begin() -> None:
            loop = self.loop()
            if loop is not None and asyncio._get_running_loop() is loop:
                begin_here(loop)
            elif loop is None or not _tell(loop, lambda: begin_here(loop)):
                # It had to wait for a thread, and now there is no loop any more.
                done()

        def leave() -> None:
            if not instances.withdraw(key, call.id):
                call.cancel_task(self.loop())

        if call.attach(leave) and not instances.begin(key, call.id, begin, in_thread=False):
            self.calls.end(call.id)

    def _clean(self, run: Run) -> None:
        instances, context, loop = run.instances, run.context, self.loop()
        if instances is None or context is None:
            return
        is_running = loop is not None and not loop.is_closed()

        def cleaned() -> None:
            if run.cleaned is not None and not run.cleaned.done():
                run.cleaned.set_result(None)

        def in_thread() -> None:
            try:
                context.copy().run(instances.clean)
            except KeyboardInterrupt as error:
                # A function raised it itself; Ctrl-C strikes the main thread alone.
                _log.warning("cleaning up raised: %r", error)
            finally:
                _tell(loop, cleaned)

        async def on_loop() -> None:
            try:
                await instances.clean_async(_in_thread)
            finally:
                cleaned()

        def begin_on_loop(loop: asyncio.AbstractEventLoop) -> None:
            task = context.copy().run(loop.create_task, on_loop())
            self._cleaning.add(task)
            task.add_done_callback(self._cleaning.discard)

        def clean() -> None:
            if not instances.belong_on_loop:
                threads.submit(in_thread)
            elif loop is not None:
                _tell(loop, lambda: begin_on_loop(loop))

        run.cleaned = loop.create_future() if is_running and loop is not None else None
        if not instances.end(clean):
            run.cleaned = None

    def _work_on(
        self,
        partial: PartialReply[Serving],
        work: Callable[[PartialReply[Serving]], None],
        on_this_thread: bool = False,
    ) -> None:
        def attempt() -> None:
            try:
                work(partial)
            except BaseException as error:
                # SystemExit of a function ends the execution, not this thread.
                self.calls.end(partial.call.id)
                self.reply(partial.call, partial.failed(error))
                partial.close()

        _submit(attempt, on_this_thread)

    def _serve_in_thread(self, context: contextvars.Context, call: Serving) -> None:
        if call.is_over:
            return
        try:
            reply = context.run(serve, call, lambda part: self.reply(call, part))
        except BaseException as error:
            # SystemExit of a function ends the execution, not this thread.
            reply = Reply([], Failure(error))
        self.calls.end(call.id)
        self._reply_last(call, reply)

    def _reply_last(self, call: Serving, reply: Reply) -> None:
        # Where others wait for a thread, the next call waits its turn.
        following: list[Following] | None = None if threads.are_short() else []
        self.reply(call, reply, following)
        if following:
            self._serve(*following[0], on_this_thread=True)

    def reply(self, call: Serving, reply: Reply, following: list[Following] | None = None) -> Backpressure:
        """Does what `EventPort.reply` does, also on a thread, where the port may be closed by now."""
        return GONE if self._closed or exiting() else super().reply(call, reply, following)

    async def _reply_on_loop(self, call: Serving, in_thread: InThread) -> None:
        try:
            if call.chain.in_parts:
                await self._reply_in_parts(call, in_thread)
            else:
                self.reply(call, await serve_async(call, in_thread, lambda part: self.reply(call, part)))
        except asyncio.CancelledError as error:
            if not call.is_over:
                # Before the first function began.
                self.reply(call, Reply([], Failure(error)))
        except (KeyboardInterrupt, SystemExit) as error:
            self.reply(call, Reply([], Failure(error)))
            if call.task is not None:
                call.task.add_done_callback(_retrieve)
            raise
        finally:
            self.calls.end(call.id)

    async def _reply_in_parts(self, call: Serving, in_thread: InThread) -> None:
        room, parts = asyncio.Event(), 0
        call.resume_with(room.set)

        async def send(part: Reply) -> bool:
            nonlocal parts
            room.clear()
            status = self.reply(call, part)
            parts += 1
            if status is FULL:
                await room.wait()
            elif parts % PARTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
            return status is not GONE

        await serve_in_parts(call, in_thread, send)


def _retrieve(task: asyncio.Task[None]) -> None:
    """Retrieves an exception that ends the loop, as SystemExit does: the reply has it, and no one awaits the task."""
    if not task.cancelled():
        task.exception()


def _pump(reference: weakref.ref[LoopPort]) -> None:
    """Drains a port for a loop that can't watch its descriptor."""
    events: list[Any] = []
    while not events or events[-1] != [SHUT_DOWN]:
        port = reference()
        if port is None or port.closed or exiting():
            return
        if port.is_gone:
            port.close()
            return
        try:
            events = port.next(PUMP_SLICE_US)
            loop = port.loop()
            if events and loop is not None:
                loop.call_soon_threadsafe(port.dispatch, events)
        except (Error, RuntimeError):
            # The port was closed, or the loop, while this thread waited.
            port.close()
            return
        del port, loop


def _submit(work: Callable[[], None], on_this_thread: bool) -> None:
    """Has work of sync functions done by this thread, once that is done with its present work, or by any thread."""
    if on_this_thread:
        threads.run_next(work)
    else:
        threads.submit(work)


def _tell(loop: asyncio.AbstractEventLoop | None, what: Callable[[], object]) -> bool:
    """Has `what` called on a loop, unless it is closed or gone. Returns whether it will be called."""
    try:
        if loop is not None:
            loop.call_soon_threadsafe(what)
    except RuntimeError:
        return False
    return loop is not None


async def _in_thread(work: Callable[[], Any], when_done: Callable[[], None] | None = None) -> Any:
    """Runs `work` on a serving thread, in the context of the caller. Raises `Failure` for what it raises.

    `when_done` is called when it has ended, also if this is not waited for any more.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    context = contextvars.copy_context()

    def finish(result: tuple[Any, BaseException | None]) -> None:
        if not future.done():
            future.set_result(result)

    def run() -> None:
        result: tuple[Any, BaseException | None]
        try:
            result = context.run(work), None
        except BaseException as error:
            result = None, error
        if when_done is not None:
            # Before the loop hears of it: else what comes next might still take this thread for busy.
            when_done()
        _tell(loop, lambda: finish(result))

    threads.submit(run)
    value, error = await future
    if error is not None:
        raise Failure(error)
    return value
