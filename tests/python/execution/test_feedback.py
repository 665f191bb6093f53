"""Connections that go backwards, from Python: built, saved, shown, run on the virtual clock against a calculation."""

from __future__ import annotations

import random
from typing import Any

import pytest
import remotemedia as rm


def loop(target: str = "x", delay_ms: int = 250, **more: Any) -> rm.Pipeline:
    """`x` and `y`, which adds 1 to integers, and the way back from `y`."""
    x = rm.Node("PassThrough", name="x")
    y = rm.Node("Calculator", {"operation": "add", "operand": 1}, name="y")
    pipeline = rm.Pipeline("loop") >> x >> y
    return pipeline.feedback(y, {"x": x, "y": y}[target], delay_ms=delay_ms, **more)


def expected(sent: list[tuple[int, float]], delay: float) -> list[tuple[int, float]]:
    """What comes out of `loop` for values at their times: each goes round once in each delay, until the last comes."""
    end = sent[-1][1]
    found = []
    for value, begin in sent:
        turn = 0
        while begin + turn * delay <= end + 1e-9:
            found.append((value + turn + 1, round(begin + turn * delay, 6)))
            turn += 1
    return sorted(found)


@pytest.mark.parametrize("seed", range(5))
async def test_a_loop_goes_round_once_in_each_delay_on_the_virtual_clock(seed: int) -> None:
    chance = random.Random(seed)
    delay_ms = chance.choice([20, 40, 250])
    sent, at = [], 0.0
    for number in range(6):
        sent.append((number * 1000, at))
        # Never a multiple of the delay: at the same time the packet that comes last is up to the scheduler.
        at = round(at + chance.randrange(1, 10) * delay_ms / 1000 + 0.007, 6)
    results = []
    for _ in range(2):
        async with loop(delay_ms=delay_ms).session(clock="virtual", buffer={"packets": 4096}) as session:
            got = []
            for value, pts in sent:
                await session.send(value, pts=pts, duration=0.0)
            await session.finish()
            async for packet in session:
                got.append((packet.value, round(packet.pts, 6)))
        results.append(sorted(got))
    assert results[0] == results[1] == expected(sent, delay_ms / 1000)


async def test_a_python_node_gets_what_comes_back_at_a_port_of_its_own_and_later() -> None:
    heard: list[tuple[str, float]] = []

    @rm.node(inputs=["in", "reference"])
    def echo(audio: rm.Audio, port: str) -> rm.Audio | None:
        assert audio.pts is not None
        heard.append((port, round(audio.pts, 3)))
        return audio if port == "in" else None

    canceller, play = echo(), rm.nodes.PassThrough()
    call = (rm.Pipeline() >> canceller >> play).feedback(play, canceller["reference"], delay_ms=20)
    frame = rm.testing.speech()[0.0:0.02]
    async with call.session(clock="virtual") as session:
        for index in range(4):
            await session.send(rm.Audio(frame.samples, frame.rate, pts=index * 0.02))
        await session.finish()
        assert len([packet async for packet in session]) == 4
    # The first two are back before the last one comes; when it comes, the one before it may be on its way.
    assert heard[:2] == [("in", 0.0), ("reference", 0.02)] or heard[:2] == [("in", 0.0), ("in", 0.02)]
    assert [pts for port, pts in heard if port == "in"] == [0.0, 0.02, 0.04, 0.06]
    assert [pts for port, pts in heard if port == "reference"][:2] == [0.02, 0.04]


async def test_a_run_ends_with_its_inputs_whatever_is_on_its_way_back() -> None:
    outputs = await loop(delay_ms=1).run([0, 10_000, 20_000])
    assert {1, 10_001, 20_001} <= set(outputs)


