"""The threads that run Python functions: what is submitted runs at once, up to the most that there may be."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import Any

from remotemedia._functions import threads
from remotemedia._functions.threads import Workers

SECONDS = 20


def test_work_does_not_wait_behind_a_thread_that_has_just_taken_other_work() -> None:
    taken, go_on = threading.Event(), threading.Event()

    class Slow(SimpleQueue):  # type: ignore[type-arg]
        def get(self, *arguments: Any, **options: Any) -> Any:
            work = super().get(*arguments, **options)
            taken.set()
            go_on.wait(SECONDS)
            return work

    pool = Workers()
    pool._work = Slow()
    # Two functions that wait for each other, and for this test.
    meet = threading.Barrier(3, timeout=SECONDS)
    pool.submit(meet.wait)  # type: ignore[arg-type]
    assert taken.wait(SECONDS)
    pool.submit(meet.wait)  # type: ignore[arg-type]
    go_on.set()
    meet.wait()


def test_threads_are_used_again() -> None:
    pool = Workers()
    threads = set()
    for _ in range(20):
        done = threading.Event()
        pool.submit(lambda done=done: (threads.add(threading.current_thread()), done.set()))  # type: ignore[misc]
        assert done.wait(SECONDS)
    assert len(threads) < 20


def test_nothing_that_a_thread_is_to_go_on_with_is_lost() -> None:
    done: SimpleQueue[str] = SimpleQueue()

    def first() -> None:
        for name in ("second", "third"):
            threads.run_next(lambda name=name: done.put(name))

    threads.submit(first)
    assert {done.get(timeout=20) for _ in range(2)} == {"second", "third"}
    # This thread is none of them.
    threads.run_next(lambda: done.put("elsewhere"))
    assert done.get(timeout=20) == "elsewhere"
