"""B16: clips of 30 s of 48 kHz stereo MP3, loaded as 16 kHz mono, with 1 and with 8 threads that call in one process.

How many a second each side loads, and how late an asyncio loop in the same process is meanwhile, beside one that is
idle in the process of ours, in the same rounds. Ours loads twice, as it is and with `configure(nice=10)`, and the bar
for the loop is looked at for both. That all load the same: lengths, and a correlation of the clips with ours above
0.999. PyAV, soundfile with soxr and torchcodec are what model servers and training loaders have
today.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy

from benchmarks.bench_decode import PYAV, TORCHCODEC, sound
from benchmarks.contest import FOLDER, Contestant, Row, Side, contestants, installed, run, show
from tools.machine import Problem
from tools.stamp import Stamp, digest

OURS = Side("remotemedia", "ours_loader")
NICE = Side("remotemedia, nice 10", "ours_loader", task="load_nice")
SIDES = [
    OURS,
    NICE,
    Side("PyAV", "pyav_loader", "pyav"),
    Side("soundfile, soxr", "soundfile_loader", "soundfile-soxr"),
    TORCHCODEC,
]
CLIPS, SECONDS, RATE = 8, 30, 48_000
LOADED = {1: 24, 8: 48}
"""How many clips a round loads, by the number of threads."""
ROUNDS = 5
MOST_FRAMES_APART = 1600
# A resampler's pass band ends where its author wants it to.
CORRELATION = 0.999
SCALING_BAR, LATE_BAR_MS = 1.8, 0.3


def make_input(folder: Path) -> None:
    """The clips, unless they are there."""
    stamp = Stamp("benchmark-loader")
    key = digest([], CLIPS, SECONDS)
    if stamp.outputs(key) is not None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    whole = sound()[:, : (CLIPS + 2) * RATE * 10]
    for number in range(CLIPS):
        begin = number * 5 * RATE
        numpy.save(folder / "input.npy", whole[:, begin : begin + SECONDS * RATE])
        with contestants([PYAV], "encode", folder, "mp3") as (encoder,):
            encoder.result()
        (folder / "input.mp3").rename(folder / f"clip-{number}.mp3")
    stamp.write(key, [folder / f"clip-{number}.mp3" for number in range(CLIPS)])


def same_work(ready: list[Contestant]) -> str:
    """What shows that all load the same. Raises `Problem` if they do not."""
    results = {each.side.name: numpy.asarray(each.result()) for each in ready}
    ours, said = results[OURS.name], []
    for name, theirs in results.items():
        frames = min(len(ours), len(theirs))
        same = float(numpy.corrcoef(ours[:frames], theirs[:frames])[0, 1])
        if abs(len(ours) - len(theirs)) > MOST_FRAMES_APART or same < CORRELATION:
            raise Problem(f"{name} loads {len(theirs)} frames, we {len(ours)}, with a correlation of {same:.5f}.")
        said.append(f"{name} {len(theirs)} ({same:.5f})")
    return f"frames (correlation with ours): {', '.join(said)}"


def quantile(values: list[float], share: float) -> float:
    """The value below which this share of all lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main() -> None:
    """Print that the clips are the same, then the table."""
    folder = FOLDER / "loader"
    present, missing = installed(SIDES)
    make_input(folder)
    rates: dict[tuple[str, int], list[float]] = {}
    late: dict[tuple[str, int], list[float]] = {}
    idle: list[float] = []
    with contestants(present, "load", folder) as ready:
        print(same_work(ready), flush=True)
        for number in range(ROUNDS):
            for each in ready if number % 2 == 0 else reversed(ready):
                for threads, clips in LOADED.items():
                    taken: dict[str, Any] = each.given({"threads": threads, "clips": clips})
                    key = (each.side.name, threads)
                    rates.setdefault(key, []).append(clips / taken["seconds"])
                    late.setdefault(key, []).extend(taken["late"])
                if each.side is OURS:
                    idle.extend(each.given({"threads": 1, "clips": 0})["late"])
    rows = []
    for (name, threads), measured in rates.items():
        ours = rates[OURS.name, threads]
        ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, measured, strict=True))
        note = f"loop late p99 {quantile(late[name, threads], 0.99) * 1e3:.2f} ms"
        shown = [f"{statistics.median(each):.0f} clips/s" for each in (ours, measured)]
        rows.append(Row(f"load 30 s of MP3, {threads} threads", shown[0], f"{name} {shown[1]}", ratio, None, note))
    show(rows)
    scaling = statistics.median(many / one for one, many in zip(rates[OURS.name, 1], rates[OURS.name, 8], strict=True))
    print(f"ours with 8 threads is {scaling:.2f} times ours with one (bar {SCALING_BAR} with two cores)")
    quiet = quantile(idle, 0.99) * 1e3
    for side in (OURS, NICE):
        for threads in LOADED:
            more = quantile(late[side.name, threads], 0.99) * 1e3 - quiet
            verdict = "met" if more <= LATE_BAR_MS else "NOT MET"
            print(
                f"beside {threads} threads of {side.name} the loop is late by {more:+.2f} ms over idle, {quiet:.2f} "
                f"ms, at p99 (bar {LATE_BAR_MS:+.2f} ms): {verdict}"
            )
    for line in missing:
        print(line)


if __name__ == "__main__":
    run(main)
