"""What the checks of all hosts share: a toolchain that is missing, generated files that are stale, the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import native
from tools.machine import ROOT, Problem

LIBRARY = {"REMOTEMEDIA_LIBRARY": str(native.PACKAGE / native.SONAME)}
"""The environment variable by which programs of a host find the library."""


def leave_out(reason: str) -> None:
    """Report that a host is left out, and why; where CI is set this is a `Problem`."""
    if os.environ.get("CI"):
        raise Problem(reason)
    print(f"*** {reason}", file=sys.stderr, flush=True)


def require_current(stale: Sequence[Path]) -> None:
    """Raise `Problem` if there are generated files that would be generated differently now."""
    if stale:
        names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
        raise Problem(f"{names}: not what would be generated now; run `python3 build.py generate`.")


def run_as_program(check: Callable[[], None]) -> None:
    """Run a check; a `Problem` is one sentence and exit code 1."""
    try:
        check()
    except Problem as problem:
        sys.exit(str(problem))
