"""`remotemedia graph`: the plan as a table for a terminal, as a drawing for everything else."""

from __future__ import annotations

import argparse
import os
import sys

from .._media.file import at_home
from .._problem.outside_text import printable
from ..errors import InvalidArgumentError
from . import DONE
from .manifest import load
from .whole_file import write_whole


def command(chosen: argparse.Namespace) -> int:
    """Writes the drawing, or prints it, or prints the plan on a terminal."""
    to_file = chosen.output not in (None, "-")
    if to_file and os.path.splitext(chosen.output)[1].lower() != ".svg":
        raise InvalidArgumentError(f"-o {chosen.output}: drawings are SVG; end the name in .svg")
    pipeline = load(chosen)
    if to_file:
        write_whole(at_home(chosen.output), pipeline.svg().encode("utf-8"))
    elif chosen.output is None and sys.stdout.isatty():
        print(printable(str(pipeline.plan())))
    else:
        print(printable(pipeline.svg()), end="")
    return DONE
