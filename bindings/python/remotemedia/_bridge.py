"""Ports: where work is submitted, and where its completion and the calls to Python functions arrive.

There is one `LoopPort` for each event loop, found again by the loop's identity, and `SyncPort`s that a thread without
a loop serves itself. The runtime never calls into Python: a port is drained when its descriptor is readable, by the
loop; or by a thread, where a loop can't watch descriptors.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _memory, _workers
from ._calls import HostClass, HostFunction, InThread
from ._classes import Instance
from ._completion import Result, keep_causes, node_error, settle
from ._host_nodes import Answer, Call, Raised, answer, answer_async, pack_reply, refused_reply
from ._library import NULL, after_fork, check, exiting, failure, ffi, lib, runtime
from ._lives import Lives
from ._marshal import PACKING_ERRORS, Lane, give_back, lane, lanes
from ._memory import Kept, discarded
from ._outputs import log_skip
from ._parts import Parts, answer_in_parts
from ._pipeline import Pipeline
from .errors import Error, MarshalError, NodeError, ShutDownError

if TYPE_CHECKING:
    from ._progress import Reporter

RM_OK: int = lib.RM_OK
RM_PENDING: int = lib.RM_PENDING
RM_END: int = lib.RM_END
RM_GONE: int = lib.RM_GONE
RM_WOULD_BLOCK: int = lib.RM_WOULD_BLOCK

COMPLETED, CALL, RELEASED, SHUT_DOWN, ROOM, OUTPUTS, RESUME, CALLED_OFF, SKIPPED = 1, 2, 3, 4, 5, 6, 7, 8, 9
"""The kinds of event."""

SLICE_US = 50_000
"""How long a thread waits at its port before it looks whether Ctrl-C was pressed."""

PUMP_SLICE_US = 500_000
"""How long a draining thread waits before it looks whether its loop is still there."""

LOOP_BUDGET_US = 300
"""How much work a submit may do on the event loop's thread, in microseconds."""

FOLLOWING_IN_A_ROW = 8
"""After so many calls that each came with the answer to the one before, a thread looks at its port."""

PARTS_IN_A_ROW = 32
"""After so many values of an async generator that never waited, the event loop gets a turn."""

SYNC_BUDGET_US = 10_000
"""How much work a submit may do on a thread that would only wait otherwise, in microseconds."""

submit: Any = lib.rm_lane_submit

Functions = Mapping[int, HostFunction] | None

_log = logging.getLogger("remotemedia")


class Run:
    """One execution that is going on: who waits for it, and what it needs meanwhile."""

    __slots__ = (
        "cleaned",
        "completion",
        "context",
        "count",
        "functions",
        "future",
        "held",
        "lives",
        "notify",
        "skipped",
        "taking",
        "token",
    )

    def __init__(self, token: int, functions: Functions, count: int | None, held: dict[int, Kept] | None) -> None:
        self.token = token
        self.functions = functions
        self.count = count
        self.held = held
        self.context = contextvars.copy_context() if functions else None
        self.future: asyncio.Future[Any] | None = None
        self.completion: Any = None
        self.skipped: list[NodeError] | None = None
        """The errors that a session has let pass."""
        self.notify: Callable[[int], None] | None = None
        """Told the kind of each event of a session."""
        self.taking: set[int] = set()
        """Calls to which the next one comes with the reply: what it names may be released before it is read."""
        has_classes = functions is not None and any(isinstance(each, HostClass) for each in functions.values())
        self.lives = Lives() if has_classes else None
        """The instances of its classes."""
        self.cleaned: asyncio.Future[None] | None = None
        """What its end waits for: that they are cleaned up."""

    def settle(self, completion: Any) -> Result:
        """The outputs, or the exception raised."""
        if isinstance(completion, BaseException):
            raise completion
        return settle(completion, self.count, self.held)


