"""Traces of sessions: files that Perfetto opens."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain
from remotemedia._execution.trace import MOST_MARKS, Events, Marks, TraceFile
from remotemedia._execution.traced_session import Alerts, TracedSession
from remotemedia._results.outputs import Packet

numpy = pytest.importorskip("numpy")


def events_of(path: Path) -> list[dict[str, Any]]:
    return list(json.loads(path.read_text())["traceEvents"])


async def traced(path: Path) -> list[dict[str, Any]]:
    def same(sound: rm.Audio) -> rm.Audio:
        return sound

    manifest = chain(
        ("chunk", "AudioChunk", {"duration_ms": 20}), ("same", same, {}), ("level", "AudioLevel", {"window_ms": 20})
    )
    async with rm.Pipeline.load(manifest).session(trace=path) as session:
        await session.send(rm.Audio(numpy.zeros(8000, "f4"), 8000))
        await session.finish()
        assert len([packet async for packet in session]) == 50
    return events_of(path)


async def test_a_trace_names_nodes_and_what_begins_ends(tmp_path: Path) -> None:
    events = await traced(tmp_path / "out.json")
    steps = Counter(event["name"] for event in events if event.get("cat") == "step")
    assert (steps["level"], steps["chunk"] >= 50) == (50, True)
    assert {event["name"] for event in events if event["ph"] == "C"} >= {"queue before 'chunk'", "queue before 'same'"}
    begun = [(event["name"], event["id"]) for event in events if event["ph"] == "b"]
    ended = [(event["name"], event["id"]) for event in events if event["ph"] == "e"]
    assert begun == ended
    assert {name for name, _ in begun} == {"same"}
    assert all(event["dur"] >= 0 for event in events if event["ph"] == "X")
    # Whatever a thread was at has a name to stand under.
    named = {event["tid"] for event in events if event["ph"] == "M"}
    assert {event["tid"] for event in events if event["ph"] in "Xbei"} == named


async def test_steps_lie_within_the_stage_that_a_thread_was_with(tmp_path: Path) -> None:
    events = await traced(tmp_path / "out.json")
    spans = [event for event in events if event["ph"] == "X"]
    stages = [event for event in spans if event["cat"] == "stage"]
    for step in spans:
        if step["cat"] == "step":
            # Times are rounded to nanoseconds.
            assert any(
                stage["tid"] == step["tid"]
                and stage["ts"] <= step["ts"] + 0.002
                and step["ts"] + step["dur"] <= stage["ts"] + stage["dur"] + 0.002
                for stage in stages
            ), step


def test_a_missing_folder_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TraceFile(tmp_path / "no" / "out.json", lambda: None)


def test_a_trace_that_can_not_be_written_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise OSError("no space left")

    path = tmp_path / "out.json"
    with caplog.at_level(logging.ERROR, logger="remotemedia"):
        TraceFile(path, broken).end()
    assert caplog.messages == [f"the trace {str(path)!r} can't be written: no space left"]


async def test_a_session_that_is_not_used_leaves_a_trace_that_loads(tmp_path: Path) -> None:
    async with (rm.Pipeline() >> rm.nodes.PassThrough()).session(trace=tmp_path / "out.json"):
        pass
    assert events_of(tmp_path / "out.json") == []


def test_what_was_lost_is_told() -> None:
    (stage, lost) = [
        event for event in Events().of({"records": [["stage", "a", 3, 1000, 5000]], "lost": 7}) if event["ph"] != "M"
    ]
    assert (stage["name"], stage["ts"], stage["dur"], stage["tid"]) == ("stage of 'a'", 1.0, 4.0, 3)
    assert (lost["name"], lost["ts"]) == ("7 records found no room", 5.0)


async def test_what_the_program_did_and_got_is_marked(tmp_path: Path) -> None:
    def odd_alone(sound: rm.Audio) -> rm.Audio:
        if sound.pts == 0.5:
            raise ValueError("not this one")
        return sound

    manifest = {
        "version": "v1",
        "nodes": [
            {"id": "odd", "node_type": odd_alone, "on_error": "skip"},
            {"id": "silence", "node_type": "SilenceDetector"},
        ],
        "connections": [{"from": "odd", "to": "silence"}],
    }
    frame = numpy.full(4000, 0.5, "f4")
    async with rm.Pipeline.load(manifest).session(trace=tmp_path / "out.json") as session:
        await session.send(rm.Audio(frame, 8000))
        await session.send(rm.Audio(frame, 8000, pts=0.5))
        await session.send_many([rm.Audio(0 * frame, 8000, pts=1.0), rm.Audio(frame, 8000, pts=1.5)])
        await session.flush()
        packets = []
        async for packet in session:
            packets.append(packet)
            if len(packets) == 15:
                break
        session.interrupt()
        await session.finish()
    events = events_of(tmp_path / "out.json")
    marks = [event for event in events if event["ph"] == "i"]
    sends = [mark["args"]["packets"] for mark in marks if mark["cat"] == "send"]
    assert sum(sends) == 4
    assert Counter(mark["cat"] for mark in marks if mark["cat"] in ("interrupt", "skip")) == {"interrupt": 1, "skip": 1}
    (skip,) = (mark for mark in marks if mark["cat"] == "skip")
    assert (skip["name"], "not this one" in skip["args"]["error"]) == ("skip in 'odd'", True)
    # All are lines through the picture but the sends, and stand in the order in which they happened.
    assert {mark["s"] for mark in marks if mark["cat"] != "send"} == {"p"}
    assert {mark["s"] for mark in marks if mark["cat"] == "send"} == {"t"}
    times = [mark["ts"] for mark in marks]
    assert times == sorted(times)
    assert times[0] >= 0
    # They stand beside what the runtime recorded: there is no step before the first send.
    assert min(event["ts"] for event in events if event.get("cat") == "step") >= times[0]
    named = {(event["name"], event["args"]["name"]) for event in events if event["ph"] == "M"}
    assert {name for name, _ in named} == {"process_name", "thread_name"}
    assert {event["tid"] for event in marks} <= {event["tid"] for event in events if event["name"] == "thread_name"}


def test_changes_of_faults_are_alerts_however_a_monitor_reports_them() -> None:
    def packet(value: Any, sink: str, pts: float) -> Packet:
        return Packet(value, int(pts * 1e9), None, 0, 0, sink, 0)

    marked: list[tuple[str, Any]] = []
    alerts = Alerts(lambda kind, name, args: marked.append((f"{kind} {name}", args["pts"])))
    windows = [[], ["silence"], ["silence", "dropouts"], ["dropouts"], []]
    alerts.look([packet({"faults": faults}, "line", number) for number, faults in enumerate(windows)])
    change = {"fault": "clipping", "start_s": 9.0}
    alerts.look([packet({"type": kind, **change}, "mic", 9.0) for kind in ("start", "end")])
    alerts.look([packet(value, "mic", 9.0) for value in ({"type": "start", "at_s": 1}, None, 3, {"faults": 3})])
    alerts.look([packet(value, "mic", 9.0) for value in ({"type": "start", "fault": "of the line"}, {"faults": [{}]})])
    assert marked == [
        ("alert line: silence starts", 1.0),
        ("alert line: dropouts starts", 2.0),
        ("alert line: silence ends", 3.0),
        ("alert line: dropouts ends", 4.0),
        ("alert mic: clipping starts", 9.0),
        ("alert mic: clipping ends", 9.0),
    ]


async def test_the_alerts_of_a_monitor_are_in_its_trace(tmp_path: Path) -> None:
    silence = rm.nodes.SilenceDetector(changes_only=True, name="line")
    sound = numpy.concatenate([numpy.full(16000, 0.5, "f4"), numpy.zeros(32000, "f4"), numpy.full(16000, 0.5, "f4")])
    async with (rm.Pipeline() >> silence).session(trace=tmp_path / "out.json") as session:
        await session.send(rm.Audio(sound, 8000))
        await session.finish()
        reported = [packet.value async for packet in session]
    alerts = [event for event in events_of(tmp_path / "out.json") if event.get("cat") == "alert"]
    assert [alert["name"] for alert in alerts] == ["line: silence starts", "line: silence ends"]
    assert [alert["args"]["start_s"] for alert in alerts] == [value["start_s"] for value in reported]


@pytest.mark.parametrize("worst", [float("-inf"), float("nan"), b"\0" * 1000, rm.Tensor(b"\0" * 4, "float32", [1])])
async def test_a_trace_is_json_whatever_a_node_reports(tmp_path: Path, worst: Any) -> None:
    @rm.node
    def report(value: Any) -> dict[str, Any]:
        return {"type": "start", "fault": "quiet", "start_s": 1.0, "worst": value, "pts": "mine"}

    async with (rm.Pipeline() >> report()).session(trace=tmp_path / "out.json") as session:
        await session.send_many([worst, 3.0])
        await session.finish()
        assert len([packet async for packet in session]) == 2

    def no_json(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    events = json.loads((tmp_path / "out.json").read_text(), parse_constant=no_json)["traceEvents"]
    alerts = [event["args"] for event in events if event.get("cat") == "alert"]
    assert [type(alert["worst"]) for alert in alerts] == [str, float]
    assert [alert["pts"] for alert in alerts] == [None, None]


def test_marks_that_find_no_room_are_counted() -> None:
    marks = Marks()
    for _ in range(MOST_MARKS + 2):
        marks.add("send", "send", {})
    kept, lost = marks.take()
    assert (len(kept), lost, marks.take()) == (MOST_MARKS, 2, ([], 0))


async def test_a_session_without_a_trace_marks_nothing() -> None:
    async with (rm.Pipeline() >> rm.nodes.PassThrough()).session() as session:
        assert not isinstance(session._native, TracedSession)


async def test_what_a_thread_sends_is_marked(tmp_path: Path) -> None:
    async with (rm.Pipeline() >> rm.nodes.PassThrough()).session(trace=tmp_path / "out.json") as session:
        assert await asyncio.to_thread(session.send_from_thread, 1)
        await session.finish()
        assert [packet.value async for packet in session] == [1]
    marks = [event for event in events_of(tmp_path / "out.json") if event["ph"] == "i"]
    assert [mark["name"] for mark in marks] == ["send from a thread"]


async def test_a_trace_marks_what_a_full_buffer_drops(tmp_path: Path) -> None:
    may_go_on = threading.Event()

    def slow(value: int) -> int:
        assert may_go_on.wait(20)
        return value

    pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> rm.Buffer(packets=1, policy="drop_oldest") >> rm.node(slow)()
    async with pipeline.session(trace=tmp_path / "out.json") as session:
        await session.send_many(range(6))
        while session.metrics().nodes[1].dropped < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
        may_go_on.set()
        await session.finish()
        dropped = session.metrics().nodes[1].dropped
        got = [packet.value async for packet in session]
    drops = [event for event in events_of(tmp_path / "out.json") if event.get("cat") == "drop"]
    assert sum(drop["args"]["packets"] for drop in drops) == dropped == 6 - len(got)
    assert {(drop["ph"], drop["s"], drop["name"]) for drop in drops} == {("i", "p", "drop 1 before 'slow'")}
