"""Random audio files, written by the command `ffmpeg` in pairs of container and codec, and read in every way.

    .build/venv/bin/python tools/endurance/random_files.py --seconds 600

Of each file random parts are compared with those of the whole, whether it is there or arrives in pieces, what a start
behind its end says, and, where the codec loses nothing, the samples with those of `ffmpeg`. A failure names the seed
of its file: `--seed N --files 1` writes it again. Exits with 1 after the first failure.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import remotemedia as rm

Samples = numpy.ndarray[Any, numpy.dtype[numpy.float32]]

LOSSLESS = ("pcm", "adpcm", "flac", "alac")
"""Codecs of which there is one right decode begin so."""

RATES = (8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)

ROUNDING = 1e-6
"""Decoders may round differently, where they divide integers by full scale."""

CONVERGES = 0.03
"""Opus in SILK mode converges only; see `AudioDecode`."""

CUTS = 6

NOTES = ";FFMETADATA1\ntitle=a title\nartist=" + "x" * 3000 + "\n"
CHAPTERS = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 5}\ntitle=c\n" for start in (0, 5))
"""What `ffmpeg` takes as metadata."""


@dataclass(frozen=True)
class Kind:
    """A container and the codecs that `ffmpeg` puts into it."""

    suffix: str
    codecs: tuple[str, ...]
    most_channels: int = 8


KINDS = (
    Kind("wav", ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_alaw", "pcm_mulaw")),
    Kind("wav", ("adpcm_ms", "adpcm_ima_wav"), 2),
    Kind("w64", ("pcm_s16le",)),
    Kind("aiff", ("pcm_s16be", "pcm_s24be", "pcm_f32be")),
    Kind("au", ("pcm_s16be", "pcm_mulaw")),
    # Beyond six channels the two have another order for them.
    Kind("caf", ("pcm_s16be", "pcm_s16le", "alac", "pcm_mulaw"), 6),
    Kind("flac", ("flac",)),
    Kind("ogg", ("flac", "libopus")),
    Kind("ogg", ("libvorbis",), 2),
    Kind("mp3", ("libmp3lame",), 2),
    Kind("mp2", ("mp2",), 2),
    Kind("aac", ("aac",), 2),
    Kind("m4a", ("aac", "alac"), 2),
    Kind("mov", ("aac", "pcm_s16le", "alac"), 2),
    Kind("mp4", ("aac", "libopus", "flac", "libmp3lame"), 2),
    Kind("mka", ("libvorbis", "flac", "aac", "pcm_s16le", "libmp3lame"), 2),
    Kind("webm", ("libvorbis", "libopus"), 2),
)


@dataclass(frozen=True)
class Written:
    """A file, its codec, and what `ffmpeg` decodes of it, samples of all channels in turns."""

    path: Path
    codec: str
    decoded: Samples


class WrongError(Exception):
    """What a file gave and should not have given."""


def written(folder: Path, dice: random.Random) -> Written | None:
    """A file; None if `ffmpeg` can't write what the dice say, or writes no sound, as it may of a few frames."""
    kind = dice.choice(KINDS)
    codec = dice.choice(kind.codecs)
    rate, channels = dice.choice(RATES), min(dice.choice((1, 1, 2, 2, 3, 6, 8)), kind.most_channels)
    seconds = dice.choice((0.001, 0.01, 0.03, 0.1, 0.5, 1.0, dice.uniform(0.02, 3), dice.uniform(1, 8)))
    frames = max(1, int(seconds * rate))
    noise = numpy.random.default_rng(dice.getrandbits(32)).standard_normal((frames, channels)) * 0.1
    tone = 0.3 * numpy.sin(2 * numpy.pi * 440 * numpy.arange(frames) / rate)
    raw, file = folder / "sound.raw", folder / f"sound.{kind.suffix}"
    (noise + tone[:, None]).astype(numpy.float32).tofile(raw)
    choices: dict[str, tuple[str, ...]] = {
        "libmp3lame": ("-b:a 64k", "-q:a 2", "-b:a 32k -joint_stereo 1", "-q:a 5 -write_xing 0"),
        "libopus": ("-mapping_family 1",)
        if channels > 2
        else ("-frame_duration 2.5", "-frame_duration 20", "-frame_duration 60"),
        "flac": ("", "-frame_size 4608", "-compression_level 0", "-sample_fmt s32"),
        "mp2": ("-b:a 64k",),
    }
    options = dice.choice(choices.get(codec, ("",))).split()
    if kind.suffix in ("m4a", "mov", "mp4"):
        options += ["-strict", "-2"]
        fragments = ("+frag_keyframe", "+frag_keyframe+empty_moov", "+empty_moov+default_base_moof+frag_keyframe")
        layouts = ("", "", "+faststart", *fragments)
        if layout := dice.choice(layouts):
            options += ["-movflags", layout]
    sound = ["-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-i", str(raw)]
    if dice.random() < 0.3:
        # Tags, and chapters where the container has them.
        notes = folder / "notes.txt"
        notes.write_text(NOTES + dice.choice((CHAPTERS, "")), encoding="utf-8")
        sound += ["-i", str(notes), "-map_metadata", "1", "-map_chapters", "1"]
    done = ffmpeg(*sound, "-c:a", codec, *options, str(file))
    if done.returncode != 0 or not file.exists():
        return None
    decoded = numpy.frombuffer(ffmpeg("-i", str(file), "-f", "f32le", "-").stdout, numpy.float32)
    return Written(file, codec, decoded) if decoded.size else None


