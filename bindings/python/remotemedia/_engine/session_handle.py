"""`NativeSession`: the calls of the C ABI that a session makes, and what has to stay alive meanwhile.

Nothing here waits: a call that finds no room or no output returns so, and an event of the port comes when there is
some.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from threading import get_ident
from typing import Any, NoReturn

from .._abi import ownership
from .._abi.constants import OUTPUTS, RM_GONE, RM_OK, RM_WOULD_BLOCK, ROOM
from .._abi.direct_calls import make_packets, receive, send
from .._abi.library import NULL, check, error_place, failure, lib, made
from .._abi.lifetimes import hidden
from .._abi.ownership import pending_frees
from .._codec.call_buffers import PACKING_ERRORS, CallBuffers, acquire, release
from .._codec.documents import pack_alone, pack_plain
from .._functions.active_calls import ActiveCalls
from .._functions.event_loop import running_loop, until_done
from .._results.outputs import Packet
from ..errors import GoneError, InvalidArgumentError, MarshalError
from .completion import failure_of
from .loop_port import LOOP_BUDGET_US, LoopPort
from .port_registry import loop_port
from .run import Run
from .session_packets import explained_packets, pack_borrowed, refused_packets
from .session_state import CLOSED_LOOP, SessionState

FIRST_TOKEN = 1 << 62
"""Tokens of sessions begin here; those of executions count from 1."""

ROOM_BYTES = 64 * 1024
"""Documents up to this size are returned without an object of their own."""

ARRIVED_BYTES = 128 * 1024
"""While fewer bytes of outputs wait in Python, a send may bring more."""

SENT_ALONE = 32
"""After so many packets a send brings outputs also if no reader waits: half of what may wait natively."""


class NativeSession(SessionState):
    """The native half of a session. It opens at its first use, so that its outputs can be chosen until then."""

    __slots__ = ()

    def enter(self) -> None:
        """Ties the session to the running loop."""
        if self._port is not None:
            raise InvalidArgumentError("a session is one block; call pipeline.session() for another one")
        self._loop = running_loop("asyncio.run, main()")
        self._port = loop_port(self._loop)
        self._thread = get_ident()
        self._context = contextvars.copy_context()

    @property
    def loop_time(self) -> Any:
        """The `rmpy_loop_time` of the thread of its loop."""
        assert self._port is not None
        return self._port.driver.time

    @property
    def is_open(self) -> bool:
        """Whether it was used."""
        return self._handle is not None

    def close(self) -> None:
        """Ends its use: later calls are refused."""
        with self._opening:
            self.is_closed = True
        self._buffers = None

    def exchange(self, packets: list[list[Any]], borrow: bool, at_once: bool) -> int:
        """Sends packets, and returns how many were taken.

        It brings the outputs that are there, unless no reader waits for them: then only with every so many packets,
        since it costs less to take several together. With `at_once` it brings them in any case.

        Raises the failure that ended the session. As long as that is not known, there is no room, and what tells it
        wakes those who wait for some; with `at_once` it is a `GoneError`.
        """
        # Where its loop does not run, another one may; cheaper than asking which one it is.
        if get_ident() != self._thread or not self._loop.is_running():
            self.check_place()
        used = self._buffers
        if used is None:
            used = self.opened()
        # Called as a method it would be looked for in the type first.
        pack = self._pack
        try:
            try:
                document = pack(packets) if not borrow else pack_borrowed(used, packets)
                if used.has_replaced_text:
                    used.require_keys(packets)
            except PACKING_ERRORS as error:
                raise refused_packets(used, packets, error) from None
            has_buffers, most = used.table, 0
            if has_buffers:
                used.offer()
                self.loans.hold(used.borrowed, self._run)
            if pending_frees:
                used.ready()
            alone = self._sent_alone + len(packets)
            if alone >= SENT_ALONE or at_once or self.readers:
                alone, most = 0, self._room_for_outputs()
                self.has_other_sender |= bool(self.readers)
            self._sent_alone = alone
            taken = send(used.address, document, most)
            if taken >= 0:
                if has_buffers:
                    used.release_table()
                return taken
            length = -1 - taken
            if length > 0:
                answer = used.unpack_plain(length)
            elif used.native.status < 0:
                self._refuse_packets(used, packets, used.native.status, at_once)
                return 0
            else:
                answer = used.unpack(self.loans.resolve)
            if has_buffers:
                used.release_table()
            rows = answer[1]
            if rows:
                # Outputs in buffers are large: no more of them are brought until these are read.
                self._arrived_bytes += length or ARRIVED_BYTES
                # A reader waits only if it found nothing here.
                is_first = not self.arrived
                self._add(rows, self.arrived)
                if is_first:
                    self.readers.wake()
            if len(answer) > 2:
                ownership.release(answer[2])
        except BaseException:
            used.abandon(2)
            raise
        if used.has_left:
            used.let_go()
        return answer[0]  # type: ignore[no-any-return]

    def fetch(self, sink: int, batch: deque[Packet]) -> int:
        """Moves what came out of the chosen output at this place into `batch`, and returns the status."""
        if get_ident() != self._thread or not self._loop.is_running():
            self.check_place()
        used = self._buffers
        if used is None:
            used = self.opened()
        if self._borrowed:
            self.loans.hold(None, self._run)
        if pending_frees:
            used.ready()
        status = RM_OK
        try:
            length = receive(used.address, sink, self._most)
            if length == 0:
                return RM_WOULD_BLOCK
            if length > 0:
                answer = used.unpack_plain(length)
            else:
                status = used.native.status
                check(status, used.error)
                answer = used.unpack(self.loans.resolve)
            self._add(answer[0], batch)
            if len(answer) > 1:
                ownership.release(answer[1])
        except BaseException:
            used.release_unread(1)
            raise
        if used.has_left:
            used.let_go()
        return status

    def next_output(self) -> asyncio.Future[None]:
        """What a task awaits where no output was there: done once something came. It is one of `readers`."""
        if _get_running_loop() is not self._loop:
            self.check_place()
        waiter: asyncio.Future[None] = self._loop.create_future()
        self.readers.append(waiter)
        return waiter

    def flush(self) -> None:
        """Ends the stream after the values that were sent."""
        self.check_place()
        self.opened()
        self._control(pack_plain({"flush": True}))

    def set_params(self, node: str, params: Mapping[str, Any]) -> None:
        """Changes params of a node from the next packet on."""
        self.check_place()
        self.opened()
        try:
            document, is_whole = pack_alone({"set": {"node": node, "params": params}}, "value")
            if not is_whole:
                raise MarshalError("value.set.params: media and large arrays are no params; send them as inputs")
            self._control(document)
        except MarshalError as error:
            raise InvalidArgumentError(f"{node}.{str(error).removeprefix('value.set.')}") from None

    def interrupt(self, at: str | None) -> None:
        """Drops the packets on their way to a node and behind it, or all. A session that has ended has none."""
        if at is not None:
            self.opened()
        wanted = {"interrupt": True} if at is None else {"interrupt": True, "at": at}
        document, error = pack_plain(wanted), error_place()
        status = lib.rm_session_control(self._handle, document, len(document), error)
        if status < 0:
            refusal = failure(status, error)
            if status != RM_GONE:
                raise refusal

    def finish(self) -> None:
        """Ends the stream: no more packets are sent."""
        self.check_place()
        self.opened()
        error = error_place()
        self._accepted(lib.rm_session_finish(self._handle, error), error)

    def cancel(self) -> None:
        """Cancels the session."""
        with self._opening:
            self.is_cancelled = True
        if self._handle is not None and self._port is not None:
            lib.rm_session_cancel(self._handle, NULL)
            # Its completion is there already, and ends the tasks of Python nodes.
            self._port.drain()

    async def cleaned(self) -> None:
        """Waits until the instances of its Python nodes are cleaned up, unless a sync method is still running."""
        if self._run is not None and self._run.cleaned is not None:
            await until_done(self._run.cleaned)

    def metrics(self) -> Mapping[str, Any]:
        """The document of its metrics."""
        self.check_place()
        return self._document(lib.rm_session_metrics, self.opened())

    def trace(self) -> Mapping[str, Any] | None:
        """What was recorded since the last call; None before the session is used. Any thread may call it."""
        if self._handle is None:
            return None
        used = acquire()
        try:
            return self._document(lib.rm_session_trace, used)
        finally:
            release(used)

    def progress(self) -> tuple[int, float | None] | None:
        """How many packets were taken in, and how many seconds of media came out; None before and after."""
        run = None if self._port is None else self._port.runs.get(self.token)
        return None if run is None or self._port is None else self._port.progress(run)

    @property
    def waits_for_thread(self) -> bool:
        """Whether its functions wait for threads, which are all at work for others."""
        return self._port is not None and self._port.calls.wait_for_thread(self.token)

    def raise_failure(self) -> None:
        """Raises the failure that ended the session, unless it was cancelled."""
        if self.error is not None and not self.is_cancelled:
            self.error_was_raised = True
            raise self.error

    async def ended(self, *, again: bool = True) -> None:
        """Waits for the completion; raises what ended the session before its time, perhaps once more."""
        if self.completed is not None and not self.completed.done():
            await asyncio.shield(self.completed)
        if again or not self.error_was_raised:
            self.raise_failure()

    def opened(self) -> CallBuffers:
        """The buffers of its calls. Opens the native session at the first use."""
        if self._buffers is not None:
            return self._buffers
        if self._port is None:
            raise InvalidArgumentError("open the session first: async with pipeline.session() as session")
        if self.is_closed:
            raise GoneError("the session is closed; call pipeline.session() for another one")
        self.check_place()
        with self._opening:
            if self._handle is None:
                self.require_life()
                self._open(self._port, None)
        used = CallBuffers(ROOM_BYTES)
        used.snapshot = True
        used.native.session, used.native.budget_us = self._handle, LOOP_BUDGET_US
        used.native.loop_time = self.loop_time
        self._pack = used.packer.pack
        self._buffers = used
        return used

    def opened_by_thread(self) -> Any:
        """The native session, for a thread that is not that of its loop. Opens it at the first use."""
        if self._handle is None:
            with self._opening:
                if self._handle is None and self._port is not None:
                    self.require_life()
                    self._open(self._port, self._context)
        return self._handle

    def notified(self, kind: int) -> None:
        """Wakes those who wait for what an event of this kind brings; the completion wakes all."""
        if kind != OUTPUTS:
            self._note_failure()
            self._wake_senders()
        if kind != ROOM:
            self.readers.wake()

    def wake_all(self) -> None:
        """Wakes all who wait: nothing comes any more."""
        self._wake_senders()
        self.readers.wake()

    # ---- below

    def _add(self, rows: list[list[Any]], batch: deque[Packet]) -> None:
        """Adds rows of a document as packets."""
        make_packets(rows, Packet, self._names)
        batch.extend(rows)  # type: ignore[arg-type]

    def _wake_senders(self) -> None:
        self.room.wake()
        if self.wake_threads is not None:
            self.wake_threads()

    def _note_failure(self) -> None:
        """Makes the failure that ended the session, once, when its completion has come."""
        # Then: the objects that it names may be released by the next event.
        if self.error is None and self._run is not None and self._run.received is not None:
            self.error = failure_of(self._run.received, self._borrowed)

    def _open(self, port: LoopPort, context: contextvars.Context | None) -> None:
        """Opens the native session; its functions run in `context`, or in a copy of that of the caller."""
        loop = port.driver.loop()
        if loop is None:
            raise GoneError(CLOSED_LOOP)
        token = self.token = FIRST_TOKEN + ownership.number()
        document = pack_plain({"outputs": self.sinks, **self._options})
        run = Run(token, self._functions, None, self._borrowed)
        if context is not None and run.context is not None:
            run.context = context
        run.future = self.completed = loop.create_future()
        run.notify = _notifier(self)
        run.waiters = self.room, self.readers
        run.skipped = self.skipped
        run.sync_calls = ActiveCalls() if self._functions else None
        make = partial(lib.rm_session_new, self.pipeline.handle, port.handle, token, document, len(document))
        # Before it is open: its first event may reach the loop while a thread is still here.
        port.runs[token] = self._run = run
        try:
            self._handle = made("rm_session **", lib.rmpy_clear_session, make)
        except BaseException:
            port.runs.pop(token, None)
            self._run = None
            raise
        self._hold = hidden(self._handle)

    def _document(self, function: Any, used: CallBuffers) -> Mapping[str, Any]:
        """The document that a function of the library has for the session."""
        used.ready()
        status = function(self._handle, used.output, used.error)
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]

    def _room_for_outputs(self) -> int:
        """How many outputs a send may bring."""
        waiting = len(self.arrived)
        if not waiting:
            self._arrived_bytes = 0
        if self.sinks or self.is_cancelled or self._arrived_bytes >= ARRIVED_BYTES:
            return 0
        return max(self._most - waiting, 0)

    def _control(self, document: bytes) -> None:
        error = error_place()
        self._accepted(lib.rm_session_control(self._handle, document, len(document), error), error)

    def _accepted(self, status: int, error: Any) -> None:
        if status < 0:
            refusal = failure(status, error)
            if status != RM_GONE:
                raise refusal
            self._refuse(refusal)

    def _refuse_packets(self, used: CallBuffers, packets: list[list[Any]], status: int, at_once: bool) -> None:
        """Raises why packets were refused. It returns if that is still to come, and is not wanted at once."""
        refusal = failure(status, used.error)
        used.forget()
        if isinstance(refusal, MarshalError):
            refusal = explained_packets(used, packets, refusal)
        if status != RM_GONE:
            raise refusal
        if at_once or not self._is_ending():
            self._refuse(refusal)

    def _is_ending(self) -> bool:
        """Whether it takes nothing more, and its completion is still to come: a node may be in the middle of a step."""
        if self.is_cancelled or self._port is None or self._run is None:
            return False
        self._port.drain()
        return self._run.received is None and not self._port.is_closed

    def _refuse(self, refusal: BaseException) -> NoReturn:
        """Raises the failure that ended the session if it is known, else the refusal itself."""
        if self.is_cancelled:
            raise GoneError("the session was cancelled")
        if self._port is not None:
            self._port.drain()
        self.raise_failure()
        raise refusal


def _notifier(session: NativeSession) -> Callable[[int], None]:
    reference = weakref.ref(session)

    def notify(kind: int) -> None:
        found = reference()
        if found is not None:
            found.notified(kind)

    return notify
