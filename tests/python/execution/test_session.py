"""Sessions: fed and read while they run, bounded, ended in every way there is."""

from __future__ import annotations

import asyncio
import decimal
import gc
import inspect
import itertools
import logging
import re
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import ADD_5, FAN_OUT, PASS, chain, eventually, few_threads, live_objects
from remotemedia._engine.port_registry import loop_port
from remotemedia._execution.metrics import Lag, Metrics, NodeMetrics
from remotemedia._execution.turns import TURN_US
from remotemedia._execution.watchdog import what_is_stuck

numpy = pytest.importorskip("numpy")


def pipeline(manifest: dict[str, Any] = ADD_5) -> rm.Pipeline:
    return rm.Pipeline.load(manifest)


async def feed(session: rm.Session, values: Any) -> None:
    for value in values:
        await session.send(value)
    await session.finish()


async def collect(session: rm.Session, values: Any) -> list[Any]:
    feeding = asyncio.create_task(feed(session, values))
    got = [packet.value async for packet in session]
    await feeding
    return got


async def test_what_is_sent_comes_out_in_order_as_packets() -> None:
    async with pipeline().session() as session:
        assert await collect(session, range(1000)) == [value + 5 for value in range(1000)]
    async with pipeline().session() as session:
        await session.send(1, pts=0.5, duration=0.25)
        await session.finish()
        (packet,) = [packet async for packet in session]
    assert packet == rm.Packet(6, 500_000_000, 250_000_000, 0, 0, "p2", 0)
    assert (packet.pts, packet.duration, packet.sink) == (0.5, 0.25, "p2")


async def test_python_nodes_run_in_a_session() -> None:
    async def later(value: int) -> int:
        await asyncio.sleep(0)
        return value + 1

    manifest = chain(("double", lambda value: value * 2, {}), ("later", later, {}))
    async with rm.Pipeline.load(manifest).session() as session:
        assert await collect(session, range(300)) == [value * 2 + 1 for value in range(300)]


async def test_a_failure_is_raised_where_it_is_read_and_where_it_is_sent() -> None:
    def fail(value: int) -> int:
        if value == 3:
            raise ValueError("no threes")
        return value

    manifest = chain(("fail", fail, {}))
    with pytest.raises(rm.NodeError, match=r"node 'fail' .*, input 3: ValueError: no threes") as caught:  # noqa: PT012
        async with rm.Pipeline.load(manifest).session() as session:
            for value in range(5):
                await session.send(value)
            got = []
            async for packet in session:
                got.append(packet.value)
    assert got == [0, 1, 2]
    assert isinstance(caught.value.__cause__, ValueError)
    assert (caught.value.node_id, caught.value.item) == ("fail", 3)
    with pytest.raises(rm.NodeError, match="no threes"):  # noqa: PT012
        async with rm.Pipeline.load(manifest).session() as session:
            await session.send(3)
            while True:
                await session.send(0)


@pytest.mark.parametrize("form", ["session", "stream"])
async def test_a_task_that_nobody_refers_to_reads_a_session_to_its_end(form: str) -> None:
    begun, resume, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    got: list[int] = []

    @rm.node
    async def wait(value: int) -> int:
        begun.set()
        await resume.wait()
        return value

    async def source() -> AsyncIterator[int]:
        yield 1

    async def work() -> None:
        if form == "stream":
            got.extend([value async for value in (rm.Pipeline() >> wait()).stream(source())])
        else:
            async with (rm.Pipeline() >> wait()).session() as session:
                await session.send(1)
                await session.finish()
                got.extend([packet.value async for packet in session])
        ended.set()

    # The loop knows it weakly, and it waits for what the session has.
    task = weakref.ref(asyncio.create_task(work()))
    await begun.wait()
    gc.collect()
    assert task() is not None
    resume.set()
    await ended.wait()
    assert got == [1]


async def test_a_session_that_nobody_refers_to_and_waits_for_is_collected() -> None:
    begun = asyncio.Event()

    @rm.node
    async def endless(value: int) -> None:
        begun.set()
        await asyncio.Event().wait()

    session = await (rm.Pipeline() >> endless()).session().__aenter__()
    await session.send(1)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(aiter(session)), 0.01)
    await begun.wait()
    seen = weakref.ref(session)
    del session
    gc.collect()
    assert seen() is None


