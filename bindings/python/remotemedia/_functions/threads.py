"""Serving threads, which run the sync functions of graphs: none of them runs on an event loop.

They are daemons: a function that is still busy when the interpreter exits does not keep it from exiting.

A function may run a pipeline itself, and wait for it. So the functions of that pipeline run on threads of their own,
one level below: at each level up to so many are at work, and none of them waits for a thread that waits for it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from .._process import after_fork, stay_at_exit
from ..errors import OutOfResourcesError

MOST = 32
"""The most functions that run at the same time, unless the program chooses. More than there are cores: a function that
waits for a server or hangs keeps its thread, and must not keep others from theirs."""

IDLE_SECONDS = 10.0
"""How long a thread without work stays."""


class Workers:
    """A pool that grows with its work, up to `most` threads, and shrinks when there is none."""

    def __init__(self, name: str = "remotemedia-node", most: int = MOST, level: int = 0) -> None:
        self.most = most
        self.level = level
        """How many levels of pools are above it, whose functions may wait for its own."""
        self._name = name
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        # The garbage collector may close a port on a thread that holds it.
        self._lock = threading.RLock()
        self._threads = 0
        self._open = 0

    def submit(self, work: Callable[[], None]) -> None:
        """Runs `work` on one of the threads. It must not raise."""
        with self._lock:
            # Counted until it is done: a thread that has taken work may not have counted it yet.
            self._open += 1
            grow = self._open > self._threads and self._threads < self.most
            if grow:
                self._threads += 1
            # Inside the lock: a thread that gives up waiting looks once more before it leaves.
            self._work.put(work)
        if grow:
            try:
                start(self._name, self._run)
            except RuntimeError:
                with self._lock:
                    self._threads -= 1
                    if self._threads == 0:
                        # Nobody is there who would take it.
                        self._open -= 1
                        self._work.get_nowait()
                        raise

    def _run(self) -> None:
        while True:
            try:
                work = self._work.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._work.empty():
                        self._threads -= 1
                        return
                continue
            following: Callable[[], None] | None = work
            del work
            _own.pool = self
            while following is not None:
                following()
                following, _own.following = _own.following, None
            with self._lock:
                self._open -= 1

    @property
    def are_short(self) -> bool:
        """Whether work waits for a thread."""
        return self._open > self.most

    @property
    def is_full(self) -> bool:
        """Whether work that is submitted now waits for a thread."""
        return self._open >= self.most


class Levels:
    """The pools for one kind of work: one for that of threads outside of it, one for that of its threads, and so on."""

    def __init__(self, name: str) -> None:
        self.most = MOST
        self._name = name
        self._lock = threading.RLock()
        self._pools: list[Workers] = []

    def here(self) -> Workers:
        """The pool for work that this thread may wait for."""
        level = 0 if _own.pool is None else _own.pool.level + 1
        if level >= len(self._pools):
            with self._lock:
                while level >= len(self._pools):
                    self._pools.append(Workers(self._name, self.most, len(self._pools)))
        return self._pools[level]

    def limit(self, most: int) -> None:
        """Has each pool grow to so many threads."""
        with self._lock:
            self.most = most
            for each in self._pools:
                each.most = most


class _Own(threading.local):
    """The state of a thread: the pool that it belongs to, and its next work."""

    pool: Workers | None = None
    following: Callable[[], None] | None = None


_own = _Own()
_levels = Levels("remotemedia-node")


def start(name: str, run: Callable[..., None], *arguments: Any) -> threading.Thread:
    """Starts a daemon thread. Raises `OutOfResourcesError` if the process may have no more threads.

    While the interpreter exits, Python starts none from 3.12 on: a daemon thread that asks then stays here.
    """
    thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        stay_at_exit()
        if sys.is_finalizing():
            raise
        # In the words of the library.
        raise OutOfResourcesError(
            f"the system gave no thread: {error}; raise its limit on processes (`ulimit -u`, or the `pids` of a "
            "container), or end some, and try again"
        ) from error
    return thread


def here() -> Workers:
    """The pool for functions of pipelines that this thread may wait for."""
    return _levels.here()


def limit(most: int) -> None:
    """Lets so many functions run at the same time, at each level."""
    _levels.limit(most)


def all_at_work() -> str:
    """That no thread is free, for messages."""
    if _levels.most == 1:
        return "1 sync function is at work, on the only thread"
    return f"{_levels.most} sync functions are at work, each on a thread of its own"


def submit(work: Callable[[], None]) -> None:
    """Runs `work` on a serving thread that this thread may wait for.

    It must not raise. Raises `RuntimeError` if there is none, and can't be one.
    """
    here().submit(work)


def run_next(work: Callable[[], None]) -> None:
    """Runs `work` on this serving thread once its present work is done, or on another one. It must not raise.

    On another one if this is none, or has something to do then already.
    """
    pool = _own.pool
    if pool is not None and _own.following is None:
        _own.following = work
    else:
        (pool or here()).submit(work)


def are_short() -> bool:
    """Whether work waits for a thread of the pool that this one belongs to."""
    return (_own.pool or here()).are_short


def _child() -> None:
    # A child has no threads of its parent.
    global _levels
    _levels = Levels("remotemedia-node")
    _own.pool = _own.following = None


after_fork(_child)
