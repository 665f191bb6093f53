"""Tests of live pipelines, without a microphone and without waiting.

    packets = await rm.testing.play(pipeline, rm.testing.speech())

`play` sends a recording into a session as a microphone would, frame by frame. The clock of the session is virtual and
shows the time of the audio, so a minute is played in the time that the work takes, with the same result each time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import numbers
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ._process import FIRST_USE
from ._results.inputs import listed
from .errors import InvalidArgumentError
from .media import Audio

if TYPE_CHECKING:
    from ._graph.pipeline import Pipeline
    from ._results.outputs import Packet

__all__ = ["frames", "play", "speech"]

_RECORDING = Path(__file__).with_name("speech.flac")


async def play(pipeline: Pipeline, audio: Audio | Mapping[str, Audio], frame_ms: float = 20) -> list[Packet]:
    """Plays `audio` into a pipeline in frames of `frame_ms`, and returns the packets that come out.

    A pipeline with several inputs takes audio for each by its name: `{"mic": near, "reference": far}` begin together,
    and a shorter one goes on in silence until the last one ends, as a microphone does.
    Packets of all outputs are in one list, in the order in which they came; `packet.sink` names the output. Those of
    one output are the same each time, also where branches join. Each frame has its place in time and arrives at its
    end. Time stands still while nodes and Python functions work, so a slow function delays nothing, and nothing is late
    because the machine is busy.
    Raises the errors of the session, such as `NodeError`, and `InvalidArgumentError` if `audio` is not an `Audio`, or
    if an input has none.
    """
    by_input: Mapping[str | None, Audio] = audio if isinstance(audio, Mapping) else {None: audio}  # type: ignore[assignment]
    whole = [(to, _require_audio(each)) for to, each in by_input.items()]
    end = max((_end_of(each) for _, each in whole), default=0)
    upcoming = heapq.merge(
        *(zip(itertools.repeat(to), frames(_lengthened(each, end), frame_ms)) for to, each in whole),
        key=lambda frame: _end_of(frame[1]),
    )
    if not hasattr(pipeline, "session"):
        raise InvalidArgumentError(
            f"play takes a pipeline, such as rm.Pipeline() >> node, not a value of the type {type(pipeline).__name__}"
        )
    async with pipeline.session(clock="virtual") as session:
        for name in by_input:
            if name is not None and name not in session.inputs:
                cure = (
                    f"its inputs are {listed(session.inputs)}" if any(session.inputs) else "write play(pipeline, audio)"
                )
                raise InvalidArgumentError(f"there is audio for {name!r}, which is no input of the pipeline; {cure}")
        for name in session.inputs:
            if name and None not in by_input and name not in by_input:
                raise InvalidArgumentError(f"there is no audio for the input {name!r}, for which the others would wait")

        async def feed() -> None:
            try:
                for to, frame in upcoming:
                    await session.send(frame, to=to)
                await session.finish()
            except BaseException:
                # The reading ends, and this is raised behind it.
                session.cancel()
                raise

        feeding = asyncio.create_task(feed())
        try:
            packets = [packet async for packet in session]
        except BaseException:
            # The error of the session is raised here; the feeding task would only raise it again.
            feeding.cancel()
            await asyncio.wait([feeding])
            raise
        await feeding
        return packets


def frames(audio: Audio, frame_ms: float = 20) -> Iterator[Audio]:
    """Divides audio into the frames that a microphone would deliver: each with its time, the last one perhaps shorter.

    If a frame is not a whole number of samples, such as 20 ms at 11025 Hz, frames of two lengths alternate, so that
    their times do not drift. Raises `InvalidArgumentError` if `audio` is not an `Audio`, and for frames shorter than a
    sample.
    """
    _require_audio(audio)
    if not isinstance(frame_ms, numbers.Real) or not math.isfinite(frame_ms):
        raise InvalidArgumentError(f"frame_ms must be a number of milliseconds, got {frame_ms!r}")
    # Before the product: that of a numpy.float32 has 24 bits.
    each = float(frame_ms) * audio.rate / 1000
    if not each >= 1:
        raise InvalidArgumentError(f"frame_ms={frame_ms!r} is less than one sample at {audio.rate} Hz")
    return _cut(audio, each)


def speech() -> Audio:
    """Returns seven seconds of a novel read aloud, 16 kHz mono, for trials and tests. It is in the public domain."""
    with FIRST_USE:
        from ._files.audio_files import read

    return read(_RECORDING)


def _require_audio(audio: Audio) -> Audio:
    if not isinstance(audio, Audio):
        raise InvalidArgumentError(f"expected an Audio, got {type(audio).__name__}; rm.read(path) reads a sound file")
    return audio


def _lengthened(audio: Audio, end_ns: int) -> Audio:
    """The audio with silence behind it, up to this time."""
    missing = (end_ns - _end_of(audio)) * audio.rate // 1_000_000_000
    if missing <= 0:
        return audio
    silence = bytes(4 * audio.channels * missing)
    longer = Audio.from_pcm(audio.to_pcm("f32") + silence, "f32", audio.rate, audio.channels)
    longer.layout, longer.pts_ns = audio.layout, audio.pts_ns
    return longer


def _end_of(audio: Audio) -> int:
    return (audio.pts_ns or 0) + round(audio.frames * 1_000_000_000 / audio.rate)


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
