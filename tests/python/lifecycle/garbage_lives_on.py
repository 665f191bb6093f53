"""Generators that are abandoned in a cycle: the collector has finalized all that they refer to when they are closed."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator

import pyarrow
import remotemedia as rm
from work import a_bit_of_everything


@rm.node
def double(value: int) -> int:
    return value * 2


PIPELINE = rm.Pipeline() >> double
PASS = rm.Pipeline() >> rm.nodes.PassThrough()
LENGTH = 400_000


def tensor() -> rm.Tensor:
    # Of a type that numpy does not have: else an array of numpy would keep the memory.
    return rm.Tensor(bytearray(b"\1" * LENGTH), "bfloat16", [LENGTH // 2])


def table() -> pyarrow.RecordBatchReader:
    return pyarrow.table({"numbers": pyarrow.array(b"\1" * LENGTH, pyarrow.uint8())}).to_reader()


async def in_a_session() -> AsyncIterator[int]:
    async with PIPELINE.session() as session:
        while True:
            await session.send(1)
            yield await anext(aiter(session))


async def with_values() -> AsyncIterator[int]:
    values = await PASS.run([tensor(), table()])
    decoded = rm.testing.speech().resample(8000)
    before = bytes(decoded.samples)
    try:
        while True:
            yield 1
    finally:
        assert set(bytes(values[0].data)) == {1}
        assert set(values[1].to_arrow()["numbers"].to_pylist()) == {1}
        assert bytes(decoded.samples) == before


async def with_a_pipeline() -> AsyncIterator[int]:
    pipeline = rm.Pipeline() >> double(name=f"n{id(object())}")
    await pipeline.run([1])
    try:
        while True:
            yield 1
    finally:
        assert await pipeline.run([2]) == [4]


def numbers() -> Iterator[int]:
    yield from range(10**6)


def abandon(generator: object) -> None:
    """Leaves it in a cycle, which the next collection finds."""
    cycle = [generator]
    cycle.append(cycle)


async def abandon_all(make: Callable[[], AsyncIterator[object]]) -> None:
    for _ in range(10):
        generator = make()
        await anext(generator)
        abandon(generator)
        del generator
        gc.collect()
        # Something else in the memory that was freed, if it was.
        [bytearray(b"\7") * LENGTH for _ in range(4)]
        for _ in range(5):
            await asyncio.sleep(0)


async def main() -> None:
    await abandon_all(lambda: PIPELINE.stream(numbers()))
    await abandon_all(lambda: PIPELINE.map(numbers()))
    await abandon_all(in_a_session)
    await abandon_all(with_values)
    await abandon_all(with_a_pipeline)


asyncio.run(main())
for _ in range(10):
    results = PIPELINE.map_sync(numbers())
    next(results)
    abandon(results)
    del results
    gc.collect()
    assert PIPELINE.run_sync([1]) == [2]
asyncio.run(a_bit_of_everything())
