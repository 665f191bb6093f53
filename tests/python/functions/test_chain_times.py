"""Times of values that pass functions next to each other: every kind of function, beside a native node between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.nodes import PassThrough

SECOND = 10**9
SILENCE = np.zeros((1, 100), np.float32)
PICTURE = [np.zeros((2, 2), np.uint8)]


def timed_value(which: str) -> Any:
    """A value with a time of its own: 5 s, or the length of 100 frames, or both."""
    return {
        "sound": rm.Audio(SILENCE, 44_100, pts_ns=5 * SECOND),
        "silence": rm.Audio(SILENCE, 44_100),
        "picture": rm.Video(PICTURE, "gray", 2, 2, pts_ns=5 * SECOND),
        "text": "text",
    }[which]


TIMES = {
    "sound": (5 * SECOND, 2_267_574),
    "silence": (3 * SECOND, 2_267_574),
    "picture": (5 * SECOND, 2 * SECOND),
    "text": (3 * SECOND, 2 * SECOND),
}


@rm.node
def made(which: str) -> Any:
    return timed_value(which)


@rm.node
async def made_later(which: str) -> Any:
    return timed_value(which)


@rm.node
def made_twice(which: str) -> Iterator[Any]:
    yield timed_value(which)
    yield timed_value(which)


@rm.node
async def made_twice_later(which: str) -> AsyncIterator[Any]:
    yield timed_value(which)
    yield timed_value(which)


@rm.node(batch=4)
def made_together(values: list[str]) -> list[Any]:
    return [timed_value(which) for which in values]


@rm.node
class MadeAtTheEnd:
    """Makes what it got once its item has ended."""

    def process(self, which: str) -> None:
        self.which = which

    def flush(self) -> Any:
        return timed_value(self.which)


@rm.node
def told(value: Any) -> str:
    return type(value).__name__


@rm.node
async def told_later(value: Any) -> str:
    return type(value).__name__


@rm.node
def told_twice(value: Any) -> Iterator[str]:
    yield type(value).__name__


@rm.node(batch=4)
def told_together(values: list[Any]) -> list[str]:
    return [type(value).__name__ for value in values]


@rm.node(outputs=["name", "other"])
def told_apart(value: Any) -> rm.Out:
    return rm.Out("name", type(value).__name__)


FIRST = [made, made_later, made_twice, made_twice_later, made_together]
LAST = [told, told_later, told_twice, told_together, told_apart]


async def places(pipeline: Any, which: str) -> list[tuple[int | None, int | None]]:
    async with pipeline.session() as session:
        await session.send(which, pts=3.0, duration=2.0)
        await session.finish()
        return [(packet.pts_ns, packet.duration_ns) async for packet in session]


@pytest.mark.parametrize("last", LAST, ids=lambda node: node.__name__)
@pytest.mark.parametrize("first", FIRST, ids=lambda node: node.__name__)
def test_functions_next_to_each_other_keep_the_times_that_they_give(first: Any, last: Any) -> None:
    for which, expected in TIMES.items():
        found = asyncio.run(places(first() >> last(), which))
        assert set(found) == {expected}, which
        # With a native node between them the runtime does it.
        assert asyncio.run(places(first() >> PassThrough() >> last(), which)) == found


@pytest.mark.parametrize("last", LAST, ids=lambda node: node.__name__)
def test_what_comes_at_the_end_of_an_item_has_its_own_time(last: Any) -> None:
    for which in TIMES:
        found = asyncio.run(places(MadeAtTheEnd() >> last(), which))
        assert asyncio.run(places(MadeAtTheEnd() >> PassThrough() >> last(), which)) == found
        assert (found[0][0] == 5 * SECOND) == (which in ("sound", "picture"))


@pytest.mark.parametrize("engine", ["auto", "python"])
def test_both_engines_give_the_same_times(engine: Any) -> None:
    for first in FIRST[:2]:
        for which, length in (("sound", 2_267_574), ("silence", 2_267_574), ("picture", None)):
            packets = (first() >> told()).run_sync([which], engine=engine).packets
            assert {packet.pts_ns for packet in packets} == {None if which == "silence" else 5 * SECOND}
            assert {packet.duration_ns for packet in packets} == {length}


@rm.node
def refused(value: Any) -> None:
    raise ValueError("no")


@rm.node
async def refused_later(value: Any) -> None:
    raise ValueError("no")


@rm.node
def refused_at_a_step(value: Any) -> Iterator[None]:
    yield None
    raise ValueError("no")


@rm.node(batch=4)
def refused_together(values: list[Any]) -> list[Any]:
    raise ValueError("no")


@rm.node(outputs=["name"])
def refused_apart(value: Any) -> rm.Out:
    raise ValueError("no")


@rm.node
def no_value(value: Any) -> object:
    return object()


REFUSED = [refused, refused_later, refused_at_a_step, refused_together, refused_apart, no_value]


@pytest.mark.parametrize("last", REFUSED, ids=lambda node: node.__name__)
@pytest.mark.parametrize("first", [*FIRST, MadeAtTheEnd], ids=lambda node: node.__name__)
def test_an_error_is_where_the_value_is_that_its_function_got(first: Any, last: Any) -> None:
    for pipeline in (first() >> last(), first() >> PassThrough() >> last()):
        with pytest.raises(rm.NodeError) as caught:
            pipeline.run_sync(["sound"])
        assert caught.value.position_ns == 5 * SECOND
        assert "input 0 at 00:00:05.000" in str(caught.value)
