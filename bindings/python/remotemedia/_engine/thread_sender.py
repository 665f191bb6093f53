"""`ThreadSender`: packets for a session from threads that are not that of its event loop, such as a sound card's.

The native session takes packets from any thread. So nothing passes the loop on its way in, and a loop that is busy
holds up nobody; only a thread that waits for room learns of it by an event that the loop drains.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from .._abi import ownership
from .._abi.constants import RM_GONE
from .._abi.direct_calls import send
from .._abi.library import failure
from .._abi.ownership import pending_frees
from .._codec.call_buffers import PACKING_ERRORS, CallBuffers
from ..errors import GoneError, InvalidArgumentError, MarshalError
from .session_handle import NativeSession
from .session_packets import explained_packets, refused_packets

if TYPE_CHECKING:
    from .._codec.pcm import PCMReader

SLICE_SECONDS = 0.5
"""How long a thread waits for an event before it looks whether the session and its loop are still there."""


class ThreadSender:
    """Sends to one session, for one thread after the other."""

    def __init__(self, native: NativeSession, pcm: PCMReader | None) -> None:
        self._native = native
        native.wake_threads = self.wake
        self._pcm = pcm
        self._sending = threading.Lock()
        self._buffers: CallBuffers | None = None
        self._lock = threading.RLock()
        # Never entered itself: its `__enter__` is Python code, where a signal handler may raise once the lock is taken.
        self._room = threading.Condition(self._lock)
        self._waiting = 0
        self._wakes = 0
        self._interruptions = 0

    def send(self, packet_of: Callable[[], list[Any] | None], timeout: float | None) -> bool:
        """Sends the packet that `packet_of` makes, once there is room; returns False if there was none in time.

        `timeout` is in seconds, 0 for no waiting, None for as long as it takes. A packet that an interruption drops
        while it waits was taken: the time of raw samples goes on.
        """
        if timeout is not None and (isinstance(timeout, bool) or not _is_seconds(timeout)):
            raise InvalidArgumentError(f"timeout must be a number of seconds, 0 or more, or None, got {timeout!r}")
        self._native.check_thread()
        if timeout == 0:
            return self._try(packet_of)
        deadline = None if timeout is None else monotonic() + timeout
        interruptions = self._interruptions
        with self._lock:
            # Before the first attempt: the event for a refused packet comes once.
            self._waiting += 1
        try:
            while True:
                seen = self._wakes
                if self._try(packet_of):
                    return True
                left = SLICE_SECONDS if deadline is None else deadline - monotonic()
                if left <= 0:
                    return False
                with self._lock:
                    if self._wakes == seen:
                        self._room.wait(min(left, SLICE_SECONDS))
                if self._interruptions != interruptions:
                    if self._pcm is not None:
                        with self._sending:
                            packet_of()
                    return True
        finally:
            with self._lock:
                self._waiting -= 1

    def wake(self) -> None:
        """Lets threads that wait look again: there is room, or the session has ended."""
        if self._waiting:
            with self._lock:
                self._wakes += 1
                self._room.notify_all()

    def interrupt(self) -> None:
        """Drops what threads wait with."""
        with self._lock:
            self._interruptions += 1
        self.wake()

    def _try(self, packet_of: Callable[[], list[Any] | None]) -> bool:
        with self._sending:
            used = self._ready()

            def attempt() -> bool:
                packet = packet_of()
                return packet is None or self._exchange(used, [packet])

            return attempt() if self._pcm is None else self._pcm.all_or_nothing(attempt)

    def _ready(self) -> CallBuffers:
        """The buffers of the calls. Raises what ended the session; opens it at its first use."""
        self._native.require_life()
        handle = self._native.opened_by_thread()
        self._native.has_other_sender = True
        used = self._buffers
        if used is None:
            used = self._buffers = CallBuffers()
            used.snapshot = True
            # No work of the pipeline is done here: who calls may have to return within milliseconds.
            used.native.session, used.native.budget_us = handle, 0
        return used

    def _exchange(self, used: CallBuffers, packets: list[list[Any]]) -> bool:
        """Whether the native session took the packet. No outputs come along: they are for the loop."""
        try:
            try:
                document = used.packer.pack(packets)
                if used.has_replaced_text:
                    used.require_keys(packets)
            except PACKING_ERRORS as error:
                raise refused_packets(used, packets, error) from None
            if used.table:
                used.offer()
                self._native.loans.add(used.borrowed)
            if pending_frees:
                used.ready()
            taken = send(used.address, document, 0)
            if taken < 0:
                length = -1 - taken
                if length > 0:
                    answer = used.unpack_plain(length)
                elif used.native.status < 0:
                    self._refuse(used, packets, used.native.status)
                else:
                    answer = used.unpack(self._native.loans.resolve)
                taken = answer[0]
                if len(answer) > 2:
                    ownership.release(answer[2])
        except BaseException:
            used.abandon(2)
            raise
        if used.has_left:
            used.let_go()
        used.release_table()
        return taken > 0

    def _refuse(self, used: CallBuffers, packets: list[list[Any]], status: int) -> None:
        refusal = failure(status, used.error)
        used.forget()
        if status == RM_GONE:
            self._native.require_life()
            raise GoneError("the session has ended; if it failed, leaving its block raises why") from None
        raise explained_packets(used, packets, refusal) if isinstance(refusal, MarshalError) else refusal


def _is_seconds(value: Any) -> bool:
    try:
        return bool(0 <= value < math.inf)
    except TypeError:
        return False
