"""WAV files of more than 4 GiB, whose header can't say their length. They are files with a hole, and take no room."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy
import pytest
import remotemedia as rm

RATE = 16_000
FRAMES = (1 << 31) + 10 * RATE
UNKNOWN = 0xFFFFFFFF
LONG_LENGTHS = struct.pack("<4sIQQQI", b"ds64", 28, 2 * FRAMES + 72, 2 * FRAMES, FRAMES, 0)


@pytest.mark.parametrize(
    ("form", "stated", "before"),
    [(b"RIFF", UNKNOWN, b""), (b"RIFF", 2 * FRAMES & UNKNOWN, b""), (b"RF64", UNKNOWN, LONG_LENGTHS)],
    ids=["unknown", "counted past 32 bits", "RF64"],
)
def test_sound_behind_four_gibibytes_is_read(form: bytes, stated: int, before: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    sound = numpy.arange(1000, dtype="<i2") + 5
    with path.open("wb") as file:
        file.write(form + struct.pack("<I", UNKNOWN) + b"WAVE" + before)
        file.write(
            struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16) + struct.pack("<4sI", b"data", stated)
        )
        file.seek(2 * FRAMES - sound.nbytes, 1)
        file.write(sound.tobytes())
    part = rm.read(path, start_s=(FRAMES - sound.size) / RATE, duration_s=10)
    assert part.frames == sound.size
    assert numpy.array_equal(part.samples[0] * 32768, sound)
