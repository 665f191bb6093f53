"""PyAV: its own seek to a packet before the part, then frames up to its end. It also makes what all sides read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy

from benchmarks.sides.cuts import work_of
from benchmarks.sides.pyav_encoder import RATE, write

SECONDS = 3600


def encode(folder: Path, suffix: str) -> Callable[[], int]:
    """`clip.npy`, (2, frames) of float32 at 48 kHz, again and again up to an hour; returns the size of the file."""

    def work() -> int:
        clip = numpy.load(folder / "clip.npy")
        places = (second * RATE % clip.shape[1] for second in range(SECONDS))
        return write(folder / f"hour.{suffix}", (clip[:, place : place + RATE] for place in places))

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
