"""The time of what comes out of a session in which packets are lost, late or doubled."""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections.abc import Iterable
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._execution.metrics import Metrics

pytest.importorskip("numpy")

nodes = rm.nodes


async def played(pipeline: rm.Pipeline, frames: Iterable[rm.Audio], **options: Any) -> tuple[list[rm.Packet], Metrics]:
    """What comes of frames in virtual time, and the metrics at the end."""
    async with pipeline.session(clock="virtual", **options) as session:

        async def feed() -> None:
            for frame in frames:
                await session.send(frame)
            await session.finish()

        feeding = asyncio.create_task(feed())
        packets = [packet async for packet in session]
        await feeding
        return packets, session.metrics()


def without(start: float, end: float) -> list[rm.Audio]:
    """The frames of 20 ms of the speech, but for those of a stretch."""
    frames = rm.testing.frames(rm.testing.speech())
    return [frame for frame in frames if frame.pts is not None and not start <= frame.pts < end]


async def test_segments_levels_and_audio_are_where_they_belong_after_a_second_was_lost() -> None:
    frames = without(2, 3)
    end = frames[-1].pts + frames[-1].duration  # type: ignore[operator]

    segments, _ = await played(rm.Pipeline() >> nodes.SpeechSegments(), frames)
    # Without the gap it is 6.910 s; windows of 32 ms begin anew behind it.
    assert segments[-1].value["end_s"] == pytest.approx(6.910, abs=0.032)

    levels, metrics = await played(rm.Pipeline() >> nodes.AudioLevel(window_ms=100), frames)
    assert [level.pts for level in levels] == [n / 10 for n in range(71) if not 20 <= n < 30]
    assert levels[-1].pts + levels[-1].duration == end  # type: ignore[operator]
    level = metrics.nodes[0]
    assert (level.gaps, level.missing, level.overlaps, level.trimmed) == (1, 1.0, 0, 0.0)
    assert "times of 'audiolevel' jump: 1 gap (1.000 s missing)" in str(metrics)

    audio, _ = await played(rm.Pipeline() >> nodes.AudioResample(rate=24000), frames)
    assert audio[-1].pts + audio[-1].duration == pytest.approx(end, abs=1e-9)  # type: ignore[operator]

    levels, _ = await played(rm.Pipeline() >> nodes.AudioLevel(window_ms=100, gaps="fill"), frames)
    assert [level.pts for level in levels] == [n / 10 for n in range(71)]
    assert all(level.value["rms_db"] == -120 for level in levels[20:30])


async def test_the_first_jump_of_a_session_is_logged_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    frames = [frame for number, frame in enumerate(without(2, 3)) if number % 10]
    with caplog.at_level(logging.WARNING, logger="remotemedia"):
        await played(rm.Pipeline() >> nodes.AudioGain() >> nodes.AudioLevel(), without(9, 9))
        assert caplog.messages == []
        await played(rm.Pipeline() >> nodes.AudioGain() >> nodes.AudioLevel(), frames)
    (message,) = caplog.messages
    assert message.startswith("the times of what comes to node 'audiogain' jump: ")
    assert message.endswith(" missing); see 'gaps' in its params and in metrics()")


async def test_what_a_full_queue_drops_moves_nothing() -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def slow(sound: rm.Audio) -> rm.Audio:
        reached.set()
        await gate.wait()
        return sound

    buffer = rm.Buffer(packets=2, policy="drop_oldest")
    graph = rm.Pipeline() >> nodes.PassThrough() >> buffer >> rm.node(slow)() >> nodes.AudioLevel(window_ms=20)
    frames = list(rm.testing.frames(rm.testing.speech()))
    async with graph.session() as session:
        await session.send(frames[0])
        await reached.wait()
        await session.send_many(frames[1:50])
        while session.metrics().edges[0].dropped < 47:  # noqa: ASYNC110
            await asyncio.sleep(0)
        gate.set()
        await session.finish()
        assert [packet.pts for packet in [packet async for packet in session]] == [0, 0.96, 0.98]
        assert session.metrics().nodes[-1].gaps == 1


@pytest.mark.parametrize("is_by_call", [True, False])
async def test_audio_that_is_sent_at_a_time_is_dropped_where_it_comes_late_or_twice(is_by_call: bool) -> None:
    async with (rm.Pipeline() >> nodes.AudioConcat(gaps="fill")).session() as session:
        for number in (1, 2, 4, 3, 4, 5):
            sound = rm.Audio(array("f", [number] * 160), 8000, pts=None if is_by_call else number * 0.02)
            await session.send(sound, pts=number * 0.02 if is_by_call else None)
        await session.finish()
        (packet,) = [packet async for packet in session]
        assert packet.pts == 0.02
        assert [float(sample) for sample in packet.value.samples[0][::160]] == [1, 2, 0, 4, 5]
        node = session.metrics().nodes[0]
        assert (node.gaps, node.missing, node.overlaps, node.trimmed) == (1, 0.02, 2, 0.04)
