"""`Run`: one execution or session that the runtime is at work on, from its submit to its end.

It knows who waits for the end and what is needed until then; not where its completion comes from.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from .._abi.constants import COMPLETED, ROOM
from .._abi.ownership import Borrowed
from .._functions.active_calls import ActiveCalls
from .._functions.chain import Chain
from .._functions.event_loop import until_done
from .._functions.instances import InstancePool
from .._functions.spec import HostClass, HostFunction
from .._process import stay_at_exit
from .._results.outputs import Outputs
from ..errors import NodeError
from .completion import keep_causes, settle
from .waiters import Waiters

Functions = Mapping[int, HostFunction] | None
"""The Python functions of a pipeline, by their numbers."""


class Run:
    """One execution or session: who waits for it, and what it needs meanwhile."""

    __slots__ = (
        "_chains",
        "borrowed",
        "cleaned",
        "completion",
        "context",
        "count",
        "functions",
        "future",
        "instances",
        "is_ending",
        "notify",
        "received",
        "skipped",
        "sync_calls",
        "taking",
        "token",
        "unanswered",
        "waiters",
    )

    def __init__(
        self, token: int, functions: Functions, count: int | None, borrowed: dict[int, Borrowed] | None
    ) -> None:
        self.token = token
        self.functions = functions
        self.count = count
        """The number of inputs, if known."""
        self.borrowed = borrowed
        """The Python objects that native code may refer to, by their numbers."""
        self.context = contextvars.copy_context() if functions else None
        self.is_ending = False
        """Whether it ends or has ended, and no call begins any more."""
        self.received: Any = None
        """Its completion, or the exception in place of one, from when it has come."""
        self.unanswered: BaseException | None = None
        """Why it was cancelled, where no reply could be made to one of its calls."""
        self.completion: Any = None
        """The same, once it has ended: its instances are cleaned up."""
        self.future: asyncio.Future[Any] | None = None
        """Done with the completion, where an event loop waits for it."""
        self.notify: Callable[[int], None] | None = None
        """Called with the kind of each event of a session."""
        self.waiters: Sequence[Waiters] = ()
        """Who waits for events of a session. A loop knows their tasks weakly: the port keeps them while they wait."""
        self.skipped: list[NodeError] | None = None
        """The errors that a session has let pass."""
        self.taking: set[int] = set()
        """Calls to which the next one comes with the reply: what it names may be released before it is read."""
        has_classes = functions is not None and any(isinstance(each, HostClass) for each in functions.values())
        self.instances = InstancePool() if has_classes else None
        """The instances of its classes."""
        self.sync_calls: ActiveCalls | None = None
        """The calls to its sync functions, where an interruption may end one whose function is still at work."""
        self._chains: dict[int, Chain] = {}
        """The chains of its functions by the number of the first one, which is in no other chain."""
        self.cleaned: asyncio.Future[Any] | None = None
        """Done once its instances are cleaned up and its generators closed, if its end waits for that."""

    def chain(self, content: Mapping[str, Any]) -> Chain | None:
        """The functions that a call is for; None if it comes from before an interruption, or if there are none."""
        nodes, epoch = content["nodes"], content.get("epoch", 0)
        first = nodes[0][0]
        known = self._chains.get(first)
        if known is not None and (known.epoch == epoch or self.instances is None):
            return known
        if self.functions is None or self.context is None:
            return None
        tokens = [token for token, _ in nodes]
        if self.instances is None:
            functions: list[HostFunction] | None = [self.functions[token] for token in tokens]
        else:
            functions = self.instances.functions(self.functions, tokens, epoch, self.context)
        if functions is None:
            return None
        chain = self._chains[first] = Chain(functions, epoch, self.instances, self.sync_calls)
        return chain

    def complete(self, completion: Any) -> None:
        """Ends the run, once its instances are cleaned up and its generators closed."""
        self.received = completion
        if self.cleaned is None:
            self._deliver(completion)
        else:
            # What the completion names may be released before it is delivered.
            keep_causes(completion)
            self.cleaned.add_done_callback(lambda _: self._deliver(completion))
            if self.notify is not None:
                # Who waits for room need not wait for the cleaning up, to learn that there will be none.
                self.notify(ROOM)

    def fail(self, error: BaseException) -> None:
        """Ends the run by what was raised where its end should have been read, unless it has ended.

        It does not wait for its cleaning up, which may have been left half begun. What ends the program ends its loop,
        and only cancels who waits here.
        """
        self.cleaned = None
        if self.completion is None:
            if not isinstance(error, Exception):
                error = asyncio.CancelledError(f"{type(error).__name__} came while events of this run were read")
            self.received = self.completion = error
        # It may have ended without anybody having been told.
        self._deliver(self.completion)

    def wait_for(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """Has its end wait for these tasks too."""
        waits: list[asyncio.Future[None]] = [*tasks]
        if self.cleaned is not None:
            waits.append(self.cleaned)
        self.cleaned = waits[0] if len(waits) == 1 else asyncio.gather(*waits, return_exceptions=True)

    async def outcome(self, abandon: Callable[[Run], None]) -> Outputs:
        """Waits for the end; returns the outputs or raises. `abandon` is called if the wait is cancelled."""
        if self.completion is not None:
            # It has ended before the task that waits for it began.
            return self.settle(self.completion)
        future = self.future = asyncio.get_running_loop().create_future()
        try:
            completion = await future
        except GeneratorExit:
            # The coroutine was closed: nothing can be awaited any more.
            abandon(self)
            raise
        except BaseException:
            abandon(self)
            if self.cleaned is not None:
                await until_done(self.cleaned)
            raise
        return self.settle(completion)

    def settle(self, completion: Any) -> Outputs:
        """The outputs of a completion, or its exception raised."""
        if isinstance(completion, BaseException):
            stay_at_exit()
            raise completion
        return settle(completion, self.count, self.borrowed)

    def _deliver(self, completion: Any) -> None:
        self.completion = completion
        if self.future is not None and not self.future.done():
            # Never `set_exception`: if the waiter was cancelled in the same turn, asyncio would complain about it.
            self.future.set_result(completion)
        if self.notify is not None:
            self.notify(COMPLETED)