async def test_the_failure_of_a_class_is_raised_by_sends_while_it_is_cleaned_up() -> None:
    may_end = asyncio.Event()

    @rm.node
    class Fails:
        def process(self, value: int) -> int:
            raise ValueError(f"no {value}")

        async def cleanup(self) -> None:
            await may_end.wait()

    async with (rm.Pipeline() >> Fails()).session(buffer={"packets": 2}) as session:
        reading = asyncio.create_task(collect_all(session))
        errors = [await error_of(session.send_many([3] * 100))]
        for use in (session.send(2), session.send_many([2]), session.flush(), session.finish()):
            errors.append(await error_of(use))
        refusal = await error_of(asyncio.to_thread(session.send_from_thread, 2))
        is_cleaned = reading.done()
        may_end.set()
        errors.append(await error_of(reading))
    assert not is_cleaned
    failure, *others = errors
    assert isinstance(failure, rm.NodeError)
    assert str(failure).endswith("ValueError: no 3")
    assert others == [failure] * 5
    assert isinstance(refusal, rm.GoneError)
    assert refusal.__cause__ is failure
    with pytest.raises(rm.TimedOut):  # noqa: PT012
        async with (rm.Pipeline() >> Fails(on_error="skip")).session(deadline=0.01) as session:
            while True:
                await session.send(3)


async def error_of(use: Awaitable[Any]) -> Any:
    try:
        await use
    except Exception as error:
        return error


async def test_a_send_waits_for_a_failure_that_is_still_on_its_way() -> None:
    port = loop_port(asyncio.get_running_loop())
    async with pipeline().session() as session:
        await session.send(1)
        # As while a thread decodes long results: no event comes meanwhile.
        port.is_paused = True
        with pytest.raises(rm.GoneError, match="the session has ended"):  # noqa: PT012
            while session.try_send("no number"):
                pass
        sends = [asyncio.create_task(session.send(2)), asyncio.create_task(session.send_many([2, 3]))]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(sending.done() for sending in sends)
        port.is_paused = False
        port.drain()
        for sending in sends:
            with pytest.raises(rm.NodeError, match="node 'add'"):
                await sending


async def test_leaving_normally_finishes_and_raises_what_nobody_has_seen() -> None:
    seen: list[int] = []
    manifest = chain(("see", seen.append, {}))
    async with rm.Pipeline.load(manifest).session() as session:
        for value in range(200):
            await session.send(value)
    assert seen == list(range(200))

    def fail(value: int) -> None:
        raise ValueError("no")

    with pytest.raises(rm.NodeError, match="ValueError: no"):
        async with rm.Pipeline.load(chain(("fail", fail, {}))).session() as session:
            await session.send(1)


@pytest.mark.parametrize(("fails", "kind"), [("node", rm.NodeError), ("feed", OSError), ("read", KeyError)])
async def test_what_fails_ends_all_that_is_gathered_and_is_raised_once(fails: str, kind: type[Exception]) -> None:
    def broken(value: int) -> int:
        if fails == "node" and value == 200:
            raise ValueError("broken")
        return value

    async def feed(session: rm.Session) -> None:
        for value in itertools.count():
            await session.send(value)
            if fails == "feed" and value == 200:
                raise OSError("no device")

    async def read(session: rm.Session) -> None:
        async for packet in session:
            if fails == "read" and packet.value == 200:
                raise KeyError

    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
    with pytest.raises(kind):
        async with rm.Pipeline.load(chain(("broken", broken, {}))).session() as session:
            await asyncio.wait_for(asyncio.gather(feed(session), read(session)), 60)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 60)
    del others
    gc.collect()
    assert told == []


async def test_leaving_by_an_exception_cancels() -> None:
    # What earlier tests have left as garbage would be gone at the end, and the count another one.
    gc.collect()
    before = live_objects()["runs"]
    with pytest.raises(KeyError):  # noqa: PT012
        async with pipeline().session() as session:
            await session.send(1)
            raise KeyError
    with pytest.raises(rm.GoneError, match="the session is closed"):
        await session.send(2)
    with pytest.raises(rm.GoneError, match="the block of the session was left, which drops what was not read"):
        await collect_all(session)
    assert eventually(lambda: live_objects()["runs"] == before)


async def test_cancel_ends_reading_and_frees_everything() -> None:
    async with pipeline().session() as session:
        reading = asyncio.create_task(collect_all(session))
        await session.send(1)
        session.cancel()
        session.cancel()
        assert await reading in ([], [6])
    del session
    assert eventually(lambda: live_objects()["sessions"] == 0)


async def test_cancel_before_the_first_packet_ends_it_too() -> None:
    served: list[float] = []

    @rm.node
    def note(value: float) -> None:
        served.append(value)

    async with (rm.Pipeline() >> note()).session() as session:
        session.cancel()
        for send in (session.try_send, session.send):
            with pytest.raises(rm.GoneError, match="the session was cancelled"):
                await sent if inspect.isawaitable(sent := send(1.0)) else sent
        for call in (session.flush, session.finish):
            with pytest.raises(rm.GoneError, match="the session was cancelled"):
                await call()
        assert await collect_all(session) == []
    assert served == []


async def collect_all(session: rm.Session) -> list[Any]:
    return [packet.value async for packet in session]


async def packets_of(session: rm.Session) -> list[rm.Packet]:
    return [packet async for packet in session]


