"""Instances whose run has ended, and that are still to be cleaned up: a thread is at work with them, which is a daemon.

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
"""How long the end of the program waits for functions to return, and for instances to be cleaned up."""

LOOK_SECONDS = 0.05
"""How often it looks whether any still is."""

_log = logging.getLogger("remotemedia")


class Instances(Protocol):
    """The instances of a run."""

    @property
    def is_in_thread(self) -> bool:
        """Whether a thread is at work with them, or is about to clean them up."""

    def uncleaned(self) -> list[str]:
        """What is initialized, and whose `cleanup` was not called."""


class _Late:
    def __init__(self) -> None:
        # The garbage collector may end a run on a thread that holds it.
        self.changed = threading.Condition(threading.RLock())
        self.all: WeakSet[Instances] = WeakSet()


_late = _Late()


def add(instances: Instances) -> None:
    """Notes that their run has ended."""
    with _late.changed:
        _late.all.add(instances)


def discard(instances: Instances) -> None:
    """Notes that they are cleaned up."""
    with _late.changed:
        _late.all.discard(instances)
        _late.changed.notify_all()


def _wait() -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    try:
        with _late.changed:
            while any(each.is_in_thread for each in list(_late.all)) and (left := deadline - monotonic()) > 0:
                _late.changed.wait(min(left, LOOK_SECONDS))
            names = sorted(name for each in list(_late.all) for name in each.uncleaned())
    except KeyboardInterrupt:
        # Pressed again: the program is to end now.
        return
    for name in names:
        _log.warning("cleanup of %s is not called: the program ends while it is still at work", name)


def _child() -> None:
    # What threads of the parent work with is theirs to clean up.
    global _late
    _late = _Late()


before_exit(_wait)
after_fork(_child)
