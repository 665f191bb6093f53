"""What old programs rely on: names, numbers and layouts of the header, beside what was frozen in `tests/abi`."""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools import header, machine, native
from tools.machine import ROOT, Problem
from tools.prove import programs
from tools.prove.table import Case
from tools.target import TARGETS

FROZEN = ROOT / "tests" / "abi"
BASELINE = FROZEN / "remotemedia.abi.xml"
NUMBERS = FROZEN / "numbers.txt"
CONSUMERS = FROZEN / "consumers"


def cases() -> Iterator[Case]:
    """What holds as long as the major version is the same."""
    yield Case("symbols", _symbols)
    yield Case("numbers", _numbers)
    yield Case("abidiff", lambda: _compare(native.HEADER.read_text("utf-8")))
    for program in sorted(CONSUMERS.glob(f"consumer-*-{platform.machine()}")):
        yield Case(program.name, lambda program=program: _runs(program))  # type: ignore[misc]


def planted() -> Iterator[Case]:
    """A change of a layout and one of a signature, which abidiff has to see."""
    text = native.HEADER.read_text("utf-8")
    for name, before, after in (
        ("abidiff: a field of rm_buffer moves", "uint64_t token;", "uint32_t token;"),
        ("abidiff: an argument changes its type", "int64_t timeout_us", "int32_t timeout_us"),
    ):
        yield Case(name, lambda before=before, after=after: _is_seen(text.replace(before, after)))  # type: ignore[misc]


def freeze() -> None:
    """Write the baseline and the numbers anew: once for each major version."""
    _require_abigail()
    text = native.HEADER.read_text("utf-8")
    NUMBERS.write_text("".join(f"{name} {number}\n" for name, number in _constants(text).items()), "utf-8")
    with tempfile.TemporaryDirectory() as folder:
        library = _library_of(text, Path(folder))
        options = ["--no-show-locs", "--no-comp-dir-path", "--no-corpus-path"]
        machine.output_of(["abidw", *options, "--out-file", BASELINE, library])


def keep_consumer() -> Path:
    """Compile the consumer against the header of today, for the oldest C library; once for each minor version."""
    version = "{RM_ABI_MAJOR}.{RM_ABI_MINOR}".format(**_constants(native.HEADER.read_text("utf-8")))
    oldest = TARGETS[0]
    program = CONSUMERS / f"consumer-{version}-{oldest.arch}"
    with tempfile.TemporaryDirectory() as folder:
        library = _library_of(native.HEADER.read_text("utf-8"), Path(folder))
        flags = ["-std=c99", "-Os", "-s", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-D_DEFAULT_SOURCE"]
        places = [f"-I{native.HEADER.parent}", CONSUMERS / "consumer.c", "-o", program, library]
        machine.output_of([*shlex.split(oldest.c_compiler()), *flags, *places])
    return program


def _symbols() -> None:
    listed = set(header.SYMBOLS.read_text("utf-8").split())
    exported, _ = header.exports(native.library())
    missing = sorted(listed - set(exported))
    if missing:
        raise Problem(f"the library lacks {', '.join(missing)}")


def _numbers() -> None:
    now = _constants(native.HEADER.read_text("utf-8"))
    for line in NUMBERS.read_text("utf-8").splitlines():
        name, number = line.split()
        if name == "RM_ABI_MINOR":
            continue
        if now.get(name) != int(number):
            raise Problem(f"{name} is {now.get(name)} and was {number}: numbers are never changed")


def _constants(text: str) -> dict[str, int]:
    found = re.findall(r"^#define (RM_\w+) \(?(-?\d+)\)?$", text, re.MULTILINE)
    return {name: int(number) for name, number in found}


def _compare(text: str) -> None:
    code, printed = _difference(text)
    # Bit 3 says that something is gone or changed; additions alone are compatible.
    if code & 8 or code & 1:
        raise Problem(f"abidiff finds a change that breaks old programs:\n{printed}")


def _is_seen(text: str) -> None:
    code, printed = _difference(text)
    if not code & 4:
        raise Problem(f"abidiff ended with {code} and saw no change:\n{printed}")


def _difference(text: str) -> tuple[int, str]:
    _require_abigail()
    with tempfile.TemporaryDirectory() as folder:
        return programs.ending(["abidiff", "--no-added-syms", BASELINE, _library_of(text, Path(folder))])


def _library_of(text: str, folder: Path) -> Path:
    """A shared library of C that defines every function of a header and does nothing.

    Its debug information has what the header promises and not what lies behind it, of which that of the real library
    is full. `build.py header --check` holds the real one to the same header.
    """
    (folder / "remotemedia.h").write_text(text, "utf-8")
    code = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*", " ", text, flags=re.DOTALL | re.MULTILINE)
    declarations = re.findall(r"([\w \*]+?\brm_\w+\s*\([^;{}]*\))\s*;", code)
    body = []
    for declaration in declarations:
        is_void = re.match(r"\s*void\s+rm_", declaration) is not None
        body.append(f"{declaration.strip()} {{ {'' if is_void else 'return 0;'} }}\n")
    source = folder / "stub.c"
    source.write_text('#include "remotemedia.h"\n' + "".join(body), "utf-8")
    library = folder / native.SONAME
    flags = ["-std=c99", "-g", "-O0", "-shared", "-fPIC", f"-Wl,-soname,{native.SONAME}", f"-I{folder}"]
    machine.output_of([machine.require_c_compiler(), *flags, source, "-o", library])
    return library


def _runs(program: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / native.SONAME).symlink_to(native.library())
        programs.run([program], {"LD_LIBRARY_PATH": folder})


def _require_abigail() -> None:
    if shutil.which("abidiff") is None:
        raise Problem("`abidiff` was not found on PATH: install it (Debian: `apt-get install abigail-tools`).")
