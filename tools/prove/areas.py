"""The areas of the proof: the header, memory, threads, panics, ends of processes, old programs, planted defects."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from tools import environment, machine, native
from tools.machine import ROOT, Problem
from tools.prove import compatibility, programs
from tools.prove.table import Area, Case

REPEAT = 100
"""How often a program that ends badly has to end well."""

LIFECYCLE = ROOT / "tests" / "python" / "lifecycle"

# valgrind sees every thread of the program as it is; what the C library keeps until the process ends is no leak.
MEMCHECK = [
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite",
    "--fair-sched=yes",
    "--quiet",
]


def areas() -> list[Area]:
    """Every area, in the order in which they are proved."""
    return [
        Area("header", "cc, c++, two units", _header),
        Area("stability", "abidw, lists of names and numbers", compatibility.cases),
        Area("tests in C", "the release build", _plain),
        Area("memory, leaks", "AddressSanitizer, LeakSanitizer", _address),
        Area("memory", "valgrind memcheck", _memcheck),
        Area("threads", "ThreadSanitizer", _threads),
        Area("panics", "a node that panics, in C", _panics),
        Area("ends of processes", f"{REPEAT} times each, Python", _lifecycle),
        Area("planted defects", "each tool sees its own", _planted),
    ]


def _header() -> Iterator[Case]:
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    for compiler, language, standard in (
        ("cc", "c", "c99"),
        ("cc", "c", "c17"),
        ("c++", "c++", "c++17"),
        ("c++", "c++", "c++20"),
    ):
        if shutil.which(compiler) is None:
            raise Problem(f"`{compiler}` was not found on PATH: install gcc and g++.")
        command = [compiler, "-x", language, f"-std={standard}", *strict]
        yield Case(f"{standard}, alone", lambda command=command: _compile_alone(command))  # type: ignore[misc]
        if language == "c":
            yield Case(f"{standard}, two units", lambda command=command: _link_two_units(command))  # type: ignore[misc]


def _plain() -> Iterator[Case]:
    yield from _tests(programs.release())


def _address() -> Iterator[Case]:
    yield from _tests(_address_build())


def _memcheck() -> Iterator[Case]:
    if shutil.which("valgrind") is None:
        raise Problem("`valgrind` was not found on PATH: install it (Debian: `apt-get install valgrind`).")
    suppressions = f"--suppressions={programs.OWN_TESTS / 'memcheck.supp'}"
    build = replace(programs.release(), environment=programs.PATIENCE)
    for case in _tests(build, ["valgrind", *MEMCHECK, suppressions]):
        # Of the signals that a thread blocks valgrind shows its own set.
        if case.name != "signals":
            yield case


def _threads() -> Iterator[Case]:
    for case in _tests(_thread_build()):
        # ThreadSanitizer has a thread and handlers of signals of its own.
        if case.name != "signals":
            yield case


def _panics() -> Iterator[Case]:
    build = _planted_build()
    program = build.program(programs.OWN_TESTS / "panics.c")

    def quiet() -> None:
        printed = programs.run([program], build.environment)
        if not re.fullmatch(r"\d+ methods\n", printed):
            raise Problem(f"something was printed:\n{printed}")

    yield Case("every method of a node", quiet)
    address = _address_build()
    again = address.program(programs.OWN_TESTS / "panics.c")
    yield Case("the same under AddressSanitizer", lambda: _discard(programs.run([again], address.environment)))


def _lifecycle() -> Iterator[Case]:
    python = environment.ready("build", "run", "test")
    native.in_place(python)
    sys.path.insert(0, str(LIFECYCLE))
    for script in ENDINGS:
        for number in range(REPEAT):
            yield Case(f"{script}, {number}", lambda script=script: _ends_well(python, script))  # type: ignore[misc]


ENDINGS = {
    "exit_handlers": 0,
    "exit_in_the_middle": 7,
    "exit_without_closing": 0,
    "session_exit_in_the_middle": 7,
    "session_never_closed": 0,
    "sys_exit_in_a_node": 7,
    "threads_that_send_at_exit": 7,
}
"""Programs of `tests/python/lifecycle` that end while work is under way, and their exit codes."""


def _planted() -> Iterator[Case]:
    build, address = _planted_build(), _address_build()
    plain, watched = (each.program(programs.OWN_TESTS / "planted.c") for each in (build, address))
    threads = _thread_build()
    memcheck = ["valgrind", *MEMCHECK]
    seen: list[tuple[str, list[str | Path], str]] = [
        ("AddressSanitizer: a read after free", [watched, "1"], "heap-use-after-free"),
        ("LeakSanitizer: lost memory", [watched, "2"], "12345 byte"),
        ("memcheck: a read after free", [*memcheck, plain, "1"], "Invalid read"),
        ("memcheck: lost memory", [*memcheck, plain, "2"], "12,345 bytes in 1 blocks are definitely lost"),
        ("memcheck: a decision by what was never written", [*memcheck, plain, "3"], "uninitialised"),
    ]
    for name, command, words in seen:
        yield Case(name, lambda command=command, words=words: _is_seen(command, words, address))  # type: ignore[misc]
    racing: list[str | Path] = [threads.program(programs.OWN_TESTS / "planted.c"), "4"]
    yield Case("ThreadSanitizer: two threads write", lambda: _is_seen(racing, "data race", threads))
    yield Case("none of them without a defect", lambda: _discard(programs.run([watched, "0"], address.environment)))
    yield from compatibility.planted()


@cache
def _address_build() -> programs.Build:
    return programs.with_address_sanitizer()


@cache
def _thread_build() -> programs.Build:
    return programs.with_thread_sanitizer()


@cache
def _planted_build() -> programs.Build:
    return programs.planted()


def _tests(build: programs.Build, before: Sequence[str] = ()) -> Iterator[Case]:
    for program in build.tests():
        command = [*before, program]
        yield Case(program.name, lambda command=command: _discard(programs.run(command, build.environment)))  # type: ignore[misc]


def _compile_alone(command: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "alone"
        alone.write_text(f'#include "{native.HEADER.name}"\n', "utf-8")
        machine.output_of([*command, "-fsyntax-only", "-I", native.HEADER.parent, alone])


def _link_two_units(command: Sequence[str]) -> None:
    source = programs.OWN_TESTS / "two_units.c"
    with tempfile.TemporaryDirectory() as folder:
        units = []
        for name, flags in (("first.o", []), ("second.o", ["-DSECOND"])):
            unit = Path(folder) / name
            machine.output_of([*command, *flags, "-I", native.HEADER.parent, "-c", source, "-o", unit])
            units.append(unit)
        build = programs.release()
        program = Path(folder) / "two_units"
        (Path(folder) / native.SONAME).symlink_to(build.library)
        machine.output_of(["cc", *units, "-o", program, Path(folder) / native.SONAME, f"-Wl,-rpath,{folder}"])
        programs.run([program])


def _ends_well(python: Path, script: str) -> None:
    command = [python, "-W", "ignore::DeprecationWarning", LIFECYCLE / f"{script}.py"]
    code, printed = programs.ending(command, environment.search_path(), seconds=120)
    if code != ENDINGS[script] or printed:
        raise Problem(f"ended with {code}, expected {ENDINGS[script]}, and printed {printed[-1000:]!r}")


def _is_seen(command: Sequence[str | Path], words: str, build: programs.Build) -> None:
    code, printed = programs.ending(command, build.environment)
    if code == 0 or words not in printed:
        raise Problem(f"the tool ended with {code} and did not say {words!r}:\n{printed[-2000:]}")


def _discard(_printed: str) -> None:
    return None
