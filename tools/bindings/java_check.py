"""The check of the Java host: generated files are current, everything compiles without warnings, tests pass."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.bindings import java
from tools.bindings.host_check import LIBRARY, leave_out, require_current, run_as_program
from tools.machine import BUILD, run

LIMIT_SECONDS = 300


def check() -> None:
    """Check the host; without a JDK of release 22 it is left out, which is reported, and fails where CI is set."""
    script = java.FOLDER / "make.py"
    found = subprocess.run([sys.executable, script, "jdk"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        left_out = f"the Java host is LEFT OUT. {found.stderr.strip()}"
        leave_out(left_out)
        return
    from remotemedia._manifest.catalog import node_types

    require_current(java.stale(node_types()))
    folder = BUILD / "java"
    build: list[str | Path] = [sys.executable, script, "build", folder]
    run(build, limit_seconds=LIMIT_SECONDS)
    tests: list[str | Path] = [sys.executable, script, "run", folder, "org.remotemedia.tests.Tests"]
    run(tests, environment=LIBRARY, limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    run_as_program(check)