class Port(ABC):
    """A native port and the executions that are submitted there, by their tokens."""

    def __init__(self) -> None:
        out, error = ffi.new("rm_port **"), ffi.new("rm_error **")
        check(lib.rm_port_new(runtime(), out, error), error)
        # Freed when nobody refers to it any more, also not a thread that waits at it.
        self.handle: Any = ffi.gc(out[0], lib.rm_port_free)
        self.runs: dict[int, Run] = {}
        self._parts: dict[int, Parts] = {}

    def start(
        self,
        pipeline: Pipeline,
        functions: Functions,
        inputs: Sequence[Any] | None,
        timeout_us: int,
        budget_us: int,
    ) -> Result | Run:
        """Submits work. Answers its outputs if it is done already, else the run, which `runs` then lists.

        Events are only looked at on the thread that submits, so none can be missed between the two.
        """
        free = lanes.free
        used = free.pop() if free else Lane()
        held = None
        try:
            try:
                document = used.packer.pack(inputs)
            except PACKING_ERRORS as error:
                raise used.refused(inputs, "inputs", error) from None
            table, length = NULL, 0
            held = used.held
            if held is not None:
                table, length = used.buffers()
            if discarded:
                used.ready()
            # The whole way there and back of a small execution is this one call.
            span = submit(
                used.native, pipeline.handle, self.handle, document, len(document), table, length, timeout_us, budget_us
            )
            if span >= 0 and inputs is not None:
                outputs = used.unpack_simple(span, len(inputs), held)
                # The inputs are nobody's but the caller's now. Where the completion does not bring along the records
                # that say so, they are fetched before the caller looks.
                if held is not None and _memory.is_keeping(held):
                    self.drain()
                return outputs
            count = None if inputs is None else len(inputs)
            status = used.native.status
            if status == RM_OK:
                if held is None:
                    completion = used.unpack()
                else:
                    completion = used.unpack(lambda token: held.get(token) or _memory.kept(token))
            elif status == RM_PENDING:
                token = used.native.token
                run = self.runs[token] = Run(token, functions, count, held)
                return run
            else:
                refusal = failure(status, used.error)
                used.forget()
                if isinstance(refusal, MarshalError):
                    refusal = used.explained(inputs, "inputs", refusal)
                raise refusal
        finally:
            if used.held is not None:
                used.release_table()
            free.append(used)
        try:
            return settle(completion, count, held)
        finally:
            if (held and _memory.is_keeping(held)) or "skips" in completion:
                self.drain()

    def next(self, timeout_us: int) -> list[Any]:
        """The events that are there; waits for the first one. Ends with `[SHUT_DOWN]` if nothing will ever come."""
        used = lane()
        try:
            self._fetch(used, timeout_us)
            return used.unpack(self._resolve)  # type: ignore[no-any-return]
        finally:
            give_back(used)

    def _fetch(self, used: Lane, timeout_us: int) -> None:
        used.ready()
        status = lib.rm_port_next(self.handle, timeout_us, used.output, used.error)
        used.output.discard_count = 0
        check(status, used.error)

    def drain(self) -> None:
        """Deals with all that is there, without waiting."""
        self.dispatch(self.next(0))

    def dispatch(self, events: list[Any]) -> None:
        """Deals with events."""
        for event in events:
            kind = event[0]
            if kind == COMPLETED:
                self._complete(event[1], event[2])
            elif kind == CALL:
                self._serve(event[1], event[2])
            elif kind == RELEASED:
                _memory.release(event[1])
            elif kind in (ROOM, OUTPUTS):
                run = self.runs.get(event[1])
                if run is not None and run.notify is not None:
                    run.notify(kind)
            elif kind == RESUME:
                self._resume(event[1])
            elif kind == CALLED_OFF:
                self._leave(event[1])
            elif kind == SKIPPED:
                self._skipped(*event[1:])
            elif kind == SHUT_DOWN:
                self.ended()

    def progress(self, run: Run) -> tuple[int, float | None] | None:
        """How many items of a run are done, and how many seconds of media came out; None if it has ended."""
        used = lane()
        try:
            used.ready()
            status = lib.rm_port_progress(self.handle, run.token, used.output, used.error)
            used.output.discard_count = 0
            if status == RM_GONE:
                failure(status, used.error)
                return None
            check(status, used.error)
            found = used.unpack(self._resolve)
        finally:
            give_back(used)
        return found["items"], found["media_ns"] / 1e9 if "media_ns" in found else None

    def _skipped(self, token: int, detail: Mapping[str, Any], is_first: bool) -> None:
        if is_first:
            log_skip(detail["message"])
        run = self.runs.get(token)
        if run is not None and run.skipped is not None:
            run.skipped.append(node_error(detail, run.held))

    def abandon(self, run: Run) -> None:
        """Nobody waits for this run any more: cancels its native work. Its inputs stay until they are released."""
        if self.runs.pop(run.token, None) is None:
            return
        self._leave_all(run)
        lib.rm_port_cancel(self.handle, run.token, NULL)

    def ended(self) -> None:
        """The runtime is shut down: what is still waited for never comes."""
        for token in list(self.runs):
            self._complete(token, ShutDownError("the runtime was shut down while this execution went on"))

    def reply(self, call: Call, given: Answer, following: list[Any] | None = None) -> int:
        """Answers a call. A late answer, to an execution that has ended, is dropped.

        Answers `RM_OK` if more of the answer may be made, `RM_WOULD_BLOCK` if so once there is room, else `RM_GONE`. If
        the next call to the same nodes is there, its number and content are put into `following`: this thread is to
        serve it.
        """
        used, document, is_final = pack_reply(call, given)
        try:
            held = used.held
            run = self.runs.get(call.job)
            if held and run is not None:
                # The result may name these after another drain has released them.
                if run.held is None:
                    run.held = {}
                run.held.update(held)
            table, length = used.buffers()
            following = following if run is not None else None
            next_call = NULL if following is None or run is None else self._before_next(used, run, call)
            status: int = lib.rm_port_reply(
                self.handle, call.id, document, len(document), table, length, next_call, used.error
            )
            if following is not None and run is not None:
                self._after_next(used, run, call, following, status)
            if status < 0:
                error = failure(status, used.error)
                used.forget()
                if isinstance(error, MarshalError) and given.outputs:
                    # Fewer outputs each time, so that this comes to an end.
                    self.reply(call, refused_reply(call, given, error), following)
                elif status != RM_GONE and not exiting():
                    _log.error("a reply to the runtime was refused: %s", error)
            return RM_GONE if is_final or status < 0 else status
        finally:
            give_back(used)

    def _before_next(self, used: Lane, run: Run, call: Call) -> Any:
        used.ready()
        run.taking.add(call.id)
        return used.output

    def _after_next(self, used: Lane, run: Run, call: Call, following: list[Any], status: int) -> None:
        try:
            used.output.discard_count = 0
            if status >= 0 and (used.output.len or used.output.document != NULL):
                found = used.unpack(self._resolve)
                following.append((found[0], found[1]))
                if len(found) > 2:
                    _memory.release(found[2])
        finally:
            run.taking.discard(call.id)

    def _resolve(self, token: int) -> Kept | None:
        kept = _memory.kept(token)
        if kept is not None:
            return kept
        # Released by the drain of another port since; the run that it belongs to still has it.
        for run in list(self.runs.values()):
            if run.held and token in run.held:
                return run.held[token]
        return None

    def _serve(self, call_id: int, content: Mapping[str, Any], *, here: bool = False) -> None:
        """Has a call answered; with `here` on this thread, if it is one for sync functions."""
        run = self.runs.get(content["job"])
        if run is None or run.functions is None:
            return
        tokens = [token for token, _ in content["nodes"]]
        if run.lives is not None:
            functions = run.lives.functions(run.functions, tokens, content.get("epoch", 0))
        else:
            functions = [run.functions[token] for token in tokens]
        call = Call(call_id, content["job"], functions, content["entries"])
        try:
            self._call(run, call, here)
        except Exception as error:
            self.reply(call, Answer([], Raised(0, 0, error)))

    def _go_on(self, parts: Parts) -> None:
        """Makes parts of an answer while there is room for them. Raises what is no failure of the node."""
        given, status = None, RM_OK
        while not parts.is_over and status != RM_GONE:
            given = parts.next()
            if given.is_final:
                break
            status = self.reply(parts.call, given)
            if status == RM_WOULD_BLOCK and parts.rest():
                return
        self._parts.pop(parts.call.id, None)
        # Before the last reply: what comes of it might still take this thread for busy.
        parts.close()
        if given is not None and given.is_final:
            self._reply_last(parts.call, given)

    def _resume(self, call_id: int) -> None:
        """There is room for more of an answer."""
        parts = self._parts.get(call_id)
        if parts is not None and parts.resume():
            self._work_at(parts, self._go_on)

    def _leave(self, call_id: int) -> None:
        """A call is over before its answer."""
        parts = self._parts.pop(call_id, None)
        if parts is not None and parts.leave():
            self._work_at(parts, Parts.close)

    def _leave_all(self, run: Run) -> None:
        """Ends what still runs in Python for a run that has ended."""
        for parts in [parts for parts in self._parts.values() if parts.call.job == run.token]:
            self._leave(parts.call.id)
        self._clean(run)

    @abstractmethod
    def _clean(self, run: Run) -> None:
        """Cleans up the instances of a run that has ended."""

    @abstractmethod
    def _work_at(self, parts: Parts, work: Callable[[Parts], None]) -> None:
        """Does some of the work of an answer where sync functions of this port run."""

    @abstractmethod
    def _complete(self, token: int, completion: Any) -> None:
        """A run has ended."""

    @abstractmethod
    def _call(self, run: Run, call: Call, here: bool) -> None:
        """Packets for functions of a run came: runs them where they belong and replies."""

    @abstractmethod
    def _reply_last(self, call: Call, given: Answer) -> None:
        """Replies to a call on a thread for sync functions, which then goes on with the next call if that is there."""


