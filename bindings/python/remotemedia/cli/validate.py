"""`remotemedia validate`: the plan, or all problems."""

from __future__ import annotations

import argparse

from .._problem.outside_text import printable
from . import DONE
from .arguments.manifest import load


def command(chosen: argparse.Namespace) -> int:
    """Prints the plan. Raises `ManifestError` with all that is wrong."""
    print(printable(str(load(chosen).plan())))
    return DONE
