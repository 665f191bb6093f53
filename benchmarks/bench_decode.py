"""B4: ten minutes of stereo to float32 in numpy, from each format, beside soundfile, PyAV and torchcodec.

The sound is made and encoded here, by the peers: decaying chords with noise on the left, recorded speech with another
noise on the right, so that codecs have to work. That all do the same work: as many samples of the same channels; FLAC
gives the original to 16 bits, and where a lossy format leaves the rounding to the decoder it stays below 1e-3 of full
scale.
"""

from __future__ import annotations

from pathlib import Path

import numpy
import remotemedia

from benchmarks.contest import FOLDER, OURS, Side, compared, contestants, installed, keep, rounds, run, show
from tools.machine import ROOT, Problem
from tools.stamp import Stamp, digest

SOUNDFILE, PYAV = Side("soundfile", "soundfile", "soundfile"), Side("PyAV", "pyav", "pyav")
# It takes gigabytes, and is there if somebody installed it.
TORCHCODEC = Side("torchcodec", "torchcodec", "torch")
SIDES = [OURS, SOUNDFILE, PYAV, TORCHCODEC]
RATE, SECONDS = 48_000, 600
# Count it up when the sound or the encoders change.
RECIPE = 1
# AAC leaves bands of noise to the decoder, and ours makes it by its place in the file.
DEVIATION = {"m4a": 0.05}
# libsndfile has no decoder for it.
NOT_BY_SOUNDFILE = {"m4a"}
FORMATS = ["mp3", "flac", "ogg", "m4a", "opus"]
BARS = {"PyAV": 1.0}
ROUNDS = 5


def make_input(folder: Path) -> None:
    """The files of all formats, unless they are there."""
    stamp = Stamp("benchmark-decode")
    key = digest([], RECIPE, FORMATS)
    if stamp.outputs(key) is not None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    numpy.save(folder / "input.npy", sound())
    for suffix in FORMATS:
        with contestants([SOUNDFILE if suffix == "ogg" else PYAV], "encode", folder, suffix) as (encoder,):
            print(f"made input.{suffix}: {encoder.result() / 1e6:.1f} MB", flush=True)
    stamp.write(key, [folder / f"input.{suffix}" for suffix in FORMATS])


def sound() -> numpy.ndarray:
    """(2, frames) of float32."""
    random = numpy.random.default_rng(1)
    time = numpy.arange(20 * RATE) / RATE
    chords = numpy.zeros(len(time))
    for number in range(40):
        since = time - number / 2
        envelope = numpy.where(since >= 0, numpy.exp(-4 * numpy.maximum(since, 0)), 0)
        for step in random.choice(24, 3, replace=False):
            chords += 0.15 * envelope * numpy.sin(2 * numpy.pi * 220 * 2 ** (step / 12) * since)
    left = chords / numpy.abs(chords).max() * 0.6 + random.normal(0, 0.01, len(time))
    speech = remotemedia.read(ROOT / "examples" / "speech.flac", rate=RATE, channels=1).samples[0]
    right = numpy.resize(speech, len(time)) * 0.8 + random.normal(0, 0.003, len(time))
    stereo = numpy.clip(numpy.stack([left, right]), -0.98, 0.98).astype(numpy.float32)
    return numpy.tile(stereo, SECONDS // 20)


def same_work(results: dict[str, numpy.ndarray], suffix: str, original: numpy.ndarray) -> str:
    """What shows that all did the same. Raises `Problem` if they did not."""
    ours = results[OURS.name]
    if ours.shape != original.shape:
        raise Problem(f"{suffix}: ours gives {ours.shape}, expected {original.shape}.")
    if suffix == "flac" and float(numpy.abs(ours - original).max()) > 2**-15:
        raise Problem("flac: ours is not the original.")
    said = []
    for name, theirs in results.items():
        frames = min(theirs.shape[1], ours.shape[1])
        largest = float(numpy.abs(theirs[:, :frames] - ours[:, :frames]).max())
        # Where a decoder leaves the padding at the end to its caller, that is told and no other work.
        if largest > DEVIATION.get(suffix, 1e-3) or abs(theirs.shape[1] - ours.shape[1]) > RATE // 10:
            raise Problem(f"{suffix}: {name} gives {theirs.shape}, by up to {largest:.1e} other than our {ours.shape}.")
        said.append(f"{name} {theirs.shape[1]}" + ("" if theirs is ours else f" ({largest:.0e})"))
    return f"{suffix}: frames (largest difference): {', '.join(said)}"


def main() -> None:
    """Print that the sound is the same, then the table."""
    folder = FOLDER / "decode"
    present, missing = installed(SIDES)
    if not {SOUNDFILE, PYAV} <= {*present}:
        raise Problem(f"no files to decode: {' '.join(missing)}")
    make_input(folder)
    original = numpy.load(folder / "input.npy", mmap_mode="r")
    rows, measured = [], {}
    for suffix in FORMATS:
        sides = [side for side in present if side.module != "soundfile" or suffix not in NOT_BY_SOUNDFILE]
        with contestants(sides, "decode", folder, suffix) as ready:
            print(same_work({each.side.name: each.result() for each in ready}, suffix, original), flush=True)
            times = measured[suffix] = rounds(ready, number=ROUNDS)
        rows += compared(f"decode 10 min of {suffix}", times, BARS)
    show(rows)
    for line in missing:
        print(line)
    keep("decode", measured)


if __name__ == "__main__":
    run(main)