async def test_outputs_are_read_one_by_one_if_they_are_chosen() -> None:
    async with pipeline(FAN_OUT).session() as session:
        left, right = session.output("left"), session.output("right")
        assert session.output("left") is left
        feeding = asyncio.create_task(feed(session, range(500)))
        both = await asyncio.gather(values_of(left), values_of(right))
        await feeding
    assert both == [list(range(500)), [value * 10 for value in range(500)]]
    async with pipeline(FAN_OUT).session() as session:
        right = session.output("right")
        feeding = asyncio.create_task(feed(session, range(500)))
        assert await values_of(right) == [value * 10 for value in range(500)]
        await feeding
        with pytest.raises(rm.InvalidArgumentError, match=r"one by one: session.output\('right'\)"):
            aiter(session)
        with pytest.raises(rm.InvalidArgumentError, match=r"output\('left'\) comes too late: the session is in use"):
            session.output("left")
    message = "'in' is no output of pipeline 'test'; its outputs are 'left' and 'right'"
    with pytest.raises(rm.InvalidArgumentError, match=message):  # noqa: PT012
        async with pipeline(FAN_OUT).session() as session:
            session.output("in")
            await session.send(1)


async def values_of(reader: Any) -> list[Any]:
    return [packet.value async for packet in reader]


async def test_send_copies_what_can_be_written_to_unless_it_is_borrowed() -> None:
    async with pipeline(PASS).session() as session:
        array = numpy.zeros(10_000)
        frozen_view = array.view()
        frozen_view.flags.writeable = False
        data = bytearray(20_000)
        strided = numpy.zeros((200, 400))[:, ::2]
        audio = rm.Audio(strided.astype("f4"), 8000)
        for value in (array, frozen_view, data, memoryview(data).toreadonly(), strided, audio):
            await session.send(value)
        array[:] = strided[:] = audio.samples[:] = 1
        data[:] = b"1" * len(data)
        await session.finish()
        got = [packet.value async for packet in session]
        assert all(not numpy.frombuffer(value, "u1").any() for value in got[2:4])
        assert all(not numpy.asarray(value).any() for value in (got[0], got[1], got[4], got[5].samples))
    async with pipeline(PASS).session() as session:
        array = numpy.zeros(10_000)
        fixed = bytes(20_000)
        await session.send(array, borrow=True)
        await session.send(fixed)
        await session.finish()
        got = [packet.value async for packet in session]
    assert numpy.shares_memory(got[0], array)
    assert got[1] == fixed


async def test_try_send_and_send_many() -> None:
    async with pipeline().session(buffer={"packets": 3}) as session:
        taken = 0
        while session.try_send(taken):
            taken += 1
            await asyncio.sleep(0)
        sending = asyncio.create_task(session.send_many(list(range(taken, 100))))
        got = []
        async for packet in session:
            got.append(packet.value)
            if len(got) == 100:
                break
        await sending
    assert got == [value + 5 for value in range(100)]


async def test_bytes_may_be_split_anywhere() -> None:
    samples = numpy.arange(1000, dtype="<i2").tobytes()
    async with pipeline(PASS).session(input=rm.PCM("s16", 1000, 2)) as session:
        feeding = asyncio.create_task(
            feed(session, (samples[index : index + 7] for index in range(0, len(samples), 7)))
        )
        packets = [packet async for packet in session]
        await feeding
    sound = numpy.concatenate([packet.value.samples for packet in packets], axis=1)
    assert (sound.T.reshape(-1) * 32768 == numpy.arange(1000)).all()
    frames = 0
    for packet in packets:
        assert packet.pts_ns == frames * 1_000_000
        frames += packet.value.frames
    with pytest.raises(rm.InvalidArgumentError, match="1 byte is left, a frame has 4"):
        async with pipeline(PASS).session(input=rm.PCM("s16", 1000, 2)) as session:
            await session.send(b"12345")


async def test_what_can_not_cross_is_refused_and_the_session_goes_on() -> None:
    async with pipeline(PASS).session() as session:
        with pytest.raises(rm.MarshalError, match=r"value\[1\]"):
            await session.send([1, object()])
        await session.send(2)
        await session.finish()
        assert [packet.value async for packet in session] == [2]
        with pytest.raises(rm.InvalidArgumentError, match="the session was finished before; it takes no more packets"):
            await session.send(3)


