"""`EventPort`: a native port, where work is submitted, and where completions and calls to Python functions arrive.

The runtime never calls into Python: it queues events at the port. The port's driver knows where they are awaited and
where functions run; the port hands each event to the run or the call that it is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from os import getpid
from typing import Any, Generic, Protocol, TypeVar

from .._abi import ownership
from .._abi.config import function_threads
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
from .._abi.direct_calls import next_events, submit
from .._abi.direct_calls import reply as reply_to
from .._abi.library import NULL, check, failure, ffi, lib, made, runtime
from .._abi.lifetimes import hidden
from .._abi.ownership import Borrowed, pending_frees
from .._codec.call_buffers import PACKING_ERRORS, CallBuffers, acquire, release
from .._functions import threads
from .._functions.serve import FULL, GONE, READY, Backpressure, Reply
from .._manifest.compile import CompiledPipeline
from .._process import exiting
from .._results.inputs import Inputs, count_of
from .._results.outputs import Outputs, log_skip
from ..errors import MarshalError, ShutDownError
from .completion import blame_threads, is_cancelled, node_error, settle, unanswered
from .open_calls import OpenCall, OpenCalls
from .replies import pack_reply, refused_as_a_whole, refused_reply
from .run import Functions, Run

NextCall = tuple[OpenCall, Mapping[str, Any]]
"""The call that came with the reply to the one before, and its content."""


class Driver(Protocol):
    """What a port belongs to: an event loop, or a thread that waits for its events itself."""

    budget_us: int
    """How much work a submit may do on the calling thread, in microseconds."""
    time: Any
    """The `rmpy_loop_time` of an event loop's thread; NULL for others."""
    options: bytes
    """Those of the native port, for `rm_port_new`."""

    def serve(self, port: EventPort[Any], run: Run, call: OpenCall, on_this_thread: bool) -> None:
        """Runs the functions of a call where they belong, and replies.

        With `on_this_thread` sync functions run on this serving thread, once it is done with its present work.
        """

    def clean(self, run: Run) -> None:
        """Cleans up the instances of a run that has ended."""

    def decode(self, port: EventPort[Any], used: CallBuffers) -> list[Any] | None:
        """The events that are in `used`. None if another thread decodes them and has them dispatched, then."""

    def stop(self) -> None:
        """Waits for no more events."""


DriverT = TypeVar("DriverT", bound=Driver)


