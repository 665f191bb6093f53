"""Audio files of others, such as the test files of other projects, read in every way and beside the command `ffmpeg`.

    .build/venv/bin/python -m tools.endurance.found_files FOLDER

Each file that is read must give the same in random parts and as it arrives in pieces; where it does not, the command
exits with 1. What `ffmpeg` makes of the file is printed where it differs, for a look: a file that only one of them
reads, another number of frames, other samples. So is a file of whose last third nobody misses anything. That may have
reasons: FFmpeg goes on behind damage and leaves out a delay of AAC that the file does not tell, every decoder makes the
noise of AAC anew, and tags may take up a third of a file.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy
import remotemedia as rm

from tools.endurance.random_files import CONVERGES, CUTS, WrongError, arrived, ffmpeg, same

ROUNDING = 2**-14
"""Two steps of 16 bits, to which some decoders of FFmpeg round."""


BARE = {"aac", "ac3", "adts", "amr", "eac3", "mp1", "mp2", "mp3", "mpeg", "mpegts"}
"""Containers that tell no length, so that nobody knows that they were cut off."""


def files(folder: Path) -> Iterator[Path]:
    """All files of a folder, one of each content."""
    seen = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (content := hashlib.sha256(path.read_bytes()).digest()) not in seen:
            seen.add(content)
            yield path


def check(path: Path) -> str | None:
    """Reads a file in every way; what is other by FFmpeg. Raises `WrongError` where our own ways differ."""
    try:
        whole = rm.read(path)
    except rm.Error as error:
        frames = len(_reference(path, 1))
        return f"only by FFmpeg, {frames} samples: {error}" if frames else None
    info = rm.info(path)
    tolerance = CONVERGES if info.codec == "opus" else 0.0
    same(arrived(path, random.Random(path.name)), whole.samples, 0.0, "it arrives in pieces")
    dice = random.Random(path.name)
    for _ in range(CUTS):
        start = dice.randrange(whole.frames)
        length = dice.randrange(1, whole.frames - start + 1)
        part = rm.read(path, start_s=start / whole.rate, duration_s=length / whole.rate).samples
        same(part, whole.samples[:, start : start + length], tolerance, f"{length} frames from {start} on")
    if info.container not in BARE and (cut := _cut_in_silence(path, whole)):
        return cut
    reference = _reference(path, whole.channels)
    if not reference.size:
        return "not by FFmpeg"
    if len(reference) != whole.frames:
        return f"{whole.frames} frames, {len(reference)} by FFmpeg"
    apart = float(numpy.abs(reference.T - whole.samples).max())
    return f"samples are up to {apart:.1g} from those of FFmpeg" if apart > ROUNDING else None


def _cut_in_silence(path: Path, whole: rm.Audio) -> str | None:
    """What is said of a file that is read without an error where its last third is cut off."""
    content = path.read_bytes()
    try:
        frames = rm.read(content[: len(content) * 2 // 3]).frames
    except rm.Error:
        return None
    if frames >= whole.frames:
        return None
    return f"{frames} of {whole.frames} frames without an error where a third is cut off"


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    count, alike, failures = 0, 0, 0
    for path in files(folder):
        count += 1
        try:
            differs = check(path)
        except (rm.Error, WrongError) as error:
            failures += 1
            print(f"FAILED {path.relative_to(folder)}: {error}", flush=True)
            continue
        alike += differs is None
        if differs is not None:
            print(f"{path.relative_to(folder)}: {differs}", flush=True)
    print(f"{count} files, {alike} as by FFmpeg, {failures} not the same in each way")
    return int(failures > 0)


def _reference(path: Path, channels: int) -> numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.float32]]:
    """What the command decodes, of shape (frames, channels)."""
    words = ["-i", str(path), "-map", "0:a", "-ac", str(channels), "-f", "f32le", "-"]
    samples = numpy.frombuffer(ffmpeg(*words).stdout, numpy.float32)
    return samples[: len(samples) // channels * channels].reshape(-1, channels)


if __name__ == "__main__":
    sys.exit(main())
