"""A data set: clips of 10 to 30 s in four codecs, to 16 kHz, to segments of speech, to log-mel spectra.

    python -m benchmarks.bench_dataset [CLIPS]

How many hours of sound each side prepares in an hour of one core, by the time of processors in all of its processes,
and the most memory that they have at one time, pages that are shared counted once. Processes and actors are started
within the time; what that takes, up to the first rows of all of them, is shown beside it, and so is the work after it
by itself. That all do the same: the segments of every clip, and how many frames of spectra they have.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy
import remotemedia as rm

from benchmarks.bench_decode import PYAV
from benchmarks.contest import FOLDER, Row, Side, contestants, installed, run, show
from benchmarks.process_tree import TreeWatch
from tools.machine import ROOT, Problem
from tools.stamp import Stamp, digest

OURS = Side("ours, one process", "ours_dataset", task="one_process")
PROCESSES = Side("ours, two processes", "ours_dataset", task="processes")
RAY = Side("ours, two actors of Ray", "ray_dataset", "ray", task="prepare", has_package=True)
TORCH = Side("ours, a DataLoader of torch", "torch_dataset", "torch", task="prepare", has_package=True)
PEERS = [
    Side("PyAV, soxr, onnxruntime, two processes", "pyav_dataset", "pyav-soxr-onnxruntime", task="prepare"),
    Side("librosa, onnxruntime, two processes", "librosa_dataset", "librosa-onnxruntime", task="prepare"),
]
CLIPS, DIFFERENT, RATE = 2000, 32, 48_000
CODECS = ("wav", "flac", "opus", "mp3")
SECONDS = (10.0, 30.0)
ROUNDS, ENOUGH, RAY_ROUNDS = 2, 500, 3
"""From so many clips on one round is long enough, but not for Ray beside plain processes, which are nearly alike."""
SAME_SECONDS, SAME_SHARE = 0.1, 0.95
"""How far ends may be apart, two windows and a half, and how many segments must be the same: resamplers differ."""
RATIO_BAR, MEMORY_BAR, RAY_BAR = 0.2, 0.25, 1.15


class Taken(NamedTuple):
    """What a round took: by the clock and by processors, in seconds, up to `at_first` rows and in all; and bytes."""

    at_first: int
    start: float
    clock: float
    start_processor: float
    processor: float
    peak: int

    def rate(self, clips: int) -> float:
        """Clips a second by the clock, after the start; 0 if nothing was left then."""
        return (clips - self.at_first) / max(self.clock - self.start, 1e-3)


def make_input(folder: Path, clips: int) -> float:
    """The clips, unless they are there: some different ones under many names. Returns their length in seconds."""
    lengths = numpy.random.default_rng(5).uniform(*SECONDS, DIFFERENT)
    stamp = Stamp("benchmark-dataset")
    key = digest([], DIFFERENT, SECONDS)
    made = [folder / f"made-{number:02}.{CODECS[number % len(CODECS)]}" for number in range(DIFFERENT)]
    if stamp.outputs(key) is None:
        folder.mkdir(parents=True, exist_ok=True)
        readers = [ROOT / "examples" / "speech.flac", *sorted((ROOT / "tests" / "media" / "librivox").glob("*.flac"))]
        silence = numpy.zeros(RATE, "float32")
        speech = numpy.concatenate(
            [part for path in readers for part in (rm.read(path, rate=RATE, channels=1).samples[0], silence)]
        )
        for number, path in enumerate(made):
            sound = numpy.resize(numpy.roll(speech, -number * RATE), int(lengths[number] * RATE))
            stereo = numpy.stack([sound, sound * 0.7]).astype("float32")
            if path.suffix == ".mp3":
                numpy.save(folder / "input.npy", stereo)
                with contestants([PYAV], "encode", folder, "mp3") as (encoder,):
                    encoder.result()
                (folder / "input.mp3").rename(path)
            else:
                rm.write(path, rm.Audio(stereo, RATE))
        stamp.write(key, made)
    for old in folder.glob("clip-*"):
        old.unlink()
    for number in range(clips):
        source = made[number % DIFFERENT]
        (folder / f"clip-{number:05}{source.suffix}").symlink_to(source)
    return float(sum(lengths[number % DIFFERENT] for number in range(clips)))


def same_work(ours: dict[str, Any], theirs: dict[str, Any], name: str) -> str:
    """What shows that both prepare the same. Raises `Problem` if they do not."""
    if set(ours) != set(theirs):
        raise Problem(f"{name} prepares {len(theirs)} clips, we {len(ours)}.")
    count = sum(len(segments) for segments, _ in ours.values())
    same = sum(
        any(abs(begin - first) <= SAME_SECONDS and abs(end - last) <= SAME_SECONDS for first, last in theirs[clip][0])
        for clip, (segments, _) in ours.items()
        for begin, end in segments
    )
    frames = [sum(each[1] for each in side.values()) for side in (ours, theirs)]
    if same < SAME_SHARE * count or abs(frames[0] / frames[1] - 1) > 1 - SAME_SHARE:
        raise Problem(f"{name} finds {same} of our {count} segments, and {frames[1]} frames beside our {frames[0]}.")
    return f"{name}: {same} of {count} segments within {SAME_SECONDS} s, {frames[1]} frames beside {frames[0]}"


def main() -> None:
    """Print that the work is the same, then the table."""
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else CLIPS
    folder = FOLDER / "dataset"
    present, missing = installed([OURS, PROCESSES, RAY, TORCH, *PEERS])
    hours = make_input(folder, clips) / 3600
    print(f"{clips} clips, {hours:.2f} hours", flush=True)
    taken: dict[str, list[Taken]] = {}
    results: dict[str, Any] = {}
    failed: dict[str, Problem] = {}
    turns = [present] * (ROUNDS if clips < ENOUGH else 1)
    turns += [[side for side in present if side in (PROCESSES, RAY)]] * (RAY_ROUNDS - len(turns))
    for number, sides in enumerate(turns):
        for side in sides if number % 2 == 0 else reversed(sides):
            # What the other sides took minutes for is shown all the same.
            try:
                results[side.name], round_ = measured(side, folder)
            except Problem as problem:
                failed[side.name] = problem
                continue
            taken.setdefault(side.name, []).append(round_)
    if OURS.name in failed:
        raise failed[OURS.name]
    for name, theirs in results.items():
        if name != OURS.name:
            print(same_work(results[OURS.name], theirs, name), flush=True)
    best = {name: min(rounds, key=lambda each: each.processor) for name, rounds in taken.items()}
    others = [side for side in present if side != OURS and side.name in best]
    show([row for side in others for row in rows(best[OURS.name], best[side.name], side, hours)])
    for name, each in best.items():
        print(f"{name}: {parts(each, clips)}")
    if {PROCESSES.name, RAY.name} <= set(best):
        print(beside_processes(taken[RAY.name], taken[PROCESSES.name], clips))
    for line in missing:
        print(line)
    if failed:
        raise Problem(" ".join(map(str, failed.values())))


def measured(side: Side, folder: Path) -> tuple[dict[str, Any], Taken]:
    """The rows of a side, and what they took."""
    with contestants([side], "", folder) as (ready,), TreeWatch(ready.pid) as watch:
        begun = time.monotonic()
        made = ready.result()
        clock = time.monotonic() - begun
    started = made["started"]
    processors = watch.processor_seconds_until(started), watch.processor_seconds
    return made["rows"], Taken(made["at_first"], started - begun, clock, *processors, watch.peak_bytes)


def beside_processes(ray: list[Taken], plain: list[Taken], clips: int) -> str:
    """Ray in the time of plain processes, round by round."""
    pairs = list(zip(ray, plain, strict=False))
    ratios = [actors.clock / processes.clock for actors, processes in pairs]
    ratio = statistics.median(ratios)
    works = [processes.rate(clips) / actors.rate(clips) for actors, processes in pairs if actors.rate(clips)]
    verdict = "" if clips < CLIPS else ": met" if ratio <= RAY_BAR else ": NOT MET"
    return (
        f"two actors of Ray take {ratio:.2f} of the time of two processes (bar {RAY_BAR} with {CLIPS} clips{verdict}), "
        f"by rounds {', '.join(f'{each:.2f}' for each in ratios)}; "
        f"{statistics.median(works or [math.nan]):.2f} of it for a clip after the start"
    )


def parts(taken: Taken, clips: int) -> str:
    """Start and work of a side, apart."""
    begun = f"{taken.at_first} rows after {taken.start:.1f} s, {taken.start_processor:.1f} of processors"
    processor = taken.processor - taken.start_processor
    return f"{begun}; then {taken.rate(clips):.1f} clips a second, {processor:.1f} s of processors"


def rows(mine: Taken, theirs: Taken, side: Side, hours: float) -> list[Row]:
    """The lines of one side beside ours: hours for an hour of a core, and memory."""
    is_peer = side in PEERS
    shown = [f"{hours * 3600 / each.processor:.0f} h ({each.clock:.1f} s)" for each in (mine, theirs)]
    sizes = [f"{each.peak / 1e6:.0f} MB" for each in (mine, theirs)]
    ratio = mine.processor / theirs.processor
    return [
        Row("an hour of a core", shown[0], f"{side.name} {shown[1]}", ratio, RATIO_BAR if is_peer else None),
        Row("memory", sizes[0], f"{side.name} {sizes[1]}", mine.peak / theirs.peak, MEMORY_BAR if is_peer else None),
    ]


if __name__ == "__main__":
    run(main)
