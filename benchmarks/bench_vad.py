"""B3: the probabilities of speech in ten minutes at 16 kHz, on one thread, beside onnxruntime on the same model.

The sound is the recordings of the tests, over and over, so that it is speech that the network hears. That both do the
same work: as many probabilities, no two further apart than 1e-3.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import remotemedia

from benchmarks.contest import FOLDER, OURS, Side, compared, contestants, installed, keep, rounds, run, show
from tools.machine import ROOT, Problem

SIDES = [OURS, Side("onnxruntime", "onnxruntime", "onnxruntime")]
CLIPS = [ROOT / "examples" / "speech.flac", *sorted((ROOT / "tests" / "media" / "librivox").glob("*.flac"))]
SECONDS, RATE, WINDOW = 600, 16_000, 512
DEVIATION = 1e-3
BAR = 0.6
ROUNDS = 9


def make_input(folder: Path) -> None:
    """The recordings, each followed by 400 ms of silence, over and over."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for clip in CLIPS:
        parts += [remotemedia.read(clip, rate=RATE, channels=1).samples[0], numpy.zeros(6400, numpy.float32)]
    numpy.save(folder / "input.npy", numpy.resize(numpy.concatenate(parts), SECONDS * RATE))


def main() -> None:
    """Print that the probabilities are the same, then the table."""
    folder = FOLDER / "vad"
    make_input(folder)
    present, missing = installed(SIDES)
    with contestants(present, "vad", folder) as ready:
        results = {each.side.name: each.result() for each in ready}
        ours = results[OURS.name]
        if len(ours) != SECONDS * RATE // WINDOW:
            raise Problem(f"ours are {len(ours)} probabilities, expected {SECONDS * RATE // WINDOW}.")
        for name, theirs in results.items():
            largest = float(numpy.abs(ours - theirs).max()) if len(ours) == len(theirs) else float("inf")
            if largest > DEVIATION:
                raise Problem(f"{len(theirs)} probabilities of {name} differ by {largest:.1e} from our {len(ours)}.")
            share = f"{(theirs > 0.5).mean():.0%} speech"
            print(f"{name}: {len(theirs)} probabilities, at most {largest:.1e} from ours, {share}", flush=True)
        times = rounds(ready, number=ROUNDS)
    show(compared("Silero VAD, 10 min, one thread", times, {"onnxruntime": BAR}))
    for line in missing:
        print(line)
    keep("vad", {"vad": times})


if __name__ == "__main__":
    run(main)
