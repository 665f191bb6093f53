"""The end of a session's block: outputs that no task reads are dropped, and tasks that read are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .._abi.constants import RM_END, RM_OK
from .._engine.session_handle import NativeSession
from .reader import Reader
from .watchdog import STALL_SECONDS


async def drop_unread_outputs(native: NativeSession, readers: Sequence[Reader]) -> None:
    """Drops what no other task reads, until all outputs have come to their end or the session is cancelled.

    A task that neither waits for an output nor ends is waited for only so long.
    """
    abandoned: set[Reader] = set()
    # Sinks that are read one by one have to be emptied together: each may hold up the others.
    while not native.is_cancelled:
        left = {reader for reader in readers if reader.is_read_elsewhere} - abandoned
        unread = [reader for reader in readers if reader not in left]
        for reader in unread:
            reader.batch.clear()
        statuses = [native.fetch(reader.sink, reader.batch) for reader in unread]
        for reader in unread:
            reader.batch.clear()
        if not left and all(status == RM_END for status in statuses):
            break
        if RM_OK not in statuses:
            abandoned |= await _wait_for_readers(native, left)


async def _wait_for_readers(native: NativeSession, readers: set[Reader]) -> set[Reader]:
    """Waits until something comes, a reader ends, or the tasks of readers read nothing for long: returns those."""
    native.check_place()
    waiter = native.readers.add()
    tasks = [reader.task for reader in readers if reader.task is not None]
    try:
        ended, _ = await asyncio.wait([waiter, *tasks], timeout=STALL_SECONDS, return_when="FIRST_COMPLETED")
    finally:
        native.readers.discard(waiter)
    # One that waits takes what comes; one that does something else may never read on.
    return set() if ended else {reader for reader in readers if reader.waiter is None}