class SyncPort(Port):
    """A port that the thread which submits also serves, Python functions included."""

    def __init__(self) -> None:
        super().__init__()
        self._following: list[Any] = []
        self._in_a_row = 0

    def advance(self) -> None:
        """Deals with what is there; waits at most a slice for the first of it."""
        if self._following and self._in_a_row < FOLLOWING_IN_A_ROW:
            self._in_a_row += 1
            self._serve(*self._following.pop())
        else:
            self._in_a_row = 0
            self.dispatch(self.next(0 if self._following else SLICE_US))

    def wait(self, run: Run, reporter: Reporter | None = None) -> Result:
        """Serves the port until the run has ended. Ctrl-C interrupts it within a slice, and cancels the run."""
        try:
            while run.completion is None:
                self.advance()
                if reporter is not None and reporter.is_due and (found := self.progress(run)) is not None:
                    reporter.tell(*found)
            if run.held and _memory.is_keeping(run.held):
                self.drain()
        finally:
            self.abandon(run)
        return run.settle(run.completion)

    def _work_at(self, parts: Parts, work: Callable[[Parts], None]) -> None:
        work(parts)

    def _complete(self, token: int, completion: Any) -> None:
        run = self.runs.pop(token, None)
        if run is not None:
            self._leave_all(run)
            run.completion = completion

    def _clean(self, run: Run) -> None:
        if run.lives is not None and run.context is not None:
            run.context.copy().run(run.lives.clean)

    def _call(self, run: Run, call: Call, here: bool) -> None:
        assert run.context is not None
        if any(each.in_parts for each in call.functions):
            parts = self._parts[call.id] = Parts(call, run.context.copy())
            self._go_on(parts)
        else:
            self._reply_last(call, run.context.copy().run(answer, call))

    def _reply_last(self, call: Call, given: Answer) -> None:
        self.reply(call, given, self._following)


