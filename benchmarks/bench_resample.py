"""B1: an hour of mono float32 from 48 to 16 kHz beside soxr HQ, in one call and in chunks of 20 ms through one session.

That both do the same work: as many samples come out, and below 7 kHz they are the same to 1e-4 of full scale. What is
above is a matter of the filter, so the quality of both is told: the level of 7 kHz, and what is left of 10 kHz.
"""

from __future__ import annotations

from pathlib import Path

import numpy

from benchmarks.contest import FOLDER, OURS, Row, Side, compared, contestants, installed, keep, rounds, run, show
from tools.machine import Problem

SIDES = [OURS, Side("soxr HQ", "soxr", "soxr")]
RATE, SECONDS = 48_000, 3600
DEVIATION = 1e-4
PASS_DB, ALIAS_DB = 0.1, -120.0
BARS = {"resample": 1.0, "resample_chunks": 0.8}
TASKS = {"resample": "1 h, one call", "resample_chunks": "1 h, 20 ms chunks; ours: send_many of 50"}
ROUNDS = 5


def make_input(folder: Path) -> None:
    """Noise below 7 kHz, ten seconds that join to their beginning, over and over; and two seconds of each tone."""
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(1)
    spectrum = numpy.fft.rfft(random.uniform(-0.5, 0.5, 10 * RATE))
    spectrum[7000 * 10 :] = 0
    ten_seconds = numpy.fft.irfft(spectrum).astype(numpy.float32)
    numpy.save(folder / "input.npy", numpy.tile(ten_seconds, SECONDS // 10))
    time = numpy.arange(2 * RATE) / RATE
    tones = [0.5 * numpy.sin(2 * numpy.pi * frequency * time) for frequency in (7000, 10_000)]
    numpy.save(folder / "tones.npy", numpy.stack(tones).astype(numpy.float32))


def same_work(results: dict[str, numpy.ndarray], task: str) -> str:
    """What shows that all did the same. Raises `Problem` if they did not."""
    expected = SECONDS * 16_000
    ours = results[OURS.name]
    said = []
    for name, theirs in results.items():
        if len(theirs) != expected:
            raise Problem(f"{task}: {name} gives {len(theirs)} samples, expected {expected}.")
        largest = float(numpy.abs(theirs - ours).max())
        if largest > DEVIATION:
            raise Problem(f"{task}: {name} differs from ours by {largest:.1e}, more than {DEVIATION:.0e}.")
        said.append(f"{name} {len(theirs)} samples" + ("" if theirs is ours else f", at most {largest:.1e} from ours"))
    return f"{task}: {'; '.join(said)}"


def quality(results: dict[str, numpy.ndarray]) -> list[Row]:
    """A row for each bar of quality; tones of amplitude 0.5, measured away from both ends."""
    levels = {}
    for name, tones in results.items():
        inner = tones[:, 4000:-4000].astype(float)
        levels[name] = 20 * numpy.log10(numpy.sqrt((inner**2).mean(axis=1)) / (0.5 / numpy.sqrt(2)) + 1e-12)
    ours = levels.pop(OURS.name)
    ((peer, theirs),) = levels.items() if levels else ((("no peer"), (float("nan"),) * 2),)
    verdicts = ["met" if abs(ours[0]) <= PASS_DB else "NOT MET", "met" if ours[1] <= ALIAS_DB else "NOT MET"]
    return [
        Row(
            "level of 7 kHz",
            f"{ours[0]:.3f} dB",
            f"{peer} {theirs[0]:.3f} dB",
            None,
            note=f"{verdicts[0]}: +-{PASS_DB} dB",
        ),
        Row(
            "alias of 10 kHz",
            f"{ours[1]:.0f} dB",
            f"{peer} {theirs[1]:.0f} dB",
            None,
            note=f"{verdicts[1]}: at most {ALIAS_DB:.0f} dB",
        ),
    ]


def main() -> None:
    """Print that the work is the same, then the table."""
    folder = FOLDER / "resample"
    make_input(folder)
    present, missing = installed(SIDES)
    rows, measured = [], {}
    for task, shown in TASKS.items():
        with contestants(present, task, folder) as ready:
            print(same_work({each.side.name: each.result() for each in ready}, shown), flush=True)
            times = measured[task] = rounds(ready, number=ROUNDS)
        rows += compared(shown, times, {"soxr HQ": BARS[task]})
    with contestants(present, "resample_tones", folder) as ready:
        rows += quality({each.side.name: each.result() for each in ready})
    show(rows)
    for line in missing:
        print(line)
    keep("resample", measured)


if __name__ == "__main__":
    run(main)
