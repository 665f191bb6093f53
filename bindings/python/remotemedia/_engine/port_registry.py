"""Which port is whose: a `LoopPort` for each event loop, found again by the identity of the loop, and `SyncPort`s that
threads without a loop take and give back.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from .._process import after_fork
from .loop_port import LoopPort
from .sync_port import SyncPort


class _Ports(threading.local):
    """What a thread uses: the port of the loop that ran last, and ports to serve without a loop."""

    def __init__(self) -> None:
        self.last: LoopPort | None = None
        self.free: list[SyncPort] = []


_lock = threading.Lock()
_loops: dict[int, LoopPort] = {}
"""Looked through and changed under the lock alone."""
_forgotten: deque[tuple[int, LoopPort]] = deque()
"""Ports of loops that the garbage collector has taken, which comes at any moment, and so must not touch `_loops`."""
thread_ports = _Ports()
"""The ports of this thread."""


def loop_port(loop: asyncio.AbstractEventLoop) -> LoopPort:
    """The port of a running loop, made at its first use."""
    port = thread_ports.last
    if port is not None and port.loop() is loop and not port.closed:
        return port
    key = id(loop)
    with _lock:
        stale = _take_stale()
        found = _loops.get(key)
        # Another loop may have had this id before.
        if found is not None and (found.loop() is not loop or found.closed):
            found = None
    for each in stale:
        each.close()
    if found is None:
        found = LoopPort(loop, lambda port: _forget(key, port))
        with _lock:
            _loops[key] = found
    thread_ports.last = found
    return found


def forget_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Lets go of a loop's port, before the loop is closed."""
    with _lock:
        port = _loops.pop(id(loop), None)
    if port is not None:
        port.close()


def sync_port() -> SyncPort:
    """A port that nobody serves, for this thread. A call within a call gets one of its own."""
    free = thread_ports.free
    return free.pop() if free else SyncPort()


def give_back_port(port: SyncPort) -> None:
    """The port is free again."""
    thread_ports.free.append(port)


def _forget(key: int, port: LoopPort) -> None:
    # Called by the garbage collector, perhaps inside `loop_port`: no lock, and no change of what that looks through.
    _forgotten.append((key, port))
    port.close()


def _take_stale() -> list[LoopPort]:
    """Takes out the ports of loops that are closed or forgotten. Under the lock."""
    while _forgotten:
        key, port = _forgotten.popleft()
        if _loops.get(key) is port:
            del _loops[key]
    stale = [key for key, each in _loops.items() if each.is_gone]
    return [_loops.pop(key) for key in stale]


def _child() -> None:
    # Loops and ports of the parent are not touched, and their descriptors least of all.
    global _lock
    _lock = threading.Lock()
    _loops.clear()
    _forgotten.clear()
    thread_ports.last = None
    thread_ports.free.clear()


after_fork(_child)
