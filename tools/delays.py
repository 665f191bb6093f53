"""Delays: the tests of the scheduler and of the C ABI again and again, with pauses of random length where threads meet.

A pause is a matter of builds with debug assertions, see `runtime/core/src/exec/workers/delays.rs`. Each round has a
seed; one that fails is named. `python3 -m tools.delays --rounds 200 --load 4` runs as many rounds beside four busy
processes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools import machine, native, weights
from tools.machine import BUILD, ROOT, Problem, say

FOLDER = BUILD / "delays"

# What a round may take: on a busy machine some ten times as long as on one at rest.
LIMIT_SECONDS = 300

# Nothing but this keeps a core busy.
BUSY = "import os; os.nice(5)\nwhile True: pass"


def check() -> None:
    """As many rounds as fit in half a minute, three at least, the same ones each time."""
    repeat(seconds=30, fewest=3, most=1000)


def repeat(*, seconds: float, fewest: int, most: int, first: int = 1, load: int = 0) -> None:
    """Run every program with one seed after the other."""
    programs = _programs()
    begun = time.monotonic()
    done = 0
    with _busy(load):
        while done < fewest or (done < most and time.monotonic() - begun < seconds):
            for name, command in programs.items():
                _run(name, command, first + done)
            done += 1
    say(f"{len(programs)} programs, {done} rounds with delays in {time.monotonic() - begun:.0f} s, no failure")


def _programs() -> Mapping[str, list[str | Path]]:
    """The tests of the scheduler, and those in C linked with a library that has delays."""
    machine.require_rust()
    compiler = machine.require_c_compiler()
    weights.ready()
    scheduler, library = _built()
    FOLDER.mkdir(parents=True, exist_ok=True)
    link = FOLDER / native.SONAME
    link.unlink(missing_ok=True)
    link.symlink_to(library)
    programs: dict[str, list[str | Path]] = {"scheduler": [scheduler, "--quiet"]}
    version = f'-DEXPECTED_VERSION="{machine.project_version()}"'
    for source in sorted((ROOT / "tests" / "c").glob("*.c")):
        program = FOLDER / source.stem
        flags = ["-std=c99", "-O1", "-pthread", version, f"-I{ROOT / 'include'}", f"-Wl,-rpath,{FOLDER}"]
        machine.run([compiler, *flags, source, "-o", program, link, "-lm"])
        programs[f"tests/c/{source.name}"] = [program]
    return programs


def _built() -> tuple[Path, Path]:
    """Build what `cargo test` builds too; the program of the scheduler's tests and the shared library."""
    command = ["cargo", "test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    scheduler = library = None
    for line in machine.output_of(command).splitlines():
        artifact = json.loads(line)
        if artifact.get("reason") != "compiler-artifact":
            continue
        if artifact["target"]["name"] == "execution" and artifact["executable"]:
            scheduler = Path(artifact["executable"])
        for path in map(Path, artifact["filenames"]):
            if path.name == "libremotemedia.so":
                library = path
    if scheduler is None or library is None:
        raise Problem("cargo built no tests of the scheduler or no shared library: see `runtime/core/tests/execution`.")
    return scheduler, library


def _run(name: str, command: list[str | Path], seed: int) -> None:
    environment = {**os.environ, "REMOTEMEDIA_DELAYS": str(seed)}
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_SECONDS,
            check=False,
        )
        output, ending = done.stdout + done.stderr, f"exit code {done.returncode}"
        if done.returncode == 0:
            return
    except subprocess.TimeoutExpired as expired:
        parts = (expired.stdout, expired.stderr)
        output = "".join(part.decode(errors="replace") for part in parts if isinstance(part, bytes))
        ending = f"still running after {LIMIT_SECONDS} s"
    print(output[-20_000:], file=sys.stderr, flush=True)
    again = " ".join(str(word).replace(f"{ROOT}{os.sep}", "") for word in command)
    raise Problem(f"{name}: {ending}; again with `REMOTEMEDIA_DELAYS={seed} {again}`.")


@contextmanager
def _busy(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main(words: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.delays", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="how many rounds (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the first round (%(default)s)")
    parser.add_argument("--load", type=int, default=0, help="how many busy processes run beside it (%(default)s)")
    chosen = parser.parse_args(words)
    try:
        repeat(seconds=0, fewest=chosen.rounds, most=chosen.rounds, first=chosen.seed, load=chosen.load)
    except Problem as problem:
        print(f"tools.delays: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
