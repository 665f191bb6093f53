"""`Reader`: who reads which outputs of a session. One task at a time reads a sink, and its end is read once."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from .._abi.constants import RM_END
from .._engine.session_handle import NativeSession
from .._results.outputs import Packet
from ..errors import GoneError, InvalidArgumentError
from .turns import INLINE_IN_A_ROW


class Reader:
    """The outputs of a session or of one of its sinks, as packets: `async for packet in reader`."""

    __slots__ = ("_in_a_row", "_native", "batch", "has_ended", "name", "sink", "task", "waiter")

    def __init__(self, native: NativeSession, sink: int, batch: deque[Packet], name: str | None = None) -> None:
        self._native = native
        self._in_a_row = 0
        self.sink = sink
        self.batch = batch
        self.name = name
        """The id of the sink; None if this reads all of them."""
        self.task: asyncio.Task[Any] | None = None
        """The task that last asked for an output that was not there yet; None before that and at the end."""
        self.waiter: asyncio.Future[None] | None = None
        """What that task waits for, while it does."""
        self.has_ended = False
        """Whether its end was read."""

    def __aiter__(self) -> Reader:
        # What has been handed out already is read without asking the session.
        self._native.check_place()
        self.refuse_at_end()
        return self

    async def __anext__(self) -> Packet:
        batch = self.batch
        if batch:
            return batch.popleft()
        self._begin()
        native = self._native
        while not native.is_cancelled and not native.is_closed:
            status = native.fetch(self.sink, batch)
            if batch:
                self._in_a_row += len(batch)
                if self._in_a_row >= INLINE_IN_A_ROW:
                    self._in_a_row = 0
                    await asyncio.sleep(0)
                if batch:
                    return batch.popleft()
                # An interruption has dropped it meanwhile.
                continue
            if status == RM_END:
                # Leaving the block waits for no reader that has come here.
                self.task = None
                native.readers.wake()
                await native.ended()
                self.has_ended = True
                break
            waiter = self.waiter = native.next_output()
            try:
                await waiter
            except BaseException:
                native.readers.discard(waiter)
                raise
            finally:
                self.waiter = None
            if batch:
                return batch.popleft()
        raise StopAsyncIteration

    def refuse_at_end(self) -> None:
        """Raises `GoneError` for a loop that begins where no outputs come any more.

        Not after `cancel`, which ends all reading: a task that was about to begin knows nothing of it.
        """
        if self._native.is_closed:
            raise GoneError(
                "the block of the session was left, which drops what was not read; "
                "read inside of it, or in a task that it waits for"
            )
        if self.has_ended:
            name = "the session" if self.name is None else f"'{self.name}'"
            raise GoneError(
                f"the outputs of {name} were read to their end before; keep those that are needed again, "
                "or call pipeline.session() for another run"
            )

    @property
    def is_read_elsewhere(self) -> bool:
        """Whether a task that is not the running one reads it, and has not come to its end."""
        task = self.task
        return task is not None and not task.done() and task is not asyncio.current_task()

    def _begin(self) -> None:
        """Notes that the running task reads. Raises `InvalidArgumentError` while another one waits for the same."""
        if self.waiter is not None:
            name = "this session" if self.name is None else f"'{self.name}'"
            raise InvalidArgumentError(
                f"another task reads the outputs of {name}, and each of them goes to one reader: "
                "read them in one task and hand them on, for example with an asyncio.Queue for each receiver"
            )
        self.task = asyncio.current_task()
