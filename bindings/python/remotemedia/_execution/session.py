"""`Session`: a pipeline that runs beside an event loop, is fed and read meanwhile, and is bounded at both ends.

Nothing here polls: a task that finds no room, or no output, is woken by an event of the loop's port.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._abi.constants import RM_END
from .._engine.session_handle import NativeSession
from .._engine.thread_sender import ThreadSender
from .._results.outputs import Packet
from .._results.progress import Reporter, Ticker
from ..errors import ForkedError, InvalidArgumentError
from . import turns
from .metrics import Metrics, metrics_of
from .packet_maker import PacketMaker
from .reader import Reader
from .session_end import drop_unread_outputs
from .time_breaks import TimeBreakReport
from .trace import Marks, TraceFile
from .traced_session import TracedSession
from .turns import TURN_US, NoTime
from .watchdog import STALL_SECONDS, WATCHDOG_SECONDS, Watchdog, refuse_a_stall

if TYPE_CHECKING:
    from .._codec.pcm import PCM
    from .._manifest.compile import Compiled
    from .._results.progress import OnProgress
    from ..errors import NodeError


class Session:
    """A pipeline at work on one stream, inside `async with pipeline.session() as session`.

    `await send(value)` feeds it, `async for packet in session` reads it. Do both at the same time, in two tasks, since
    `send` waits while outputs are unread. Leaving the block by an exception cancels. Leaving it normally finishes,
    waits for the end and for tasks that read, and drops outputs that no task reads; an error that ended the session
    early is raised there, unless a `send` or a reader has raised it already.
    """

    def __init__(
        self,
        compiled: Compiled,
        options: Mapping[str, Any],
        *,
        pcm: PCM | None = None,
        watchdog: float | None = WATCHDOG_SECONDS,
        on_progress: OnProgress | None = None,
        trace: str | os.PathLike[str] | None = None,
    ) -> None:
        self._marks = None if trace is None else Marks()
        marks = self._marks
        self._native = NativeSession(compiled, options) if marks is None else TracedSession(marks, compiled, options)
        self._packets = PacketMaker(compiled[0].inputs, pcm)
        self._threads = ThreadSender(self._native, self._packets.pcm)
        self._is_plain = self._packets.is_plain
        """Whether values are packets as they are: no PCM, one input, and not finished."""
        self._chosen: dict[str, Reader] = {}
        self._all = Reader(self._native, -1, self._native.arrived)
        self._seconds_of_watchdog = watchdog
        self._watchdog: Watchdog | None = None
        self._time_breaks = TimeBreakReport()
        self._reporter = None if on_progress is None else Reporter(on_progress, None)
        self._ticker: Ticker | None = None
        self._trace_path = trace
        self._trace: TraceFile | None = None
        self._time: Any = NoTime
        """How long the calls on the thread of its loop took since the loop had a turn."""
        self._turns = 0
        """How many sends let other tasks run before they begin: what comes after them stays behind them."""
        self._interruptions = 0
        """How often all was dropped. A send that finds another number when its wait is over was dropped too."""
        self._finished = False

    # ---- the block

    async def __aenter__(self) -> Session:
        self._native.enter()
        self._time = self._native.loop_time
        if self._trace_path is not None:
            self._trace = TraceFile(self._trace_path, self._native.trace, self._marks)
        self._watchdog = Watchdog(self, self._seconds_of_watchdog, self._time_breaks)
        if self._reporter is not None:
            self._ticker = Ticker(self._reporter, self._native.progress)
            self._ticker.__enter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Elsewhere nothing of it ends.
        self._native.check_place()
        try:
            if error is not None:
                self.cancel()
            elif self._native.is_open and not self._native.is_cancelled:
                await self._end()
                self._time_breaks.look(self.metrics())
        except ForkedError:
            # The session is the parent's. What ends the block of a forked child, as `sys.exit` does, is told as it is.
            if error is None:
                raise
        except BaseException:
            self.cancel()
            raise
        finally:
            self._native.close()
            if self._watchdog is not None:
                self._watchdog.stop()
            if self._ticker is not None:
                self._ticker.__exit__()
            self._native.wake_all()
            await self._native.cleaned()
            if self._trace is not None:
                # By a thread, which writes what was recorded also if this wait is cancelled.
                await asyncio.to_thread(self._trace.end)

    # ---- in

    async def send(
        self,
        value: Any,
        *,
        to: str | None = None,
        pts: float | None = None,
        duration: float | None = None,
        borrow: bool = False,
    ) -> None:
        """Sends a value, once there is room for it.

        `to` names the input, where the pipeline has several. Each has room of its own, and one that is full holds up
        no other: send to them in tasks of their own, or in turns.
        Memory that could still be written to is copied, so that you may use it again at once. With `borrow=True` it is
        not copied, and must stay unchanged until the session has released it. `pts` and `duration` are seconds; media
        values have their own. With `input=` bytes may be split anywhere. A `send` that is cancelled has taken nothing;
        one that waits when `interrupt` is called returns, and its value is dropped.

        Raises `MarshalError`; the error that ended the session, such as `NodeError`; `GoneError` after `cancel`;
        `StalledError` if it has waited for 5 s because an output was never read.
        """
        # Not once the value is taken: who cancels a send may send its value again.
        is_wanted = (self._time.turn_us < TURN_US and not self._turns) or await self._give_a_turn()
        if pts is None and duration is None and to is None and self._is_plain:
            packets = [[value]]
            while is_wanted and not self._native.exchange(packets, borrow, False):
                is_wanted = await self._wait_for_room()
        else:
            self._refuse_more()
            while is_wanted and not self._exchange_one(value, pts, duration, to, borrow, False):
                is_wanted = await self._wait_for_room()
            if not is_wanted:
                self._packets.skip(value)

    def try_send(
        self,
        value: Any,
        *,
        to: str | None = None,
        pts: float | None = None,
        duration: float | None = None,
        borrow: bool = False,
    ) -> bool:
        """Sends a value if there is room for it now. Returns whether it was taken. See `send`."""
        self._refuse_more()
        return self._exchange_one(value, pts, duration, to, borrow, True)

    def send_from_thread(
        self,
        value: Any,
        *,
        to: str | None = None,
        pts: float | None = None,
        duration: float | None = None,
        timeout: float | None = 0.0,
    ) -> bool:
        """Sends a value from another thread than that of the event loop, such as the callback of a sound card.

            def callback(indata, frames, time, status):
                if not session.send_from_thread(bytes(indata)):
                    lost.append(frames)

        Returns whether it was taken, as what an interruption drops while it waits is too. It never waits for the loop,
        and for room only up to `timeout` in seconds, None for as long as it takes. Several threads may call it; what
        each of them sends stays in its order. `to`, `pts` and `duration` as for `send`; what can still be written to is
        copied.

        Raises in the thread: `MarshalError`; `GoneError` once the session or its loop has ended, with the failure as
        its `__cause__`, which leaving the block raises in the loop; `InvalidArgumentError` after `finish`, and on the
        thread of the loop.
        """
        sent_at = 0 if self._marks is None else time.monotonic_ns()

        def packet() -> list[Any] | None:
            self._refuse_more()
            return self._packets.packet(value, pts, duration, to)

        is_taken = self._threads.send(packet, timeout)
        if is_taken and self._marks is not None:
            self._marks.add("send", "send from a thread", {"packets": 1}, sent_at)
        return is_taken

    async def send_many(self, values: Iterable[Any], *, to: str | None = None, borrow: bool = False) -> None:
        """Sends values in their order, as many at once as there is room for. See `send`.

        With `input=` it joins pieces to packets of up to about a second.
        """
        self._refuse_more()
        is_wanted = (self._time.turn_us < TURN_US and not self._turns) or await self._give_a_turn()
        pcm = self._packets.pcm
        before = None if pcm is None else pcm.state
        packets = self._packets.packets(values, to)
        after = None if pcm is None else pcm.state
        taken = 0
        try:
            # What is not wanted any more has its time nevertheless.
            while is_wanted and taken < len(packets):
                taken += self._native.exchange(packets[taken:] if taken else packets, borrow, False)
                if taken < len(packets):
                    is_wanted = await self._wait_for_room()
        except BaseException:
            # What was not taken has no place in time, unless others have sent behind it meanwhile.
            if pcm is not None and before is not None and pcm.state is after:
                pcm.state = pcm.behind(before, [packet[0] for packet in packets[:taken]])
            raise

    async def finish(self) -> None:
        """Ends the input. Values that were sent are processed in order and flushed; readers get all of it, then end."""
        if self._turns:
            await self._give_a_turn()
        if self._finished:
            return
        if self._packets.pcm is not None:
            self._packets.pcm.finish()
        self._native.opened()
        self._native.finish()
        self._finished, self._is_plain = True, False
        if self._reporter is not None:
            self._reporter.total = self._native.metrics()["sent"]

    def cancel(self) -> None:
        """Ends the session now: native work stops within one chunk, packets on their way are dropped, reading ends."""
        if self._native.is_cancelled:
            return
        self._native.check_place()
        self._drop_unread()
        self._native.cancel()
        self._native.wake_all()

    # ---- out

    def output(self, sink: str) -> Reader:
        """Returns a reader of one output, by its name: `async for packet in session.output("left")`.

        Where the manifest names no outputs, the name is the id of a sink. Choose outputs before anything else is done
        in the session, such as `send`, `set_param` or `metrics`; what comes out of the others is then dropped. Raises
        `InvalidArgumentError` after that.
        """
        self._native.check_place()
        _require_text("output", sink, "the name of one output", "`pipeline.plan().sinks` has the names")
        reader = self._chosen.get(sink)
        if reader is None:
            if self._native.is_open:
                raise InvalidArgumentError(
                    f"output({sink!r}) comes too late: the session is in use; choose outputs first, right behind "
                    "`async with`, before it sends, flushes, sets params, interrupts a node or asks for metrics"
                )
            reader = self._chosen[sink] = Reader(self._native, len(self._chosen), deque(), sink)
            self._native.sinks.append(sink)
        return reader

    def __aiter__(self) -> Reader:
        if self._chosen:
            names = ", ".join(map(repr, self._chosen))
            raise InvalidArgumentError(f"the outputs of this session are read one by one: session.output({names})")
        return aiter(self._all)

    # ---- beside the packets

    async def flush(self) -> None:
        """Ends the stream after the values that were sent: nodes emit what they hold back. Another stream may begin.

        Raises `InvalidArgumentError` within a frame of raw samples, whose bytes are kept; the error that ended the
        session.
        """
        if self._turns:
            await self._give_a_turn()
        if self._packets.pcm is not None:
            self._packets.pcm.flush()
        self._native.flush()

    def interrupt(self, at: str | None = None) -> None:
        """Drops everything that was sent and not read, and makes the nodes new; later values are not affected.

        A `send` that waits for room returns, and its value is dropped too. The bytes of `input=` are those of a
        microphone, which goes on: what is dropped of them has its time, and an incomplete frame is continued by what is
        sent next.

        `at` is the id of a node: only what waits before it or behind it is dropped, unread outputs included, and only
        these nodes are made new. A `send` that waits is left alone. What is before it continues, and what comes from
        there afterwards is a new stream for them. Outputs of sinks that are not behind it are kept. Ends that are on
        their way stay: a flush, or the end of the session, still comes to every node. Where another branch joins nodes
        behind it, what waits there is dropped as well.

        After the end of the session it drops unread outputs: the caller can't know whether it has just ended.

        Raises `InvalidArgumentError` for an unknown node, and for a function that runs in one call with the function
        before it: give the connection between the two a buffer. Nothing is dropped then.
        """
        self._native.check_place()
        if at is None:
            self._drop_unread()
            # Before there is room for what waits.
            self._interruptions += 1
            self._threads.interrupt()
            if self._native.is_open:
                self._native.interrupt(None)
            self._native.wake_all()
            return
        _require_text("interrupt", at)
        self._native.interrupt(at)
        sinks = self._native.pipeline.outputs_behind(at)
        for reader in (self._all, *self._chosen.values()):
            kept = [packet for packet in reader.batch if packet.sink not in sinks]
            reader.batch.clear()
            reader.batch.extend(kept)

    def set_param(self, node: str, /, **params: Any) -> None:
        """Changes params of a node while it runs: `session.set_param("gain", gain_db=-6)`.

        They hold from the packet that is sent next on. Of what was sent before, the node has the new values for what it
        holds back itself, as a mix that waits for another input, and what a node before it still holds back: these come
        to its output later. A source takes them over at once. They outlast `interrupt`. [The nodes](nodes.md) list
        their live params.

        Raises `InvalidArgumentError` for an unknown node, a param that is not live, and a value out of range, and then
        changes nothing; and the error that ended the session.
        """
        _require_text("set_param", node)
        if not params:
            raise InvalidArgumentError(f"set_param changes params: set_param({node!r}, name=value)")
        self._native.set_params(node, params)

    @property
    def skipped(self) -> list[NodeError]:
        """The errors after which a node with `on_error: skip` has dropped a packet so far: the first 100.

        `metrics()` counts all, for each node.
        """
        return list(self._native.skipped)

    def metrics(self) -> Metrics:
        """What each node has done and waits for, and how late the event loop is; printed it is a table."""
        return metrics_of(self._native.metrics(), self._unread())

    # ---- for `stream` and the watchdog

    @property
    def waits_for_thread(self) -> bool:
        """Whether its functions wait for threads, which are all at work for others."""
        return self._native.waits_for_thread

    @property
    def batch(self) -> deque[Packet]:
        """The outputs that have been handed out and not read."""
        return self._all.batch

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs; `("",)` of the one input of a pipeline that names none."""
        return self._packets.inputs

    def moved(self) -> tuple[int, float | None] | None:
        """What changes while packets come in or media comes out; cheaper than `metrics`."""
        return self._native.progress()

    @property
    def has_worked_long(self) -> bool:
        """Whether calls have kept the loop from a turn for long enough; asking begins anew."""
        return turns.is_due(self._time)

    @property
    def is_open(self) -> bool:
        """Whether it was used."""
        return self._native.is_open

    @property
    def is_finished(self) -> bool:
        """Whether no more packets are sent."""
        return self._finished

    @property
    def has_other_sender(self) -> bool:
        """Whether a thread has sent, or another task, while a reader waited."""
        return self._native.has_other_sender

    @property
    def readers(self) -> list[Reader]:
        """Those who may read: of each sink that was chosen, or of all together."""
        return list(self._chosen.values()) or [self._all]

    @property
    def has_ended(self) -> bool:
        """Whether its block was left, or its completion is there."""
        completed = self._native.completed
        return self._native.is_closed or (completed is not None and completed.done())

    async def progress(self) -> None:
        """After a refused packet: waits until there is room or an output. Raises what ended the session."""
        self._all.task = asyncio.current_task()
        status = self._native.fetch(-1, self._all.batch)
        if status == RM_END:
            await self._native.ended()
        elif not self._all.batch:
            self._native.check_place()
            waiter = self._native.room.add()
            self._native.readers.append(waiter)
            try:
                await waiter
            finally:
                self._native.room.discard(waiter)
                self._native.readers.discard(waiter)

    # ---- below

    def _exchange_one(
        self, value: Any, pts: float | None, duration: float | None, to: str | None, borrow: bool, at_once: bool
    ) -> bool:
        """Sends a value if there is room for it. Else nothing of it is taken."""

        def attempt() -> bool:
            packet = self._packets.packet(value, pts, duration, to)
            return packet is None or self._native.exchange([packet], borrow, at_once) > 0

        pcm = self._packets.pcm
        return attempt() if pcm is None else pcm.all_or_nothing(attempt)

    async def _give_a_turn(self) -> bool:
        """Lets other tasks run. Returns whether what is to be sent is still wanted: no interruption came meanwhile."""
        interruptions = self._interruptions
        self._time.turn_us = 0
        self._turns += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._turns -= 1
        return self._interruptions == interruptions

    async def _wait_for_room(self) -> bool:
        """Waits until there may be room. Returns whether what waits is still wanted: no interruption came meanwhile."""
        interruptions = self._interruptions
        self._time.turn_us = 0
        self._native.check_place()
        waiter = self._native.room.add()
        try:
            if all(reader.task is not None for reader in self.readers):
                await waiter
            else:
                while not (await asyncio.wait([waiter], timeout=STALL_SECONDS))[0]:
                    refuse_a_stall("'send'", self)
        finally:
            self._native.room.discard(waiter)
        return self._interruptions == interruptions

    def _unread(self) -> dict[str, int]:
        unread: dict[str, int] = {}
        for packet in itertools.chain(self._all.batch, *(reader.batch for reader in self._chosen.values())):
            unread[packet.sink] = unread.get(packet.sink, 0) + 1
        return unread

    async def _end(self) -> None:
        """Finishes, drops the outputs that are not read, and waits for the end."""
        if self._native.error_was_raised:
            # It has ended, and its user knows why.
            return
        await self.finish()
        # A task that was just made begins to read.
        await asyncio.sleep(0)
        await drop_unread_outputs(self._native, self.readers)
        await self._native.ended(again=False)

    def _refuse_more(self) -> None:
        if self._finished:
            raise InvalidArgumentError("the session was finished before; it takes no more packets")

    def _drop_unread(self) -> None:
        """Drops what was handed out and not read."""
        for reader in (self._all, *self._chosen.values()):
            reader.batch.clear()


def _require_text(
    call: str, given: Any, what: str = "the id of a node", where: str = "`pipeline.nodes` has the ids"
) -> None:
    if not isinstance(given, str):
        raise InvalidArgumentError(
            f"{call} takes {what}, a text, not a value of the type {type(given).__name__}; {where}"
        )
