"""What a process and all below it take: the most memory at one time, and the time of processors. Linux alone.

Memory is the proportional set size: a page that several processes share counts once for all of them (proc(5),
`smaps_rollup`).
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

INTERVAL_SECONDS = 0.2
MEMORY_SHARE = 0.01
TICKS = os.sysconf("SC_CLK_TCK")


class TreeWatch:
    """Looks at the tree of a process until the block ends: at its processors five times a second, and at its memory.

    `processor_seconds` is what it has used meanwhile; of a process that ends in between the last fifth of a second is
    missing. `peak_bytes` is the most memory that a look has found. The system has to go through all pages for that, 44
    ms for the processes of Ray, on the cores that do the work: it is asked less often than five times a second where
    that would take more than a hundredth of a core.
    """

    def __init__(self, root: int) -> None:
        self.root = root
        self.peak_bytes = 0
        self._used: dict[tuple[int, int], float] = {}
        self._before: dict[tuple[int, int], float] = {}
        self._course: list[tuple[float, float]] = []
        self._memory_due = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def processor_seconds(self) -> float:
        """The time of processors, in seconds."""
        return sum(used - self._before.get(key, 0.0) for key, used in self._used.items())

    def processor_seconds_until(self, moment: float) -> float:
        """The same of the part before a moment of `time.monotonic`, to a fifth of a second."""
        return next((used for at, used in self._course if at >= moment), self.processor_seconds)

    def __enter__(self) -> TreeWatch:
        self._look()
        self._before, self.peak_bytes, self._memory_due, self._course = dict(self._used), 0, 0.0, []
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        parents: dict[int, int] = {}
        used: dict[int, tuple[int, float]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                # One that has ended meanwhile is none.
                with suppress(OSError):
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    pid = int(folder.name)
                    parents[pid] = int(fields[1])
                    used[pid] = int(fields[19]), (int(fields[11]) + int(fields[12])) / TICKS
        tree = [pid for pid in parents if self._is_below(pid, parents)]
        for pid in tree:
            born, seconds = used[pid]
            self._used[pid, born] = seconds
        begun = time.monotonic()
        self._course.append((begun, self.processor_seconds))
        if begun >= self._memory_due:
            self.peak_bytes = max(self.peak_bytes, sum(map(_proportional, tree)))
            self._memory_due = begun + (time.monotonic() - begun) / MEMORY_SHARE

    def _is_below(self, pid: int, parents: dict[int, int]) -> bool:
        while pid not in (0, 1, self.root):
            pid = parents.get(pid, 0)
        return pid == self.root


def _proportional(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
