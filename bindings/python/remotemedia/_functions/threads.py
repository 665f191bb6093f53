"""Serving threads, which run the sync functions of graphs: none of them runs on an event loop.

They are daemons: a function that is still busy when the interpreter exits does not keep it from exiting.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from .._process import after_fork, stay_at_exit

MOST = 32
"""The most functions that run at the same time. More than there are cores: a function that waits for a server or hangs
keeps its thread, and must not keep others from theirs."""

IDLE_SECONDS = 10.0
"""How long a thread without work stays."""


class Workers:
    """A pool that grows with its work, up to `MOST` threads, and shrinks when there is none."""

    def __init__(self, name: str = "remotemedia-node") -> None:
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
            grow = self._open > self._threads and self._threads < MOST
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
            _own.is_serving = True
            while following is not None:
                following()
                following, _own.following = _own.following, None
            with self._lock:
                self._open -= 1

    @property
    def are_short(self) -> bool:
        """Whether work waits for a thread."""
        return self._open > MOST


class _Own(threading.local):
    """The state of a thread: whether it belongs to the pool, and its next work."""

    is_serving = False
    """Whether it belongs to the pool."""
    following: Callable[[], None] | None = None


_own = _Own()
_workers = Workers()


def start(name: str, run: Callable[..., None], *arguments: Any) -> threading.Thread:
    """Starts a daemon thread. Raises `RuntimeError` if the process may have no more threads.

    While the interpreter exits, Python starts none from 3.12 on: a daemon thread that asks then stays here.
    """
    thread = threading.Thread(target=run, args=arguments, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        stay_at_exit()
        raise
    return thread


def submit(work: Callable[[], None]) -> None:
    """Runs `work` on a serving thread. It must not raise. Raises `RuntimeError` if there is none, and can't be one."""
    _workers.submit(work)


def run_next(work: Callable[[], None]) -> None:
    """Runs `work` on this serving thread once its present work is done, or on another one. It must not raise.

    On another one if this is none, or has something to do then already.
    """
    if _own.is_serving and _own.following is None:
        _own.following = work
    else:
        _workers.submit(work)


def are_short() -> bool:
    """Whether work waits for a serving thread."""
    return _workers.are_short


def _child() -> None:
    # A child has no threads of its parent.
    global _workers
    _workers = Workers()


after_fork(_child)
