"""`interrupt(at=...)`: what is before the node continues, what waits before it or behind it is dropped, ends stay."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import eventually

SECONDS = 60.0
"""How long a session may take before it counts as hanging; it takes milliseconds."""


def voice(log: list[str], spoken: asyncio.Event) -> rm.Pipeline:
    """A recogniser, and behind it a synthesizer that speaks until it is interrupted."""

    @rm.node
    class Recognise:
        def __init__(self) -> None:
            self.words = 0

        def process(self, word: str) -> str:
            self.words += 1
            return f"{word}{self.words}"

        def cleanup(self) -> None:
            log.append("recogniser ends")

    @rm.node
    class Speak:
        def __init__(self) -> None:
            self.sentences = 0

        async def process(self, text: str) -> AsyncIterator[str]:
            self.sentences += 1
            yield f"{text}.{self.sentences}"
            if text.startswith("long"):
                try:
                    await asyncio.Event().wait()
                finally:
                    log.append("speech ends")
                    spoken.set()

    pipeline: rm.Pipeline = rm.Pipeline() >> Recognise() >> rm.nodes.PassThrough() >> Speak()
    return pipeline


async def test_a_barge_in_ends_the_speech_and_not_the_recogniser() -> None:
    log: list[str] = []
    spoken = asyncio.Event()
    async with voice(log, spoken).session() as session:
        await session.send("long")
        reader = aiter(session)
        assert (await anext(reader)).value == "long1.1"
        await session.send("more")
        session.interrupt(at="speak")
        await asyncio.wait_for(spoken.wait(), SECONDS)
        assert log == ["speech ends"]
        await session.send("last")
        await session.finish()
        rest = [packet.value async for packet in reader]
    # "more" may have come to the synthesizer before the call or after it.
    assert rest in (["last3.1"], ["more2.1", "last3.2"])
    assert log == ["speech ends", "recogniser ends"]


async def test_outputs_beside_the_part_are_kept_and_those_behind_it_are_dropped() -> None:
    manifest = {
        "version": "v1",
        "nodes": [{"id": name, "node_type": "PassThrough"} for name in ("fork", "left", "middle", "right")],
        "connections": [
            {"from": "fork", "to": "left"},
            {"from": "fork", "to": "middle"},
            {"from": "middle", "to": "right"},
        ],
    }
    for is_chosen in (False, True):
        async with rm.Pipeline.load(manifest).session() as session:
            readers = [session.output("left"), session.output("right")] if is_chosen else [session]
            await session.send_many([1, 2])
            if is_chosen:
                # Fetched, and not read.
                assert [(await anext(aiter(reader))).value for reader in readers] == [1, 1]
            session.interrupt(at="middle")
            await session.send(3)
            await session.finish()
            got = [packet for reader in readers async for packet in reader]
        by_sink = {sink: [packet.value for packet in got if packet.sink == sink] for sink in ("left", "right")}
        assert by_sink == {"left": [2, 3] if is_chosen else [1, 2, 3], "right": [3]}


async def test_an_unknown_node_and_one_that_shares_a_call_are_refused_and_nothing_is_dropped() -> None:
    @rm.node
    def think(value: int) -> int:
        return value

    @rm.node
    def speak(value: int) -> int:
        return value

    async with (rm.Pipeline() >> think() >> speak()).session() as session:
        await session.send(1)
        with pytest.raises(rm.InvalidArgumentError, match=r"there is no node 'spaek'; did you mean 'speak'\?"):
            session.interrupt(at="spaek")
        with pytest.raises(rm.InvalidArgumentError, match="'speak' runs in one call with 'think' before it, so"):
            session.interrupt(at="speak")
        await session.finish()
        assert [packet.value async for packet in session] == [1]
    async with (rm.Pipeline() >> think() >> rm.Buffer(packets=8) >> speak()).session() as session:
        await session.send(1)
        session.interrupt(at="speak")
        await session.send(2)
        await session.finish()
        assert [packet.value async for packet in session][-1] == 2


async def test_a_node_with_a_converter_before_it_is_interrupted_with_it() -> None:
    samples = array("f", [0.5] * 48000)
    async with (rm.Pipeline() >> rm.nodes.VAD()).session() as session:
        await session.send(rm.Audio(samples, 48000))
        assert eventually(lambda: session.metrics().nodes[-1].packets > 0)
        session.interrupt(at="vad")
        await session.send(rm.Audio(samples, 48000, pts=7.0))
        await session.finish()
        times = [packet.pts async for packet in session]
    assert times
    assert min(times) >= 7.0, "nothing that the resampler held comes out"


async def test_a_trace_marks_where_it_was_interrupted(tmp_path: Path) -> None:
    async with (rm.Pipeline() >> rm.nodes.PassThrough()).session(trace=tmp_path / "out.json") as session:
        await session.send(1)
        session.interrupt(at="passthrough")
        await session.finish()
    events = json.loads((tmp_path / "out.json").read_text())["traceEvents"]
    (mark,) = (event for event in events if event.get("cat") == "interrupt")
    assert (mark["name"], mark["args"]) == ("interrupt at 'passthrough'", {"at": "passthrough"})


@pytest.mark.parametrize("on_loop", [False, True], ids=["sync", "async"])
async def test_a_storm_of_interruptions_of_parts_loses_no_end(on_loop: bool) -> None:
    def function() -> Any:
        @rm.node
        class Same:
            def __init__(self) -> None:
                self.thread = threading.get_ident()

            if on_loop:

                async def process(self, value: Any) -> Any:
                    await asyncio.sleep(0)
                    return value

            else:

                def process(self, value: Any) -> Any:
                    return value

        return Same

    kinds = [function(), function()]
    manifest = {
        "version": "v1",
        "nodes": [
            {"id": "fork", "node_type": "PassThrough"},
            {"id": "a", "node_type": kinds[0]},
            {"id": "b", "node_type": "PassThrough"},
            {"id": "join", "node_type": kinds[1]},
        ],
        "connections": [{"from": a, "to": b} for a, b in (("fork", "a"), ("fork", "b"), ("a", "join"), ("b", "join"))],
    }
    pipeline = rm.Pipeline.load(manifest)
    chance = random.Random(5)

    async def one() -> None:
        async with pipeline.session() as session:
            got: list[Any] = []

            async def read() -> None:
                async for packet in session:
                    got.append(packet.value)

            reading = asyncio.create_task(read())
            for number in range(chance.randrange(2, 12)):
                await session.send(number)
                if chance.random() < 0.3:
                    await session.flush()
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                if chance.random() < 0.6:
                    session.interrupt(at=chance.choice(["fork", "a", "b", "join"]))
            await session.send_many(["last"])
            await session.finish()
            await reading
            assert (got.count("last"), got[-1]) == (2, "last"), got
            numbers = [value for value in got if value != "last"]
            assert all(numbers.count(value) <= 2 for value in numbers)

    for _ in range(30):
        await asyncio.wait_for(asyncio.gather(*[one() for _ in range(8)]), SECONDS)
