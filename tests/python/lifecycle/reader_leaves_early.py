"""Readers that leave early, while somebody still sends: of a session, of one of its sinks, of a stream and of a map."""

import asyncio
import contextlib

import remotemedia as rm
from work import PASS, a_bit_of_everything, double, double_later, node, nothing_is_left

TWO_SINKS = {
    "version": "v1",
    "metadata": {"name": "two"},
    "nodes": [{"id": each, "node_type": "PassThrough"} for each in ("in", "left", "right")],
    "connections": [{"from": "in", "to": "left"}, {"from": "in", "to": "right"}],
}
MOST_SENT = 2000


async def feed(session: rm.Session) -> None:
    for value in range(MOST_SENT):
        await session.send(value)


async def read_one(packets: rm.Session) -> None:
    async for packet in packets:
        assert packet.value == 0
        break


async def leave_a_session(pipeline: rm.Pipeline) -> None:
    """The reader leaves; the one who sends waits for room, and is stopped with the block."""
    async with pipeline.session() as session:
        feeding = asyncio.create_task(feed(session))
        await read_one(session)
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding


async def leave_by_an_exception(pipeline: rm.Pipeline) -> None:
    """The one who sends is told that the session is over."""
    try:
        async with pipeline.session() as session:
            feeding = asyncio.create_task(feed(session))
            await read_one(session)
            raise KeyError
    except KeyError:
        pass
    try:
        await feeding
    except rm.GoneError:
        return
    raise AssertionError("a session that was left took all packets")


async def leave_one_sink() -> None:
    """One reader leaves and cancels, while the other waits for more."""
    async with rm.Pipeline.load(TWO_SINKS).session() as session:
        left, right = session.output("left"), session.output("right")
        feeding = asyncio.create_task(feed(session))
        await read_one(left)
        waiting = asyncio.create_task(count(right))
        await asyncio.sleep(0)
        session.cancel()
        assert await waiting <= MOST_SENT
        with contextlib.suppress(rm.GoneError):
            await feeding


async def count(packets: rm.Session) -> int:
    seen = 0
    async for _ in packets:
        seen += 1
    return seen


async def leave_a_stream(pipeline: rm.Pipeline) -> None:
    """What feeds the stream is closed with it."""
    closed = []

    async def source() -> None:
        try:
            for value in range(MOST_SENT):
                yield value
        finally:
            closed.append(True)

    stream = pipeline.stream(source())
    async with contextlib.aclosing(stream):
        async for _ in stream:
            break
    assert closed == [True]


async def leave_a_map(pipeline: rm.Pipeline) -> None:
    results = pipeline.map(range(MOST_SENT), concurrency=8)
    async with contextlib.aclosing(results):
        async for result in results:
            assert result.error is None
            break


async def main() -> None:
    for pipeline in [rm.Pipeline.load(each) for each in (PASS, node(double), node(double_later))]:
        for _ in range(5):
            await leave_a_session(pipeline)
            await leave_by_an_exception(pipeline)
            await leave_a_stream(pipeline)
            await leave_a_map(pipeline)
    await leave_one_sink()
    await a_bit_of_everything()


asyncio.run(main())
nothing_is_left()
