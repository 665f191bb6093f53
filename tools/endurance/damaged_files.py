"""Damaged copies of audio files of others, such as the test files of other projects: each is read or refused.

    .build/venv/bin/python tools/endurance/damaged_files.py FOLDER --seconds 600

Bytes are changed, left out and doubled, most of them near the start, where headers are. A panic of a decoder, another
exception than ours, or a file that takes longer than a moment is printed with a copy of the file, and the command exits
with 1. What FFmpeg's libraries read is among them, if they are installed.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import remotemedia as rm

LONGEST = 1 << 20
"""Longer files are left out: so many more are read in the same time."""
MOMENT = 5.0
"""Seconds that the slowest may take, on a machine that does other things too."""


def damaged(content: bytes, dice: random.Random) -> bytes:
    """A copy with damage in a few places."""
    copy = bytearray(content)
    for _ in range(dice.choice((1, 2, 5, 20))):
        place = dice.randrange(min(len(copy), dice.choice((64, 512, 4096, LONGEST))))
        match dice.randrange(6):
            case 0:
                copy[place] = dice.randrange(256)
            case 1:
                copy[place] ^= 1 << dice.randrange(8)
            case 2:
                copy[place : place + 4] = dice.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)).to_bytes(4, "big")
            case 3:
                del copy[place : place + dice.randrange(1, 64)]
            case 4:
                copy[place:place] = copy[max(0, place - dice.randrange(1, 80)) : place]
            case _ if dice.random() < 0.3:
                del copy[place + 1 :]
        copy = copy or bytearray(b"\0")
    return bytes(copy)


def wrong(content: bytes) -> str | None:
    """What is wrong with how this is read; None if it is read, or refused."""
    begun = time.perf_counter()
    try:
        rm.read(content)
    except rm.Error as error:
        # As the message of a decoder that panicked has it.
        if "does not expect" in str(error):
            return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    took = time.perf_counter() - begun
    return f"it took {took:.1f} s" if took > MOMENT else None


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = sorted(path for path in options.folder.rglob("*") if path.is_file() and 0 < path.stat().st_size < LONGEST)
    if not found:
        parser.error(f"there is no file of less than {LONGEST >> 20} MiB in {options.folder}")
    kept = Path(tempfile.gettempdir()) / "remotemedia-damaged"
    end, count, failures, dice = time.monotonic() + options.seconds, 0, 0, random.Random(options.seed)
    while time.monotonic() < end:
        path = dice.choice(found)
        content = damaged(path.read_bytes(), dice)
        count += 1
        if what := wrong(content):
            failures += 1
            kept.mkdir(exist_ok=True)
            copy = kept / f"{options.seed}-{count}{path.suffix}"
            copy.write_bytes(content)
            print(f"FAILED {path}, damaged as in {copy}: {what}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{count} damaged copies of {len(found)} files, {failures} failed, at most {peak} MB of memory")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
