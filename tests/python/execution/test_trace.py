"""Traces of sessions: files that Perfetto opens."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain
from remotemedia._execution.trace import Events, TraceFile

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
    assert {event["tid"] for event in events if event["ph"] in "Xbe"} == named


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