class LoopPort(Port):
    """The port of an event loop. It knows the loop weakly: a loop that is forgotten takes its port with it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        key = id(loop)
        self.loop: Callable[[], asyncio.AbstractEventLoop | None] = weakref.ref(loop, lambda _: _forget(key, self))
        self.inline_in_a_row = 0
        self._descriptor = -1
        self._closed = False
        self._tasks: dict[int, Serving] = {}
        self._cleaning: set[asyncio.Task[None]] = set()
        self._is_unpacking = False
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
        except BaseException:
            self.abandon(run)
            if run.cleaned is not None:
                await run.cleaned
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
    def closed(self) -> bool:
        """Whether the port is of no use any more."""
        return self._closed

    def drain(self) -> None:
        """Deals with all that is there. A long document is unpacked by a thread, while the loop goes on."""
        if self._closed or self._is_unpacking:
            return
        used = lane()
        try:
            self._fetch(used, 0)
            if not used.is_long():
                events = used.unpack(self._resolve)
            else:
                # Nothing else is fetched meanwhile: events are dealt with in their order.
                self._is_unpacking = True
                self._watch(False)
                work = threading.Thread(target=self._unpack, args=(used,), name="remotemedia-unpack", daemon=True)
                used = Lane()
                work.start()
                return
        finally:
            give_back(used)
        self.dispatch(events)

    def _unpack(self, used: Lane) -> None:
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
        self._leave_all(run)
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

    def _call(self, run: Run, call: Call, here: bool) -> None:
        assert run.context is not None
        context, lives = run.context.copy(), run.lives
        on_loop = any(each.on_loop for each in call.functions)
        if lives is not None and any(isinstance(each, Instance) for each in call.functions):
            key = call.functions[0].node_type
            if on_loop:
                lives.begin(key, lambda: self._answer_by_task(context, call, lives, key), in_thread=False)
            else:
                self._parts[call.id] = parts = Parts(call, context, lambda: lives.done(key, in_thread=True))
                if not lives.begin(key, lambda: self._work_at(parts, self._go_on, here), in_thread=True):
                    self._parts.pop(call.id, None)
        elif on_loop:
            self._answer_by_task(context, call)
        elif any(each.in_parts for each in call.functions):
            self._parts[call.id] = parts = Parts(call, context)
            self._work_at(parts, self._go_on, here)
        else:
            _submit(lambda: self._answer_in_thread(context, call), here)

    def _answer_by_task(
        self, context: contextvars.Context, call: Call, lives: Lives | None = None, key: str = ""
    ) -> None:
        loop = self.loop()
        assert loop is not None

        async def in_thread(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
            if lives is None:
                return await _in_thread(work)
            lives.hold(key)
            return await _in_thread(work, lambda: lives.done(key, in_thread=True))

        def begin() -> None:
            self._tasks[call.id] = serving = Serving(call.job)
            serving.coroutine = self._answer_on_loop(call, serving, in_thread)
            serving.task = context.run(loop.create_task, serving.coroutine)
            if lives is not None:
                serving.task.add_done_callback(lambda _: lives.done(key, in_thread=False))

        if asyncio._get_running_loop() is loop:
            begin()
        else:
            # It had to wait for a thread.
            loop.call_soon_threadsafe(begin)

    def _clean(self, run: Run) -> None:
        lives, context, loop = run.lives, run.context, self.loop()
        if lives is None or context is None:
            return
        is_running = loop is not None and not loop.is_closed()

        def cleaned() -> None:
            if run.cleaned is not None and not run.cleaned.done():
                run.cleaned.set_result(None)

        def in_thread() -> None:
            context.copy().run(lives.clean)
            _tell(loop, cleaned)

        async def on_loop() -> None:
            await lives.clean_async(_in_thread)
            cleaned()

        def clean() -> None:
            if not lives.belong_on_loop:
                _workers.submit(in_thread)
            elif loop is not None:
                _tell(loop, lambda: self._cleaning.add(context.copy().run(loop.create_task, on_loop())))

        run.cleaned = loop.create_future() if is_running and loop is not None else None
        if not lives.end(clean):
            run.cleaned = None

    def _work_at(self, parts: Parts, work: Callable[[Parts], None], here: bool = False) -> None:
        def attempt() -> None:
            try:
                work(parts)
            except BaseException as error:
                # SystemExit of a function ends the execution, not this thread.
                self._parts.pop(parts.call.id, None)
                self.reply(parts.call, parts.failed(error))
                parts.close()

        _submit(attempt, here)

    def _resume(self, call_id: int) -> None:
        serving = self._tasks.get(call_id)
        if serving is not None:
            serving.room.set()
        super()._resume(call_id)

    def _leave(self, call_id: int) -> None:
        serving = self._tasks.pop(call_id, None)
        loop = self.loop()
        if serving is not None and serving.task is not None:
            if loop is not None and not loop.is_closed():
                serving.task.cancel()
            elif inspect.getcoroutinestate(serving.coroutine) == inspect.CORO_CREATED:
                # It will never begin; Python would complain that nobody awaited it.
                serving.coroutine.close()
        super()._leave(call_id)

    def _leave_all(self, run: Run) -> None:
        for call_id in [call_id for call_id, serving in self._tasks.items() if serving.job == run.token]:
            self._leave(call_id)
        super()._leave_all(run)

    def _answer_in_thread(self, context: contextvars.Context, call: Call) -> None:
        try:
            given = context.run(answer, call)
        except BaseException as error:
            # SystemExit of a function ends the execution, not this thread.
            given = Answer([], Raised(0, 0, error))
        self._reply_last(call, given)

    def _reply_last(self, call: Call, given: Answer) -> None:
        # Where others wait for a thread, the next call waits its turn.
        following: list[Any] | None = None if _workers.are_short() else []
        self.reply(call, given, following)
        if following:
            self._serve(*following[0], here=True)

    def reply(self, call: Call, given: Answer, following: list[Any] | None = None) -> int:
        """Does what `Port.reply` does, also on a thread, where the port may be closed by now."""
        return RM_GONE if self._closed or exiting() else super().reply(call, given, following)

    async def _answer_on_loop(self, call: Call, serving: Serving, in_thread: InThread) -> None:
        def ended() -> bool:
            return call.id not in self._tasks

        async def send(given: Answer) -> bool:
            serving.room.clear()
            status = self.reply(call, given)
            serving.parts += 1
            if status == RM_WOULD_BLOCK:
                await serving.room.wait()
            elif serving.parts % PARTS_IN_A_ROW == 0:
                await asyncio.sleep(0)
            return status != RM_GONE

        try:
            if any(each.in_parts for each in call.functions):
                await answer_in_parts(call, in_thread, ended, send)
            else:
                self.reply(call, await answer_async(call, in_thread, ended))
        except asyncio.CancelledError as error:
            if not ended():
                # Before the first function began.
                self.reply(call, Answer([], Raised(0, 0, error)))
        except (KeyboardInterrupt, SystemExit) as error:
            self.reply(call, Answer([], Raised(0, 0, error)))
            raise
        finally:
            self._tasks.pop(call.id, None)


class Serving:
    """A call that a task on the loop answers."""

    __slots__ = ("coroutine", "job", "parts", "room", "task")

    def __init__(self, job: int) -> None:
        self.job = job
        self.parts = 0
        self.room = asyncio.Event()
        self.coroutine: Any = None
        self.task: asyncio.Task[None] | None = None


class _Ports(threading.local):
    """What a thread uses: the port of the loop that ran last, and ports to serve without a loop."""

    def __init__(self) -> None:
        self.last: LoopPort | None = None
        self.free: list[SyncPort] = []


_lock = threading.Lock()
_loops: dict[int, LoopPort] = {}
here = _Ports()
"""The ports of this thread."""


def loop_port(loop: asyncio.AbstractEventLoop) -> LoopPort:
    """The port of a running loop, made at its first use."""
    port = here.last
    if port is not None and port.loop() is loop and not port.closed:
        return port
    with _lock:
        found = _loops.get(id(loop))
        # Another loop may have had this id before.
        if found is not None and (found.loop() is not loop or found.closed):
            found = None
        # The garbage collector may take a loop's port out meanwhile, see `_forget`.
        stale = [key for key, each in list(_loops.items()) if _is_gone(each)]
        closed = [port for key in stale if (port := _loops.pop(key, None)) is not None]
    for each in closed:
        each.close()
    if found is None:
        found = LoopPort(loop)
        with _lock:
            _loops[id(loop)] = found
    here.last = found
    return found


def forget_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Lets go of a loop's port, before the loop is closed."""
    with _lock:
        port = _loops.pop(id(loop), None)
    if port is not None:
        port.close()


