"""A thread that computes beside what is measured, so that the interpreter lock has to be waited for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_thread() -> Iterator[None]:
    """A thread of pure Python that never waits."""
    is_over = False

    def compute() -> None:
        numbers = itertools.cycle(range(100))
        while not is_over:
            sum(next(numbers) for _ in range(100))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over = True
        thread.join()
