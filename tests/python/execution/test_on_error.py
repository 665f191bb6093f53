"""`on_error`: what a node fails at is dropped and told, or tried again, and everything else is done."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import chain
from remotemedia._execution.watchdog import what_is_stuck
from remotemedia.cli import main

RECORDING = Path(__file__).parents[3] / "examples" / "speech.flac"
AGAIN: dict[str, Any] = {"retry": {"times": 2, "backoff_ms": 1}}


class NeedleError(Exception):
    """What the nodes of these tests raise."""


def play(value: int) -> int:
    if value % 3 == 1:
        raise NeedleError(f"bent at {value}") from KeyError("arm")
    return value * 10


async def play_later(value: int) -> int:
    await asyncio.sleep(0)
    return play(value)


def play_twice(value: int) -> Iterator[int]:
    yield value
    yield play(value)


async def play_twice_later(value: int) -> AsyncIterator[int]:
    yield value
    yield play(value)


SHAPES = [play, play_later, play_twice, play_twice_later]


def manifest(kind: Any, on_error: Any, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """A node that may fail between two that do not."""
    made = chain(("in", "PassThrough", {}), ("needle", kind, params or {}), ("out", "PassThrough", {}))
    made["nodes"][1]["on_error"] = on_error
    return made


@pytest.fixture(params=["sync-native", "await-native", "sync-python", "await-python"])
def execute(request: pytest.FixtureRequest) -> Any:
    """Each way to run a manifest."""
    way, engine = request.param.split("-")

    def run(document: Any, inputs: Any) -> Any:
        if way == "sync":
            return rm.execute_sync(document, inputs, engine=engine)
        return asyncio.run(rm.execute(document, inputs, engine=engine))

    return run


@pytest.mark.parametrize("shape", SHAPES)
def test_a_function_that_fails_costs_the_others_nothing(execute: Any, shape: Any) -> None:
    outputs = execute(manifest(shape, "skip"), list(range(6)))
    many = "twice" in shape.__name__
    expected = [[0], [], [20], [30], [], [50]]
    # What a generator gave before it failed has left it.
    assert outputs.by_item == [[item, *values] if many else values for item, values in enumerate(expected)]
    assert (outputs.skips, outputs.retries) == (2, 0)
    first, second = outputs.skipped
    assert str(first) == f"node 'needle' ({first.node_type}), input 1: NeedleError: bent at 1"
    assert (first.node_id, first.item, second.item, first.chain) == ("needle", 1, 4, ["KeyError: 'arm'"])
    assert isinstance(first.__cause__, NeedleError)
    assert isinstance(first.__cause__.__cause__, KeyError)
    frames = [frame.name for frame in traceback.extract_tb(first.__cause__.__traceback__)]
    assert frames == [shape.__name__, "play"] if shape is not play else ["play"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_failing_function_says_where_what_and_why(execute: Any, shape: Any) -> None:
    sound = rm.Audio(np.zeros((1, 480), np.float32), 48000, pts=2.5)

    def fails(value: Any) -> Any:
        return play(1)

    before = chain(("in", "PassThrough", {}), ("bend", fails, {}))
    with pytest.raises(rm.NodeError) as caught:
        execute(before, [sound])
    error = caught.value
    assert (error.node_id, error.item, error.position) == ("bend", 0, 2.5)
    with pytest.raises(rm.NodeError) as caught:
        execute(manifest(shape, "fail"), [0, 1])
    error = caught.value
    assert (error.node_id, error.item, error.chain) == ("needle", 1, ["KeyError: 'arm'"])
    assert isinstance(error.__cause__, NeedleError)
    assert isinstance(error.__cause__.__cause__, KeyError)
    assert traceback.extract_tb(error.__cause__.__traceback__)[-1].name == "play"


@pytest.mark.parametrize("many", [False, True], ids=["function", "generator"])
def test_a_function_tries_again_and_repeats_nothing(execute: Any, many: bool) -> None:
    tries: list[int] = []

    def once(value: int) -> int:
        tries.append(value)
        if value == 1 and tries.count(1) <= 2:
            raise NeedleError("bent")
        return value * 10

    def twice(value: int) -> Iterator[int]:
        yield value
        yield once(value)

    outputs = execute(manifest(twice if many else once, AGAIN), [0, 1, 2])
    assert outputs == ([0, 0, 1, 10, 2, 20] if many else [0, 10, 20])
    assert (tries, outputs.retries, outputs.skips, outputs.skipped) == ([0, 1, 1, 1, 2], 2, 0, [])


def test_a_function_that_tried_often_enough_fails_or_skips(execute: Any) -> None:
    with pytest.raises(rm.NodeError) as caught:
        execute(manifest(play, AGAIN), [0, 1, 2])
    assert caught.value.cause == "NeedleError: bent at 1 (tried 3 times)"
    assert (caught.value.outputs, caught.value.outputs.retries) == ([0], 2)  # type: ignore[union-attr]
    outputs = execute(manifest(play, {"retry": {**AGAIN["retry"], "then": "skip"}}), [0, 1, 2])
    assert (outputs, outputs.skips, outputs.retries) == ([0, 20], 1, 2)


def test_a_built_in_node_skips_too(execute: Any, caplog: pytest.LogCaptureFixture) -> None:
    half = manifest("Calculator", "skip", {"operation": "divide", "operand": 2})
    with caplog.at_level(logging.WARNING, "remotemedia"):
        outputs = execute(half, [4, "four", 6, "six"])
    assert (outputs, outputs.skips, [error.item for error in outputs.skipped]) == ([2, 3], 2, [1, 3])
    told = "node 'needle' (Calculator), input 1: expected int, float, list or tensor, got text"
    assert str(outputs.skipped[0]).startswith(told)
    assert [record.getMessage() for record in caplog.records] == [
        f"skipped: {outputs.skipped[0]} (more that this node skips is counted, not logged)"
    ]


def test_a_file_that_cannot_be_decoded_does_not_cost_the_others() -> None:
    pipeline = rm.Pipeline() >> rm.nodes.AudioDecode(on_error="skip") >> rm.nodes.AudioLevel(window_ms=10000)
    whole = RECORDING.read_bytes()
    good, broken = rm.File(str(RECORDING)), rm.File(whole[: len(whole) // 2] + bytes(2000))
    levels = pipeline.run_sync([good, rm.File(b"no sound"), broken, good])
    alone = pipeline.run_sync([good])
    assert levels.by_item[0] == levels.by_item[3] == alone
    assert levels.by_item[1] == []
    assert 1 in [error.item for error in levels.skipped]


def test_every_sink_tells_of_the_whole_execution() -> None:
    left, right = rm.Node("PassThrough", name="left"), rm.Node(play, name="right", on_error="skip")
    outputs = (rm.Pipeline() >> rm.Node("PassThrough") >> [left, right]).run_sync([0, 1])
    assert outputs == {"left": [0, 1], "right": [0]}
    assert [outputs[sink].skips for sink in ("left", "right")] == [1, 1]


def test_results_of_map_have_what_was_skipped() -> None:
    pipeline = rm.Pipeline() >> rm.Node(play, on_error="skip")
    results = list(pipeline.map_sync([0, 1], ordered=True))
    assert [(result.outputs, len(result.skipped)) for result in results] == [([0], 0), ([], 1)]


async def test_a_session_tells_what_it_skips_while_it_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = rm.Pipeline() >> rm.Node(play, name="needle", on_error={"retry": {**AGAIN["retry"], "then": "skip"}})
    with caplog.at_level(logging.WARNING, "remotemedia"):
        async with pipeline.session() as session:
            reader = aiter(session)
            for value in (0, 1, 2, 4, 5):
                await session.send(value)
            assert [(await anext(reader)).value for _ in range(3)] == [0, 20, 50]
            assert [error.item for error in session.skipped] == [1, 3]
            assert isinstance(session.skipped[0].__cause__, NeedleError)
            node = session.metrics().nodes[0]
            assert (node.errors, node.skipped, node.retried) == (6, 2, 4)
    assert len(caplog.records) == 1


def test_a_pipeline_keeps_what_errors_mean() -> None:
    @rm.node
    def gain(value: int, *, by: int = 1) -> int:
        return value * by

    pipeline = (
        rm.Pipeline("p")
        >> rm.nodes.AudioDecode(on_error="skip")
        >> gain(by=2, on_error=AGAIN)
        >> rm.Node("PassThrough", on_error="fail")
        >> rm.Node("PassThrough")
    )
    assert [node.get("on_error") for node in pipeline.manifest()["nodes"]] == ["skip", AGAIN, "fail", None]
    assert pipeline.nodes["gain"].params == {"by": 2}
    text = (rm.Pipeline("p") >> rm.nodes.AudioDecode(on_error=AGAIN)).to_yaml()
    assert rm.Pipeline.load(text).manifest()["nodes"][0]["on_error"] == AGAIN


def test_another_on_error_is_seen_by_the_next_run() -> None:
    pipeline = rm.Pipeline() >> rm.Node(play, name="needle")
    with pytest.raises(rm.NodeError):
        pipeline.run_sync([0, 1])
    pipeline.nodes["needle"].on_error = "skip"
    assert pipeline.run_sync([0, 1]) == [0]


@pytest.mark.parametrize("wrong", ["skipp", {"retry": 3}, {"retry": {"times": 0}}, {"retri": {"times": 1}}, 7])
def test_a_wrong_on_error_is_refused_before_anything_runs(execute: Any, wrong: Any) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        execute(manifest(play, wrong), [0])
    assert caught.value.problems[0].path.startswith("nodes[1].on_error")


def test_a_process_for_a_node_is_refused_in_one_sentence() -> None:
    document = manifest("PassThrough", "fail")
    document["nodes"][1]["isolation"] = "process"
    with pytest.raises(rm.ManifestError) as caught:
        rm.execute_sync(document, [0])
    sentence = "nodes[1].isolation: no node can run in a process of its own yet; leave 'isolation' out"
    assert str(caught.value) == sentence


def test_the_command_line_tells_what_was_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "version: v1\nmetadata: {name: p}\nnodes: [{id: decode, node_type: AudioDecode, on_error: skip}]\n"
    (tmp_path / "p.yaml").write_text(text)
    (tmp_path / "bad.mp3").write_bytes(b"no sound")
    words = ["run", str(tmp_path / "p.yaml"), "-i", str(tmp_path / "bad.mp3"), str(RECORDING)]
    assert main([*words, "-o", str(tmp_path / "out.jsonl")]) == 0
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("remotemedia: skipped: node 'decode' (AudioDecode), input 0 'bad.mp3': ")
    assert last.startswith("remotemedia: 2 of 2 files, 1 error skipped, ")


def fails_in(method: str) -> Any:
    """A class of which one method always raises."""

    def fail(name: str) -> None:
        if name == method:
            raise NeedleError(f"no {name}")

    class Needle:
        def __init__(self) -> None:
            fail("__init__")

        def initialize(self) -> None:
            fail("initialize")

        def process(self, value: int) -> int:
            return value

        def flush(self) -> None:
            fail("flush")

        def cleanup(self) -> None:
            fail("cleanup")

    return rm.node(Needle)


@pytest.mark.parametrize("on_error", ["fail", "skip", AGAIN, {"retry": {**AGAIN["retry"], "then": "skip"}}])
@pytest.mark.parametrize("method", ["__init__", "initialize", "cleanup"])
def test_a_class_that_cannot_begin_or_end_fails_the_run_whatever_errors_mean(
    execute: Any, method: str, on_error: Any
) -> None:
    with pytest.raises(rm.NodeError, match=f"(in {method}: )?NeedleError: no {method}$") as caught:
        execute(manifest(fails_in(method), on_error), [1, 2])
    # Some may not have come out yet.
    outputs = list(caught.value.outputs)
    assert outputs == ([1, 2][: len(outputs)] if method == "cleanup" else [])


def test_an_error_at_the_end_of_an_item_is_not_tried_again(execute: Any) -> None:
    outputs = execute(manifest(fails_in("flush"), {"retry": {**AGAIN["retry"], "then": "skip"}}), [1, 2])
    assert (outputs, outputs.skips, outputs.retries) == ([1, 2], 2, 0)
    assert str(outputs.skipped[0]).endswith("in flush: NeedleError: no flush")
    with pytest.raises(rm.NodeError, match=r"in flush: NeedleError: no flush$"):
        execute(manifest(fails_in("flush"), AGAIN), [1, 2])


async def test_a_node_that_waits_to_try_again_is_named_with_its_error() -> None:
    tried = asyncio.Event()

    async def ask(value: int) -> int:
        tried.set()
        raise NeedleError("429 Too Many Requests")

    again = {"retry": {"times": 1, "backoff_ms": 60_000}}
    async with rm.Pipeline.load(manifest(ask, again)).session() as session:
        await session.send(1)
        await tried.wait()
        while not session.metrics().nodes[1].retried:  # noqa: ASYNC110 - whatever turn of the loop that is in
            await asyncio.sleep(0)
        said = "its next try, after NeedleError: 429 Too Many Requests"
        assert [node.waits_for for node in session.metrics().nodes] == ["input", said, "input"]
        assert what_is_stuck(session.metrics()) == f"node 'needle' waits for {said}; 1 packet waits before it (0% full)"
        session.interrupt()
    with pytest.raises(rm.TimedOut, match=r"waits 5\d\.\d\d s for its next try, after NeedleError: 429 Too Many"):
        await rm.execute(manifest(ask, again), [1], timeout=0.05)


@dataclass
class Keyed:
    """A map with a key that can't cross, once it does."""

    fields: dict[Any, int]


