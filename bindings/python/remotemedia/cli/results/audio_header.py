"""How long an audio file is that `AudioEncode` wrote: read from its header, and for Opus from its last page.

FLAC by RFC 9639, section 8.2; Ogg by RFC 3533, section 6; Opus in Ogg by RFC 7845, sections 4 and 5.1.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

OPUS_RATE = 48000
PLAYBACK_RATES = (8000, 12000, 16000, 24000, 48000)
"""The rates at which libopus decodes; readers take the one of the header if it is one of them."""
LAST_PAGE = 65_307
"""No page of Ogg has more bytes."""


class AudioHeader(NamedTuple):
    """The rate in Hz, the channels, and the frames at that rate."""

    rate: int
    channels: int
    frames: int

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.frames / self.rate


def read_header(path: str) -> AudioHeader:
    """The header of a FLAC or Ogg Opus file. Raises `ValueError` for any other, and `OSError`."""
    with open(path, "rb") as file:
        head = file.read(64)
        file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_PAGE))
        tail = file.read()
    if head[:4] == b"fLaC":
        # 20 bits of the rate, 3 of the channels, 5 of the sample size, 36 of the frames.
        (packed,) = struct.unpack(">Q", head[18:26])
        return AudioHeader(packed >> 44, (packed >> 41 & 7) + 1, packed & (1 << 36) - 1)
    if head[:4] == b"OggS" and head[28:36] == b"OpusHead":
        channels, skipped, rate = struct.unpack("<xBHI", head[36:44])
        (end,) = struct.unpack("<q", tail[tail.rindex(b"OggS") + 6 :][:8])
        rate = rate if rate in PLAYBACK_RATES else OPUS_RATE
        return AudioHeader(rate, channels, (end - skipped) * rate // OPUS_RATE)
    raise ValueError(f"{path!r} is neither FLAC nor Opus")
