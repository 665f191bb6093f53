"""Native ports: where work is submitted, and where its completion and the calls to Python functions arrive.

The runtime never calls into Python: a port is drained by the loop when its descriptor is readable, or by a thread where
no loop watches descriptors.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import _memory
from ._calls import HostClass, HostFunction
from ._completion import Result, node_error, settle
from ._host_nodes import Answer, Call, Raised, pack_reply, refused_reply
from ._library import NULL, check, failure, ffi, lib, runtime
from ._lives import Lives
from ._marshal import PACKING_ERRORS, Lane, give_back, lane, lanes
from ._memory import Kept, discarded
from ._open_calls import OpenCalls, Serving
from ._outputs import log_skip
from ._parts import Parts
from ._pipeline import Pipeline
from ._process import exiting, stay_at_exit
from .errors import MarshalError, NodeError, ShutDownError

RM_OK: int = lib.RM_OK
RM_PENDING: int = lib.RM_PENDING
RM_GONE: int = lib.RM_GONE
RM_WOULD_BLOCK: int = lib.RM_WOULD_BLOCK

COMPLETED, CALL, RELEASED, SHUT_DOWN, ROOM, OUTPUTS, RESUME, CALLED_OFF, SKIPPED = 1, 2, 3, 4, 5, 6, 7, 8, 9
"""The kinds of event."""

submit: Any = lib.rm_lane_submit
next_events: Any = lib.rm_lane_next

Functions = Mapping[int, HostFunction] | None

Following = tuple[Serving, Mapping[str, Any]]
"""The call that came with the reply to the one before, and its content."""

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
            stay_at_exit()
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
        self.calls = OpenCalls()

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
            events = self._fetched(used, timeout_us)
            return used.unpack(self._resolve) if events is None else events
        finally:
            give_back(used)

    def _fetched(self, used: Lane, timeout_us: int) -> list[Any] | None:
        """The events that are there; None if they are still to be unpacked, since they name memory or are many."""
        if discarded:
            used.ready()
        length: int = next_events(used.native, self.handle, timeout_us)
        if length > 0:
            return used.unpack_plain(length)  # type: ignore[no-any-return]
        check(used.native.status, used.error)
        return None

    def drain(self) -> None:
        """Deals with all that is there, without waiting."""
        self.dispatch(self.next(0))

    def dispatch(self, events: list[Any]) -> None:
        """Deals with events."""
        for event in events:
            kind = event[0]
            if kind in (OUTPUTS, ROOM):
                run = self.runs.get(event[1])
                if run is not None and run.notify is not None:
                    run.notify(kind)
            elif kind == COMPLETED:
                self._complete(event[1], event[2])
            elif kind == CALL:
                self._serve(self.calls.open(event[1], event[2]["job"]), event[2])
            elif kind == RELEASED:
                _memory.release(event[1])
            elif kind == RESUME:
                self.calls.resume(event[1])
            elif kind == CALLED_OFF:
                self.calls.call_off(event[1])
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
        self._leave(run)
        lib.rm_port_cancel(self.handle, run.token, NULL)

    def ended(self) -> None:
        """The runtime is shut down: what is still waited for never comes."""
        for token in list(self.runs):
            self._complete(token, ShutDownError("the runtime was shut down while this execution went on"))

    def reply(self, call: Call, given: Answer, following: list[Following] | None = None) -> int:
        """Answers a call. A late answer, to an execution that has ended, is dropped.

        Answers `RM_OK` if more of the answer may be made, `RM_WOULD_BLOCK` if so once there is room, else `RM_GONE`. If
        the next call to the same nodes is there, it is put into `following`: this thread is to serve it.
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
            taker = None if following is None else run
            if following is None or taker is None:
                status: int = lib.rm_port_reply(
                    self.handle, call.id, document, len(document), table, length, NULL, used.error
                )
            else:
                used.ready()
                taker.taking.add(call.id)
                self.calls.reply_begins(call.id)
                try:
                    status = lib.rm_port_reply(
                        self.handle, call.id, document, len(document), table, length, used.output, used.error
                    )
                    self._take_next(used, call, following, status)
                finally:
                    self.calls.reply_ends(call.id)
                    taker.taking.discard(call.id)
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

    def _take_next(self, used: Lane, call: Call, following: list[Following], status: int) -> None:
        used.output.discard_count = 0
        if status >= 0 and (used.output.len or used.output.document != NULL):
            found = used.unpack(self._resolve)
            following.append((self.calls.reply_brought(call.id, call.job, found[0]), found[1]))
            if len(found) > 2:
                _memory.release(found[2])

    def _resolve(self, token: int) -> Kept | None:
        kept = _memory.kept(token)
        if kept is not None:
            return kept
        # Released by the drain of another port since; the run that it belongs to still has it.
        for run in list(self.runs.values()):
            if run.held and token in run.held:
                return run.held[token]
        return None

    def _serve(self, serving: Serving, content: Mapping[str, Any], *, here: bool = False) -> None:
        """Has a call answered, unless it is over; with `here` on this thread, if it is one for sync functions."""
        run = self.runs.get(serving.job)
        functions: Sequence[HostFunction] | None = None
        if run is not None and run.functions is not None and not serving.is_over:
            tokens = [token for token, _ in content["nodes"]]
            if run.lives is not None:
                functions = run.lives.functions(run.functions, tokens, content.get("epoch", 0))
            else:
                functions = [run.functions[token] for token in tokens]
        if run is None or functions is None:
            self.calls.end(serving.id)
            return
        call = Call(serving.id, serving.job, functions, content["entries"])
        try:
            self._call(run, call, serving, here)
        except Exception as error:
            self.calls.end(call.id)
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
        self.calls.end(parts.call.id)
        # Before the last reply: what comes of it might still take this thread for busy.
        parts.close()
        if given is not None and given.is_final:
            self._reply_last(parts.call, given)

    def _has_room(self, parts: Parts) -> None:
        """There is room for more of an answer."""
        if parts.resume():
            self._work_at(parts, self._go_on)

    def _is_left(self, parts: Parts) -> None:
        """A call is over before its answer."""
        if parts.leave():
            self._work_at(parts, Parts.close)

    def _leave(self, run: Run) -> None:
        """Ends what still runs in Python for a run that has ended."""
        self.calls.leave_all(run.token)
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
    def _call(self, run: Run, call: Call, serving: Serving, here: bool) -> None:
        """Packets for functions of a run came: runs them where they belong and replies."""

    @abstractmethod
    def _reply_last(self, call: Call, given: Answer) -> None:
        """Replies to a call on a thread for sync functions, which then goes on with the next call if that is there."""
