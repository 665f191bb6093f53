"""What a function was called with is freed when its call has ended, and does not wait for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from remotemedia import Audio, node
from remotemedia.nodes import AudioResample

SECONDS = 3


def one_by_one() -> Any:
    @node
    def function(sound: Audio) -> int:
        return sound.frames

    return function


def in_batches() -> Any:
    @node(batch=2)
    def function(sounds: list[Audio]) -> list[int]:
        return [sound.frames for sound in sounds]

    return function


def by_a_generator() -> Any:
    @node
    def function(sound: Audio) -> Iterator[int]:
        yield sound.frames
        yield 0

    return function


def by_an_async_function() -> Any:
    @node
    async def function(sound: Audio) -> int:
        return sound.frames

    return function


def by_an_async_generator() -> Any:
    @node
    async def function(sound: Audio) -> AsyncIterator[int]:
        yield sound.frames
        yield 0

    return function


def by_a_class() -> Any:
    @node
    class Function:
        def process(self, sound: Audio) -> int:
            return sound.frames

    return Function()


def by_an_async_class() -> Any:
    @node
    class Function:
        async def process(self, sound: Audio) -> int:
            return sound.frames

    return Function()


SYNC = [one_by_one, in_batches, by_a_generator, by_a_class]
ASYNC = [by_an_async_function, by_an_async_generator, by_an_async_class]


@pytest.fixture
def sounds_before() -> Iterator[int]:
    """How many sounds there are, which other tests keep. The collector does not run meanwhile."""
    gc.collect()
    gc.disable()
    yield count_sounds()
    gc.enable()


def pipeline_to(made: Any) -> rm.Pipeline:
    """Resampled sound is made by the runtime, so that nobody here holds it too."""
    return rm.Pipeline() >> AudioResample(rate=8000) >> made


def sound() -> Audio:
    return Audio.from_pcm(bytes(2 * 16_000 * SECONDS), "s16", rate=16_000, channels=1)


def count_sounds() -> int:
    """Also those that no code can reach any more. What a function gets may be a view of one."""
    return sum(type(each) is Audio for each in gc.get_objects())


async def soon(is_true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Waits while the thread that has replied still returns from it."""
    deadline = time.monotonic() + seconds
    while not is_true() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return is_true()


@pytest.mark.parametrize("make", SYNC)
def test_the_inputs_of_a_call_are_freed_with_it(make: Callable[[], Any], sounds_before: int) -> None:
    outputs = pipeline_to(make()).run_sync([sound()])
    assert sum(outputs) == 8000 * SECONDS
    assert count_sounds() == sounds_before


@pytest.mark.parametrize("make", [*SYNC, *ASYNC])
async def test_beside_an_event_loop_too(make: Callable[[], Any], sounds_before: int) -> None:
    outputs = await pipeline_to(make()).run([sound()])
    assert sum(outputs) == 8000 * SECONDS
    assert await soon(lambda: count_sounds() == sounds_before)
