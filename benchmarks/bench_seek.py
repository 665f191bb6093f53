"""B19: 5 s from anywhere in an hour of 48 kHz stereo, as a loader takes random crops, beside soundfile, PyAV and
torchcodec.

The cost must be that of the part: each side opens the file, goes to the same seeded places and decodes 5 s, in turns.
The table says by how much the peers' samples are other than ours: PyAV's places in MP3 are estimates of FFmpeg.
With names of formats after the module, only these are measured.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy

from benchmarks.bench_decode import TORCHCODEC, sound
from benchmarks.contest import FOLDER, Row, Side, contestants, installed, run, show
from tools.machine import Problem
from tools.stamp import Stamp, digest

OURS, PYAV = Side("remotemedia", "ours_seek"), Side("PyAV", "pyav_seek", "pyav")
SOUNDFILE = Side("soundfile", "soundfile_seek", "soundfile")
SIDES = [OURS, SOUNDFILE, PYAV, TORCHCODEC]
FORMATS = ["wav", "flac", "mp3", "m4a", "opus"]
# libsndfile has no decoder for it, or can't seek in it.
NOT_BY_SOUNDFILE = {"m4a"}
RATE, HOUR, SECONDS = 48_000, 3600, 5.0
CUTS, ROUNDS = 8, 5
# Count it up when the sound or the encoders change.
RECIPE = 1
BAR = 1.0


def make_input(folder: Path, suffix: str) -> None:
    """An hour in this format, unless it is there."""
    stamp = Stamp(f"benchmark-seek-{suffix}")
    key = digest([], RECIPE, suffix)
    if stamp.outputs(key) is not None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    numpy.save(folder / "clip.npy", sound()[:, : 20 * RATE])
    with contestants([PYAV], "encode", folder, suffix) as (encoder,):
        print(f"made hour.{suffix}: {encoder.result() / 1e6:.0f} MB", flush=True)
    stamp.write(key, [folder / f"hour.{suffix}"])


def median(values: list[float]) -> float:
    """The middle one of an odd number of values."""
    return sorted(values)[len(values) // 2]


def measured(folder: Path, suffix: str, sides: list[Side]) -> list[Row]:
    """The rows of a format."""
    _to_memory(folder / f"hour.{suffix}")
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    with contestants(sides, "cut", folder, suffix) as ready:
        parts = {each.side.name: numpy.asarray(each.result()) for each in ready}
        for number in range(ROUNDS):
            places = random.Random(number)
            starts = [places.uniform(0, HOUR - SECONDS) for _ in range(CUTS)]
            for each in ready if number % 2 == 0 else reversed(ready):
                taken[each.side.name].append(each.given({"starts": starts, "seconds": SECONDS}) / CUTS)
    mine, ours = taken[OURS.name], parts[OURS.name]
    rows = []
    for name, theirs in taken.items():
        if name == OURS.name:
            continue
        ratio = median([one / other for one, other in zip(mine, theirs, strict=True)])
        same = parts[name].shape == ours.shape
        apart = f"{float(numpy.abs(parts[name] - ours).max()):.0e}" if same else f"{parts[name].shape} frames"
        shown = [f"{median(each) * 1e3:.2f} ms" for each in (mine, theirs)]
        rows.append(Row(f"5 s of an hour of {suffix}", shown[0], f"{name} {shown[1]}", ratio, BAR, f"apart {apart}"))
    return rows


def main() -> None:
    """Make what is missing, then print the table."""
    folder = FOLDER / "seek"
    wanted = sys.argv[1:] or FORMATS
    if unknown := set(wanted) - set(FORMATS):
        raise Problem(f"no such format: {', '.join(sorted(unknown))}; there are {', '.join(FORMATS)}.")
    present, missing = installed(SIDES)
    if PYAV not in present:
        raise Problem(f"no file to read: {' '.join(missing)}")
    rows = []
    for suffix in wanted:
        make_input(folder, suffix)
        sides = [side for side in present if side is not SOUNDFILE or suffix not in NOT_BY_SOUNDFILE]
        rows += measured(folder, suffix, sides)
    show(rows)
    for line in missing:
        print(line)


def _to_memory(path: Path) -> None:
    """Has the system keep the file in memory, so that the side that comes first does not pay for the disk."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass


if __name__ == "__main__":
    run(main)