def check(made: Written, dice: random.Random) -> None:
    """Reads a file in every way. Raises `WrongError` where they differ."""
    file = made.path
    whole = rm.read(file)
    tolerance = CONVERGES if made.codec == "libopus" else 0.0
    same(arrived(file, dice), whole.samples, 0.0, "it arrives in pieces")
    for _ in range(CUTS):
        start = dice.choice((0, dice.randrange(whole.frames), dice.randrange(whole.frames), whole.frames - 1))
        length = dice.choice((None, 1, dice.randrange(1, whole.frames + 1), 2 * whole.frames))
        end = whole.frames if length is None else start + length
        part = rm.read(
            file, start_s=start / whole.rate, duration_s=None if length is None else length / whole.rate
        ).samples
        same(part, whole.samples[:, start:end], tolerance, f"{length} frames from {start} on")
    behind = (whole.frames + dice.choice((0, 1, 1000, whole.frames))) / whole.rate
    try:
        rm.read(file, start_s=behind)
    except rm.NodeError as error:
        if "Choose a start within it" not in str(error):
            raise WrongError(f"a start at {behind} s, behind the end: {error}") from None
    else:
        raise WrongError(f"a start at {behind} s, behind the end, is taken")
    if made.codec.startswith(LOSSLESS):
        same(whole.samples, made.decoded.reshape(-1, whole.channels).T, ROUNDING, "beside ffmpeg")


def arrived(file: Path, dice: random.Random) -> Samples:
    """The sound of a file that comes in pieces of any length."""
    content = file.read_bytes()
    pieces: list[bytes] = []
    place = 0
    while place < len(content):
        length = dice.choice((7, 100, 1000, 10_000, 100_000)) if len(pieces) < 1000 else len(content)
        pieces.append(content[place : place + length])
        place += length

    async def through() -> list[Samples]:
        sound = (rm.Pipeline() >> rm.nodes.AudioDecode()).stream(pieces)
        return [audio.samples async for audio in sound]

    return numpy.concatenate(asyncio.run(through()), axis=1)


def same(part: Samples, expected: Samples, tolerance: float, shown: str) -> None:
    """Raises `WrongError` unless the samples are the same, to a tolerance; `shown` says what they are."""
    if part.shape != expected.shape:
        raise WrongError(f"{shown}: {part.shape} where {expected.shape} were expected")
    largest = float(numpy.abs(part - expected).max(initial=0.0))
    if largest > tolerance:
        raise WrongError(f"{shown}: samples are off by {largest}")


def ffmpeg(*words: str) -> subprocess.CompletedProcess[bytes]:
    """A run of the command, which says only what is wrong."""
    return subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *words], capture_output=True, check=False)


def attack(seconds: float, first: int, files: int | None) -> str | None:
    """One file after the other until the time is up; the first failure."""
    begun, seed, read = time.monotonic(), first, 0
    with tempfile.TemporaryDirectory() as name:
        while time.monotonic() - begun < seconds if files is None else seed < first + files:
            dice = random.Random(seed)
            made = written(Path(name), dice)
            seed += 1
            if made is None:
                continue
            read += 1
            try:
                check(made, dice)
            except (rm.Error, WrongError) as error:
                return f"seed {seed - 1}: {made.path.name} of {made.codec}: {error}"
            finally:
                made.path.unlink()
    print(f"{read} files, {read / (time.monotonic() - begun):.1f} a second", flush=True)
    return None


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="that of the first file")
    parser.add_argument("--files", type=int, help="how many seeds, whatever time they take")
    chosen = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        print("the command `ffmpeg` is not there: install it (Debian, Ubuntu: `apt-get install ffmpeg`)")
        return 2
    failure = attack(chosen.seconds, chosen.seed, chosen.files)
    if failure is not None:
        print(failure, file=sys.stderr)
    return int(failure is not None)


if __name__ == "__main__":
    sys.exit(main())
