"""`remotemedia graph`: the plan as a table for a terminal, as a drawing for everything else."""

from __future__ import annotations

import argparse
import os
import sys

from .._media.file import at_home
from .._problem.outside_text import printable
from ..errors import InvalidArgumentError
from . import DONE
from .arguments.manifest import load
from .files.standard import print_utf8
from .files.whole_file import write_whole
from .results.encoders import STDOUT


def command(chosen: argparse.Namespace) -> int:
    """Writes the drawing, or prints it, or prints the plan on a terminal."""
    for output in chosen.output:
        if output != STDOUT and os.path.splitext(output)[1].lower() != ".svg":
            raise InvalidArgumentError(f"-o {output}: drawings are SVG; end the name in .svg")
    pipeline = load(chosen)
    if not chosen.output and sys.stdout.isatty():
        print(printable(str(pipeline.plan())))
        return DONE
    for output in dict.fromkeys(chosen.output or [STDOUT]):
        if output == STDOUT:
            print_utf8()
            print(printable(pipeline.svg()), end="")
        else:
            write_whole(at_home(output), pipeline.svg().encode("utf-8"))
    return DONE