@pytest.mark.parametrize("is_many", [False, True])
@pytest.mark.parametrize("size", [640, 641, 333])
async def test_a_send_of_raw_samples_that_is_cancelled_has_taken_nothing(size: int, is_many: bool) -> None:
    samples = numpy.arange(8000, dtype="<i2").tobytes()
    pieces = [samples[begin : begin + size] for begin in range(0, len(samples), size)]
    waited = 0
    async with pipeline(PASS).session(input=rm.PCM("s16", 16000, 1), buffer={"packets": 2}) as session:
        reader, sounds, left = aiter(session), [], list(pieces)
        while left:
            try:
                sending = session.send_many([left[0]]) if is_many else session.send(left[0])
                await asyncio.wait_for(sending, 0.005)
                left.pop(0)
            except asyncio.TimeoutError:
                waited += 1
                sounds.append((await anext(reader)).value)
        await session.finish()
        sounds += [packet.value async for packet in reader]
    assert waited
    assert b"".join(sound.to_pcm("s16") for sound in sounds) == samples
    frames = itertools.accumulate((sound.frames for sound in sounds), initial=0)
    assert [sound.pts_ns for sound in sounds] == [count * 62_500 for count, _ in zip(frames, sounds, strict=False)]


async def test_what_a_cancelled_send_many_has_not_sent_takes_no_time() -> None:
    second = numpy.zeros(1000, "<i2").tobytes()
    async with pipeline(PASS).session(input=rm.PCM("s16", 1000, 1), buffer={"packets": 2}) as session:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(session.send_many([second] * 20), 0.01)
        reader, times = aiter(session), []
        while True:
            try:
                times.append((await asyncio.wait_for(anext(reader), 0.05)).pts)
            except asyncio.TimeoutError:
                break
        await session.send(second)
        assert (await anext(reader)).pts == len(times)
    assert times == list(range(len(times)))
    assert 0 < len(times) < 20


async def test_a_send_that_is_cancelled_has_taken_nothing_also_where_other_tasks_had_a_turn() -> None:
    time = loop_port(asyncio.get_running_loop()).driver.time
    async with pipeline().session() as session:
        for values in ([1], [2, 3]):
            time.turn_us = TURN_US
            sending = asyncio.create_task(session.send_many(values) if len(values) > 1 else session.send(values[0]))
            await asyncio.sleep(0)
            assert sending.cancel()
            await asyncio.wait([sending])
            assert sending.cancelled()
        await session.finish()
        assert await collect_all(session) == []


async def test_what_follows_a_send_stays_behind_it_while_other_tasks_have_a_turn() -> None:
    @rm.node
    class Collects:
        def initialize(self) -> None:
            self.values: list[int] = []

        def process(self, value: int) -> None:
            self.values.append(value)

        def flush(self) -> list[int]:
            return self.values

    time = loop_port(asyncio.get_running_loop()).driver.time
    async with (rm.Pipeline() >> Collects()).session() as session:
        time.turn_us = TURN_US
        await asyncio.gather(
            session.send(0), session.send_many([1, 2]), session.flush(), session.send(3), session.finish()
        )
        assert await collect_all(session) == [[0, 1, 2], [0, 1, 2, 3]]


async def test_a_flush_within_a_frame_is_refused_and_keeps_its_bytes() -> None:
    async with pipeline(PASS).session(input=rm.PCM("s16", 1000, 2)) as session:
        await session.send(b"1234567")
        message = (
            "the stream ends in the middle of a frame: 3 bytes are left, a frame has 4; send the rest of that frame"
        )
        with pytest.raises(rm.InvalidArgumentError, match=message):
            await session.flush()
        await session.send(b"8")
        await session.flush()
        await session.finish()
        assert [packet.value.to_pcm("s16") async for packet in session] == [b"1234", b"5678"]


async def test_a_deadline_ends_it() -> None:
    with pytest.raises(rm.TimedOut):  # noqa: PT012
        async with pipeline().session(deadline=0.01) as session:
            async for _ in session:
                pass


async def test_a_send_that_waits_for_a_reader_who_never_came_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._execution.session.STALL_SECONDS", 0.01)
    message = r"'send' waits: 4 outputs of 'p2' are unread; read in another task or use pipeline.stream\(\)"
    with pytest.raises(rm.StalledError, match=message):  # noqa: PT012
        async with pipeline().session(buffer={"packets": 4}) as session:
            session.output("p2")
            while True:
                await session.send(1)


async def test_a_send_that_waits_for_slow_work_is_not_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remotemedia._execution.session.STALL_SECONDS", 0.001)

    async def slow(value: int) -> None:
        await asyncio.sleep(0.005)

    async with pipeline(chain(("slow", slow, {}))).session(buffer={"packets": 2}) as session:
        for value in range(40):
            await session.send(value)


async def watched(manifest: dict[str, Any], told: asyncio.Event, sound: rm.Audio) -> str:
    """Sends the same sound three times and answers what the watchdog says first of who waits.

    That a node is at work for long may be said before, of any node on a busy machine.
    """
    messages: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "is in a step" not in record.getMessage():
                messages.append(record.getMessage())
                told.set()

    listener = Listener()
    logging.getLogger("remotemedia").addHandler(listener)
    try:
        async with pipeline(manifest).session(watchdog=0.02, buffer={"packets": 4}) as session:
            session.output(manifest["nodes"][-1]["id"])
            for _ in range(3):
                await session.send(sound, pts=sound.pts)
            await told.wait()
    finally:
        logging.getLogger("remotemedia").removeHandler(listener)
    return messages[0]


