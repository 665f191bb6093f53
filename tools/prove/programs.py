"""The programs that a proof runs: the tests in C linked with one build of the library, and how they are run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools import machine, native, weights
from tools.environment import find_cmake
from tools.machine import BUILD, ROOT, Problem

FOLDER = BUILD / "prove"
C_TESTS = ROOT / "tests" / "c"
OWN_TESTS = ROOT / "tests" / "prove"

PATIENCE = {"REMOTEMEDIA_TEST_SECONDS": "280"}
"""A tool that watches every access makes the tests in C take many times as long."""


@dataclass(frozen=True)
class Build:
    """The library, built in one way, and the flags of the programs that are linked with it."""

    name: str
    library: Path
    flags: Sequence[str] = ()
    compiler: Sequence[str] = ("cc",)
    environment: Mapping[str, str] = field(default_factory=dict)

    def program(self, source: Path, *more: str) -> Path:
        """Compile one program and link it with the library."""
        folder = FOLDER / self.name
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / native.SONAME
        link.unlink(missing_ok=True)
        link.symlink_to(self.library)
        program = folder / source.stem
        flags = [
            "-O1",
            "-g",
            "-pthread",
            f'-DEXPECTED_VERSION="{machine.project_version()}"',
            f"-I{native.HEADER.parent}",
        ]
        flags += [f"-Wl,-rpath,{folder}", *self.flags, *more]
        machine.output_of([*self.compiler, *flags, source, "-o", program, link, "-lm"])
        return program

    def tests(self) -> list[Path]:
        """The tests of the ABI in C."""
        return [self.program(source) for source in sorted(C_TESTS.glob("*.c"))]


def release() -> Build:
    """The library that users get."""
    return Build("release", native.library())


def planted() -> Build:
    """A library with the feature `planted`, with debug assertions."""
    return Build("planted", cargo_library("planted", ["--features", "planted"]))


def with_address_sanitizer() -> Build:
    """A library with the feature `planted` under AddressSanitizer. Raises `Problem` if it is not really in there."""
    library = _sanitized("address", ["-Zsanitizer=address"], "__asan_report_load4")
    options = "detect_leaks=1:exitcode=99:abort_on_error=0:allocator_may_return_null=1"
    return Build("address", library, ["-fsanitize=address"], environment={"ASAN_OPTIONS": options, **PATIENCE})


def with_thread_sanitizer() -> Build:
    """A library with the feature `planted` under ThreadSanitizer, whose locks say what they order.

    Helgrind and DRD know the locks of pthread alone, and those of Rust's standard library are made of atomic numbers.
    """
    flags = ["-Zsanitizer=thread", "-Cunsafe-allow-abi-mismatch=sanitizer", "--cfg", "remotemedia_watched"]
    library = _sanitized("thread", flags, "__tsan_read4")
    # A child of a fork is watched too.
    options = f"exitcode=99:die_after_fork=0:allocator_may_return_null=1:suppressions={OWN_TESTS / 'thread.supp'}"
    flags = ["-fsanitize=thread", str(OWN_TESTS / "thread_names.c")]
    return Build("thread", library, flags, environment={"TSAN_OPTIONS": options, **PATIENCE})


def _sanitized(name: str, flags: Sequence[str], sign: str) -> Path:
    settings = {"RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": " ".join(flags)}
    library = cargo_library(name, ["--features", "planted", "--target", machine.host_triple()], settings)
    if sign not in machine.output_of(["nm", "--dynamic", "--undefined-only", library]):
        raise Problem(f"{library} is not instrumented: nm shows no {sign}")
    return library


def cargo_library(name: str, words: Sequence[str], settings: Mapping[str, str] | None = None) -> Path:
    """Build the shared library with other flags, in a target folder of its own."""
    machine.require_c_compiler()
    weights.ready()
    find_cmake()
    command = ["cargo", "build", "--locked", "--package", "remotemedia-capi", "--lib", *words]
    command += ["--target-dir", str(ROOT / "target" / f"prove-{name}"), "--message-format=json-render-diagnostics"]
    environment = {**os.environ, "CARGO_TERM_PROGRESS_WHEN": "never", **(settings or {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command[:-1])}` failed, see above.")
    return machine.cargo_library(done.stdout, ".so")


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None, *, seconds: float = 300) -> str:
    """Run a program that has to end with 0; returns what it printed. Raises `Problem` with its last words."""
    code, printed = ending(command, environment, seconds=seconds)
    if code != 0:
        raise Problem(f"ended with {code}\n{printed[-3000:]}")
    return printed


def ending(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, *, seconds: float = 300
) -> tuple[int, str]:
    """Run a program; returns its exit code and what it printed. Raises `Problem` if it does not end."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Problem(f"still running after {seconds:.0f} s") from None
    return done.returncode, done.stdout
