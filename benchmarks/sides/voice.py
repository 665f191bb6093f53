"""The frames of 20 ms that a voice agent hears: raw s16 bytes, of the front end in stereo at 48 kHz."""

from __future__ import annotations

from pathlib import Path

FRONT_END_BYTES = 960 * 2 * 2


def front_end_frames(folder: Path) -> list[bytes]:
    """All of `frontend.pcm`, cut into frames."""
    sound = (folder / "frontend.pcm").read_bytes()
    return [sound[begin : begin + FRONT_END_BYTES] for begin in range(0, len(sound), FRONT_END_BYTES)]