async def test_the_watchdog_names_the_node_that_holds_up_the_others() -> None:
    told = asyncio.Event()

    async def stuck(value: rm.Audio) -> rm.Audio:
        await told.wait()
        return value

    manifest = chain(("in", "PassThrough", {}), ("stuck", stuck, {}))
    # The function has all three, or the first of them.
    assert re.fullmatch(
        r"no packet moved for 0\.02 s: node 'stuck' waits for Python with item 0 at 1\.500 s; "
        r"(0|1|2) packets? waits? before it \((0|2|3)% full\); the oldest has been there for 0\.\d\d s",
        await watched(manifest, told, rm.Audio(numpy.zeros(80, "f4"), 8000, pts=1.5)),
    )


async def test_the_watchdog_names_a_reader_that_does_not_come() -> None:
    manifest = chain(("in", "PassThrough", {}), ("chunk", "AudioChunk", {"duration_ms": 1}))
    # 30 ms of sound are more chunks than there is room for.
    said = await watched(manifest, asyncio.Event(), rm.Audio(numpy.zeros(240, "f4"), 8000))
    assert (
        said == "no packet moved for 0.02 s: node 'chunk' waits for a reader after item 0; 4 of its outputs are unread"
    )


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (
            NodeMetrics("vad", 8, 0, 0, 0, None, None, None, 1, 0.25, 5.125, "nothing", 7, 0.14),
            "node 'vad' is in a step with item 7 at 0.140 s; 1 packet waits before it (25% full); "
            "the oldest has been there for 5.12 s",
        ),
        (
            NodeMetrics("ask", 8, 0, 0, 0, None, None, None, 64, 1.0, 5.0, "Python", 7, None),
            "node 'ask' waits for Python with item 7; 64 packets wait before it (100% full); "
            "the oldest has been there for 5.00 s",
        ),
        (
            NodeMetrics("tone", 0, 0, 0, 0, None, None, None, 0, 0.0, None, "nothing", None, None),
            "node 'tone' is in a step; 0 packets wait before it (0% full)",
        ),
        (
            NodeMetrics("mix", 115, 0, 0, 0, None, None, None, 64, 1.0, 5.0, "input", 114, 2.28),
            "node 'mix' waits for input while 64 packets wait before it (100% full); "
            "it needs more than these, such as packets at another of its inputs",
        ),
    ],
)
def test_what_the_watchdog_says_of_a_node(node: NodeMetrics, text: str) -> None:
    idle = NodeMetrics("idle", 8, 0, 0, 0, None, None, None, 0, 0.0, None, "input", 7, None)
    assert what_is_stuck(Metrics(9, [idle, node], {}, [], Lag(None, None, None))) == text


def test_the_watchdog_says_that_a_function_waits_for_a_thread() -> None:
    node = NodeMetrics("speak", 8, 0, 0, 0, None, None, None, 1, 0.5, 5.0, "Python", 7, None)
    metrics = Metrics(9, [node], {}, [], Lag(None, None, None))
    assert what_is_stuck(metrics, waits_for_thread=True) == (
        "node 'speak' waits for a thread with item 7; 1 packet waits before it (50% full); "
        "the oldest has been there for 5.00 s; 32 sync functions are at work, each on a thread of its own"
    )


async def test_a_session_knows_whether_its_functions_wait_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    is_busy, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @rm.node
    def busy(value: int) -> int:
        loop.call_soon_threadsafe(is_busy.set)
        assert may_end.wait(20)
        return value

    few_threads(monkeypatch, 1)
    async with pipeline(chain(("busy", busy, {}))).session() as first:
        await first.send(1)
        await is_busy.wait()
        async with pipeline(chain(("busy", busy, {}))).session() as second:
            await second.send(2)
            while not second.waits_for_thread:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert not first.waits_for_thread
            may_end.set()
            assert (await anext(aiter(second))).value == 2
            assert not second.waits_for_thread
        assert (await anext(aiter(first))).value == 1


def test_the_watchdog_is_silent_while_all_wait_for_input() -> None:
    idle = NodeMetrics("idle", 8, 0, 0, 0, None, None, None, 0, 0.0, None, "input", 7, None)
    assert what_is_stuck(Metrics(8, [idle, idle], {"idle": 0}, [], Lag(None, None, None))) == ""