def test_the_manifest_has_it_and_so_has_the_pipeline_that_is_loaded_from_it() -> None:
    pipeline = loop(delay_ms=20, buffer=rm.Buffer(packets=8))
    manifest = pipeline.to_dict()
    assert manifest["connections"] == [
        {"from": "x", "to": "y"},
        {"from": "y", "to": "x", "delay_ms": 20, "buffer": {"packets": 8}},
    ]
    assert rm.Pipeline.load(manifest).to_dict() == manifest
    assert loop(delay_ms=20, buffer={"packets": 8}).to_dict() == manifest
    behind = pipeline >> rm.nodes.PassThrough()
    assert [each.get("delay_ms") for each in behind.to_dict()["connections"]] == [None, None, 20]


def test_the_plan_and_the_drawing_show_it() -> None:
    pipeline = loop(delay_ms=20)
    plan = pipeline.plan()
    assert "y (back, 20 ms later)" in str(plan)
    assert plan.connections[-1] == {"from": "y.out", "to": "x.in", "kind": "feedback", "delay_ms": 20}
    drawing = pipeline.svg()
    assert drawing.count('class="rm-back"') == 1
    assert '<g class="rm-back" data-from="y.out" data-to="x.in">' in drawing
    assert "<title>y.out back to x.in, 20 ms later</title>" in drawing
    # To itself it can lead as well.
    assert 'data-from="y.out" data-to="y.in"' in loop("y").svg()


def test_mistakes_are_named_with_their_cure() -> None:
    x, y, z = (rm.Node("PassThrough", name=name) for name in "xyz")
    pipeline = rm.Pipeline() >> x >> y
    with pytest.raises(rm.InvalidArgumentError, match=r"target=.*'z'.* is not in the pipeline; add it first"):
        pipeline.feedback(y, z, delay_ms=20)
    for delay_ms in (0, 60_001, 2.5):
        with pytest.raises(rm.ManifestError, match="expected an integer from 1 to 60000, got"):
            pipeline.feedback(y, x, delay_ms=delay_ms).validate()  # type: ignore[arg-type]
    with pytest.raises(rm.ManifestError, match="delay_ms is for a connection that goes backwards, and nothing leads"):
        (rm.Pipeline() >> x >> [y, z]).feedback(y, z, delay_ms=20).validate()
    one = "one node of the pipeline, or a port of one"
    one_more = "write feedback(...) for each connection that leads backwards"
    for ends, message in (
        (([y, x], x), f"source takes {one}, not a value of the type list; {one_more}"),
        ((y, [x, y]), f"target takes {one}, not a value of the type list; {one_more}"),
        ((rm.Pipeline(), x), f"source takes {one}, not a value of the type Pipeline; {one_more}"),
        (("y", x), "source takes a node, not its name; write pipeline.nodes['y']"),
    ):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            pipeline.feedback(*ends, delay_ms=20)  # type: ignore[arg-type]
        assert str(caught.value) == message
    for buffer, message in (
        (8, "buffer must be a map, such as {'packets': 64}, or a Buffer, got 8"),
        ({"packet": 8}, "buffer has no 'packet'; it has 'packets', 'bytes', 'ms' and 'policy'"),
    ):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            pipeline.feedback(y, x, delay_ms=20, buffer=buffer)  # type: ignore[arg-type]
        assert str(caught.value) == message
    cycle = {**pipeline.to_dict(), "connections": [{"from": "x", "to": "y"}, {"from": "y", "to": "x"}]}
    with pytest.raises(rm.ManifestError, match="give the connection that goes backwards a delay_ms, or remove one"):
        rm.Pipeline.load(cycle)
    with pytest.raises(rm.ManifestError, match=r'the Python engine has no connections that go backwards.*"native"'):
        loop().run_sync([1], engine="python")


async def test_what_finds_no_room_on_its_way_back_is_counted() -> None:
    async with loop(delay_ms=60_000, buffer=rm.Buffer(packets=2)).session() as session:
        await session.send_many(range(10))
        metrics = session.metrics()
        assert {node.node: node.dropped for node in metrics.nodes}["x"] == 8
        await session.finish()
        assert [packet.value async for packet in session] == list(range(1, 11))
