"""remotemedia.testing: live pipelines in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain

numpy = pytest.importorskip("numpy")


def ramp(frames: int, rate: int, channels: int = 1, pts: float | None = None) -> rm.Audio:
    samples = numpy.arange(channels * frames, dtype="f4").reshape(channels, frames) / 1e6
    return rm.Audio(samples, rate, pts=pts)


def test_frames_are_cut_without_drift_and_keep_every_sample() -> None:
    sound = ramp(11025, 11025, channels=2, pts=3.0)
    frames = list(rm.testing.frames(sound))
    assert {frame.frames for frame in frames} == {220, 221, 11025 - round(49 * 220.5)}
    begin = 0
    for number, frame in enumerate(frames):
        assert begin == round(number * 220.5)
        assert frame.pts_ns == 3_000_000_000 + round(begin * 1e9 / 11025)
        begin += frame.frames
    joined = numpy.concatenate([frame.samples for frame in frames], axis=1)
    assert numpy.array_equal(joined, sound.samples)


def test_frames_are_as_long_in_a_number_of_few_bits() -> None:
    # A float16 has no number of samples of 20 ms at this rate.
    lengths = [frame.frames for frame in rm.testing.frames(ramp(9600, 192_000), numpy.float16(20))]
    assert lengths == [3840, 3840, 1920]


def test_what_is_no_sound_is_refused_in_words() -> None:
    with pytest.raises(
        rm.InvalidArgumentError, match=r"^expected an Audio, got str; rm\.read\(path\) reads a sound file$"
    ):
        rm.testing.frames("talk.wav")  # type: ignore[arg-type]
    with pytest.raises(rm.InvalidArgumentError, match=r"^frame_ms=0\.1 is less than one sample at 8000 Hz$"):
        rm.testing.frames(ramp(10, 8000), frame_ms=0.1)


async def test_a_minute_is_played_with_the_result_of_one_piece() -> None:
    sound = ramp(60 * 48000, 48000)
    pipeline = rm.Pipeline() >> rm.nodes.AudioResample(rate=16000) >> rm.nodes.AudioLevel(window_ms=100)
    packets = await rm.testing.play(pipeline, sound)
    assert [packet.pts_ns for packet in packets] == [number * 100_000_000 for number in range(600)]
    whole = [level["rms_db"] for level in await pipeline.run([sound])]
    assert [packet.value["rms_db"] for packet in packets] == whole


async def test_time_stands_still_while_a_python_function_works() -> None:
    at_work = 0
    most = 0

    async def slow(sound: rm.Audio) -> rm.Audio:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(5):
            await asyncio.sleep(0)
        at_work -= 1
        return sound

    pipeline = rm.Pipeline.load(
        chain(
            ("slow", slow, {}),
            ("level", "AudioLevel", {"window_ms": 20}),
        )
    )
    packets = await rm.testing.play(pipeline, ramp(8000, 8000))
    assert len(packets) == 50
    assert most == 1


async def test_a_deadline_counts_the_time_of_the_sound() -> None:
    async def feed(session: rm.Session, seconds: int) -> None:
        for frame in rm.testing.frames(ramp(seconds * 8000, 8000), frame_ms=1000):
            await session.send(frame)
        await session.finish()

    async def count(seconds: int) -> int:
        async with (rm.Pipeline() >> rm.nodes.PassThrough()).session(clock="virtual", deadline=10) as session:
            feeding = asyncio.create_task(feed(session, seconds))
            try:
                return len([packet async for packet in session])
            finally:
                await asyncio.wait([feeding])
                feeding.exception()

    assert await count(9) == 9
    with pytest.raises(rm.TimedOut):
        await count(11)


async def test_what_joins_comes_in_the_same_order_however_long_a_branch_takes() -> None:
    calls = 0

    @rm.node
    async def uneven(sound: rm.Audio) -> rm.Audio:
        nonlocal calls
        calls += 1
        for _ in range(calls % 7):
            await asyncio.sleep(0)
        return sound

    @rm.node
    async def many(_: rm.Audio) -> AsyncIterator[int]:
        # More than a queue holds: it waits for the join, which waits for it.
        for number in range(100):
            yield number

    @rm.node
    def other(sound: rm.Audio) -> rm.Audio:
        return sound

    @rm.node(inputs=["a", "b"])
    class Join:
        def process(self, _: object, port: str) -> str:
            return port

    for branch in (uneven, many):
        join = Join(name="join")
        pipeline = rm.Pipeline() >> [branch() >> join["a"], other() >> join["b"]]
        results = [[packet.value for packet in await rm.testing.play(pipeline, ramp(8000, 16000))] for _ in range(5)]
        assert set(results[0]) == {"a", "b"}
        assert all(result == results[0] for result in results)


async def test_what_a_node_raises_is_raised_by_play() -> None:
    def fail(sound: rm.Audio) -> rm.Audio:
        raise ValueError("enough")

    with pytest.raises(rm.NodeError, match="enough"):
        await rm.testing.play(rm.Pipeline.load(chain(("fail", fail, {}))), ramp(8000, 8000))


async def test_what_can_not_be_sent_ends_the_playing() -> None:
    sound = rm.testing.speech()[:0.5]
    meter = rm.Pipeline() >> rm.nodes.AudioLevel()
    for named, cure in (
        (meter, r"write play\(pipeline, audio\)"),
        (rm.Pipeline(inputs={"near": meter.nodes["audiolevel"]}) >> meter, "its inputs are 'near'"),
    ):
        message = f"there is audio for 'mic', which is no input of the pipeline; {cure}"
        with pytest.raises(rm.InvalidArgumentError, match=message):
            await asyncio.wait_for(rm.testing.play(named, {"mic": sound}), 10)
    pipeline: Any = rm.nodes.AudioLevel()
    with pytest.raises(rm.InvalidArgumentError, match=r"play takes a pipeline, .* not a value of the type AudioLevel"):
        await rm.testing.play(pipeline, sound)
    for frame_ms in (float("inf"), float("nan"), None):
        with pytest.raises(rm.InvalidArgumentError, match="frame_ms must be a number of milliseconds, got "):
            await asyncio.wait_for(rm.testing.play(meter, sound, frame_ms), 10)  # type: ignore[arg-type]


async def test_speech_is_speech() -> None:
    sound = rm.testing.speech()
    assert (sound.rate, sound.channels, round(sound.duration, 1)) == (16000, 1, 7.1)
    pipeline = rm.Pipeline() >> rm.nodes.SpeechSegments()
    packets = await rm.testing.play(pipeline, sound)
    # He reads all the time, but for the breaths.
    assert sum(packet.duration or 0 for packet in packets) > 3


def test_the_recording_is_that_of_the_examples() -> None:
    ours = Path(rm.testing.__file__).with_name("speech.flac")
    assert ours.read_bytes() == (Path(__file__).parents[3] / "examples" / "speech.flac").read_bytes()


async def test_an_unknown_clock_is_refused() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"^clock must be 'real' or 'virtual', got 'fast'$"):
        (rm.Pipeline() >> rm.nodes.PassThrough()).session(clock="fast")  # type: ignore[arg-type]
