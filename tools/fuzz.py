"""Fuzzing: builds the targets of `runtime/fuzz` with libFuzzer and AddressSanitizer, and runs each on its corpus.

`python3 -m tools.fuzz --seconds 3600 decode-mp3` runs one for an hour. What is found along the way stays in
`.build/fuzz/corpus`, and an input that breaks something in `.build/fuzz/found`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools import machine, weights
from tools.environment import find_cmake
from tools.machine import BUILD, ROOT, Problem, say

CRATE = ROOT / "runtime" / "fuzz"
FOLDER = BUILD / "fuzz"

# What a run takes in the check. Most of it is the committed corpus with all that was ever found.
CHECK_SECONDS = 5

# One input may take so long and so much, with a sanitizer that makes both several times what they are.
TIMEOUT_SECONDS = 25
MOST_MEBIBYTES = 2048

# What `cargo fuzz` passes, without what a stable compiler lacks: coverage for libFuzzer, and AddressSanitizer. Nor is
# `fuzzing` set: with it Symphonia takes any checksum of a FLAC frame's header for right, so that it finds headers where
# there are none, and does not read what it reads everywhere else. What is tried here is what users run.
FLAGS = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
]
SANITIZER = "-Zsanitizer=address"

# What is watched: our crates and what decodes. To watch the others too takes a fifth more of processors, leaves time
# for a quarter to three quarters of the inputs, and finds nothing. In transforms nothing depends on the values; most of
# Symphonia's core is made of one.
WATCHED = re.compile(r'^name = "((?:remotemedia|symphonia)(?:-[a-z0-9-]+)?)"$', re.MULTILINE)
TRANSFORMS = {"remotemedia-fourier", "symphonia-core"}


@dataclass(frozen=True)
class Run:
    """A target on a corpus of its own, which is below `runtime/fuzz/corpus` under the name of the run."""

    name: str
    target: str
    longest: int


RUNS = [
    Run("wire", "wire", 4096),
    Run("json", "json", 4096),
    Run("manifest", "manifest", 4096),
    *(Run(f"decode-{each}", "decode", 16384) for each in ("wav", "flac", "mp3", "ogg", "mp4", "aac", "more")),
    Run("encode", "encode", 1024),
    Run("abi", "abi", 512),
]


def check() -> None:
    """Each run for some seconds, as many at a time as there are cores.

    It begins with the committed corpus and makes the same tries from there each time, as many as the machine is fast:
    a change of its result comes from a change of the sources. What takes longer to be found is for hours of fuzzing.
    """
    fuzz(RUNS, CHECK_SECONDS, learned=FOLDER / "check", seed=1, profile="dev")


def fuzz(
    runs: list[Run],
    seconds: int,
    at_a_time: int | None = None,
    *,
    learned: Path = FOLDER / "corpus",
    seed: int = 0,
    profile: str = "optimized",
) -> None:
    """Build the targets and run some of them for so long each. A finding is a `Problem`.

    `learned` is where inputs that reach new code are kept. With the seed 0, each time tries something else; with
    another one it begins without what was learned. `profile` is one of `runtime/fuzz/Cargo.toml`.
    """
    programs = build(profile)
    with ThreadPoolExecutor(at_a_time or len(os.sched_getaffinity(0))) as pool:
        failures = [
            failure
            for failure in pool.map(lambda run: _fuzz_one(programs, run, seconds, learned, seed), runs)
            if failure
        ]
    if failures:
        raise Problem("\n".join(failures))


def build(profile: str) -> Path:
    """Build all targets; returns the folder where they are."""
    machine.require_linux()
    machine.require_c_compiler()
    host = machine.host_triple()
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++")):
        raise Problem("fuzzing needs a C++ compiler: install one (Debian, Ubuntu: `apt-get install g++`).")
    weights.ready()
    find_cmake()
    words = ["build", "--profile", profile, "--target-dir", str(ROOT / "target" / "fuzz"), "-Zprofile-rustflags"]
    sanitizer = _sanitizer(host)
    flags = json.dumps([*FLAGS, *sanitizer])
    for name in _watched(links_alone=bool(sanitizer)):
        words += ["--config", f"profile.{profile}.package.{name}.rustflags={flags}"]
    # Sanitizers, and flags for single crates, are there in the stable tools, behind this switch.
    environment = {"RUSTC_BOOTSTRAP": "1", "CARGO_TERM_PROGRESS_WHEN": "never"}
    machine.run(["cargo", *words], environment=environment, cwd=CRATE)
    return ROOT / "target" / "fuzz" / ("debug" if profile == "dev" else profile)


def _watched(*, links_alone: bool) -> list[str]:
    """The crates that are watched.

    Flags of a crate are those of its build script too, which `links_alone` with the sanitizer, whose library has what
    the flags call. Without it libFuzzer has that, in the targets.
    """
    names = {*WATCHED.findall((CRATE / "Cargo.lock").read_text("utf-8"))} - TRANSFORMS
    if not links_alone:
        scripts = (ROOT / "runtime").glob("*/build.rs")
        names -= {f"remotemedia-{script.parent.name}" for script in scripts}
    return sorted(names)


def _sanitizer(host: str) -> list[str]:
    """The flag for AddressSanitizer, where the compiler has its library: those of distributions lack it."""
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    if any(Path(root, "lib", "rustlib", host, "lib").glob("librustc-*rt.asan*")):
        return [SANITIZER]
    say("this Rust has no AddressSanitizer: fuzzing without it")
    return []


def _fuzz_one(programs: Path, run: Run, seconds: int, learned: Path, seed: int) -> str | None:
    corpus, found, log = learned / run.name, FOLDER / "found" / run.name, FOLDER / f"{run.name}.log"
    if seed:
        shutil.rmtree(corpus, ignore_errors=True)
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    words = [
        str(programs / run.target),
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={run.longest}",
        f"-timeout={TIMEOUT_SECONDS}",
        f"-rss_limit_mb={MOST_MEBIBYTES}",
        "-print_final_stats=1",
        "-print_funcs=0",
        f"-artifact_prefix={found}{os.sep}",
        str(corpus),
        str(CRATE / "corpus" / run.name),
    ]
    with log.open("wb") as output:
        # libFuzzer ends by itself; a run that does not is one more finding.
        limit = seconds + 10 * TIMEOUT_SECONDS
        try:
            code = subprocess.run(
                words, stdout=output, stderr=output, cwd=FOLDER, timeout=limit, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            return f"fuzzing {run.name} did not end within {limit} s; see {log}"
    text = log.read_text("utf-8", errors="replace")
    executions = re.search(r"stat::number_of_executed_units: (\d+)", text)
    say(f"{run.name}: {executions[1] if executions else 'unknown'} executions in {seconds} s")
    if code == 0:
        return None
    print("".join(text.splitlines(keepends=True)[-60:]), file=sys.stderr)
    return f"fuzzing {run.name} found something: the input is in {found}, the report in {log}"


def main(words: list[str]) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=30, help="how long each run takes (30)")
    parser.add_argument("--at-a-time", type=int, help="how many at once (one for each core)")
    names = [run.name for run in RUNS]
    parser.add_argument("run", nargs="*", choices=[*names, []], metavar="RUN", help=f"some of {', '.join(names)}")
    chosen = parser.parse_args(words)
    try:
        fuzz([run for run in RUNS if not chosen.run or run.name in chosen.run], chosen.seconds, chosen.at_a_time)
    except Problem as problem:
        print(f"fuzz: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