async def test_an_utterance_draws_as_that_input_of_a_run_however_it_is_divided() -> None:
    utterance = rm.testing.speech()[:1.0]
    augment = (
        rm.Pipeline() >> rm.nodes.SpeedPerturb(seed=7) >> rm.nodes.RandomCrop(duration_s=0.3) >> rm.nodes.AudioConcat()
    )
    expected = list(augment.run_sync([utterance] * 4))
    for frame_ms in (50, 400, 1000):
        async with augment.session() as session:
            for _ in expected:
                await session.send_many(list(rm.testing.frames(utterance, frame_ms=frame_ms)))
                await session.flush()
            assert await collect(session, ()) == expected, frame_ms


async def test_flush_ends_a_stream_and_interrupt_drops_what_is_on_its_way() -> None:
    level = chain(("level", "AudioLevel", {"window_ms": 100}))
    sound = rm.Audio(numpy.zeros(1200, "f4"), 8000)
    async with pipeline(level).session() as session:
        await session.send(sound)
        await session.flush()
        await session.send(sound)
        await session.finish()
        durations = [packet.duration async for packet in session]
    assert durations == [0.1, 0.05, 0.1, 0.05]
    async with pipeline(level).session() as session:
        await session.send(sound)
        session.interrupt()
        await session.send(sound)
        await session.finish()
        assert [(packet.duration, packet.item) async for packet in session] == [(0.1, 1), (0.05, 1)]


@pytest.mark.parametrize("is_traced", [False, True])
@pytest.mark.parametrize("is_many", [False, True])
async def test_an_interruption_drops_what_waits_for_room(is_many: bool, is_traced: bool, tmp_path: Path) -> None:
    opened = asyncio.Event()

    @rm.node
    async def held(value: Any) -> Any:
        await opened.wait()
        return value

    trace = tmp_path / "trace.json" if is_traced else None
    async with (rm.Pipeline() >> held()).session(buffer={"packets": 2}, trace=trace) as session:
        reading = asyncio.create_task(collect_all(session))
        old = ["old"] * 500
        uses = [session.send_many(old)] if is_many else [session.send(value) for value in old]
        sends = [asyncio.ensure_future(use) for use in uses]
        for _ in range(100):
            await asyncio.sleep(0)
        session.interrupt(at="held")
        for _ in range(100):
            await asyncio.sleep(0)
        assert not sends[-1].done()
        session.interrupt()
        opened.set()
        await asyncio.gather(*sends)
        await session.send("new")
        await session.finish()
        assert await reading == ["new"]


@pytest.mark.parametrize("is_many", [False, True])
async def test_raw_samples_that_an_interruption_drops_have_their_time(is_many: bool) -> None:
    async with pipeline(PASS).session(input=rm.PCM("s16", 1000, 1), buffer={"packets": 2}) as session:
        # 10 s that end within a frame, and then one that is complete with the byte that was left.
        pieces = [bytes(2001)] * 10
        sends = [session.send_many(pieces)] if is_many else [session.send(piece) for piece in pieces]
        waits = [asyncio.ensure_future(send) for send in sends]
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waits[-1].done()
        session.interrupt()
        reading = asyncio.create_task(packets_of(session))
        await asyncio.gather(*waits)
        await session.send(b"\1\0")
        await session.finish()
        assert [(packet.pts, packet.value.to_pcm("s16")) for packet in await reading] == [(10.005, b"\1\0")]


async def test_metrics_are_a_table() -> None:
    async with pipeline().session() as session:
        for value in range(3):
            await session.send(value)
        metrics = session.metrics()
        assert (metrics.sent, metrics.unread) == (3, {"p2": 3})
        assert [(node.node, node.packets, node.errors) for node in metrics.nodes] == [
            ("p1", 3, 0),
            ("add", 3, 0),
            ("p2", 3, 0),
        ]
        head, *rows, sent, lag = str(metrics).splitlines()
        columns = "node packets errors skipped retried p50 p99 max waiting fill oldest dropped late waits for"
        assert head.split() == columns.split()
        assert [row.split()[:3] for row in rows] == [["p1", "3", "0"], ["add", "3", "0"], ["p2", "3", "0"]]
        assert [row.split()[-6:] for row in rows] == [["0", "0%", "-", "0", "0", "input"]] * 3
        assert (sent, lag) == ("sent: 3; unread: 3 of 'p2'", "event loop behind: p50 -, p99 -, max -")


async def test_metrics_tell_what_waits_before_a_python_function_and_how_far_the_loop_is_behind() -> None:
    here, go_on = asyncio.Event(), asyncio.Event()

    async def hold(value: int) -> int:
        here.set()
        await go_on.wait()
        return value

    async with pipeline(chain(("hold", hold, {}))).session(buffer={"packets": 4}) as session:
        await session.send(1, pts=2.5)
        await here.wait()
        await session.send(2)
        await session.send(3)
        (node,) = session.metrics().nodes
        assert (node.waiting, node.fill, node.waits_for) == (2, 0.5, "Python")
        assert (node.packets, node.item, node.pts, node.p50) == (1, 0, 2.5, None)
        assert node.oldest is not None
        go_on.set()
        await session.finish()
        assert [packet.value async for packet in session] == [1, 2, 3]
        metrics = session.metrics()
        assert (metrics.nodes[0].waiting, metrics.nodes[0].oldest, metrics.nodes[0].packets) == (0, None, 3)
        assert metrics.nodes[0].p50 is not None
        assert metrics.lag.max is not None
        assert metrics.lag.p50 is not None
        assert metrics.lag.max >= metrics.lag.p50 > 0


