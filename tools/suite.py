"""Every check of the project, as named steps: run, timed, and summed up at the end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools import (
    c_sources,
    conformance,
    delays,
    environment,
    fuzz,
    header,
    last_lines,
    machine,
    native,
    site,
    type_checkers,
    weights,
)
from tools.machine import BUILD, ROOT, Problem, run

# A step that hangs is ended, so that a summary always comes.
LIMIT_SECONDS = 1500


@dataclass(frozen=True)
class Check:
    """One step: what the developer calls it, what it does, and whether it needs the native build."""

    name: str
    summary: str
    action: Callable[[], None]
    needs_build: bool = False


@dataclass(frozen=True)
class Result:
    """How a check ended, and what it took."""

    check: Check
    outcome: str
    seconds: float
    cpu_seconds: float
    last_lines: Collection[str] = ()


def format_of_rust() -> None:
    """Rust sources are formatted."""
    machine.require_rust()
    run(["cargo", "fmt", "--all", "--check"])
    run(["cargo", "fmt", "--check"], cwd=fuzz.CRATE)


def lint_of_rust() -> None:
    """Rust sources are free of warnings."""
    machine.require_rust()
    _cargo("clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings")


def tests_in_rust() -> None:
    """Tests of the crates."""
    machine.require_rust()
    machine.require_c_compiler()
    _cargo("test", "--workspace", "--locked")


def build() -> None:
    """The library, the extension and the environment that Python tests run in."""
    environment.require_all()
    native.in_place(environment.ready("build", "run"))
    environment.ready("test")


def tests_in_c() -> None:
    """The C side: CMake project, examples, tests of the ABI."""
    folder = BUILD / "cmake"
    cmake = environment.tool("cmake", "cmake")
    generator = ["-G", "Ninja"] if not (folder / "CMakeCache.txt").exists() and _has_ninja() else []
    run([cmake, "-S", ROOT, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DREMOTEMEDIA_BUILD_TESTS=ON", *generator])
    run([cmake, "--build", folder])
    ctest = str(Path(cmake).with_name("ctest"))
    run([ctest, "--test-dir", folder, "--output-on-failure", "--no-tests=error"], limit_seconds=LIMIT_SECONDS)


def format_of_python() -> None:
    """Python sources are formatted and free of what ruff finds."""
    python = environment.ready("test")
    run([python, "-m", "ruff", "check", "."])
    run([python, "-m", "ruff", "format", "--check", "."])


def types_of_python() -> None:
    """The package, code that uses it and mistakes, as mypy, pyright and stubtest see them."""
    type_checkers.check(environment.ready("build", "run", "test", "types"))


def rooms_of_python() -> None:
    """Imports in the package go down, from room to room, and every module is in one: `tool.importlinter`."""
    environment.ready("test")
    run([environment.FOLDER / "bin" / "lint-imports", "--no-cache", "--no-logo"], environment=environment.search_path())


def documentation() -> None:
    """The documentation site builds: every link and anchor in it leads somewhere, and no page needs the network."""
    site.build()


def tests_of_host(language: str) -> None:
    """Generated files, compilation without warnings and tests of the binding of another language."""
    python = environment.ready("test")
    check = f"tools.bindings.{language}_check"
    run([python, "-m", check], environment=environment.search_path(), limit_seconds=LIMIT_SECONDS)


def tests_in_python() -> None:
    """Tests of the Python package, of the vectors and of packaging."""
    python = environment.ready("build", "run", "test", "wheel")
    run([python, "-m", "pytest"], environment=environment.search_path(), limit_seconds=LIMIT_SECONDS)


def tests_of_integrations() -> None:
    """Adapters to other libraries against these libraries, and the programs of their page."""
    python = environment.ready("build", "run", "test", "integrations")
    folder = ROOT / "tests" / "integrations"
    pages = ROOT / "tests" / "packaging" / "test_docs.py"
    # By their folder, and by the name of their page.
    words = [python, "-m", "pytest", folder, pages, "-k", "integrations"]
    run(words, environment=environment.search_path(), limit_seconds=LIMIT_SECONDS)


CHECKS = [
    Check("rust-format", "cargo fmt --check", format_of_rust),
    Check("rust-lint", "clippy, warnings are errors", lint_of_rust),
    Check("rust", "cargo test", tests_in_rust),
    Check("delays", "the scheduler's tests and those in C with random delays, half a minute", delays.check),
    Check("fuzz", f"libFuzzer and AddressSanitizer, {fuzz.CHECK_SECONDS} s for each target", fuzz.check),
    Check("build", "library, extension, environment", build),
    Check("header", "header == sources == exported symbols", header.check),
    Check("c-format", "clang-format; the extension's C without warnings", c_sources.check),
    Check("c", "cmake, ctest", tests_in_c),
    Check("conformance", "vectors, scenarios and digests in every language", conformance.check, needs_build=True),
    Check("python-format", "ruff check, ruff format --check", format_of_python),
    Check("python-types", "mypy --strict, pyright, stubtest", types_of_python, needs_build=True),
    Check("rooms", "import-linter: knowledge in the Python package goes down", rooms_of_python),
    Check("docs", "the documentation site", documentation),
    Check(
        "go",
        "the Go binding: vet, tests by purego and by cgo, race detector",
        partial(tests_of_host, "go"),
        needs_build=True,
    ),
    Check("node", "the Node binding: TypeScript, the addon, tests", partial(tests_of_host, "node"), needs_build=True),
    Check(
        "java", "the Java binding: compiled without warnings, tests", partial(tests_of_host, "java"), needs_build=True
    ),
    Check("cpp", "the C++ host: format, tests with sanitizers", partial(tests_of_host, "cpp"), needs_build=True),
    Check("python", "pytest", tests_in_python, needs_build=True),
    Check("integrations", "adapters against the real libraries", tests_of_integrations, needs_build=True),
]


def main(names: list[str]) -> int:
    """Run the named checks, or all; a failure does not keep the others from running. Returns the exit code."""
    chosen = [check for check in CHECKS if not names or check.name in names]
    if any(check.needs_build for check in chosen) and not any(check.name == "build" for check in chosen):
        first = next(index for index, check in enumerate(chosen) if check.needs_build)
        chosen.insert(first, next(check for check in CHECKS if check.name == "build"))
    results: list[Result] = []
    started = time.monotonic()
    for check in chosen:
        if check.needs_build and any(done.check.name == "build" and done.outcome == "FAILED" for done in results):
            results.append(Result(check, "skipped", 0.0, 0.0))
            continue
        print(f"\n=== {check.name}: {check.summary}", flush=True)
        begun, spent = time.monotonic(), _cpu_seconds()
        with last_lines.kept() as lines:
            try:
                check.action()
                outcome = "passed"
            except Problem as problem:
                print(f"build.py: {problem}", file=sys.stderr, flush=True)
                outcome = "FAILED"
        results.append(Result(check, outcome, time.monotonic() - begun, _cpu_seconds() - spent, lines))
    _sum_up(results, time.monotonic() - started)
    return 0 if all(result.outcome == "passed" for result in results) else 1


def _cpu_seconds() -> float:
    """Processor time of this process and of all that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _sum_up(results: list[Result], seconds: float) -> None:
    print("\n=== summary: by the clock, and by processors")
    for result in results:
        times = f"{result.seconds:8.1f} s{result.cpu_seconds:8.1f} s"
        print(f"{result.outcome:8}{times}  {result.check.name}: {result.check.summary}")
    # Again, at the end: of a long log that is what is looked at, or all that is shown.
    for result in results:
        if result.outcome == "FAILED" and result.last_lines:
            print(f"--- {result.check.name} failed; its last lines:")
            print("\n".join(result.last_lines))
    counts = [sum(result.outcome == wanted for result in results) for wanted in ("passed", "FAILED", "skipped")]
    skipped = f", {counts[2]} skipped" if counts[2] else ""
    cpu_minutes = sum(result.cpu_seconds for result in results) / 60
    print(f"{sum(counts)} checks in {seconds:.1f} s, {cpu_minutes:.1f} minutes of processors")
    print(f"checks: {counts[0]} passed, {counts[1]} failed{skipped}", flush=True)


def _cargo(*words: str) -> None:
    weights.ready()
    environment.find_cmake()
    # A progress bar in a log is noise.
    quiet = {} if sys.stderr.isatty() else {"CARGO_TERM_PROGRESS_WHEN": "never"}
    run(["cargo", *words], environment=quiet, limit_seconds=LIMIT_SECONDS)


def _has_ninja() -> bool:
    names = ("ninja", "ninja-build")
    folders = [*os.environ["PATH"].split(os.pathsep), str(environment.FOLDER / "bin")]
    return any((Path(folder) / name).exists() for folder in folders for name in names)
