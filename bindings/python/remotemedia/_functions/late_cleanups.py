"""Instances and generators whose run has ended, and that are still to be cleaned up or closed: a thread is at work with
them, which is a daemon.

At the end of the program they have a little time for it, and are named if that was not enough.
"""

from __future__ import annotations

import logging
import threading
from time import monotonic
from typing import Protocol
from weakref import WeakSet

from .._process import after_fork, before_exit

PATIENCE_SECONDS = 2.0
"""How long the end of the program waits for functions to return, and for what they have opened to be cleaned up."""

LOOK_SECONDS = 0.05
"""How often it looks whether any still is."""

_log = logging.getLogger("remotemedia")


class LateWork(Protocol):
    """The instances of a run, or generators."""

    @property
    def is_in_thread(self) -> bool:
        """Whether a thread is at work with them, or is about to clean them up."""

    def uncleaned(self) -> list[str]:
        """What was not cleaned up, as in "cleanup of X is not called"."""


class _Late:
    def __init__(self) -> None:
        # The garbage collector may end a run on a thread that holds it.
        self.lock = threading.RLock()
        # Never entered itself: its `__enter__` is Python code, where a signal handler may raise once the lock is taken.
        self.changed = threading.Condition(self.lock)
        self.all: WeakSet[LateWork] = WeakSet()


_late = _Late()


def add(work: LateWork) -> None:
    """Notes that its run has ended."""
    with _late.lock:
        _late.all.add(work)


def discard(work: LateWork) -> None:
    """Notes that it is cleaned up."""
    with _late.lock:
        _late.all.discard(work)
        _late.changed.notify_all()


def _wait() -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    try:
        with _late.lock:
            while any(each.is_in_thread for each in list(_late.all)) and (left := deadline - monotonic()) > 0:
                _late.changed.wait(min(left, LOOK_SECONDS))
            left_over = sorted(what for each in list(_late.all) for what in each.uncleaned())
    except KeyboardInterrupt:
        # Pressed again: the program is to end now.
        return
    for what in left_over:
        _log.warning("%s: the program ends while it is still at work", what)


def _child() -> None:
    # What threads of the parent work with is theirs to clean up.
    global _late
    _late = _Late()


before_exit(_wait)
after_fork(_child)
