"""Two minutes of stereo float32 in numpy to FLAC and Opus files, beside soundfile and PyAV.

The sound is that of `bench_decode`. That all do the same work: FLAC files hold the original to 16 bits, and ours is at
most 2 % longer than that of soundfile, which is libFLAC at level 5; Opus is made by libopus on both sides, at 96 kbit/s
and the best complexity, and the files differ in length by less than a tenth.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import remotemedia

from benchmarks.bench_decode import PYAV, RATE, SOUNDFILE, sound
from benchmarks.contest import FOLDER, OURS, compared, contestants, installed, keep, rounds, run, show
from tools.machine import Problem

SECONDS = 120
SIDES = [OURS, SOUNDFILE, PYAV]
# PyAV's encoder of FLAC is FFmpeg's own.
BARS = {"flac": {"soundfile": 1.0}, "opus": {"PyAV": 1.0}}
# libsndfile chooses the rate of Opus itself.
NOT_BY_SOUNDFILE = {"opus"}
ROUNDS = 5


def same_work(suffix: str, sizes: dict[str, int], folder: Path, original: numpy.ndarray) -> str:
    """What shows that all did the same. Raises `Problem` if they did not."""
    for name in sizes:
        decoded = remotemedia.read(folder / f"{name}.{suffix}").samples
        if suffix == "flac":
            frames = original.shape[1]
            if decoded.shape != original.shape or float(numpy.abs(decoded - original).max()) > 2**-15:
                raise Problem(f"flac: the file of {name} is not the original of {frames} frames: {decoded.shape}.")
        elif abs(decoded.shape[1] - original.shape[1]) > RATE // 10:
            raise Problem(f"{suffix}: the file of {name} has {decoded.shape}, expected {original.shape}.")
    ours = sizes[OURS.name]
    for name, theirs in sizes.items():
        if suffix == "flac" and name == SOUNDFILE.name and ours > 1.02 * theirs:
            raise Problem(f"flac: our {ours} bytes are more than the {theirs} of {name} by over 2 %.")
        if suffix == "opus" and not 0.9 < ours / theirs < 1.1:
            raise Problem(f"opus: our {ours} bytes are not about the {theirs} of {name}.")
    return f"{suffix}: bytes: {', '.join(f'{name} {size}' for name, size in sizes.items())}"


def main() -> None:
    """Print that the files are alike, then the table."""
    folder = FOLDER / "encode"
    folder.mkdir(parents=True, exist_ok=True)
    original = sound()[:, : SECONDS * RATE]
    numpy.save(folder / "input.npy", original)
    present, missing = installed(SIDES)
    rows, measured = [], {}
    for suffix, bars in BARS.items():
        sides = [side for side in present if side != SOUNDFILE or suffix not in NOT_BY_SOUNDFILE]
        with contestants(sides, "write_file", folder, suffix) as ready:
            sizes = {each.side.name: each.result() for each in ready}
            print(same_work(suffix, sizes, folder, original), flush=True)
            times = measured[suffix] = rounds(ready, number=ROUNDS)
        rows += compared(f"encode {SECONDS // 60} min to {suffix}", times, bars)
    show(rows)
    for line in missing:
        print(line)
    keep("encode", measured)


if __name__ == "__main__":
    run(main)
