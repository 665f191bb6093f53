"""B2: one chunk of 20 ms through a stateful resampler, in an idle process and beside a thread of pure Python.

Beside soxr's ResampleStream, PyAV's AudioResampler, and one bare cffi call that fills memory for about as long: a side
that releases the interpreter lock waits to get it back, so the slowest hundredth is a matter of how often it does that.
Bars: the 99th percentile is at most 1.1 times that of the bare call, and the median at most twice that of the idle
process. A call that does nothing is shown too; it has the lock back before the other thread is awake.
That all do the same work: as many samples come out, the same to 1e-4 of full scale; PyAV's filter is shorter and less
steep, so its samples may differ by 1e-2.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy

from benchmarks.contest import (
    FOLDER,
    LIMIT_SECONDS,
    Contestant,
    Row,
    Side,
    Times,
    contestants,
    installed,
    keep,
    run,
    show,
)
from tools.machine import Problem

OURS = Side("remotemedia", "ours_frames")
FLOOR = Side("a cffi call", "ours_frames", task="working_call")
EMPTY = Side("an empty cffi call", "ours_frames", task="empty_call")
SOXR = Side("soxr ResampleStream", "soxr", "soxr")
PYAV = Side("PyAV", "pyav", "pyav")
RATE, SECONDS = 48_000, 5
DEVIATION = {SOXR.name: 1e-4, PYAV.name: 1e-2}
BAR_OF_P99, BAR_OF_MEDIAN = 1.1, 2.0
ROUNDS = 6


def make_input(folder: Path) -> None:
    """Noise below 6 kHz, which every resampler lets through, faded in and out: a step has all frequencies."""
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(1)
    spectrum = numpy.fft.rfft(random.uniform(-0.5, 0.5, SECONDS * RATE))
    spectrum[6000 * SECONDS :] = 0
    fade = numpy.minimum(1, numpy.arange(SECONDS * RATE) / (0.05 * RATE))
    noise = numpy.fft.irfft(spectrum) * fade * fade[::-1]
    numpy.save(folder / "input.npy", noise.astype(numpy.float32))


def check(results: dict[str, numpy.ndarray]) -> None:
    """Prints what shows that all did the same. Raises `Problem` if they did not."""
    ours = results[OURS.name]
    for name, theirs in results.items():
        if len(theirs) != SECONDS * 16_000:
            raise Problem(f"{name} gives {len(theirs)} samples, expected {SECONDS * 16_000}.")
        largest = float(numpy.abs(theirs - ours).max())
        if largest > DEVIATION.get(name, 0):
            raise Problem(f"{name} differs from ours by {largest:.1e}, more than {DEVIATION[name]:.0e}.")
        print(f"{name}: {len(theirs)} samples, at most {largest:.1e} from ours", flush=True)


def main() -> None:
    """Print that the work is the same, then the table."""
    folder = FOLDER / "busy"
    make_input(folder)
    present, missing = installed([OURS, SOXR, PYAV])
    with contestants([*present, FLOOR, EMPTY], "busy", folder) as ready:
        check({each.side.name: each.result() for each in ready if each.side in present})
        measured = {beside: chunk_times(ready, beside) for beside in ("idle", "busy")}
    show(rows(measured))
    for line in missing:
        print(line)
    keep("busy", measured)


def chunk_times(ready: list[Contestant], beside: str) -> dict[str, Times]:
    """The seconds of every chunk of all rounds, for each side; the first round of each is not counted.

    On a machine that is too busy to be done within `LIMIT_SECONDS` there are fewer rounds, but at least three.
    """
    taken = {each.side.name: Times() for each in ready}
    begun = time.monotonic()
    for index in range(ROUNDS + 1):
        if index > 3 and time.monotonic() - begun > LIMIT_SECONDS:
            break
        for each in ready if index % 2 == 0 else reversed(ready):
            answer = each.given(beside)
            if index > 0:
                taken[each.side.name].clock += answer["seconds"]
    return taken


def percentile(times: Times, share: float) -> float:
    """The time that this share of all chunks does not exceed, in seconds."""
    return float(numpy.quantile(times.clock, share))


def rows(measured: dict[str, dict[str, Times]]) -> list[Row]:
    """Ours against the bare call and its own idle process, then the peers."""
    idle, busy = measured["idle"], measured["busy"]
    ours = busy[OURS.name]
    median, slowest = statistics.median(ours.clock), percentile(ours, 0.99)
    quiet, floor = statistics.median(idle[OURS.name].clock), percentile(busy[FLOOR.name], 0.99)
    found = [
        Row("p50 beside a busy thread", _shown(median), f"idle {_shown(quiet)}", median / quiet, BAR_OF_MEDIAN),
        Row("p99", _shown(slowest), f"{FLOOR.name} {_shown(floor)}", slowest / floor, BAR_OF_P99),
    ]
    for name, theirs in busy.items():
        if name not in (OURS.name, FLOOR.name):
            middle, late = statistics.median(theirs.clock), percentile(theirs, 0.99)
            note = f"idle {_shown(statistics.median(idle[name].clock))}"
            found.append(Row("p50", _shown(median), f"{name} {_shown(middle)}", median / middle, None, note))
            found.append(Row("p99", _shown(slowest), f"{name} {_shown(late)}", slowest / late))
    return found


def _shown(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"


if __name__ == "__main__":
    run(main)
