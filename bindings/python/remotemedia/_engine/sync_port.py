"""`SyncPort`: a port without an event loop, which the thread that submits also serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._abi import ownership
from .._functions.serve import PartialReply, Reply, serve
from .completion import Result
from .open_calls import Serving
from .port import EventPort, Following
from .run import Run

if TYPE_CHECKING:
    from .._results.progress import Reporter

SLICE_US = 50_000
"""How long a thread waits at its port before it looks whether Ctrl-C was pressed."""

SYNC_BUDGET_US = 10_000
"""How much work a submit may do on a thread that would only wait otherwise, in microseconds."""

FOLLOWING_IN_A_ROW = 8
"""After so many calls that each came with the answer to the one before, a thread looks at its port."""


class SyncPort(EventPort):
    """A port that the thread which submits also serves, Python functions included."""

    def __init__(self) -> None:
        super().__init__()
        self._following: list[Following] = []
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
            if run.borrowed and ownership.is_borrowed(run.borrowed):
                self.drain()
        finally:
            self.abandon(run)
        return run.settle(run.completion)

    def _work_on(self, partial: PartialReply[Serving], work: Callable[[PartialReply[Serving]], None]) -> None:
        work(partial)

    def _complete(self, token: int, completion: Any) -> None:
        run = self.runs.pop(token, None)
        if run is not None:
            self._leave(run)
            run.completion = completion

    def _clean(self, run: Run) -> None:
        if run.instances is not None and run.context is not None:
            run.context.copy().run(run.instances.clean)

    def _call(self, run: Run, call: Serving, on_this_thread: bool) -> None:
        assert run.context is not None
        if call.chain.in_parts:
            partial = PartialReply(call, run.context.copy())
            if call.attach(lambda: self._leave_reply(partial), lambda: self._resume(partial)):
                self._make_parts(partial)
        else:
            reply = run.context.copy().run(serve, call)
            self.calls.end(call.id)
            self._reply_last(call, reply)

    def _reply_last(self, call: Serving, reply: Reply) -> None:
        self.reply(call, reply, self._following)
