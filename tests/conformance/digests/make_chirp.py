"""Writes `chirp.wav`: half a second of stereo, a sweep at the left and its reverse, with silence between.

python3 tests/conformance/digests/make_chirp.py
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

RATE, FRAMES = 22_050, 11_025


def sample(frame: int) -> int:
    """A sweep from 100 Hz to 5 kHz that is loud, silent and loud again."""
    time = frame / RATE
    phase = 2 * math.pi * (100 * time + (5000 - 100) * time * time)
    level = 0 if FRAMES // 3 < frame < FRAMES // 2 else 0.7
    return round(32_767 * level * math.sin(phase))


def main() -> None:
    """Writes the file."""
    frames = b"".join(struct.pack("<hh", sample(frame), sample(FRAMES - 1 - frame)) for frame in range(FRAMES))
    head = struct.pack("<4sI4s4sIHH", b"RIFF", 36 + len(frames), b"WAVE", b"fmt ", 16, 1, 2)
    head += struct.pack("<IIHH4sI", RATE, 4 * RATE, 4, 16, b"data", len(frames))
    Path(__file__).with_name("chirp.wav").write_bytes(head + frames)


if __name__ == "__main__":
    main()
