"""`Session`: a pipeline that runs beside an event loop, fed and read while it goes on, bounded at both ends.

Nothing here waits by looking again: whoever finds no room, or no output, is woken by an event of the loop's port.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from . import _memory
from ._bridge import COMPLETED, LOOP_BUDGET_US, OUTPUTS, ROOM, LoopPort, Run, loop_port
from ._completion import failure_of
from ._library import NULL, check, failure, ffi, lib
from ._marshal import PACKING_ERRORS, Lane, pack_plain
from ._memory import Kept, discarded
from ._metrics import Metrics, metrics_of
from ._outputs import Packet
from .errors import GoneError, InvalidArgumentError, MarshalError, StalledError
from .media import nanoseconds

if TYPE_CHECKING:
    from ._pcm import PCM
    from ._pipeline import Compiled

RM_OK: int = lib.RM_OK
RM_END: int = lib.RM_END
RM_GONE: int = lib.RM_GONE

FIRST_TOKEN = 1 << 62
"""Tokens of sessions begin here; those of executions count from 1."""

ROOM_BYTES = 64 * 1024
"""Answers up to this size cross without an object of their own."""

SMALL_BYTES = 4096
"""Below this an answer is small."""

MOST_OUTPUTS = 256
"""The most outputs that one call hands out."""

INLINE_IN_A_ROW = 128
"""After so many packets that were taken without waiting, the event loop gets a turn."""

STALL_SECONDS = 5.0
"""How long a `send` waits for outputs that nobody ever read."""

send: Any = lib.rm_lane_send

WATCHDOG_SECONDS = 5.0
"""How long nothing may move before the watchdog says so."""

_log = logging.getLogger("remotemedia")

_new: Callable[[type[Packet], Sequence[Any]], Packet] = tuple.__new__


class Session:
    """A pipeline at work on one stream, inside `async with pipeline.session() as session`.

    `await send(value)` feeds it, `async for packet in session` reads it; do both at the same time, in two tasks, since
    `send` waits while outputs are unread. Leaving the block by an exception cancels; leaving it normally finishes, and
    waits for the end; outputs that nobody reads are then dropped.
    """

    def __init__(
        self,
        compiled: Compiled,
        *,
        pcm: PCM | None = None,
        buffer: Mapping[str, int] | None = None,
        deadline_us: int = -1,
        watchdog: float | None = WATCHDOG_SECONDS,
    ) -> None:
        self._pipeline, self._functions = compiled
        self._pcm = None if pcm is None else pcm.reader()
        self._buffer = dict(buffer or {})
        self._deadline_us = deadline_us
        self._watchdog = watchdog
        self._watching: asyncio.TimerHandle | None = None
        self._chosen: dict[str, Reader] = {}
        self._all = Reader(self, -1)
        self._port: LoopPort | None = None
        self._handle: Any = None
        self._lane: Lane | None = None
        self._is_plain = pcm is None
        """Whether a value is a packet as it is."""
        self._completed: asyncio.Future[Any] | None = None
        self._held: dict[int, Kept] = {}
        self._room: list[asyncio.Future[None]] = []
        self._outputs: list[asyncio.Future[None]] = []
        self._in_a_row = 0
        self._is_small = False
        self._was_read = False
        self._finished = False
        self._cancelled = False
        self._closed = False
        self._error: BaseException | None = None
        self._error_was_raised = False

    # ---- the block

    async def __aenter__(self) -> Session:
        if self._port is not None:
            raise InvalidArgumentError("a session is one block; call pipeline.session() for another one")
        self._port = loop_port(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self.cancel()
            elif self._handle is not None and not self._cancelled:
                await self._end()
        except BaseException:
            self.cancel()
            raise
        finally:
            self._closed = True
            if self._watching is not None:
                self._watching.cancel()
            self._wake()

    # ---- in

    async def send(
        self, value: Any, *, pts: float | None = None, duration: float | None = None, borrow: bool = False
    ) -> None:
        """Sends a value, once there is room for it.

        What can still be written to is copied, so it may be used again at once; with `borrow=True` it is not, and
        must stay as it is until the session has let go of it. `pts` and `duration` are seconds; media values bring
        their own. With `input=` bytes may be split anywhere.

        Raises `MarshalError`; what ended the session, `NodeError` for example; `GoneError` after `cancel`;
        `StalledError` if it waits for 5 s for outputs that nobody ever read.
        """
        if pts is None and duration is None and self._is_plain:
            packets = [[value]]
        else:
            packet = self._packet(value, pts, duration)
            if packet is None:
                return
            packets = [packet]
        if self._exchange(packets, borrow):
            self._in_a_row += 1
            if self._in_a_row >= INLINE_IN_A_ROW:
                self._in_a_row = 0
                await asyncio.sleep(0)
            return
        while True:
            await self._wait_for_room()
            if self._exchange(packets, borrow):
                return

    def try_send(
        self, value: Any, *, pts: float | None = None, duration: float | None = None, borrow: bool = False
    ) -> bool:
        """Sends a value if there is room for it now. Answers whether it was taken. See `send`."""
        before = None if self._pcm is None else self._pcm.state
        packet = self._packet(value, pts, duration)
        if packet is None or self._exchange([packet], borrow):
            return True
        if self._pcm is not None and before is not None:
            self._pcm.state = before
        return False

    async def send_many(self, values: Iterable[Any], *, borrow: bool = False) -> None:
        """Sends values in their order, as many at once as there is room for. See `send`."""
        if self._is_plain:
            packets = [[value] for value in values]
        else:
            packets = [packet for value in values if (packet := self._packet(value, None, None)) is not None]
        taken = 0
        while taken < len(packets):
            taken += self._exchange(packets[taken:] if taken else packets, borrow)
            if taken < len(packets):
                await self._wait_for_room()
        self._in_a_row += len(packets)
        if self._in_a_row >= INLINE_IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Says that no more comes. What was sent is worked off in order and flushed; reading goes on until its end."""
        if self._finished:
            return
        if self._pcm is not None:
            self._pcm.finish()
        self._opened()
        self._finished, self._is_plain = True, False
        error = ffi.new("rm_error **")
        status = lib.rm_session_finish(self._handle, error)
        if status < 0:
            refusal = failure(status, error)
            if status != RM_GONE:
                raise refusal
            self._refuse(refusal)

    def cancel(self) -> None:
        """Ends the session now: native work stops within one chunk, what is on its way is dropped, reading ends."""
        if self._cancelled:
            return
        self._cancelled = True
        self._all.batch.clear()
        for reader in self._chosen.values():
            reader.batch.clear()
        if self._handle is not None and self._port is not None:
            lib.rm_session_cancel(self._handle, NULL)
            # Its completion is there already; with it go the tasks of Python nodes.
            self._port.drain()
        self._wake()

    # ---- out

    def output(self, sink: str) -> Reader:
        """What comes out of one sink, by its id: `async for packet in session.output("left")`.

        Sinks are chosen before the first packet is sent; what reaches others is then dropped. Raises
        `InvalidArgumentError` later than that.
        """
        reader = self._chosen.get(sink)
        if reader is None:
            if self._handle is not None:
                raise InvalidArgumentError(f"output({sink!r}) comes too late; choose outputs before the first send")
            reader = self._chosen[sink] = Reader(self, len(self._chosen))
        return reader

    def __aiter__(self) -> Reader:
        if self._chosen:
            names = ", ".join(map(repr, self._chosen))
            raise InvalidArgumentError(f"the outputs of this session are read one by one: session.output({names})")
        return self._all

    # ---- beside the packets

    async def flush(self) -> None:
        """Ends the stream behind what was sent: all that nodes hold back comes out, and another stream may begin."""
        self._control({"flush": True})

    def interrupt(self) -> None:
        """Drops all that was sent and not read, and lets nodes begin anew; what is sent afterwards is not touched."""
        self._all.batch.clear()
        for reader in self._chosen.values():
            reader.batch.clear()
        if self._handle is not None:
            self._control({"interrupt": True})

    def metrics(self) -> Metrics:
        """What its nodes have done and wait for; printed it is a table."""
        used = self._opened()
        used.ready()
        status = lib.rm_session_metrics(self._handle, used.output, used.error)
        used.output.discard_count = 0
        check(status, used.error)
        return metrics_of(used.unpack(), self._unread())

    # ---- for `stream`

    @property
    def batch(self) -> deque[Sequence[Any]]:
        """The outputs that are here already, as rows that begin with their value."""
        return self._all.batch

    @property
    def has_failed(self) -> bool:
        """Whether the pipeline failed, and not the host."""
        return self._error is not None

    async def progress(self) -> None:
        """After a refused packet: waits until there is room or an output. Raises what ended the session."""
        self._was_read = True
        status = self._fetch(self._all)
        if status == RM_END:
            await self._ended()
        elif not self._all.batch:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append(waiter)
            self._outputs.append(waiter)
            try:
                await waiter
            finally:
                for waiters in (self._room, self._outputs):
                    if waiter in waiters:
                        waiters.remove(waiter)

    # ---- below

    def _opened(self) -> Lane:
        """What each crossing of this session needs. Opens the native session at its first use."""
        if self._lane is not None and not self._closed:
            return self._lane
        if self._port is None:
            raise InvalidArgumentError("open the session first: async with pipeline.session() as session")
        if self._closed:
            raise GoneError("the session is closed; call pipeline.session() for another one")
        port = self._port
        token = FIRST_TOKEN + _memory.number()
        options: dict[str, Any] = {"sinks": list(self._chosen), "buffer": self._buffer}
        if self._deadline_us >= 0:
            options["deadline_us"] = self._deadline_us
        document = pack_plain(options)
        run = Run(token, self._functions, None, self._held)
        run.future = self._completed = asyncio.get_running_loop().create_future()
        run.notify = _notifier(self)
        out, error = ffi.new("rm_session **"), ffi.new("rm_error **")
        check(lib.rm_session_new(self._pipeline.handle, port.handle, token, document, len(document), out, error), error)
        self._handle = ffi.gc(out[0], lib.rm_session_free)
        used = self._lane = Lane(ROOM_BYTES)
        used.snapshot = True
        port.runs[token] = run
        if self._watchdog is not None:
            _watch(weakref.ref(self), self._watchdog, ())
        return used

    def _packet(self, value: Any, pts: float | None, duration: float | None) -> list[Any] | None:
        """A packet as the runtime takes it; None if there is nothing to send yet."""
        if self._finished:
            raise InvalidArgumentError("the session was finished before; it takes no more packets")
        if self._pcm is not None:
            if pts is not None or duration is not None:
                raise InvalidArgumentError("with input= the bytes themselves tell the time; leave out pts and duration")
            audio = self._pcm.take(value)
            return None if audio is None else [audio]
        if pts is None and duration is None:
            return [value]
        return [value, _nanoseconds("pts", pts), _nanoseconds("duration", duration)]

    def _exchange(self, packets: list[list[Any]], borrow: bool) -> int:
        """Sends packets and takes the outputs that are there; answers how many packets were taken."""
        used = self._lane
        if used is None or self._closed:
            used = self._opened()
        if borrow:
            used.snapshot = False
        try:
            document = used.packer.pack(packets)
        except PACKING_ERRORS as error:
            raise _refused(used, packets, error) from None
        finally:
            used.snapshot = True
        table, length = NULL, 0
        if used.table:
            table, length = used.buffers()
            self._hold(used.held)
        if discarded:
            used.ready()
        main = self._all
        # One batch waits here at most: of large outputs what one call brings, of small ones what several bring.
        waiting = len(main.batch)
        most = 0 if self._chosen or self._cancelled or (waiting and not self._is_small) else MOST_OUTPUTS - waiting
        native = used.native
        taken: int = send(native, self._handle, document, len(document), table, length, LOOP_BUDGET_US, most)
        if 0 <= taken < 128:
            if length:
                used.release_table()
            return taken
        if taken > 0:
            answer = used.unpack_plain(taken >> 8)
        elif native.status < 0:
            self._refuse_packets(used, packets, native.status)
        else:
            answer = used.unpack(self._resolve)
        if length:
            used.release_table()
        rows = answer[1]
        if rows:
            self._is_small = 0 < taken < SMALL_BYTES << 8
            main.batch.extend(rows)
            _resolve_all(self._outputs)
        if len(answer) > 2:
            _memory.release(answer[2])
        return answer[0]  # type: ignore[no-any-return]

    def _refuse_packets(self, used: Lane, packets: list[list[Any]], status: int) -> NoReturn:
        refusal = failure(status, used.error)
        used.forget()
        if isinstance(refusal, MarshalError):
            refusal = _explained(used, packets, refusal)
        if status != RM_GONE:
            raise refusal
        self._refuse(refusal)

    def _fetch(self, reader: Reader) -> int:
        """Takes the outputs that are there into a reader's batch; answers the status."""
        used = self._opened()
        self._hold(None)
        used.ready()
        status = lib.rm_session_receive(self._handle, reader.sink, MOST_OUTPUTS, used.output, used.error)
        used.output.discard_count = 0
        check(status, used.error)
        answer = used.unpack(self._resolve)
        reader.batch.extend(answer[0])
        if len(answer) > 1:
            _memory.release(answer[1])
        return status  # type: ignore[no-any-return]

    async def _next(self, reader: Reader) -> Sequence[Any] | None:
        """The next output of a reader whose batch is empty; None after the last one."""
        self._was_read = True
        while not self._cancelled and not self._closed:
            status = self._fetch(reader)
            if reader.batch:
                self._in_a_row += len(reader.batch)
                if self._in_a_row >= INLINE_IN_A_ROW:
                    self._in_a_row = 0
                    await asyncio.sleep(0)
                return reader.batch.popleft() if reader.batch else None
            if status == RM_END:
                await self._ended()
                return None
            await self._wait_in(self._outputs)
            if reader.batch:
                return reader.batch.popleft()
        return None

    async def _wait_for_room(self) -> None:
        self._in_a_row = 0
        if self._was_read:
            await self._wait_in(self._room)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room.append(waiter)
        try:
            while not (await asyncio.wait([waiter], timeout=STALL_SECONDS))[0]:
                self._look_for_a_stall()
        finally:
            if waiter in self._room:
                self._room.remove(waiter)

    def _look_for_a_stall(self) -> None:
        metrics = self.metrics()
        if not self._was_read and any(node.waits_for == "a reader" for node in metrics.nodes):
            count, sink = max((count, sink) for sink, count in metrics.unread.items())
            raise StalledError(
                f"'send' waits: {count} outputs of '{sink}' are unread; read in another task or use pipeline.stream()"
            )

    def _look(self, seconds: float, before: tuple[int, ...]) -> tuple[int, ...]:
        """Says which node holds everything up, if nothing has moved since `before`; answers how far all are."""
        metrics = self.metrics()
        now = (metrics.sent, *(node.packets for node in metrics.nodes))
        if now == before:
            # Whoever waits for input or room waits for another node, which is the one to name.
            for node in metrics.nodes:
                if node.waits_for in ("nothing", "the host", "a reader"):
                    doing = "is in a step" if node.waits_for == "nothing" else f"waits for {node.waits_for}"
                    _log.warning(
                        "no packet moved for %g s: node '%s' %s after %d packets, %d wait before it",
                        seconds,
                        node.node,
                        doing,
                        node.packets,
                        node.waiting,
                    )
                    break
        return now

    def _unread(self) -> dict[str, int]:
        unread: dict[str, int] = {}
        for row in itertools.chain(self._all.batch, *(reader.batch for reader in self._chosen.values())):
            unread[row[5]] = unread.get(row[5], 0) + 1
        return unread

    async def _wait_in(self, waiters: list[asyncio.Future[None]]) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in waiters:
                waiters.remove(waiter)

    async def _end(self) -> None:
        """Finishes, drops what nobody reads, and waits for the end."""
        await self.finish()
        readers = list(self._chosen.values()) or [self._all]
        for reader in readers:
            reader.batch.clear()
        # Sinks that are read one by one have to be emptied together: each may hold up the others.
        while not self._cancelled:
            statuses = [self._fetch(reader) for reader in readers]
            for reader in readers:
                reader.batch.clear()
            if all(status == RM_END for status in statuses):
                break
            if RM_OK not in statuses:
                await self._wait_in(self._outputs)
        await self._ended(again=False)

    async def _ended(self, *, again: bool = True) -> None:
        """Waits for the completion; raises what ended the session before its time, perhaps once more."""
        if self._completed is not None and not self._completed.done():
            await asyncio.shield(self._completed)
        if again or not self._error_was_raised:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._error is not None and not self._cancelled:
            self._error_was_raised = True
            raise self._error

    def _refuse(self, refusal: BaseException) -> NoReturn:
        """Raises what ended the session, if it is known by now, else the refusal itself."""
        if self._cancelled:
            raise GoneError("the session was cancelled")
        if self._port is not None:
            self._port.drain()
        self._raise_failure()
        raise refusal

    def _control(self, wanted: dict[str, bool]) -> None:
        self._opened()
        document, error = pack_plain(wanted), ffi.new("rm_error **")
        status = lib.rm_session_control(self._handle, document, len(document), error)
        if status < 0:
            refusal = failure(status, error)
            if status != RM_GONE:
                raise refusal
            self._refuse(refusal)

    def _notified(self, kind: int) -> None:
        if kind == COMPLETED and self._completed is not None:
            # At once: what is behind it may be released next.
            self._error = failure_of(self._completed.result(), self._held)
        if kind != OUTPUTS:
            _resolve_all(self._room)
        if kind != ROOM:
            _resolve_all(self._outputs)

    def _wake(self) -> None:
        _resolve_all(self._room)
        _resolve_all(self._outputs)

    def _hold(self, held: dict[int, Kept] | None) -> None:
        """Remembers objects of ours until native code has let go of them, since outputs may name them."""
        mine = self._held
        if mine:
            # Released before this call: nothing that it hands out can name them.
            for token in [token for token in mine if _memory.kept(token) is None]:
                mine.pop(token, None)
        if held:
            mine.update(held)

    def _resolve(self, token: int) -> Kept | None:
        return self._held.get(token) or _memory.kept(token)


