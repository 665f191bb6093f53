"""`remotemedia info`: decodes a whole file and keeps none of it."""

from __future__ import annotations

import argparse
import os
from typing import Any

import remotemedia as rm

from . import DONE


def command(chosen: argparse.Namespace) -> int:
    """Prints the format and the exact length of a sound file."""
    formats: dict[tuple[int, int], int] = {}

    @rm.node
    def count(sound: Any) -> None:
        format_ = sound.rate, sound.channels
        formats[format_] = formats.get(format_, 0) + sound.frames

    size = os.stat(chosen.file).st_size
    (rm.Pipeline() >> rm.nodes.AudioDecode(chunk_ms=1000) >> count).run_sync([rm.File(chosen.file)])
    lines = [("file", chosen.file), ("size", f"{size} bytes")]
    for (rate, channels), frames in formats.items():
        lines += [("rate", f"{rate} Hz"), ("channels", str(channels)), ("frames", str(frames))]
        lines += [("duration", f"{frames / rate:.3f} s")]
    print("\n".join(f"{name:10}{value}" for name, value in lines))
    return DONE