CANNOT_CROSS = [
    {2: 3},
    [{"a": {2, 3}}],
    2**64,
    "\ud800",
    Keyed({2: 3}),
    [2**63, -(2**63) - 1] * 20,
    ("a", {"\ud800": 1}),
]
"""Some native code alone would refuse."""


@pytest.mark.parametrize("times", [0, 1])
@pytest.mark.parametrize("kind", ["function", "async function", "class", "async class", "ports"])
def test_nothing_is_called_twice_behind_a_value_that_cannot_cross(execute: Any, kind: str, times: int) -> None:
    seen: list[int] = []

    def work(value: int) -> Any:
        seen.append(value)
        return CANNOT_CROSS[value // 2] if value % 2 else len(seen)

    async def later(value: int) -> Any:
        return work(value)

    class Work:
        def process(self, value: int) -> Any:
            return work(value)

    class WorkLater:
        async def process(self, value: int) -> Any:
            return work(value)

    nodes = {
        "function": rm.node(work),
        "async function": rm.node(later),
        "class": rm.node(Work),
        "async class": rm.node(WorkLater),
        "ports": rm.node(outputs=["a"])(lambda value: rm.Out("a", work(value))),
    }
    on_error = {"retry": {"times": times, "backoff_ms": 0, "then": "skip"}} if times else "skip"
    inputs = range(2 * len(CANNOT_CROSS))
    outputs = execute((rm.Pipeline() >> nodes[kind](on_error=on_error)).manifest(), list(inputs))
    assert seen == [value for value in inputs for _ in range(1 + value % 2 * times)]
    assert outputs == [seen.index(value) + 1 for value in inputs if value % 2 == 0]
    assert [error.item for error in outputs.skipped] == [value for value in inputs if value % 2]
    assert all(error.cause.startswith("MarshalError: the returned value") for error in outputs.skipped)


def test_a_value_of_a_flush_that_cannot_cross_names_it(execute: Any) -> None:
    @rm.node
    class Held:
        def process(self, value: int) -> int:
            return value

        def flush(self) -> Any:
            return {2: 3}

    with pytest.raises(rm.NodeError) as caught:
        execute((rm.Pipeline() >> Held()).manifest(), [1])
    assert caught.value.cause.startswith("in flush: MarshalError: the returned value: the key 2 is an int")


def test_nothing_is_called_behind_a_value_that_ends_the_run(execute: Any) -> None:
    seen: list[int] = []

    def work(value: int) -> Any:
        seen.append(value)
        return {value} if value == 2 else value

    with pytest.raises(rm.NodeError, match="input 1"):
        execute((rm.Pipeline() >> rm.node(work)).manifest(), [1, 2, 3, 4])
    assert seen == [1, 2]
