"""Who reads a session: one task a sink, up to its end; and what it says where a reader can get nothing."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import ADD_5, FAN_OUT, chain

GOES_ON = 0.02
"""Seconds without a packet after which the watchdog of these sessions speaks."""


def pipeline(manifest: dict[str, Any] = ADD_5) -> rm.Pipeline:
    return rm.Pipeline.load(manifest)


async def collect(reader: Any) -> list[Any]:
    return [packet.value async for packet in reader]


class Messages(list[str]):
    """What the logger of the package says; `came` is set with the first of it."""

    def __init__(self) -> None:
        super().__init__()
        self.came = asyncio.Event()

    def of_readers(self) -> list[str]:
        """Those that speak of a reader: of a node that takes long they may on a busy machine."""
        return [message for message in self if "a reader waits" in message]


@pytest.fixture
def said() -> Iterator[Messages]:
    messages = Messages()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())
            messages.came.set()

    listener = Listener()
    logging.getLogger("remotemedia").addHandler(listener)
    yield messages
    logging.getLogger("remotemedia").removeHandler(listener)


# ---- one reader after the other


async def test_readers_one_after_the_other_go_on_where_the_one_before_stopped() -> None:
    async with pipeline().session() as session:
        await session.send_many(range(6))
        async for packet in session:
            assert packet.value == 5
            break
        assert (await anext(aiter(session))).value == 6
        assert (await asyncio.create_task(anext(aiter(session)))).value == 7
        await session.finish()
        assert await collect(session) == [8, 9, 10]


async def test_what_is_left_is_read_after_finish_and_after_the_completion() -> None:
    async with pipeline().session() as session:
        await session.send_many(range(6))
        await session.finish()
        assert session._native.completed is not None
        await asyncio.shield(session._native.completed)
        assert await collect(session) == [5, 6, 7, 8, 9, 10]


async def test_sinks_are_read_by_readers_of_their_own_at_the_same_time_or_in_turn() -> None:
    async with pipeline(FAN_OUT).session() as session:
        left, right = session.output("left"), session.output("right")
        await session.send_many(range(6))
        await session.finish()
        assert await collect(left) == list(range(6))
        assert await collect(right) == [value * 10 for value in range(6)]


@pytest.mark.parametrize("sink", [None, "p2"])
async def test_a_read_after_the_end_is_an_error(sink: str | None) -> None:
    async with pipeline().session() as session:
        outputs = session if sink is None else session.output(sink)
        await session.send(1)
        await session.finish()
        reader = aiter(outputs)
        assert [packet.value async for packet in reader] == [6]
        # An iterator that has ended stays at its end, as all do.
        with pytest.raises(StopAsyncIteration):
            await anext(reader)
        name = "the session" if sink is None else "'p2'"
        message = f"the outputs of {name} were read to their end before; keep those that are needed again, or call"
        for again in (outputs, reader):
            with pytest.raises(rm.GoneError, match=message):
                await collect(again)
    for again in (outputs, reader):
        with pytest.raises(rm.GoneError, match="the block of the session was left, which drops what was not read"):
            await collect(again)


async def test_a_failure_is_what_a_read_after_it_raises() -> None:
    def fail(value: int) -> int:
        raise ValueError(f"no {value}")

    async with pipeline(chain(("fail", fail, {}))).session() as session:
        await session.send(3)
        for _ in range(3):
            with pytest.raises(rm.NodeError, match="ValueError: no 3"):
                await collect(session)


async def test_a_second_reader_of_the_same_outputs_is_refused() -> None:
    async with pipeline().session() as session:
        first = asyncio.create_task(collect(session))
        await asyncio.sleep(0)
        with pytest.raises(rm.InvalidArgumentError) as caught:
            await collect(session)
        assert str(caught.value) == (
            "another task reads the outputs of this session, and each of them goes to one reader: read them in one "
            "task and hand them on, for example with an asyncio.Queue for each receiver"
        )
        await session.send_many(range(100))
        await session.finish()
        assert await first == list(range(5, 105))
    async with pipeline(FAN_OUT).session() as session:
        left, right = session.output("left"), session.output("right")
        readers = [asyncio.create_task(collect(each)) for each in (left, right)]
        await asyncio.sleep(0)
        with pytest.raises(rm.InvalidArgumentError, match="another task reads the outputs of 'left'"):
            await collect(left)
        await session.finish()
        assert await asyncio.gather(*readers) == [[], []]


# ---- leaving the block


@pytest.mark.parametrize("slow", [False, True])
async def test_a_task_that_reads_loses_nothing_when_the_block_is_left(slow: bool) -> None:
    async def read(session: rm.Session) -> list[int]:
        got = []
        async for packet in session:
            if slow:
                await asyncio.sleep(0)
            got.append(packet.value)
        return got

    async with pipeline().session(buffer={"packets": 4}) as session:
        reading = asyncio.create_task(read(session))
        for value in range(50):
            await session.send(value)
    assert await reading == [value + 5 for value in range(50)]


async def test_an_interruption_while_a_reader_gives_the_loop_a_turn_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interrupted = asyncio.Event()
    sleep = asyncio.sleep

    async def turn(seconds: float) -> None:
        if interrupted.is_set():
            await sleep(seconds)
            return
        session.interrupt()
        interrupted.set()

    monkeypatch.setattr("remotemedia._execution.reader.INLINE_IN_A_ROW", 1)
    async with pipeline().session() as session:
        reading = asyncio.create_task(anext(session.output("p2")))
        monkeypatch.setattr(asyncio, "sleep", turn)
        await session.send(1)
        await interrupted.wait()
        await session.send(2)
        assert (await reading).value == 7
        monkeypatch.undo()


async def test_leaving_the_block_waits_for_no_task_that_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._execution.session_end.STALL_SECONDS", 0.01)
    left = asyncio.Event()

    async def read_one(session: rm.Session) -> int:
        async for packet in session:
            await left.wait()
            return packet.value  # type: ignore[no-any-return]
        return 0

    async with pipeline().session(buffer={"packets": 4}) as session:
        reading = asyncio.create_task(read_one(session))
        await asyncio.sleep(0)
        for value in range(5):
            await session.send(value)
    left.set()
    assert await reading == 5


async def test_what_nobody_reads_is_dropped_when_the_block_is_left() -> None:
    async with pipeline(FAN_OUT).session(buffer={"packets": 4}) as session:
        right = session.output("right")
        session.output("left")
        await session.send_many(range(3))
        assert (await anext(right)).value == 0


# ---- waiting for what can't come


async def test_a_reader_in_the_only_task_is_told_to_finish_and_hears_what_a_callback_sends(said: Messages) -> None:
    loop = asyncio.get_running_loop()
    async with pipeline().session(watchdog=GOES_ON) as session:
        await session.send_many([1, 2])
        reader = aiter(session)
        assert [(await anext(reader)).value for _ in range(2)] == [6, 7]

        def send_later() -> None:
            # As a socket's protocol does, which is no task.
            if said.of_readers():
                assert session.try_send(3)
            else:
                loop.call_later(GOES_ON, send_later)

        send_later()
        assert (await anext(reader)).value == 8
        await session.finish()
    assert said.of_readers() == [
        "no packet moved for 0.02 s: a reader waits, and all that was sent is worked off; "
        "no other task is there to send more: call session.finish() before reading to the end"
    ]


async def test_a_reader_for_whom_another_task_may_still_send_is_a_warning_once(said: Messages) -> None:
    ending = asyncio.Event()
    other = asyncio.create_task(ending.wait())
    async with pipeline().session(watchdog=GOES_ON) as session:
        reading = asyncio.create_task(collect(session))
        await said.came.wait()
        await asyncio.sleep(5 * GOES_ON)
        assert said == [
            "no packet moved for 0.02 s: a reader waits, and nothing was sent; call session.finish() when no more comes"
        ]
        # Who has sent while the reader waited is there, and may take its time.
        await session.send(1)
        await asyncio.sleep(5 * GOES_ON)
        await session.finish()
        assert await reading == [6]
    assert len(said.of_readers()) == 1
    ending.set()
    await other


async def test_a_thread_that_has_sent_may_take_its_time(said: Messages) -> None:
    async with pipeline().session(watchdog=GOES_ON) as session:
        thread = threading.Thread(target=session.send_from_thread, args=(1,))
        thread.start()
        thread.join()
        reader = aiter(session)
        assert (await anext(reader)).value == 6
        # No other task is there: the reader's own waits for a callback of the loop.
        asyncio.get_running_loop().call_later(10 * GOES_ON, session.try_send, 2)
        assert (await anext(reader)).value == 7
    assert said.of_readers() == []


async def test_metrics_are_taken_only_where_something_could_be_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    real = rm.Session.metrics

    def metrics(session: rm.Session) -> rm.Metrics:
        taken.append(1)
        return real(session)

    monkeypatch.setattr("remotemedia._execution.watchdog.WATCHDOG_SECONDS", GOES_ON)
    monkeypatch.setattr(rm.Session, "metrics", metrics)
    async with pipeline().session(watchdog=None) as session:
        # Nothing reads, so no wait can be in vain.
        await session.send(1)
        await asyncio.sleep(3 * GOES_ON)
        assert not taken
        reading = asyncio.create_task(collect(session))
        await asyncio.sleep(3 * GOES_ON)
        assert taken, "a reader waits, and nothing moves"
        await session.finish()
        await reading


async def test_without_a_watchdog_nothing_is_logged(said: Messages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._execution.watchdog.WATCHDOG_SECONDS", GOES_ON)
    async with pipeline().session(watchdog=None) as session:
        reading = asyncio.create_task(collect(session))
        await asyncio.sleep(5 * GOES_ON)
        await session.finish()
        await reading
    assert said == []


async def test_a_reader_that_waits_while_another_sink_is_full_names_it() -> None:
    async with pipeline(FAN_OUT).session(watchdog=GOES_ON, buffer={"packets": 4}) as session:
        left = session.output("left")
        session.output("right")
        await session.send_many(range(4))
        await session.finish()
        message = (
            "the reader of 'left' waits: 4 outputs of 'right' are unread; "
            r"read session.output\('right'\) at the same time, in a task of its own"
        )
        with pytest.raises(rm.StalledError, match=message):
            await collect(left)


async def test_a_send_that_waits_for_one_sink_of_two_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._execution.session.STALL_SECONDS", 0.01)
    message = r"'send' waits: 4 outputs of 'right' are unread; read session.output\('right'\) at the same time"
    async with pipeline(FAN_OUT).session(buffer={"packets": 4}) as session:
        session.output("right")
        reading = asyncio.create_task(collect(session.output("left")))
        with pytest.raises(rm.StalledError, match=message):  # noqa: PT012
            while True:
                await session.send(1)
        session.cancel()
        await reading


async def test_the_watchdog_speaks_of_every_stall_that_is_longer_than_its_seconds(said: Messages) -> None:
    """A stall is reported within the time of one look more, wherever between two looks it began."""
    seconds = 0.5

    async def slow(value: float) -> float:
        # The report itself ends the stall.
        await said.came.wait()
        stalls.append(asyncio.get_running_loop().time() - begun[0])
        return value

    stalls: list[float] = []
    begun: list[float] = []
    async with pipeline(chain(("slow", slow, {}))).session(watchdog=seconds) as session:
        # The first look finds this packet, the second one the next.
        await asyncio.sleep(seconds * 0.3)
        begun.append(asyncio.get_running_loop().time())
        await session.send(1)
        await session.finish()
        assert await collect(session) == [1]
    assert said
    assert said[0].startswith("no packet moved for 0.5 s: node 'slow' waits for Python with item 0")
    # Twice this was what two looks in a row took; the rest is for a busy machine.
    assert stalls[0] < 2 * seconds
