"""Native ports: where work is submitted, and where its completion and the calls to Python functions arrive.

The runtime never calls into Python: a port is drained by the loop when its descriptor is readable, or by a thread where
no loop watches descriptors.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._abi import ownership
from .._abi.constants import (
    CALL,
    CALLED_OFF,
    COMPLETED,
    OUTPUTS,
    RELEASED,
    RESUME,
    RM_GONE,
    RM_OK,
    RM_PENDING,
    RM_WOULD_BLOCK,
    ROOM,
    SHUT_DOWN,
    SKIPPED,
)
from .._abi.library import NULL, check, failure, ffi, lib, runtime
from .._abi.ownership import Borrowed, pending_frees
from .._codec.call_buffers import PACKING_ERRORS, CallBuffers, acquire, free_buffers, release
from .._functions.failures import Failure
from .._functions.serve import FULL, GONE, READY, Backpressure, PartialReply, Reply
from .._manifest.compile import CompiledPipeline
from .._process import exiting
from .._results.outputs import log_skip
from ..errors import MarshalError, ShutDownError
from .completion import Result, node_error, settle
from .open_calls import OpenCalls, Serving
from .replies import pack_reply, refused_reply
from .run import Functions, Run

submit: Any = lib.rmpy_submit
next_events: Any = lib.rmpy_next

Following = tuple[Serving, Mapping[str, Any]]
"""The call that came with the reply to the one before, and its content."""

_log = logging.getLogger("remotemedia")


class EventPort(ABC):
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
        pipeline: CompiledPipeline,
        functions: Functions,
        inputs: Sequence[Any] | None,
        timeout_us: int,
        budget_us: int,
    ) -> Result | Run:
        """Submits work. Answers its outputs if it is done already, else the run, which `runs` then lists.

        Events are only looked at on the thread that submits, so none can be missed between the two.
        """
        free = free_buffers.free
        used = free.pop() if free else CallBuffers()
        borrowed = None
        try:
            try:
                document = used.packer.pack(inputs)
            except PACKING_ERRORS as error:
                raise used.refused(inputs, "inputs", error) from None
            table, length = NULL, 0
            borrowed = used.borrowed
            if borrowed is not None:
                table, length = used.buffers()
            if pending_frees:
                used.ready()
            # The whole way there and back of a small execution is this one call.
            span = submit(
                used.native, pipeline.handle, self.handle, document, len(document), table, length, timeout_us, budget_us
            )
            if span >= 0 and inputs is not None:
                outputs = used.unpack_simple(span, len(inputs), borrowed)
                # The inputs are nobody's but the caller's now. Where the completion does not bring along the records
                # that say so, they are fetched before the caller looks.
                if borrowed is not None and ownership.is_borrowed(borrowed):
                    self.drain()
                return outputs
            count = None if inputs is None else len(inputs)
            status = used.native.status
            if status == RM_OK:
                if borrowed is None:
                    completion = used.unpack()
                else:
                    completion = used.unpack(lambda token: borrowed.get(token) or ownership.borrowed(token))
            elif status == RM_PENDING:
                token = used.native.token
                run = self.runs[token] = Run(token, functions, count, borrowed)
                return run
            else:
                refusal = failure(status, used.error)
                used.forget()
                if isinstance(refusal, MarshalError):
                    refusal = used.explained(inputs, "inputs", refusal)
                raise refusal
        finally:
            if used.borrowed is not None:
                used.release_table()
            free.append(used)
        try:
            return settle(completion, count, borrowed)
        finally:
            if (borrowed and ownership.is_borrowed(borrowed)) or "skips" in completion:
                self.drain()

    def next(self, timeout_us: int) -> list[Any]:
        """The events that are there; waits for the first one. Ends with `[SHUT_DOWN]` if nothing will ever come."""
        used = acquire()
        try:
            events = self._fetched(used, timeout_us)
            return used.unpack(self._resolve) if events is None else events
        finally:
            release(used)

    def _fetched(self, used: CallBuffers, timeout_us: int) -> list[Any] | None:
        """The events that are there; None if they are still to be unpacked, since they name memory or are many."""
        if pending_frees:
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
                ownership.release(event[1])
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
        used = acquire()
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
            release(used)
        return found["items"], found["media_ns"] / 1e9 if "media_ns" in found else None

    def _skipped(self, token: int, detail: Mapping[str, Any], is_first: bool) -> None:
        if is_first:
            log_skip(detail["message"])
        run = self.runs.get(token)
        if run is not None and run.skipped is not None:
            run.skipped.append(node_error(detail, run.borrowed))

    def abandon(self, run: Run) -> None:
        """Cancels the native work of a run that is not waited for any more. Its inputs stay until they are released."""
        if self.runs.pop(run.token, None) is None:
            return
        self._leave(run)
        lib.rm_port_cancel(self.handle, run.token, NULL)

    def ended(self) -> None:
        """Ends all runs, since the runtime is shut down: their completions never come."""
        for token in list(self.runs):
            self._complete(token, ShutDownError("the runtime was shut down while this execution went on"))

    def reply(self, call: Serving, reply: Reply, following: list[Following] | None = None) -> Backpressure:
        """Replies to a call. A late reply, to an execution that has ended, is dropped.

        Returns what there is room for. If the next call to the same nodes is there, it is put into `following`, for
        this thread to serve.
        """
        used, document, is_final = pack_reply(call, reply)
        try:
            borrowed = used.borrowed
            run = self.runs.get(call.job)
            if borrowed and run is not None:
                # The result may name these after another drain has released them.
                if run.borrowed is None:
                    run.borrowed = {}
                run.borrowed.update(borrowed)
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
                if isinstance(error, MarshalError) and reply.outputs:
                    # Fewer outputs each time, so that this comes to an end.
                    self.reply(call, refused_reply(call, reply, error), following)
                elif status != RM_GONE and not exiting():
                    _log.error("a reply to the runtime was refused: %s", error)
            return GONE if is_final or status < 0 else FULL if status == RM_WOULD_BLOCK else READY
        finally:
            release(used)

    def _take_next(self, used: CallBuffers, call: Serving, following: list[Following], status: int) -> None:
        used.output.discard_count = 0
        if status >= 0 and (used.output.len or used.output.document != NULL):
            found = used.unpack(self._resolve)
            following.append((self.calls.reply_brought(call.id, call.job, found[0]), found[1]))
            if len(found) > 2:
                ownership.release(found[2])

    def _resolve(self, token: int) -> Borrowed | None:
        borrowed = ownership.borrowed(token)
        if borrowed is not None:
            return borrowed
        # Released by the drain of another port since; the run that it belongs to still has it.
        for run in list(self.runs.values()):
            if run.borrowed and token in run.borrowed:
                return run.borrowed[token]
        return None

    def _serve(self, call: Serving, content: Mapping[str, Any], *, on_this_thread: bool = False) -> None:
        """Has a call served, unless it is over.

        With `on_this_thread` sync functions run on this serving thread, once it is done with its present work.
        """
        run = self.runs.get(call.job)
        chain = None if run is None or call.is_over else run.chain(content)
        if run is None or chain is None:
            self.calls.end(call.id)
            return
        call.chain, call.entries = chain, content["entries"]
        try:
            self._call(run, call, on_this_thread)
        except Exception as error:
            self.calls.end(call.id)
            self.reply(call, Reply([], Failure(error)))

    def _make_parts(self, partial: PartialReply[Serving]) -> None:
        """Makes parts of a reply while there is room for them. Raises what is no failure of the node."""
        call, reply, room = partial.call, None, READY
        while not partial.is_over and room is not GONE:
            reply = partial.next()
            if reply.is_final:
                break
            room = self.reply(call, reply)
            if room is FULL and partial.suspend():
                return
        self.calls.end(call.id)
        # Before the last reply: what comes of it might still take this thread for busy.
        partial.close()
        if reply is not None and reply.is_final:
            self._reply_last(call, reply)

    def _resume(self, partial: PartialReply[Serving]) -> None:
        """Continues a reply, since there is room for more of it."""
        if partial.resume():
            self._work_on(partial, self._make_parts)

    def _leave_reply(self, partial: PartialReply[Serving]) -> None:
        """Ends a reply that is not wanted any more."""
        if partial.leave():
            self._work_on(partial, PartialReply.close)

    def _leave(self, run: Run) -> None:
        """Ends the work in Python for a run that has ended."""
        self.calls.leave_all(run.token)
        self._clean(run)

    @abstractmethod
    def _clean(self, run: Run) -> None:
        """Cleans up the instances of a run that has ended."""

    @abstractmethod
    def _work_on(self, partial: PartialReply[Serving], work: Callable[[PartialReply[Serving]], None]) -> None:
        """Does some of the work on a reply where sync functions of this port run."""

    @abstractmethod
    def _complete(self, token: int, completion: Any) -> None:
        """A run has ended."""

    @abstractmethod
    def _call(self, run: Run, call: Serving, on_this_thread: bool) -> None:
        """Runs the functions of a call where they belong, and replies."""

    @abstractmethod
    def _reply_last(self, call: Serving, reply: Reply) -> None:
        """Replies to a call on a thread for sync functions, which then serves the next call if that is there."""
