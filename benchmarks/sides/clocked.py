"""Work that is only a part of what a task does: its own clock leaves out what comes before and after."""

from __future__ import annotations

import time


class Clock:
    """Runs inside a `with` block, by the wall and by the processor in all threads of this process."""

    def __enter__(self) -> Clock:
        self._clock, self._processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._clock = time.perf_counter() - self._clock
        self._processor = time.process_time() - self._processor

    def per(self, count: int) -> dict[str, float]:
        """What one of so many took, which is what `benchmarks/side.py` then answers."""
        return {"seconds": self._clock / count, "processor": self._processor / count}