def column(metrics: Any, name: str) -> list[str]:
    """One column of the table that metrics are printed as."""
    head, *rows = [re.split(r"\s{2,}", line) for line in str(metrics).splitlines()]
    return [row[head.index(name)] for row in rows if len(row) == len(head)]


async def test_a_buffer_hands_a_slow_function_the_latest_and_counts_the_others() -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def slow(value: int) -> int:
        reached.set()
        await gate.wait()
        return value

    for policy, expected in (("drop_oldest", [0, 8, 9]), ("drop_newest", [0, 1, 2])):
        reached.clear()
        gate.clear()

        buffer = rm.Buffer(packets=2, policy=policy)  # type: ignore[arg-type]
        graph = rm.Pipeline() >> rm.nodes.PassThrough() >> buffer >> rm.node(slow)()
        async with graph.session() as session:
            await session.send(0)
            await reached.wait()
            await session.send_many(range(1, 10))
            while (metrics := session.metrics()).edges[0].dropped < 7:  # noqa: ASYNC110
                await asyncio.sleep(0)
            assert metrics.edges == [("passthrough.out", "slow.in", 2, 7)]
            assert [(node.waiting, node.dropped) for node in metrics.nodes] == [(0, 0), (2, 7)]
            gate.set()
            await session.finish()
            assert [packet.value async for packet in session] == expected
            metrics = session.metrics()
            assert metrics.edges == [("passthrough.out", "slow.in", 0, 7)]
            assert column(metrics, "dropped") == ["0", "7"]


async def test_a_buffer_loses_nothing_where_all_inputs_are_there() -> None:
    graph = rm.Pipeline() >> rm.nodes.PassThrough() >> rm.Buffer(packets=1, policy="drop_newest") >> rm.nodes.Echo()
    assert len(await graph.run(list(range(300)))) == 300


async def test_what_is_late_is_dropped_and_counted() -> None:
    async with pipeline().session(packet_deadline=0) as session:
        assert await collect(session, range(100)) == []
        metrics = session.metrics()
        assert sum(node.late for node in metrics.nodes) == 100
        assert sum(map(int, column(metrics, "late"))) == 100
    async with pipeline().session(packet_deadline=3600) as session:
        assert len(await collect(session, range(100))) == 100
    with pytest.raises(rm.InvalidArgumentError):
        pipeline().session(packet_deadline=-1)


async def test_no_more_waits_than_the_buffer_of_the_session_allows() -> None:
    # Two at the entry, two at the sink, two in Python, and one on its way.
    async with pipeline(PASS).session(buffer={"packets": 2}) as session:
        sent = 0
        while sent < 100 and session.try_send(sent):
            sent += 1
        assert 2 <= sent <= 7
        assert session.metrics().unread["pass1"] <= 4
        await session.finish()
        assert [packet.value async for packet in session] == list(range(sent))


async def test_a_failure_that_was_raised_is_not_raised_again_at_the_end() -> None:
    def fail(value: int) -> int:
        raise ValueError(f"no {value}")

    async with pipeline(chain(("fail", fail, {}))).session() as session:
        await session.send(3)
        with pytest.raises(rm.NodeError):
            _ = [packet async for packet in session]
    with pytest.raises(rm.NodeError):
        async with pipeline(chain(("fail", fail, {}))).session() as session:
            await session.send(3)


async def test_after_the_end_everything_says_why() -> None:
    async with pipeline().session() as session:
        await session.send(1)
        await session.finish()
        await session.finish()
        assert [packet.value async for packet in session] == [6]
        with pytest.raises(rm.GoneError, match="the outputs of the session were read to their end before; keep those"):
            await collect_all(session)
        for use in (session.send(2), session.send_many([2])):
            with pytest.raises(
                rm.InvalidArgumentError, match="the session was finished before; it takes no more packets"
            ):
                await use
        with pytest.raises(rm.InvalidArgumentError, match="the session was finished before; it takes no more packets"):
            session.try_send(2)
        session.interrupt()
    async with pipeline().session() as session:
        await session.send(1)
        session.cancel()
        session.cancel()
        assert await collect_all(session) == []
        for use in (session.send(2), session.send_many([2]), session.flush(), session.finish()):
            with pytest.raises(rm.GoneError, match="the session was cancelled"):
                await use
        session.interrupt()
        for call in (lambda: session.try_send(2), lambda: session.set_param("add", operand=1)):
            with pytest.raises(rm.GoneError, match="the session was cancelled"):
                call()
        assert session.metrics().sent == 1


