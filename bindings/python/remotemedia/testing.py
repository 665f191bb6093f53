"""Tests of live pipelines, without a microphone and without waiting.

    packets = await rm.testing.play(pipeline, rm.testing.speech())

`play` speaks a recording into a session as a microphone would, frame by frame, in a session whose clock is virtual: no
time passes but that of the sound, so a minute of it takes as long as the work takes, and comes out the same each time.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ._process import FIRST_USE
from .errors import InvalidArgumentError
from .media import Audio

if TYPE_CHECKING:
    from ._graph.pipeline import Pipeline
    from ._results.outputs import Packet

__all__ = ["frames", "play", "speech"]

_RECORDING = Path(__file__).with_name("speech.flac")


async def play(pipeline: Pipeline, audio: Audio, frame_ms: float = 20) -> list[Packet]:
    """Everything that comes out of a pipeline while `audio` is spoken into it in frames of `frame_ms`.

    The packets of all sinks, in the order in which they came; `packet.sink` tells which one it was. Each frame has its
    place in time, and arrives when its last sample has sounded. Time stands still while nodes work, Python functions
    too, so a slow one delays nothing and nothing is late because the machine is busy.
    Raises what the session raises, `NodeError` for example, and `InvalidArgumentError` for what is no `Audio`.
    """
    upcoming = frames(audio, frame_ms)
    async with pipeline.session(clock="virtual") as session:

        async def feed() -> None:
            for frame in upcoming:
                await session.send(frame)
            await session.finish()

        feeding = asyncio.create_task(feed())
        try:
            packets = [packet async for packet in session]
        except BaseException:
            # What ended the session is raised here; whoever feeds it would only raise it again.
            feeding.cancel()
            await asyncio.wait([feeding])
            raise
        await feeding
        return packets


def frames(audio: Audio, frame_ms: float = 20) -> Iterator[Audio]:
    """The frames in which a microphone would deliver a sound: each at its time, the last one perhaps shorter.

    Where a frame is no whole number of samples, as 20 ms at 11025 Hz, frames of two lengths alternate, so that none
    drifts. Raises `InvalidArgumentError` for what is no `Audio`, and for frames below one sample.
    """
    if not isinstance(audio, Audio):
        raise InvalidArgumentError(f"expected an Audio, got {type(audio).__name__}; rm.read(path) reads a sound file")
    each = frame_ms * audio.rate / 1000
    if not each >= 1:
        raise InvalidArgumentError(f"frame_ms={frame_ms!r} is less than one sample at {audio.rate} Hz")
    return _cut(audio, each)


def speech() -> Audio:
    """Seven seconds of a reader, 16 kHz mono, in which `VAD` finds speech: from a recording in the public domain."""
    with FIRST_USE:
        from ._files.audio_files import read

    read_here: list[Audio] = []
    # `read` is for programs without a loop, and tests of live pipelines have one; this takes a few milliseconds.
    reading = threading.Thread(target=lambda: read_here.append(read(_RECORDING)))
    reading.start()
    reading.join()
    return read_here[0]


def _cut(audio: Audio, each: float) -> Iterator[Audio]:
    samples = audio.to_pcm("f32")
    frame_bytes = len(samples) // max(audio.frames, 1)
    origin = audio.pts_ns or 0
    begin = 0
    for number in itertools.count(1):
        if begin >= audio.frames:
            return
        end = min(round(number * each), audio.frames)
        frame = Audio.from_pcm(samples[begin * frame_bytes : end * frame_bytes], "f32", audio.rate, audio.channels)
        frame.layout, frame.pts_ns = audio.layout, origin + round(begin * 1_000_000_000 / audio.rate)
        yield frame
        begin = end
