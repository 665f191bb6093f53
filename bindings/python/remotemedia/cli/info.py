"""`remotemedia info`: what `remotemedia.info` tells of a file, a line for each fact."""

from __future__ import annotations

import argparse

import remotemedia as rm

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
    # A tag of several lines stays one, and none can write to the terminal's own controls.
    print("\n".join(f"{_printable(name):10}{' '.join(_printable(value).split())}" for name, value in lines))
    return DONE


def _printable(value: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in value)
