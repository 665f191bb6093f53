"""This project beside its peers: each side in a process of its own, in turns, and a table that says which bars are met.

A comparison first asks every side for its result, and shows that all did the same work; then it times them. A round
runs each side once, and the next round turns their order round. A ratio is the median of the ratios of the rounds, so
that what slows a part of the run slows both sides. All times are kept as a pyperf suite in `.build/benchmarks`, for
`python -m pyperf stats` and `compare_to`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from benchmarks import peers
from tools import environment
from tools.machine import BUILD, ROOT, Problem

FOLDER = BUILD / "benchmarks"
LIMIT_SECONDS = 40


@dataclass(frozen=True)
class Side:
    """Who does it: the name in tables, the file in `benchmarks/sides`, and the peer's environment, None for our own.

    `task` is the function that it has for every task, where that is another one. A side that `has_package` imports this
    package in the peer's environment, from its sources, where `build.py build` has put the library.
    """

    name: str
    module: str
    peer: str | None = None
    task: str | None = None
    has_package: bool = False


OURS = Side("remotemedia", "ours")


@dataclass
class Row:
    """A line of the table. `bar` is the most that the ratio may be; without one the row only informs."""

    task: str
    ours: str
    peer: str
    ratio: float | None
    bar: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """What became of the bar."""
        if self.ratio is None or self.bar is None:
            return self.note
        said = "met" if self.ratio <= self.bar else "NOT MET"
        return f"{said}; {self.note}" if self.note else said


@dataclass
class Times:
    """What a side took in each round, in seconds: by the clock, and by the processor in all its threads."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        processor = statistics.median(self.processor)
        return _seconds(statistics.median(self.clock)) + (f" (cpu {_seconds(processor)})" if processor else "")

    def over(self, other: Times) -> float:
        """The median of the ratios of the rounds, by the clock."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.clock, other.clock, strict=True))

    def over_by_processor(self, other: Times) -> float:
        """The same by the processor."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.processor, other.processor, strict=True))


class Contestant:
    """A side at work on one task. Raises `Problem` where the side fails."""

    def __init__(self, side: Side, task: str, folder: Path, *detail: str) -> None:
        task = side.task or task
        self.side, self.task, self._folder = side, " ".join([task, *detail]), folder
        python = environment.PYTHON if side.peer is None else peers.python_of(side.peer)
        # One thread for whoever would use more; peers that are told otherwise by their own options stay as they are.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        package = {"PYTHONPATH": str(ROOT / "bindings" / "python")} if side.has_package else {}
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.side", side.module, task, folder, *detail],
            cwd=ROOT,
            env={**os.environ, **threads, **package},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answer()

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def result(self) -> Any:
        """Does the work once; returns what came of it."""
        path = self._folder / f"{self.task}-{self.side.name}.npy"
        answer = self._ask({"save": str(path)})
        if "value" in answer:
            return answer["value"]
        result = numpy.load(path)
        path.unlink()
        return result

    def time(self, times: int = 1) -> dict[str, float]:
        """Does the work so many times; returns what one took."""
        answer: dict[str, float] = self._ask({"times": times})
        return answer

    def given(self, value: Any) -> Any:
        """Calls the work with a value; returns what it returns."""
        return self._ask({"given": value})["value"]

    def end(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Problem(f"{self.side.name} failed at '{self.task}', see above.")
        return json.loads(line)


@contextmanager
def contestants(sides: Sequence[Side], task: str, folder: Path, *detail: str) -> Iterator[list[Contestant]]:
    """All sides, ready for a task; ended at the end of the block."""
    with ExitStack() as stack:
        ready = []
        for side in sides:
            contestant = Contestant(side, task, folder, *detail)
            stack.callback(contestant.end)
            ready.append(contestant)
        yield ready


def rounds(ready: Sequence[Contestant], *, number: int, times: int = 1) -> dict[str, Times]:
    """Times the sides in turns. What they did for `result` has warmed them up.

    On a machine that is too busy to be done within `LIMIT_SECONDS` there are fewer rounds, but at least three.
    """
    taken = {contestant.side.name: Times() for contestant in ready}
    begun = time.monotonic()
    for index in range(number):
        if index >= 3 and time.monotonic() - begun > LIMIT_SECONDS:
            break
        for contestant in ready if index % 2 == 0 else reversed(ready):
            answer = contestant.time(times)
            taken[contestant.side.name].clock.append(answer["seconds"])
            taken[contestant.side.name].processor.append(answer["processor"])
    return taken


def installed(sides: Sequence[Side]) -> tuple[list[Side], list[str]]:
    """The sides that are there, and a line for each that can not be installed or loaded, with the reason."""
    present, missing = [], []
    for side in sides:
        reason = None if side.peer is None else peers.why_not(side.peer)
        if reason is None:
            present.append(side)
        else:
            missing.append(f"{side.name} does not run here, so it is left out: {reason}")
    return present, missing


def compared(task: str, times: dict[str, Times], bars: dict[str, float], ours: Side = OURS) -> list[Row]:
    """A row for each side that is not ours."""
    mine = times[ours.name]
    return [
        Row(
            task,
            str(mine),
            f"{name} {theirs}",
            mine.over(theirs),
            bars.get(name),
            f"by cpu {mine.over_by_processor(theirs):.2f}" if any(theirs.processor) else "",
        )
        for name, theirs in times.items()
        if name != ours.name
    ]


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    lines = [("task", "ours", "peer", "ratio", "bar", "met?")]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        bar = "" if row.bar is None else f"{row.bar:.2f}"
        lines.append((row.task, row.ours, row.peer, ratio, bar, row.verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        print(" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), flush=True)


def run(main: Callable[[], None]) -> None:
    """Runs a benchmark; a `Problem` is one sentence and exit code 1."""
    try:
        main()
    except Problem as problem:
        sys.exit(f"build.py: {problem}")


def keep(name: str, measured: dict[str, dict[str, Times]]) -> None:
    """Write all times, by task and side, as `.build/benchmarks/<name>.json`."""
    # Only what runs benchmarks has it installed.
    import pyperf

    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    suite = pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark([pyperf.Run(times.clock, metadata={"name": f"{task}: {side}"}, collect_metadata=False)])
            for task, sides in measured.items()
            for side, times in sides.items()
        ]
    )
    suite.dump(str(path), replace=True)
    print(f"times: {path.relative_to(ROOT)}, to read with `.build/venv/bin/python -m pyperf stats`")


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1e3:.2f} ms" if value >= 1e-4 else f"{value * 1e6:.2f} us"
