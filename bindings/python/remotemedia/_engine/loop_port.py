"""Ports of event loops: how a loop learns of events, and what becomes of them where it can't deal with them itself.

Where calls to functions run is in `loop_calls.py`.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from typing import Any

from .._abi.constants import SHUT_DOWN
from .._abi.library import check, error_place, ffi, lib
from .._codec.call_buffers import CallBuffers
from .._functions import threads
from .._functions.event_loop import call_on, in_thread
from .._functions.failures import repr_of
from .._process import exiting
from ..errors import Error
from .loop_calls import LoopCalls
from .port import EventPort
from .run import Run

PUMP_SLICE_US = 500_000
"""How long a pumping thread waits before it looks whether its loop is still there."""

LOOP_BUDGET_US = 300
"""How much work a submit may do on the event loop's thread, in microseconds."""

_log = logging.getLogger("remotemedia")


class LoopDriver(LoopCalls):
    """Has a port watched by an event loop, to which it holds a weak reference."""

    budget_us = LOOP_BUDGET_US
    options = b"{}"

    def __init__(self, loop: asyncio.AbstractEventLoop, forgotten: Callable[[], None]) -> None:
        """`forgotten` is called when the loop is collected."""
        self.loop = weakref.ref(loop, lambda _: forgotten())
        self.time: Any = ffi.new("rmpy_loop_time *")
        """How much of its thread's time goes to work of calls. Buffers that name it belong to who holds the port."""
        self.pool = threads.here()
        self._descriptor = -1
        self._cleaning: set[asyncio.Task[None]] = set()

    @property
    def is_gone(self) -> bool:
        """Whether the loop is closed or was collected."""
        loop = self.loop()
        return loop is None or loop.is_closed()

    def start(self, port: LoopPort) -> None:
        """Has the loop drain the port; a thread where the loop can't watch descriptors."""
        loop, descriptor, error = self.loop(), ffi.new("intptr_t *"), error_place()
        check(lib.rm_port_fd(port.handle, descriptor, error), error)
        assert loop is not None
        try:
            loop.add_reader(descriptor[0], port.drain)
            self._descriptor = descriptor[0]
        except NotImplementedError:
            _pumped.add(port)
            threads.start("remotemedia-port", _pump, weakref.ref(port))

    def stop(self) -> None:
        """Takes the descriptor out of the loop: that of a port that is shut down stays readable for ever."""
        self._unwatch()
        self._descriptor = -1

    def decode(self, port: LoopPort, used: CallBuffers) -> list[Any] | None:
        """The events that are in `used`. A thread decodes a long document, while the loop does other work."""
        # Without a thread for it, this time the loop waits.
        if used.is_long() and self._decodes_elsewhere(port, used):
            return None
        events: list[Any] = used.unpack(port.resolve)
        return events

    def clean(self, run: Run) -> None:
        """Cleans up the instances of a run: in a task of the loop if methods are async, else on a thread.

        A thread also does what it can where the loop has ended meanwhile.
        """
        instances, context, loop = run.instances, run.context, self.loop()
        if instances is None or context is None:
            return
        is_running = loop is not None and not loop.is_closed()
        future = loop.create_future() if is_running and loop is not None else None

        def cleaned() -> None:
            # The loop may have been closed before it was cleaned up.
            if future is not None and not future.done() and not future.get_loop().is_closed():
                future.set_result(None)

        def clean_in_thread() -> None:
            try:
                context.copy().run(instances.clean)
            except KeyboardInterrupt as error:
                # A function raised it itself; Ctrl-C strikes the main thread alone.
                _log.warning("cleaning up raised: %s", repr_of(error))
            finally:
                call_on(loop, cleaned)

        async def clean_on_loop() -> None:
            try:
                await instances.clean_async(in_thread)
            finally:
                cleaned()

        def begin_on_loop(loop: asyncio.AbstractEventLoop) -> None:
            task = context.copy().run(loop.create_task, clean_on_loop())
            self._cleaning.add(task)
            task.add_done_callback(self._cleaning.discard)

        def begin() -> None:
            if loop is None or loop.is_closed():
                # By the thread whose function has returned: the program may be about to end, and starts no other one.
                threads.run_next(clean_in_thread)
            elif not instances.belong_on_loop:
                self.pool.submit(clean_in_thread)
            elif not call_on(loop, lambda: begin_on_loop(loop)):
                threads.run_next(clean_in_thread)

        run.cleaned = future
        if not instances.end(begin):
            run.cleaned = None

    def _decodes_elsewhere(self, port: LoopPort, used: CallBuffers) -> bool:
        """Whether a thread decodes now, while the port is paused; False if none can start."""
        # Who takes them out decodes them: whatever is raised while a thread starts, it may have started.
        waiting = [used]
        try:
            port.is_paused = True
            self._unwatch()
            threads.start("remotemedia-unpack", self._decode_long, port, waiting)
        except BaseException as error:
            if _take(waiting) is not None:
                port.is_paused = False
                self._watch(port)
                if isinstance(error, RuntimeError):
                    return False
            raise
        return True

    def _decode_long(self, port: LoopPort, waiting: list[CallBuffers]) -> None:
        used = _take(waiting)
        if used is None:
            return
        events: list[Any] = []
        try:
            events = used.unpack(port.resolve)
        except Exception as error:
            _log.exception("the events of a port can't be read: %s", error)
        loop = self.loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._decoded, port, events)
        except RuntimeError:
            # The loop was closed meanwhile: there is no waiter any more.
            port.close()

    def _decoded(self, port: LoopPort, events: list[Any]) -> None:
        port.is_paused = False
        self._watch(port)
        port.dispatch(events)
        port.drain()

    def _watch(self, port: LoopPort) -> None:
        loop = self.loop()
        if self._descriptor >= 0 and loop is not None and not loop.is_closed():
            loop.add_reader(self._descriptor, port.drain)

    def _unwatch(self) -> None:
        loop = self.loop()
        if self._descriptor >= 0 and loop is not None and not loop.is_closed():
            loop.remove_reader(self._descriptor)


def _take(waiting: list[CallBuffers]) -> CallBuffers | None:
    """The buffers that wait to be decoded; None if they were taken before. Any two threads may ask."""
    try:
        return waiting.pop()
    except IndexError:
        return None


LoopPort = EventPort[LoopDriver]


def new_loop_port(loop: asyncio.AbstractEventLoop, forget: Callable[[LoopPort], None]) -> LoopPort:
    """A port that the loop watches from now on. `forget` is called with it when the loop is collected."""
    port: LoopPort = EventPort(LoopDriver(loop, lambda: forget(port)))
    port.driver.start(port)
    return port


_pumped: set[LoopPort] = set()
"""Ports that no loop keeps, since it can't watch their descriptors."""


def _pump(reference: weakref.ref[LoopPort]) -> None:
    """Drains a port for a loop that can't watch its descriptor."""
    try:
        _drain_for_loop(reference)
    finally:
        port = reference()
        if port is not None:
            _pumped.discard(port)


def _drain_for_loop(reference: weakref.ref[LoopPort]) -> None:
    events: list[Any] = []
    while not events or events[-1] != [SHUT_DOWN]:
        port = reference()
        if port is None or port.is_closed or exiting():
            return
        if port.driver.is_gone:
            port.close()
            return
        try:
            events = port.next(PUMP_SLICE_US)
            loop = port.driver.loop()
            if events and loop is not None:
                loop.call_soon_threadsafe(port.dispatch, events)
        except (Error, RuntimeError):
            # The port was closed, or the loop, while this thread waited.
            port.close()
            return
        del port, loop