class Reader:
    """The outputs of a session or of one of its sinks, as packets: `async for packet in reader`."""

    __slots__ = ("batch", "session", "sink")

    def __init__(self, session: Session, sink: int) -> None:
        self.session = session
        self.sink = sink
        self.batch: deque[Sequence[Any]] = deque()

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> Packet:
        row = self.batch.popleft() if self.batch else await self.session._next(self)
        if row is None:
            raise StopAsyncIteration
        return _new(Packet, row)


def _notifier(session: Session) -> Callable[[int], None]:
    reference = weakref.ref(session)

    def notify(kind: int) -> None:
        found = reference()
        if found is not None:
            found._notified(kind)

    return notify


def _watch(reference: weakref.ref[Session], seconds: float, before: tuple[int, ...]) -> None:
    """Looks at a session from time to time, as long as it goes on."""
    session = reference()
    if session is None or session._closed or session._completed is None or session._completed.done():
        return
    before = session._look(seconds, before) if before else (-1,)
    loop = asyncio.get_running_loop()
    session._watching = loop.call_later(seconds, _watch, reference, seconds, before)


def _resolve_all(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()


def _nanoseconds(name: str, seconds: float | None) -> int | None:
    return None if seconds is None else nanoseconds(name, seconds)


def _refused(used: Lane, packets: list[list[Any]], error: Exception) -> MarshalError:
    if len(packets) == 1:
        return used.refused(packets[0][0], "value", error)
    return used.refused([packet[0] for packet in packets], "values", error)


def _explained(used: Lane, packets: list[list[Any]], refusal: MarshalError) -> MarshalError:
    if len(packets) == 1:
        return used.explained(packets[0][0], "value", refusal)
    return used.explained([packet[0] for packet in packets], "values", refusal)
