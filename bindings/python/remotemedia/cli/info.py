"""`remotemedia info`: what `remotemedia.info` tells of a file, a line for each fact."""

from __future__ import annotations

import argparse

import remotemedia as rm

from .._problem.outside_text import one_line
from . import DONE


def command(chosen: argparse.Namespace) -> int:
    """Prints the format, the exact length and the tags of a sound file."""
    found = rm.info(chosen.file)
    lines = [
        ("file", chosen.file),
        ("size", f"{found.size} bytes"),
        ("format", found.container if found.codec == found.container else f"{found.codec} in {found.container}"),
        ("rate", f"{found.rate} Hz"),
        ("channels", str(found.channels)),
        ("frames", str(found.frames)),
        ("duration", f"{found.duration:.3f} s"),
        *found.tags.items(),
    ]
    # A tag of several lines stays one.
    print("\n".join(f"{one_line(name):10}{one_line(' '.join(value.split()))}" for name, value in lines))
    return DONE
