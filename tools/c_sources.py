"""The C of the project: its format, and the C of the Python extension without warnings."""

from __future__ import annotations

import os
import shlex
import sysconfig
from pathlib import Path

from tools import environment, machine, native
from tools.machine import ROOT, run

FOLDERS = [
    native.EXTENSION,
    ROOT / "bindings" / "node" / "native",
    ROOT / "examples" / "c",
    ROOT / "tests" / "c",
    ROOT / "tests" / "conformance" / "c",
]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Werror"]


def check() -> None:
    """C sources are formatted, and those of the extension compile without a warning."""
    environment.ready("c")
    run([environment.FOLDER / "bin" / "clang-format", "--dry-run", "--Werror", *sources()])
    machine.require_c_compiler()
    machine.require_python_headers()
    compiler = shlex.split(os.environ.get("CC", "cc"))
    places = [native.HEADER.parent, native.EXTENSION, sysconfig.get_path("include")]
    includes = [f"-I{place}" for place in places]
    for source in sorted(native.EXTENSION.glob("*.c")):
        # Some warnings need the optimizer's look at the code.
        run(
            [
                *compiler,
                "-std=c11",
                "-O2",
                *WARNINGS,
                "-DPy_LIMITED_API=0x030A0000",
                *includes,
                "-c",
                source,
                "-o",
                os.devnull,
            ]
        )


def sources() -> list[Path]:
    """Every C source and header that is written by hand."""
    return sorted(path for folder in FOLDERS for path in folder.iterdir() if path.suffix in (".c", ".cpp", ".h"))
