"""`Session`: a pipeline that runs beside an event loop, fed and read while it goes on, bounded at both ends.

Nothing here waits by looking again: whoever finds no room, or no output, is woken by an event of the loop's port.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _memory
from ._bridge import COMPLETED, LOOP_BUDGET_US, OUTPUTS, ROOM, LoopPort, Run, loop_port
from ._completion import failure_of
from ._library import NULL, check, failure, ffi, lib
from ._marshal import PACKING_ERRORS, Lane, lanes, pack_plain
from ._memory import Kept, discarded
from ._outputs import Packet
from .errors import GoneError, InvalidArgumentError, MarshalError, StalledError

if TYPE_CHECKING:
    from ._pcm import PCM
    from ._pipeline import Compiled

RM_OK: int = lib.RM_OK
RM_WOULD_BLOCK: int = lib.RM_WOULD_BLOCK
RM_END: int = lib.RM_END
RM_GONE: int = lib.RM_GONE

FIRST_TOKEN = 1 << 62
"""Tokens of sessions begin here; those of executions count from 1."""

MOST_OUTPUTS = 256
"""The most outputs that one call hands out."""

INLINE_IN_A_ROW = 128
"""After so many packets that were taken without waiting, the event loop gets a turn."""

STALL_SECONDS = 5.0
"""How long a `send` waits for outputs that nobody ever read."""

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
    ) -> None:
        self._pipeline, self._functions = compiled
        self._pcm = None if pcm is None else pcm.reader()
        self._buffer = dict(buffer or {})
        self._deadline_us = deadline_us
        self._chosen: dict[str, Reader] = {}
        self._all = Reader(self, -1)
        self._port: LoopPort | None = None
        self._handle: Any = None
        self._completed: asyncio.Future[Any] | None = None
        self._held: dict[int, Kept] = {}
        self._room: list[asyncio.Future[None]] = []
        self._outputs: list[asyncio.Future[None]] = []
        self._in_a_row = 0
        self._is_full = False
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
        times = None if pts is None and duration is None else (_nanoseconds(pts), _nanoseconds(duration))
        packet = self._packet(value, times)
        if packet is None:
            return
        if self._offer(packet, borrow):
            self._in_a_row += 1
            if self._in_a_row >= INLINE_IN_A_ROW:
                self._in_a_row = 0
                await asyncio.sleep(0)
            return
        while True:
            await self._wait_for_room()
            if self._offer(packet, borrow):
                return

    def try_send(
        self, value: Any, *, pts: float | None = None, duration: float | None = None, borrow: bool = False
    ) -> bool:
        """Sends a value if there is room for it now. Answers whether it was taken. See `send`."""
        times = None if pts is None and duration is None else (_nanoseconds(pts), _nanoseconds(duration))
        if self._pcm is not None and self._handle is not None and not self._has_room():
            return False
        packet = self._packet(value, times)
        return packet is None or self._offer(packet, borrow)

    async def send_many(self, values: Sequence[Any], *, borrow: bool = False) -> None:
        """Sends values in their order, as many at once as there is room for. See `send`."""
        packets = [packet for value in values if (packet := self._packet(value, None)) is not None]
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
        self._finished = True
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

    # ---- below

    def _opened(self) -> Any:
        """The native session, opened at its first use."""
        if self._handle is not None and not self._closed:
            return self._handle
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
        port.runs[token] = run
        return self._handle

    def _packet(self, value: Any, times: tuple[int | None, int | None] | None) -> list[Any] | None:
        """A packet as the runtime takes it; None if there is nothing to send yet."""
        if self._finished:
            raise InvalidArgumentError("the session was finished before; it takes no more packets")
        if self._pcm is None:
            return [value] if times is None else [value, *times]
        if times is not None:
            raise InvalidArgumentError("with input= the bytes themselves tell the time; leave out pts and duration")
        audio = self._pcm.take(value)
        return None if audio is None else [audio]

    def _offer(self, packet: list[Any], borrow: bool) -> bool:
        return self._exchange([packet], borrow) == 1

    def _exchange(self, packets: list[list[Any]], borrow: bool) -> int:
        """Sends packets and takes the outputs that are there; answers how many packets were taken."""
        handle = self._handle if self._handle is not None and not self._closed else self._opened()
        free = lanes.free
        used = free.pop() if free else Lane()
        used.snapshot = not borrow
        try:
            try:
                document = used.packer.pack(packets)
            except PACKING_ERRORS as error:
                raise _refused(used, packets, error) from None
            table, length = NULL, 0
            if used.table:
                table, length = used.buffers()
                self._hold(used.held)
            if discarded:
                used.ready()
            main = self._all
            most = 0 if main.batch or self._chosen or self._cancelled else MOST_OUTPUTS
            status = lib.rm_session_send(
                handle, document, len(document), table, length, LOOP_BUDGET_US, most, used.output, used.error
            )
            used.output.discard_count = 0
            if status < 0:
                refusal = failure(status, used.error)
                used.forget()
                if isinstance(refusal, MarshalError):
                    refusal = _explained(used, packets, refusal)
                if status != RM_GONE:
                    raise refusal
                self._refuse(refusal)
            self._is_full = status == RM_WOULD_BLOCK
            answer = used.unpack(self._resolve)
        finally:
            used.snapshot = False
            if used.held is not None or used.table:
                used.release_table()
            free.append(used)
        rows = answer[1]
        if rows:
            main.batch.extend(rows)
            _resolve_all(self._outputs)
        if len(answer) > 2:
            _memory.release(answer[2])
        return answer[0]  # type: ignore[no-any-return]

    def _has_room(self) -> bool:
        self._exchange([], True)
        return not self._is_full

    def _fetch(self, reader: Reader) -> int:
        """Takes the outputs that are there into a reader's batch; answers the status."""
        handle = self._opened()
        free = lanes.free
        used = free.pop() if free else Lane()
        try:
            self._hold(None)
            used.ready()
            status = lib.rm_session_receive(handle, reader.sink, MOST_OUTPUTS, used.output, used.error)
            used.output.discard_count = 0
            check(status, used.error)
            answer = used.unpack(self._resolve)
        finally:
            free.append(used)
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
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(STALL_SECONDS, self._stalled, waiter)
        self._room.append(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            if waiter in self._room:
                self._room.remove(waiter)

    def _stalled(self, waiter: asyncio.Future[None]) -> None:
        if waiter.done() or self._was_read:
            return
        unread = self._unread()
        if unread:
            count, sink = max((count, sink) for sink, count in unread.items())
            waiter.set_exception(
                StalledError(
                    f"'send' waits: {count} outputs of '{sink}' are unread; "
                    "read in another task or use pipeline.stream()"
                )
            )

    def _unread(self) -> dict[str, int]:
        unread: dict[str, int] = {}
        for row in self._all.batch:
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

    def _refuse(self, refusal: BaseException) -> None:
        """Raises what ended the session, if it is known by now, else the refusal itself."""
        if self._cancelled:
            raise GoneError("the session was cancelled")
        if self._port is not None:
            self._port.drain()
        self._raise_failure()
        raise refusal

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


def _resolve_all(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)


def _refused(used: Lane, packets: list[list[Any]], error: Exception) -> MarshalError:
    if len(packets) == 1:
        return used.refused(packets[0][0], "value", error)
    return used.refused([packet[0] for packet in packets], "values", error)


def _explained(used: Lane, packets: list[list[Any]], refusal: MarshalError) -> MarshalError:
    if len(packets) == 1:
        return used.explained(packets[0][0], "value", refusal)
    return used.explained([packet[0] for packet in packets], "values", refusal)
