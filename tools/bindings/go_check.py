"""The check of the Go binding: generated files are current, sources are clean, tests pass without and with cgo."""

from __future__ import annotations

import shutil
import subprocess
import sys

from tools.bindings import go
from tools.bindings.host_check import LIBRARY, leave_out, require_current, run_as_program
from tools.machine import Problem, run

LIMIT_SECONDS = 300
TAGS = ["-tags", "remotemedia_cgo"]


def check() -> None:
    """Check the binding; without Go it is left out, which is reported, and fails where CI is set."""
    if shutil.which("go") is None:
        left_out = (
            "the Go binding is LEFT OUT: there is no `go` on PATH; install Go 1.25 or newer, from https://go.dev/dl"
        )
        leave_out(left_out)
        return
    from remotemedia._manifest.catalog import node_types

    require_current(go.stale(node_types()))
    found = subprocess.run(["gofmt", "-l", "."], cwd=go.BINDING, capture_output=True, text=True, check=False)
    if found.stdout or found.returncode != 0:
        raise Problem(f"gofmt would change {' '.join(found.stdout.split())}{found.stderr}")
    for tags in ([], TAGS):
        run(["go", "vet", *tags, "./..."], cwd=go.BINDING, limit_seconds=LIMIT_SECONDS)
    _test([], {**LIBRARY, "CGO_ENABLED": "0"})
    if shutil.which("gcc") is None and shutil.which("clang") is None:
        print("*** LEFT OUT: the tests with cgo and the race detector, since there is no C compiler", file=sys.stderr)
        return
    _test(["-race", *TAGS], {**LIBRARY, "CGO_ENABLED": "1"})


def _test(words: list[str], environment: dict[str, str]) -> None:
    command = ["go", "test", "-count=1", "-timeout", f"{LIMIT_SECONDS}s", *words, "./..."]
    run(command, cwd=go.BINDING, environment=environment, limit_seconds=LIMIT_SECONDS)


if __name__ == "__main__":
    run_as_program(check)
