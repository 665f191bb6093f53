"""`remotemedia info`: what `remotemedia.info` tells of a file, a line for each fact."""

from __future__ import annotations

import argparse

import remotemedia as rm

from . import DONE


def command(chosen: argparse.Namespace) -> int:
    """Prints the format and the exact length of a sound file."""
    found = rm.info(chosen.file)
    lines = [
        ("file", chosen.file),
        ("size", f"{found.size} bytes"),
        ("rate", f"{found.rate} Hz"),
        ("channels", str(found.channels)),
        ("frames", str(found.frames)),
        ("duration", f"{found.duration:.3f} s"),
    ]
    print("\n".join(f"{name:10}{value}" for name, value in lines))
    return DONE
