"""Arguments that are whole numbers: what counts as one, wherever one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import remotemedia as rm

SOUND = rm.Audio(np.zeros((1, 160), "float32"), 16_000)
THROUGH = rm.Pipeline() >> rm.nodes.AudioGain()


async def a_session(value: Any) -> None:
    async with THROUGH.session(buffer={"packets": value, "bytes": value, "ms": value}):
        pass


ARGUMENTS: dict[str, Callable[[Any], object]] = {
    "Audio": lambda value: rm.Audio(SOUND.samples, value),
    "PCM": lambda value: rm.PCM("s16", value, value),
    "from_pcm": lambda value: rm.Audio.from_pcm(bytes(96), "s16", value, value),
    "pts_ns": lambda value: rm.Audio(SOUND.samples, 16_000, pts_ns=value),
    "length": lambda value: rm.pad_batch([SOUND[:0.0]], length=value),
    "batch": lambda value: rm.node(batch=value)(lambda values: values),
    "map_sync": lambda value: list(THROUGH.map_sync([SOUND], concurrency=value)),
    "read_many": lambda value: rm.read_many([], concurrency=value),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("value", [np.int64(3), np.uint8(3), np.array(3)], ids=repr)
def test_those_of_numpy_are_numbers(argument: str, value: Any) -> None:
    ARGUMENTS[argument](value)


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("value", ["3", True, np.True_, np.zeros(2), float("nan"), [3]], ids=repr)
def test_others_are_refused_in_a_sentence(argument: str, value: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"must be a whole number .*, got "):
        ARGUMENTS[argument](value)


@pytest.mark.parametrize("value", [3, np.int64(3), 1 << 70], ids=repr)
async def test_a_buffer_may_be_of_any_size(value: Any) -> None:
    await a_session(value)


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True, np.zeros(2)], ids=repr)
async def test_a_buffer_of_no_size_is_refused(value: Any) -> None:
    with pytest.raises(
        rm.InvalidArgumentError, match=r"^buffer\['packets'\] must be a whole number of 1 or more, got "
    ):
        await a_session(value)
