"""Ends Java programs in the middle of work, in every way, and counts crashes and hangs.

    python3 exits.py FOLDER [--times 100] [--jobs 2] [WAY...]

`FOLDER` is what `make.py build FOLDER` has built; the library is found as always. Each program must end by itself,
silent and with the status of its way. `thousand-WAY` is the same with 1,000 virtual threads at work.
"""

from __future__ import annotations

import argparse
import collections
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import make

CLASS = "org.remotemedia.exits.Exits"
# The way, and the status with which it ends. 143 is how a shell reports SIGTERM: the JVM exits with it.
WAYS = {
    "return": 0,
    "exit": 3,
    "quick": 4,
    "handler": 0,
    "static": 0,
    "uncaught": 1,
    "signal": 143,
    "worker": 0,
    "closed": 0,
}
THOUSAND = ["thousand-return", "thousand-exit", "thousand-static", "thousand-closed"]
SPOKEN = {"uncaught": "Exception in thread"}


def attempt(folder: Path, way: str, limit_seconds: float) -> str:
    """Run one program; returns `ok`, or what was wrong."""
    try:
        done = subprocess.run(
            make.java(folder, ["-XX:TieredStopAtLevel=1", "-Xshare:auto", CLASS, way]),
            capture_output=True,
            text=True,
            timeout=limit_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "hang"
    base = way.removeprefix("thousand-")
    if done.returncode != WAYS[base]:
        return f"status {done.returncode}: {(done.stdout + done.stderr)[:300]}"
    output = done.stdout + done.stderr
    if output and not (base in SPOKEN and output.startswith(SPOKEN[base])):
        return f"not silent: {output[:300]}"
    return "ok"


def main() -> int:
    """Run all; the exit code is 0 if all were well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--limit", type=float, default=60, help="seconds until a program counts as hung")
    parser.add_argument("way", nargs="*", default=[*WAYS, *THOUSAND])
    chosen = parser.parse_args()
    failed = False
    for way in chosen.way:
        begun = time.monotonic()
        with ThreadPoolExecutor(chosen.jobs) as pool:
            ends = pool.map(lambda _, way=way: attempt(chosen.folder, way, chosen.limit), range(chosen.times))
            counted = collections.Counter(ends)
        seconds = time.monotonic() - begun
        print(f"{way:16} {counted['ok']:4} of {chosen.times} well, {seconds:.0f} s", flush=True)
        for what, number in counted.items():
            if what != "ok":
                failed = True
                print(f"    {number} times: {what}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