def sync_port() -> SyncPort:
    """A port that nobody serves, for this thread. A call within a call gets one of its own."""
    free = here.free
    return free.pop() if free else SyncPort()


def give_back_port(port: SyncPort) -> None:
    """The port is free again."""
    here.free.append(port)


def _is_gone(port: LoopPort) -> bool:
    loop = port.loop()
    return loop is None or loop.is_closed()


def _forget(key: int, port: LoopPort) -> None:
    # Called by the garbage collector, perhaps inside `loop_port`: no lock.
    if _loops.get(key) is port:
        _loops.pop(key, None)
    port.close()


def _pump(reference: weakref.ref[LoopPort]) -> None:
    """Drains a port for a loop that can't watch its descriptor."""
    events: list[Any] = []
    while not events or events[-1] != [SHUT_DOWN]:
        port = reference()
        if port is None or port.closed or exiting():
            return
        if _is_gone(port):
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


def _submit(work: Callable[[], None], here: bool) -> None:
    """Has work of sync functions done: by this thread, once it is done with what it does now, or by any."""
    if here:
        _workers.go_on_with(work)
    else:
        _workers.submit(work)


def _tell(loop: asyncio.AbstractEventLoop | None, what: Callable[[], object]) -> None:
    """Has `what` called on a loop, unless it is closed: then nobody waits any more."""
    try:
        if loop is not None:
            loop.call_soon_threadsafe(what)
    except RuntimeError:
        pass


async def _in_thread(
    work: Callable[[], Any], when_done: Callable[[], None] | None = None
) -> tuple[Any, BaseException | None]:
    """Runs `work` on a serving thread, in the context of the caller. Answers its value, or None and what it raised.

    `when_done` is called when it has ended, also if nobody waits for it any more.
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

    _workers.submit(run)
    return await future


def _child() -> None:
    # Loops and ports of the parent are not touched, and their descriptors least of all.
    global _lock
    _lock = threading.Lock()
    _loops.clear()
    here.last = None
    here.free.clear()


after_fork(_child)