class EventPort(Generic[DriverT]):
    """A native port, and what was submitted there and has not ended: its runs, by their tokens, and their calls."""

    def __init__(self, driver: DriverT) -> None:
        self.driver = driver
        self.runs: dict[int, Run] = {}
        self._process = getpid()
        # Freed when nothing refers to it any more, and so not under a thread that waits at it.
        make = partial(lib.rm_port_new, runtime(), driver.options, len(driver.options))
        self.handle: Any = made("rm_port **", lib.rmpy_clear_port, make)
        if chosen := function_threads():
            threads.limit(chosen)
        self._hold: object = hidden(self.handle)
        self.address = int(ffi.cast("uintptr_t", self.handle))
        self.calls = OpenCalls()
        self.is_closed = False
        self.has_loans_left = False
        """Whether native code may still read memory of a run that has ended: it comes back at this port later."""
        self.is_paused = False
        """Whether another thread decodes events: later ones wait, so that they are dispatched in their order."""
        self._free: list[CallBuffers] = []
        """Buffers that no call uses. A call within a call finds them in use, and takes others."""

    def __del__(self) -> None:
        """Ends what goes on at a port that is garbage, together with a loop that was dropped in the middle of it."""
        # One that was struck while it was made has none.
        if getattr(self, "runs", None) and self._process == getpid() and not exiting():
            self.close()

    def start(
        self,
        pipeline: CompiledPipeline,
        functions: Functions,
        inputs: Inputs | None,
        timeout_us: int,
        whom: int = 0,
        wait_us: int = 0,
    ) -> Outputs | Run:
        """Submits work. Returns its outputs if it is done already, else the run, which `runs` then lists.

        `whom` is the identity of the task that waits for nothing else meanwhile, 0 if there may be other work to do.
        A thread that would wait for the first event next says by `wait_us` how long, so that it lets go of the
        interpreter's lock once for both.
        Events are dispatched on the thread that submits alone, so none can be missed between the two.
        """
        used = self._free.pop() if self._free else self._new_buffers()
        borrowed, run = None, None
        try:
            try:
                document = used.packer.pack(inputs)
                if used.has_replaced_text:
                    used.require_keys(inputs)
            except PACKING_ERRORS as error:
                raise used.refused(inputs, "inputs", error) from None
            borrowed = used.borrowed
            if borrowed is not None:
                used.offer()
            if pending_frees:
                used.ready()
            # Keeps the port, if another thread closes it meanwhile.
            handle = self.handle
            # The whole way there and back of a small execution is this one call.
            span = submit(used.address, pipeline.address, self.address, document, timeout_us, whom, wait_us)
            del handle
            count = None if inputs is None else len(inputs) if type(inputs) is list else count_of(inputs)
            if span >= 0 and count is not None:
                outputs = used.unpack_values(span, count, borrowed)
                # The inputs belong to the caller alone now. Where the completion does not bring along the records that
                # say so, they are fetched before the caller looks.
                if borrowed is not None and ownership.is_borrowed(borrowed):
                    self.drain()
                return outputs
            status = used.native.status
            if status == RM_OK:
                if borrowed is None:
                    completion = used.unpack()
                else:
                    completion = used.unpack(lambda token: borrowed.get(token) or ownership.borrowed(token))
                try:
                    return settle(completion, count, borrowed)
                finally:
                    if (borrowed and ownership.is_borrowed(borrowed)) or "skips" in completion:
                        self.drain()
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
        except BaseException:
            if not used.take_back():
                self._take_back(used, run)
            raise
        finally:
            if used.borrowed is not None:
                used.release_table()
            if used.has_left:
                used.let_go()
            self._free.append(used)

    def drain(self) -> None:
        """Dispatches all events that are there, without waiting."""
        if not self.is_closed and not self.is_paused:
            self.advance(0)

    def advance(self, timeout_us: int) -> None:
        """Dispatches the events that are there; waits for the first one.

        Whatever is raised meanwhile ends all runs: see `_fail`.
        """
        used = self._free.pop() if self._free else self._new_buffers()
        events: list[Any] | None = None
        try:
            events = self._fetch(used, timeout_us)
            if events is None:
                events = self.driver.decode(self, used)
                if events is None:
                    return
                if used.has_left:
                    used.let_go()
            self._free.append(used)
            self._dispatch(events)
        except BaseException as error:
            # While it is paused a thread has them, and they are not lost.
            left = events if events is not None else () if self.is_paused else used.unread()
            self._fail(error, left or ())
            raise

    def next(self, timeout_us: int) -> list[Any]:
        """The events that are there, for a thread that has them dispatched; waits for the first one.

        They end with `[SHUT_DOWN]` if no more will come.
        """
        used = acquire()
        try:
            events = self._fetch(used, timeout_us)
            return used.unpack(self.resolve) if events is None else events
        finally:
            release(used)

    def dispatch(self, events: list[Any]) -> None:
        """Hands each event that another thread has read to what it is for."""
        try:
            self._dispatch(events)
        except BaseException as error:
            self._fail(error, events)
            raise

    def fail(self, error: BaseException) -> None:
        """Ends all runs by what was raised where something for them was to be done, and was not."""
        self._fail(error, ())

    def serve(self, call: OpenCall, content: Mapping[str, Any], *, on_this_thread: bool = False) -> None:
        """Has a call served, unless it is over.

        With `on_this_thread` sync functions run on this serving thread, once it is done with its present work.
        Raises nothing that a function raises: what comes from here, such as the exception of a signal handler, is for
        the caller. The call may be answered already.
        """
        run = self.runs.get(call.job)
        chain = None if run is None or run.is_ending or call.is_over else run.chain(content)
        if run is None or chain is None:
            self.calls.end(call.id)
            return
        call.chain, call.entries = chain, content["entries"]
        self.driver.serve(self, run, call, on_this_thread)

    def reply(self, call: OpenCall, reply: Reply, next_calls: list[NextCall] | None = None) -> Backpressure:
        """Replies to a call, and returns what there is room for. A late reply, to a run that has ended, is dropped.

        If the next call to the same nodes is there already, it is added to `next_calls`: this thread is to serve it.
        Where no reply can be made, the work ends with that error: nobody else would end the call. Raises what ends the
        program.
        """
        # Threads reply, and the port may be closed meanwhile.
        if self.is_closed or exiting():
            return GONE
        used = acquire()
        try:
            packed = self._packed(used, call, reply)
            if packed is None:
                return GONE
            document, is_final = packed
            borrowed = used.borrowed
            run = self.runs.get(call.job)
            if borrowed and run is not None:
                # The result may name these after another drain has released them.
                if run.borrowed is None:
                    run.borrowed = {}
                run.borrowed.update(borrowed)
            if used.table:
                used.offer()
            # Kept, if the loop closes the port meanwhile.
            handle = self.handle
            if next_calls is None or run is None:
                status = reply_to(used.address, self.address, call.id, document, False)
            else:
                used.ready()
                # What an earlier call has left is not what this one brings.
                used.output.len = 0
                try:
                    run.taking.add(call.id)
                    self.calls.reply_begins(call.id, call.job)
                    status = reply_to(used.address, self.address, call.id, document, True)
                    self._take_next(used, call, next_calls, status)
                except BaseException:
                    # It cancels the run, whose next call nobody serves.
                    used.release_unread(2)
                    raise
                finally:
                    self.calls.reply_ends(call.id)
                    run.taking.discard(call.id)
            del handle
            if status < 0:
                error = failure(status, used.error)
                used.forget()
                if isinstance(error, MarshalError) and reply.outputs:
                    # Fewer outputs each time, so that this comes to an end.
                    self.reply(call, refused_reply(call, reply, error), next_calls)
                elif status != RM_GONE and not exiting():
                    # As under limits that no error fits.
                    self._end_unanswered(call, error)
            return GONE if is_final or status < 0 else FULL if status == RM_WOULD_BLOCK else READY
        except BaseException:
            used.take_back()
            raise
        finally:
            release(used)

    def progress(self, run: Run) -> tuple[int, float | None] | None:
        """How many items of a run are done, and how many seconds of media came out; None if it has ended."""
        used = acquire()
        try:
            used.ready()
            status = lib.rm_port_progress(self.handle, run.token, used.output, used.error)
            if status == RM_GONE:
                failure(status, used.error)
                return None
            check(status, used.error)
            found = used.unpack(self.resolve)
        finally:
            release(used)
        return found["items"], found["media_ns"] / 1e9 if "media_ns" in found else None

    def abandon(self, run: Run) -> None:
        """Cancels a run if it has not ended. Its inputs stay borrowed until they are released."""
        self.note_loans(run)
        if run.token in self.runs:
            # It is listed until all is done: who is interrupted in the middle does this again.
            try:
                self._end(run)
            finally:
                lib.rm_port_cancel(self.handle, run.token, NULL)
                self.runs.pop(run.token, None)

    def note_loans(self, run: Run) -> None:
        """Notes whether native code may still read memory of a run that has ended."""
        if run.borrowed and ownership.is_borrowed(run.borrowed):
            self.has_loans_left = True

    def close(self) -> None:
        """Cancels all runs and lets go of the native port."""
        self.is_closed = True
        for run in list(self.runs.values()):
            self.abandon(run)
        self.driver.stop()
        # A thread may still wait at it; the handle is freed when that thread lets go.
        lib.rm_port_wake(self.handle, NULL)
        # In this order: who has seen the address has the handle.
        self.address = 0
        self.handle = NULL
        self._hold = None

    def resolve(self, token: int) -> Borrowed | None:
        """The Python object that a number in a document stands for."""
        borrowed = ownership.borrowed(token)
        if borrowed is not None:
            return borrowed
        # Released by the drain of another port since; the run that it belongs to still has it.
        for run in list(self.runs.values()):
            if run.borrowed and token in run.borrowed:
                return run.borrowed[token]
        return None

    def _new_buffers(self) -> CallBuffers:
        used = CallBuffers()
        used.native.budget_us, used.native.loop_time = self.driver.budget_us, self.driver.time
        return used

    def _fetch(self, used: CallBuffers, timeout_us: int) -> list[Any] | None:
        """The events that are there; None if they are left in `used`, since they name memory or are many."""
        if pending_frees:
            used.ready()
        # Kept, if another thread closes the port meanwhile.
        handle = self.handle
        length = next_events(used.address, self.address, timeout_us)
        del handle
        if length > 0:
            return used.unpack_plain(length)  # type: ignore[no-any-return]
        check(used.native.status, used.error)
        return None

    def _packed(self, used: CallBuffers, call: OpenCall, reply: Reply) -> tuple[bytes, bool] | None:
        """The document of a reply, and whether it ends the call; None where none can be made: its work ends."""
        try:
            return pack_reply(used, call, reply)
        except Exception as error:
            raised = error
        used.forget()
        try:
            # A signal handler has raised it: it is the error of the function where it struck.
            return pack_reply(used, call, refused_as_a_whole(call, reply, raised))
        except Exception as unfit:
            self._end_unanswered(call, unfit)
            return None

    def _end_unanswered(self, call: OpenCall, error: BaseException) -> None:
        """Ends the work of a call to which no reply can be made."""
        run = self.runs.get(call.job)
        if run is not None:
            # As a cancellation a group of tasks would take it for the end that it had asked for.
            run.unanswered = unanswered(call.chain.key, error)
        lib.rm_port_cancel(self.handle, call.job, NULL)

    def _take_back(self, used: CallBuffers, run: Run | None) -> None:
        """Settles a submit whose result nobody gets, since something was raised before it was read.

        `run` is what it is listed as, if it is.
        """
        status, borrowed = used.native.status, used.borrowed
        if status == RM_PENDING:
            token = used.native.token
            if run is None and token not in self.runs:
                run = self.runs[token] = Run(token, None, None, borrowed)
            if run is not None:
                self.abandon(run)
        elif status == RM_OK:
            completion = used.unread()
            if type(completion) is dict:
                ownership.release(completion.get("released", ()))
            self.has_loans_left |= borrowed is not None and ownership.is_borrowed(borrowed)
        else:
            failure(status, used.error)
            used.forget()

    def _dispatch(self, events: list[Any]) -> None:
        for event in events:
            kind = event[0]
            if kind in (OUTPUTS, ROOM):
                run = self.runs.get(event[1])
                if run is not None and run.notify is not None:
                    run.notify(kind)
            elif kind == COMPLETED:
                self._complete(event[1], event[2])
            elif kind == CALL:
                self.serve(self.calls.open(event[1], event[2]["job"]), event[2])
            elif kind == RELEASED:
                ownership.release(event[1])
            elif kind == RESUME:
                self.calls.resume(event[1])
            elif kind == CALLED_OFF:
                self.calls.cancel(event[1])
            elif kind == SKIPPED:
                self._skipped(*event[1:])
            elif kind == SHUT_DOWN:
                self._shut_down()

    def _complete(self, token: int, completion: Any) -> None:
        run = self.runs.get(token)
        if run is not None:
            if self.calls.wait_for_thread(token):
                blame_threads(completion)
            if run.unanswered is not None and is_cancelled(completion):
                ownership.release(completion.get("released", ()))
                completion = run.unanswered
            self._end(run)
            run.complete(completion)
            # Until here `_fail` finds it.
            self.runs.pop(token, None)

    def _end(self, run: Run) -> None:
        """Ends what Python functions still do for a run that has ended."""
        # From here on none of its calls begins.
        run.is_ending = True
        self.calls.cancel_all(run.token)
        if run.instances is not None:
            self.driver.clean(run)
        if closing := self.calls.closing(run.token):
            run.wait_for(closing)

    def _fail(self, error: BaseException, events: Sequence[Any]) -> None:
        """Ends all runs by what was raised while events were read or dispatched: those that are left are lost.

        A signal handler may raise it at any place, and on an event loop it reaches nobody who waits; what a function
        ends the program with comes here too. Only what the events release is released all the same, perhaps again:
        nothing else would let go of it.
        """
        for event in events:
            if event[0] == RELEASED:
                ownership.release(event[1])
        for run in list(self.runs.values()):
            try:
                self.abandon(run)
            finally:
                run.fail(error)

    def _skipped(self, token: int, detail: Mapping[str, Any], is_first: bool) -> None:
        if is_first:
            log_skip(detail["message"])
        run = self.runs.get(token)
        if run is not None and run.skipped is not None:
            run.skipped.append(node_error(detail, run.borrowed))

    def _shut_down(self) -> None:
        """Ends all runs: the runtime is shut down, and no more events come."""
        self.driver.stop()
        for token in list(self.runs):
            self._complete(token, ShutDownError("the runtime was shut down while this execution went on"))

    def _take_next(self, used: CallBuffers, call: OpenCall, next_calls: list[NextCall], status: int) -> None:
        if status >= 0 and (used.output.len or used.output.document != NULL):
            found = used.unpack(self.resolve)
            next_calls.append((self.calls.reply_brought(call.id, call.job, found[0]), found[1]))
            if len(found) > 2:
                ownership.release(found[2])
