"""Which outputs may be written to: memory that neither an input nor another output refers to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import chain
from remotemedia.nodes import AudioMix, AudioPad, AudioResample, AudioTrim, PassThrough, RandomCrop, SpeedPerturb

SECOND = np.zeros((2, 48_000), dtype=np.float32)


def native(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


def reference(*arguments: Any, **keywords: Any) -> Any:
    return rm.execute_sync(*arguments, engine="python", **keywords)


everywhere = pytest.mark.parametrize("execute", [native, rm.execute_sync, reference])


def manifest(first: Any, *sinks: str) -> dict[str, object]:
    return {
        "version": "v1",
        "nodes": [{"id": "first", **first}] + [{"id": sink, "node_type": "PassThrough"} for sink in sinks],
        "connections": [{"from": "first", "to": sink} for sink in sinks],
    }


MONO = {"node_type": "AudioMix", "params": {"channels": 1}}


def fresh(audio: rm.Audio) -> rm.Audio:
    return rm.Audio(audio.samples + 1, audio.rate)


def test_an_output_of_its_own_memory_is_writable() -> None:
    (audio,) = rm.execute_sync(manifest(MONO, "only"), [rm.Audio(SECOND, rate=48_000)])
    audio.samples[0, 0] = 0.5
    assert audio.samples[0, 0] == 0.5


def test_outputs_that_share_memory_are_not_writable() -> None:
    outputs = rm.execute_sync(manifest(MONO, "a", "b"), [rm.Audio(SECOND, rate=48_000)])
    (first,), (second,) = outputs["a"], outputs["b"]
    assert np.shares_memory(first.samples, second.samples)
    assert not first.samples.flags.writeable
    assert not second.samples.flags.writeable


@pytest.mark.parametrize(
    "node",
    [
        PassThrough(), AudioMix(channels=1), AudioResample(rate=16_000), AudioTrim(), AudioPad(after_ms=1),
        RandomCrop(duration_s=1.0), SpeedPerturb(factors=[1.0]),
    ],
    ids=lambda node: str(node.node_type),
)  # fmt: skip
def test_an_output_in_the_memory_of_an_input_is_not_writable(node: Any) -> None:
    clip = rm.testing.speech()
    first, *_ = (rm.Pipeline() >> node).run_sync([clip])
    assert np.shares_memory(first.samples, clip.samples)
    assert not first.samples.flags.writeable
    assert clip.samples.flags.writeable
    assert first.samples.copy().flags.writeable


def test_methods_and_segments_of_audio_leave_it_as_it_is() -> None:
    clip = rm.testing.speech()
    shared = [clip.mono(), clip.resample(clip.rate), *(each["audio"] for each in rm.speech_segments(clip))]
    assert len(shared) > 2
    assert [audio.samples.flags.writeable for audio in shared] == [False] * len(shared)
    assert clip.gain(-3).samples.flags.writeable


@everywhere
def test_values_that_pass_through_are_not_writable(execute: Any) -> None:
    array, picture = np.zeros((2, 10_000)), rm.Video([np.zeros((100, 960), "uint8")], "rgb24", 320, 100)
    given = [array, array[:, ::2], {"in": [rm.Audio(SECOND, 48_000)]}, picture]
    whole, strided, inside, back = execute(chain(("p", "PassThrough", {})), given)
    found = [whole, strided, inside["in"][0].samples, *back.planes]
    assert [each.flags.writeable for each in found] == [False] * 4
    assert np.shares_memory(whole, array)
    assert array.flags.writeable


@everywhere
def test_what_a_function_made_is_writable_unless_two_outputs_have_it(execute: Any) -> None:
    clip = rm.Audio(SECOND, 48_000)
    (alone,) = execute(manifest({"node_type": fresh}, "only"), [clip])
    alone.samples[0, 0] = 0.5
    outputs = execute(manifest({"node_type": fresh}, "a", "b"), [clip])
    assert not outputs["a"][0].samples.flags.writeable
    assert not outputs["b"][0].samples.flags.writeable


@everywhere
def test_a_part_of_the_input_that_a_function_gives_is_not_writable(execute: Any) -> None:
    def halves(array: Any) -> Iterator[Any]:
        yield array[:5000]
        yield array[5000:]

    outputs = execute(manifest({"node_type": halves}, "only"), [np.zeros(10_000)])
    assert [part.flags.writeable for part in outputs] == [False, False]


def test_a_strided_array_of_a_function_is_writable_when_it_is_out() -> None:
    (found,) = rm.execute_sync(manifest({"node_type": lambda _: np.zeros((200, 400))[:, ::2]}, "only"), [1])
    found[0, 0] = 1
    assert found.sum() == 1


async def test_a_session_gives_what_is_lent_to_it_back_read_only() -> None:
    async with (rm.Pipeline() >> rm.node(fresh)() >> [PassThrough(name="a"), PassThrough(name="b")]).session() as both:
        await both.send(rm.Audio(SECOND, 48_000))
        await both.finish()
        assert [packet.value.samples.flags.writeable async for packet in both] == [False, False]
    async with (rm.Pipeline() >> rm.node(fresh)()).session() as session:
        await session.send(rm.Audio(SECOND, 48_000))
        await session.finish()
        assert [packet.value.samples.flags.writeable async for packet in session] == [True]
    async with (rm.Pipeline() >> PassThrough()).session() as session:
        await session.send(SECOND, borrow=True)
        await session.send(SECOND)
        await session.finish()
        assert [packet.value.flags.writeable async for packet in session] == [False, True]


async def test_what_a_function_made_is_writable_as_soon_as_it_is_read() -> None:
    """A reader may be there before the thread that replies has let go of it."""
    make = rm.Pipeline() >> rm.node(lambda _: np.zeros(10_000))()
    assert all([value.flags.writeable async for value in make.stream([1] * 200)])


def test_tensors_follow_the_same_rule() -> None:
    # bfloat16 comes back as a Tensor, with numpy too.
    given = rm.Tensor(bytearray(20_000), "bfloat16", (10_000,))
    (back,) = rm.execute_sync(chain(("p", "PassThrough", {})), [given])
    assert back.readonly
    (made,) = rm.execute_sync(chain(("m", lambda _: rm.Tensor(bytearray(20_000), "bfloat16", (10_000,)), {})), [1])
    made.data[0] = 1
    assert made.data[0] == 1
