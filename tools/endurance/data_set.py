"""A data set of mixed and broken files by one `remotemedia` command, which is killed and resumed until it is done.

    .build/venv/bin/python tools/endurance/data_set.py                  # 3,000 files, killed ten times
    .build/venv/bin/python tools/endurance/data_set.py --files 60 --kills 2

The files are cut from `examples/speech.flac`, as WAV, FLAC and Opus of several rates, channels and lengths, with MP3,
AAC, ALAC, Vorbis and ADPCM of `tests/media` between them. Some have awkward names, and one in ten is broken in one of
the ways that data sets are. The command makes 16 kHz mono FLAC and mel spectra in .npy, and an index. It is killed with
SIGKILL, and once interrupted with Ctrl-C, after numbers of rows that a seed chooses. In the end there must be a row for
each file and no more, an error for each broken file and no other, and each file that was made must be equal, byte for
byte, to that of a run that nothing cut off. Exits with 1 if anything does not hold.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioEncode, AudioMix, AudioResample

ROOT = Path(__file__).parents[2]
SPEECH = ROOT / "examples" / "speech.flac"
OTHERS = (
    "mono.mp3",
    "stereo.mp3",
    "mono.m4a",
    "alac.m4a",
    "stereo.aac",
    "mono.ogg",
    "stereo.webm",
    "flac.mka",
    "ima.wav",
)
"""Files of `tests/media` in formats that the package reads and does not write."""
GRAPH = (
    'AudioDecode >> AudioMix(channels=1) >> AudioResample(16000) >> [PassThrough(name="sound"), '
    'MelSpectrogram(name="mel"), AudioLevel(window_ms=10000, name="level")]'
)
FORMATS = (("wav", "s16"), ("wav", "s24"), ("wav", "f32"), ("flac", "s16"), ("flac", "s24"), ("opus", None))
RATES, LENGTHS = (8000, 16000, 22050, 44100, 48000), (0.05, 0.4, 1.0, 2.5)
BROKEN_EACH = 10
BROKEN = ("empty", "text", "noise", "cut", "dangling")
PATIENCE_SECONDS = 300.0


def make(folder: Path, count: int) -> set[str]:
    """Writes the set; returns the names of the files that are broken."""
    source = random.Random(count)
    good = [(name.rpartition(".")[2], (ROOT / "tests" / "media" / name).read_bytes()) for name in OTHERS]
    good += itertools.islice(_encodings(source), 60 - len(good))
    broken = set()
    for number in range(count):
        ending, data = good[number % len(good)]
        stem = f"{number:05}"
        if number % 7 == 3:
            stem += source.choice((" with spaces", "-ü", "'quoted'", "\n", os.fsdecode(b"-\xff\xfe"), "[x]", "{stem}"))
        place = folder / f"part {number % 5}" / f"{stem}.{ending}"
        # A folder is no input, whatever its name.
        (place.parent / "folder.wav").mkdir(parents=True, exist_ok=True)
        if number % BROKEN_EACH != 5:
            place.write_bytes(data)
            continue
        kind = BROKEN[number // BROKEN_EACH % len(BROKEN)]
        broken.add(str(place))
        if kind == "dangling":
            place.symlink_to("nowhere")
        else:
            place.write_bytes({"empty": b"", "text": b"no sound", "noise": source.randbytes(5000)}.get(kind, b"fLaC"))
    return broken


def command(folder: Path, output: Path, *more: str) -> list[str]:
    """The one command."""
    words = ["run", GRAPH, "-i", f"{folder}/**/*", "--keep-going", "-j", "2"]
    words += ["-o", f"sound={output}/flac/{{relative}}.flac", "-o", f"mel={output}/mel/{{relative}}.npy"]
    words += ["--index", f"{output}/rows.jsonl", "--failures", f"{output}/failed.jsonl", *more]
    return [sys.executable, "-m", "remotemedia", *words]


def cut_off(words: list[str], index: Path, rows: int, number: signal.Signals) -> str:
    """Runs the command and ends it by a signal once the index has so many rows; returns what it printed on stderr."""
    # A pipe that is read in the end alone would fill up.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        _cut_off(subprocess.Popen(words, stderr=log), index, rows, number)
        log.seek(0)
        return log.read()


def problems(folder: Path, output: Path, whole: Path, broken: set[str]) -> Iterator[str]:
    """What does not hold of the results."""
    rows = [json.loads(line) for line in (output / "rows.jsonl").read_bytes().splitlines()]
    names = [row["input"] for row in rows]
    files = {str(path) for path in folder.rglob("*") if not path.is_dir()}
    if sorted(names) != sorted(files):
        yield f"{len(names)} rows, {len(set(names))} of them different, for {len(files)} files"
    failed = {row["input"] for row in rows if row["error"] is not None}
    if failed != broken:
        yield f"{sorted(failed ^ broken)[:5]} should have failed, or should not"
    if {json.loads(line)["input"] for line in (output / "failed.jsonl").read_bytes().splitlines()} != broken:
        yield "the failures are not those of the index"
    for row in rows:
        stem = Path(row["input"]).relative_to(folder).with_suffix("")
        made = [str(output / "flac" / f"{stem}.flac"), str(output / "mel" / f"{stem}.npy")]
        if row["error"] is None and (row["files"] != made or not row["duration"] or not row["last"]["level"]):
            yield f"the row of {row['input']!r} is {row}"
    ours, theirs = ({path.relative_to(root): path for path in _made(root)} for root in (output, whole))
    if set(ours) != set(theirs) or len(ours) != 2 * (len(files) - len(broken)):
        yield f"{len(ours)} files were made, {len(theirs)} by the run that nothing cut off"
    different = [name for name in ours if name in theirs and ours[name].read_bytes() != theirs[name].read_bytes()]
    if different:
        yield f"{len(different)} files differ, such as {different[0]}"


def main() -> int:
    """Makes the set, runs, kills and resumes; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    # A shell has it ignored by what runs beside it, and so would the command.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(tempfile.mkdtemp(prefix="remotemedia-data-set-"))
    try:
        folder, output, whole = root / "set", root / "out", root / "whole"
        broken = make(folder, chosen.files)
        count = sum(not path.is_dir() for path in folder.rglob("*"))
        begin = time.monotonic()
        done = subprocess.run(command(folder, whole), capture_output=True, check=False)
        print(f"{count} files, {len(broken)} of them broken, in one go: {time.monotonic() - begin:.1f} s")
        found = [] if done.returncode == 1 else [f"the exit code is {done.returncode}: {done.stderr!r}"]
        source = random.Random(chosen.seed)
        # In the last fifth the end could come before the signal.
        places = sorted(source.sample(range(1, count * 4 // 5), chosen.kills))
        more: tuple[str, ...] = ()
        stopped, kept = "", 0
        for number, rows in enumerate(places):
            last = number == len(places) - 1
            by = signal.SIGINT if last else signal.SIGKILL
            # Several rows come at a time. A signal must not come before the command has begun to work.
            rows = max(rows, _rows(output / "rows.jsonl") + 1)
            err = cut_off(command(folder, output, *more), output / "rows.jsonl", rows, by)
            more = ("--resume",)
            print(f"cut off by {by.name} at {_rows(output / 'rows.jsonl')} rows")
            if last:
                stopped, kept = err.splitlines()[-1].replace(str(root), "ROOT"), _done(output / "rows.jsonl")
                print(stopped)
        done = subprocess.run(command(folder, output, *more), capture_output=True, check=False)
        resumed = done.stderr.decode("utf-8", "replace").splitlines()[-2].replace(str(root), "ROOT")
        print(resumed)
        found += [] if done.returncode == 1 else [f"the exit code is {done.returncode}: {done.stderr!r}"]
        if f"interrupted after {kept} of " not in stopped or f", {kept} done before" not in resumed:
            found.append(f"the messages do not tell the {kept} rows of inputs that are done")
        found += problems(folder, output, whole, broken)
    finally:
        shutil.rmtree(root)
    print("\n".join(found) or "a row for each file, and each file as in the run that nothing cut off")
    return 1 if found else 0


def _encodings(source: random.Random) -> Iterator[tuple[str, bytes]]:
    speech = rm.read(SPEECH)
    while True:
        ending, sample_format = source.choice(FORMATS)
        rate = source.choice(RATES) if ending != "opus" else 48000
        start, length = source.uniform(0, 4), source.choice(LENGTHS)
        first = int(start * speech.rate)
        samples = np.asarray(speech.samples)[:, first : first + int(length * speech.rate)]
        pipeline = rm.Pipeline() >> AudioMix(channels=source.choice((1, 2))) >> AudioResample(rate=rate)
        params = {"format": ending} | ({} if sample_format is None else {"sample_format": sample_format})
        (data,) = (pipeline >> AudioEncode(**params)).run_sync([rm.Audio(samples, speech.rate)])
        assert list((rm.Pipeline() >> AudioDecode()).run_sync([rm.File(data)]))
        yield ending, data


def _cut_off(process: subprocess.Popen[bytes], index: Path, rows: int, number: signal.Signals) -> None:
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and _rows(index) < rows:
            if time.monotonic() > until:
                raise TimeoutError(f"{index} has {_rows(index)} rows, not {rows}")
            time.sleep(0.002)
        process.send_signal(number)
        process.wait(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()


def _rows(index: Path) -> int:
    return index.read_bytes().count(b"\n") if index.exists() else 0


def _done(index: Path) -> int:
    return index.read_bytes().count(b'"error": null')


def _made(root: Path) -> list[Path]:
    # What SIGKILL left of a file is hidden, and counts: to resume is to remove it.
    return [path for path in root.rglob("*/*") if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
