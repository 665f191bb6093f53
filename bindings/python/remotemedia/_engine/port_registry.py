"""Which port belongs to what: one port for each event loop, found by the identity of the loop, and ports that threads
without a loop acquire and release. A thread that ends leaves its port to others: many live for one call.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable

from .._process import after_fork
from .loop_port import LoopPort, new_loop_port
from .port import EventPort
from .sync_port import SyncDriver, SyncPort, ThreadsDriver

MOST_FREE = 64
"""How many ports wait for their next call. Where more threads called at the same time, theirs are closed."""


class _Ports(threading.local):
    """What a thread uses: the port of the loop that ran last, and ports whose functions other threads run, which are
    those that this one may wait for."""

    def __init__(self) -> None:
        self.last: Callable[[], LoopPort | None] = _none
        self.free_on_threads: list[SyncPort] = []


def _none() -> None:
    """The last port where there is none."""


_lock = threading.Lock()
_loops: dict[int, weakref.ref[LoopPort]] = {}
"""By the identity of the loop. Read and changed under the lock alone.

A loop has its port, which it watches; this has neither. The port has runs, and they have futures, which have the loop:
who drops a loop in the middle of its work drops all of that.
"""
_forgotten: deque[tuple[int, LoopPort]] = deque()
"""Ports of loops that were collected. The garbage collector may run at any time, and so must not change `_loops`."""
thread_ports = _Ports()
"""The ports of this thread."""
free_ports: list[SyncPort] = []
"""Ports that any thread may take."""


def loop_port(loop: asyncio.AbstractEventLoop) -> LoopPort:
    """The port of a running loop, made at its first use."""
    port = thread_ports.last()
    if port is not None and port.driver.loop() is loop and not port.is_closed:
        return port
    key = id(loop)
    with _lock:
        stale = _take_stale()
        found = _loops.get(key, _none)()
        # Another loop may have had this id before.
        if found is not None and (found.driver.loop() is not loop or found.is_closed):
            found = None
    for each in stale:
        each.close()
    if found is None:
        found = new_loop_port(loop, lambda port: _forget(key, port))
        with _lock:
            _loops[key] = weakref.ref(found)
    thread_ports.last = weakref.ref(found)
    return found


def forget_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Closes a loop's port, before the loop is closed."""
    with _lock:
        port = _loops.pop(id(loop), _none)()
    if port is not None:
        port.close()


def sync_port(on_threads: bool = False) -> SyncPort:
    """A free port. A call within a call gets one of its own.

    With `on_threads` serving threads run the Python functions that are called there.
    """
    free = thread_ports.free_on_threads if on_threads else free_ports
    try:
        return free.pop()
    except IndexError:
        return EventPort(ThreadsDriver() if on_threads else SyncDriver())


def give_back_port(port: SyncPort) -> None:
    """Makes a port free for the next call."""
    for run in list(port.runs.values()):
        # Interrupted before anybody waited for it.
        port.abandon(run)
    if port.has_loans_left:
        # Nobody may ever look at it again. What a port that is freed was lent comes back at any other one.
        port.close()
    elif isinstance(port.driver, ThreadsDriver):
        thread_ports.free_on_threads.append(port)
    elif len(free_ports) < MOST_FREE:
        free_ports.append(port)
    else:
        port.close()


def _forget(key: int, port: LoopPort) -> None:
    # Called by the garbage collector, perhaps inside `loop_port`: no lock, and no change of what that looks through.
    _forgotten.append((key, port))
    port.close()


def _take_stale() -> list[LoopPort]:
    """Takes out the ports of loops that are closed or were collected. Under the lock."""
    while _forgotten:
        key, port = _forgotten.popleft()
        if _loops.get(key, _none)() is port:
            del _loops[key]
    stale = []
    for key, reference in list(_loops.items()):
        each = reference()
        if each is None or each.driver.is_gone:
            del _loops[key]
        if each is not None and each.driver.is_gone:
            stale.append(each)
    return stale


def _child() -> None:
    # Loops and ports of the parent are not touched, and their descriptors least of all.
    global _lock
    _lock = threading.Lock()
    _loops.clear()
    _forgotten.clear()
    thread_ports.last = _none
    thread_ports.free_on_threads.clear()
    free_ports.clear()


after_fork(_child)
