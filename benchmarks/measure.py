"""How benchmarks measure: rounds of the compared sides take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The times of one side, in seconds for one call: the median of the rounds, and their quartiles."""

    median: float
    lower: float
    upper: float


async def interleaved(
    sides: Mapping[str, Callable[[int], Awaitable[None]]],
    *,
    calls: int,
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time the sides in turns. A side is called with the number of calls to make in one round.

    One round of each side comes first and is not counted. With `clock=time.process_time` it is the time of all threads
    of this process that counts: what else the machine does stays out of rounds longer than the scheduler's slice.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, side in sides.items():
            begun = clock()
            await side(calls)
            if number > 0:
                samples[name].append((clock() - begun) / calls)
    return {name: _timing(times) for name, times in samples.items()}


def stolen_seconds() -> float:
    """The time of processors that the host of a virtual machine gave to others; 0 where none is told."""
    try:
        with open("/proc/stat", encoding="ascii") as stat:
            return int(stat.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


def machine() -> str:
    """What the figures hold for."""
    return f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}"


def row(name: str, timing: Timing) -> str:
    """One line of a table, in microseconds."""
    quartiles = f"quartiles {timing.lower * 1e6:.2f} and {timing.upper * 1e6:.2f}"
    return f"{name:44} {timing.median * 1e6:8.2f} us   {quartiles}"


def _timing(times: list[float]) -> Timing:
    lower, median, upper = statistics.quantiles(times, n=4)
    return Timing(median=median, lower=lower, upper=upper)