async def test_a_param_changes_for_what_is_sent_afterwards() -> None:
    async with pipeline().session() as session:
        await session.send_many([1, 2])
        session.set_param("add", operand=100)
        await session.send_many([1, 2])
        session.set_param("add", operand=numpy.float32(0.5))
        await session.send(1)
        await session.finish()
        assert [packet.value async for packet in session] == [6, 7, 101, 102, 1.5]


async def test_a_param_that_can_not_change_is_refused_by_name() -> None:
    async with pipeline().session() as session:
        for node, params, message in (
            ("ad", {"operand": 1}, "there is no node 'ad'; did you mean 'add'?"),
            (
                "add",
                {"operation": "subtract"},
                "'add' (Calculator) has 'operation' from its start to its end; "
                "what may change while it runs: 'operand'",
            ),
            ("add", {"operand": "five"}, 'add.params.operand: expected a number, got the text "five"'),
            ("add", {"operand": float("nan")}, "add.params.operand: expected a finite number, got NaN"),
            (
                "add",
                {"operand": "five", "factor": 1},
                'the change has 2 problems:\n  add.params.operand: expected a number, got the text "five"\n  '
                "add.params.factor: Calculator has no param 'factor'; its params are 'operation' and 'operand'",
            ),
            ("add", {}, "set_param changes params: set_param('add', name=value)"),
            (
                "add",
                {"operand": numpy.zeros(2)},
                "add.params.operand: expected a number, text, true, false, null, a list or a map, got tensor; pass "
                "media and bytes as inputs",
            ),
            (
                "add",
                {"operand": numpy.zeros(100_000)},
                "add.params: media and large arrays are no params; send them as inputs",
            ),
            (
                "add",
                {"operand": {1: 2}},
                "add.params.operand: a map key is an integer, not text; make every key text",
            ),
            (
                "add",
                {"operand": [decimal.Decimal("0.5")]},
                "add.params.operand[0]: a decimal.Decimal can't cross; write str(value) to keep its digits, or "
                "float(value)",
            ),
            (
                7,
                {"operand": 1},
                "set_param takes the id of a node, a text, not a value of the type int; `pipeline.nodes` has the ids",
            ),
        ):
            with pytest.raises(rm.InvalidArgumentError) as caught:
                session.set_param(node, **params)
            assert str(caught.value) == message
        await session.send(1)
        await session.finish()
        assert [packet.value async for packet in session] == [6]
    with pytest.raises(rm.GoneError):
        session.set_param("add", operand=1)


async def test_memory_stays_bounded_in_front_of_a_slow_reader() -> None:
    async with pipeline(PASS).session() as session:
        frames = 0

        async def feed_frames() -> None:
            nonlocal frames
            for _ in range(100):
                await session.send(bytes(1 << 20), borrow=True)
                frames += 1
            await session.finish()

        feeding = asyncio.create_task(feed_frames())
        read = 0
        async for packet in session:
            read += 1
            assert len(packet.value) == 1 << 20
            # 8 MiB may wait at the entry and 8 at the sink; one is on its way, one in Python, one in hand.
            assert frames - read <= 8 + 8 + 4
            await asyncio.sleep(0)
        await feeding
    assert read == 100


async def test_send_many_takes_pieces_split_anywhere_and_sends_about_a_second_at_once() -> None:
    sound = np.arange(-20_000, 20_000, dtype="<i2")  # 2.5 s of stereo at 8 kHz
    data = sound.tobytes()
    pieces = [data[begin : begin + 333] for begin in range(0, len(data), 333)]
    async with rm.Pipeline.load(PASS).session(input=rm.PCM("s16", 8000, 2)) as session:
        await session.send_many(pieces[:100])
        await session.send_many(pieces[100:])
        await session.finish()
        packets = [packet async for packet in session]
    joined = np.concatenate([packet.value.samples for packet in packets], axis=1)
    assert np.array_equal(joined, sound.reshape(-1, 2).T / 32768)
    assert [packet.pts_ns for packet in packets] == [0, 1_009_375_000, 1_040_625_000, 2_050_000_000]


async def test_send_many_has_taken_nothing_of_pieces_that_it_refuses() -> None:
    async with rm.Pipeline.load(PASS).session(input=rm.PCM("s16", 8000, 1)) as session:
        await session.send(b"\x01")
        with pytest.raises(rm.InvalidArgumentError, match="send takes bytes, got int"):
            await session.send_many([bytes(3), 3])
        await session.send_many([b"\x02", b"\x03\x04"])
        await session.finish()
        (packet,) = [packet async for packet in session]
    assert packet.value.samples.tolist() == [[0x0201 / 32768, 0x0403 / 32768]]
    assert packet.pts_ns == 0
