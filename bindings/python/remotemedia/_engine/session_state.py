"""`SessionState`: what the native half of a session knows, and where and how long it may be used."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any

from .._codec.documents import pack_plain
from ..errors import GoneError, InvalidArgumentError
from .session_loans import SessionLoans
from .waiters import Waiters

if TYPE_CHECKING:
    from .._codec.call_buffers import CallBuffers
    from .._manifest.compile import Compiled
    from .._results.outputs import Packet
    from ..errors import NodeError
    from .loop_port import LoopPort
    from .run import Run

MOST_OUTPUTS = 256
"""The most outputs that one call returns."""

CLOSED_LOOP = "the event loop of this session is closed; open a session in another one"


class SessionState:
    """The state of the native half of a session, which `NativeSession` drives."""

    # Without a dict: CPython looks the attributes of objects that have 30 of them up by their names.
    __slots__ = (
        "__weakref__",
        "_arrived_bytes",
        "_borrowed",
        "_buffers",
        "_context",
        "_functions",
        "_handle",
        "_hold",
        "_loop",
        "_most",
        "_names",
        "_opening",
        "_options",
        "_pack",
        "_port",
        "_run",
        "_sent_alone",
        "_thread",
        "arrived",
        "completed",
        "error",
        "error_was_raised",
        "has_other_sender",
        "is_cancelled",
        "is_closed",
        "loans",
        "pipeline",
        "readers",
        "room",
        "sinks",
        "skipped",
        "token",
        "wake_threads",
    )

    def __init__(self, compiled: Compiled, options: Mapping[str, Any]) -> None:
        self.room = Waiters()
        """Those who wait for room to send."""
        self.readers = Waiters()
        """Those who wait for outputs."""
        self.wake_threads: Callable[[], None] | None = None
        """Wakes threads that wait for room."""
        self.sinks: list[str] = []
        """The names of the outputs that are read one by one; none if all are read together."""
        self.arrived: deque[Packet] = deque()
        """What came out of all outputs together, brought by a send or a receive and not read yet."""
        self.skipped: list[NodeError] = []
        """The errors that the manifest let pass, as they come."""
        self.completed: asyncio.Future[Any] | None = None
        """Done with the completion of the session."""
        self.error: BaseException | None = None
        """The failure that ended the session."""
        self.error_was_raised = False
        self.is_cancelled = False
        self.token = 0
        self.pipeline, self._functions = compiled
        self._names = self.pipeline.outputs
        """The names of the outputs, by the numbers that rows have."""
        self._options = options
        packets = options["buffer"].get("packets")
        # A bound of what waits at a sink holds here too. What is no number is refused at the first use.
        self._most = min(MOST_OUTPUTS, packets) if isinstance(packets, int) else MOST_OUTPUTS
        self._sent_alone = 0
        """How many packets were sent since a send brought outputs."""
        self.has_other_sender = False
        """Whether a thread has sent, or something was sent while a reader waited."""
        self._port: LoopPort | None = None
        self._loop: Any = None
        self._thread = 0
        """The thread of its loop."""
        self._context: contextvars.Context | None = None
        """What functions see if a thread opens it that has another context."""
        self._opening = threading.Lock()
        self._handle: Any = None
        self._hold: object = None
        self._buffers: CallBuffers | None = None
        self._pack: Callable[[Any], bytes] = pack_plain
        self.loans = SessionLoans()
        """Objects of ours that outputs may name."""
        self._borrowed = self.loans.held
        self._arrived_bytes = 0
        self.is_closed = False
        """Whether its block was left."""
        self._run: Run | None = None

    def check_place(self) -> None:
        """Raises `InvalidArgumentError` unless this is its loop: no two threads may use a session at once.

        `GoneError` if that is closed, as by an `asyncio.run` that has ended.
        """
        running = _get_running_loop()
        if self._port is None or running is self._loop:
            return
        # Where no loop runs, the thread of its loop, which is not running either, is the right place.
        if running is not None or get_ident() != self._thread:
            if self._loop.is_closed():
                raise GoneError(CLOSED_LOOP)
            raise InvalidArgumentError(
                "this session belongs to the event loop that opened it, which does not run here; from elsewhere write: "
                "session.send_from_thread(value), asyncio.run_coroutine_threadsafe(session.finish(), loop).result(), "
                "or loop.call_soon_threadsafe(session.interrupt)"
            )

    def check_thread(self) -> None:
        """Raises `InvalidArgumentError` on the thread of its loop, and before its block."""
        if self._port is None:
            raise InvalidArgumentError("open the session first: async with pipeline.session() as session")
        if get_ident() == self._thread:
            raise InvalidArgumentError(
                "send_from_thread is for other threads than that of the event loop; here write: "
                "await session.send(value), or session.try_send(value)"
            )

    def require_life(self) -> None:
        """Raises `GoneError` if it has ended, on any thread. Why it failed is left for its block to raise."""
        if self.is_cancelled:
            raise GoneError("the session was cancelled")
        if self.error is not None:
            raise GoneError(f"the session has ended: {self.error}") from self.error
        if self.is_closed:
            raise GoneError("the session is closed; call pipeline.session() for another one")
        if self._port is None or self._port.is_closed or self._port.driver.is_gone:
            raise GoneError(CLOSED_LOOP)
