"""PyAV as the encoder of what all sides read: stereo at 48 kHz, in each format that its wheels can write."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy

RATE = 48_000
CODECS = {
    "wav": ("pcm_s16le", "s16", None),
    "flac": ("flac", "s16", None),
    "mp3": ("libmp3lame", "fltp", 128_000),
    "m4a": ("aac", "fltp", 128_000),
    "opus": ("libopus", "flt", 96_000),
}


def write(path: Path, parts: Iterable[numpy.ndarray]) -> int:
    """Writes parts, each (2, frames) of float32, one after the other to a file; returns its size."""
    codec, sample_format, bit_rate = CODECS[path.suffix[1:]]
    fresh = path.with_name(f"making{path.suffix}")
    with av.open(str(fresh), "w") as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo", format=sample_format)
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        resampler = av.AudioResampler(sample_format, "stereo", RATE)
        begin = 0
        for part in parts:
            frame = av.AudioFrame.from_ndarray(numpy.ascontiguousarray(part), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = RATE, begin
            begin += part.shape[1]
            for converted in resampler.resample(frame):
                container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    fresh.rename(path)
    return path.stat().st_size
