"""PyAV: its own seek to a packet before the part, then frames up to its end. It also makes what all sides read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy

from benchmarks.sides.cuts import work_of

CODECS = {
    "wav": ("pcm_s16le", "s16", None),
    "flac": ("flac", "s16", None),
    "mp3": ("libmp3lame", "fltp", 128_000),
    "m4a": ("aac", "fltp", 128_000),
    "opus": ("libopus", "flt", 96_000),
}
RATE = 48_000


def encode(folder: Path, suffix: str) -> Callable[[], int]:
    """`clip.npy`, (2, frames) of float32 at 48 kHz, again and again up to an hour; returns the size of the file."""
    codec, sample_format, bit_rate = CODECS[suffix]
    path = folder / f"hour.{suffix}"

    def work() -> int:
        clip = numpy.load(folder / "clip.npy")
        fresh = path.with_name(f"making.{suffix}")
        with av.open(str(fresh), "w") as container:
            stream = container.add_stream(codec, rate=RATE, layout="stereo", format=sample_format)
            if bit_rate is not None:
                stream.bit_rate = bit_rate
            resampler = av.AudioResampler(sample_format, "stereo", RATE)
            for begin in range(0, 3600 * RATE, RATE):
                place = begin % clip.shape[1]
                part = numpy.ascontiguousarray(clip[:, place : place + RATE])
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="stereo")
                frame.sample_rate, frame.pts = RATE, begin
                for converted in resampler.resample(frame):
                    container.mux(stream.encode(converted))
            container.mux(stream.encode(None))
        fresh.rename(path)
        return path.stat().st_size

    return work


def cut(folder: Path, suffix: str) -> Callable[..., object]:
    """The file is opened for each part. Where the timestamps of a format are estimates, so is the cut."""

    def one(path: str, start: float, seconds: float) -> numpy.ndarray:
        with av.open(path) as container:
            stream = container.streams.audio[0]
            assert stream.time_base is not None
            rate, base = stream.rate, stream.time_base
            container.seek(int(start / base), stream=stream)
            parts: list[numpy.ndarray] = []
            begin, there = round(start * rate), 0
            wanted = round(seconds * rate)
            for frame in container.decode(stream):
                assert frame.pts is not None
                place = round(frame.pts * base * rate)
                if place + frame.samples <= begin:
                    continue
                part = planes(frame)[:, max(begin - place, 0) :]
                parts.append(part)
                there += part.shape[1]
                if there >= wanted:
                    break
            return numpy.concatenate(parts, axis=1)[:, :wanted]

    return work_of(folder, suffix, one)


def planes(frame: av.AudioFrame) -> numpy.ndarray:
    """(channels, frames) of float32."""
    sound: numpy.ndarray = frame.to_ndarray()
    if not frame.format.is_planar:
        sound = sound.reshape(-1, len(frame.layout.channels)).T
    if sound.dtype == numpy.int16:
        return numpy.ascontiguousarray(sound, dtype=numpy.float32) / numpy.float32(32768)
    return numpy.ascontiguousarray(sound)
