"""The check of the Java host: generated files are current, everything compiles without warnings, tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools import native
from tools.bindings import java
from tools.machine import BUILD, ROOT, Problem, run

LIMIT_SECONDS = 300


def check() -> None:
    """Check the host; without a JDK of release 22 it is left out, which is reported, and fails where CI is set."""
    script = java.FOLDER / "make.py"
    found = subprocess.run([sys.executable, script, "jdk"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        left_out = f"the Java host is LEFT OUT. {found.stderr.strip()}"
        if os.environ.get("CI"):
            raise Problem(left_out)
        print(f"*** {left_out}", file=sys.stderr, flush=True)
        return
    from remotemedia._manifest.catalog import node_types

    stale = java.stale(node_types())
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise Problem(f"{names}: not what would be generated now; run `python3 build.py generate`.")
    folder = BUILD / "java"
    build: list[str | Path] = [sys.executable, script, "build", folder]
    run(build, limit_seconds=LIMIT_SECONDS)
    library = {"REMOTEMEDIA_LIBRARY": str(native.PACKAGE / native.SONAME)}
    tests: list[str | Path] = [sys.executable, script, "run", folder, "org.remotemedia.tests.Tests"]
    run(tests, environment=library, limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    try:
        check()
    except Problem as problem:
        sys.exit(str(problem))
