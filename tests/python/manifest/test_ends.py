"""Ports at the end of a pipeline: the output that is named is the result, in every way to run, save and show it."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from remotemedia import nodes, testing
from remotemedia._manifest.catalog import node_types
from remotemedia.cli import main
from remotemedia.cli.arguments.chain import pipeline_of


def passes(*names: str) -> list[rm.Node]:
    return [nodes.PassThrough(name=name) for name in names]


@rm.node(outputs=["low", "high"])
def divide(value: int) -> rm.Out:
    return rm.Out("high" if value > 2 else "low", value)


@rm.node(outputs=["low", "high"])
class Divide:
    def process(self, value: int) -> Iterator[rm.Out]:
        yield rm.Out("low", value)
        yield rm.Out("high", value + 10)


INPUTS: dict[str, list[Any]] = {
    "AudioDecode": [rm.File(Path(rm.__file__).with_name("speech.flac"))],
    "SpeechSegments": [testing.speech()],
    "TextCollector": ["Good day. How are", " you? Fine"],
}
PARAMS = {"TextCollector": {"partials": True}}
"""What goes into each node that has several outputs, so that something comes out at each."""


def sinks(pipeline: rm.Pipeline) -> list[str]:
    return pipeline.plan().sinks


def of_port(kind: str, port: str) -> list[Any]:
    """What comes out at a port of a node, by a connection that is written out."""
    manifest = {
        "version": "v1",
        "nodes": [
            {"id": "node", "node_type": kind, "params": PARAMS.get(kind, {})},
            {"id": "sink", "node_type": "PassThrough"},
        ],
        "connections": [{"from": f"node.{port}", "to": "sink"}],
    }
    return list(rm.execute_sync(manifest, INPUTS[kind]))


several = pytest.mark.parametrize(
    "kind", sorted(name for name, entry in node_types().items() if len(entry["outputs"]) > 1 and name in INPUTS)
)


def test_inputs_are_known_for_every_node_with_several_outputs() -> None:
    documented = {entry["name"] for entry in node_types().values() if len(entry["outputs"]) > 1}
    assert {name.removesuffix("Node") for name in documented} - {"SileroVAD"} == set(INPUTS)


@several
def test_every_output_of_every_node_is_a_result(kind: str) -> None:
    ports = [each["name"] for each in node_types()[kind]["outputs"]]
    expected = {port: of_port(kind, port) for port in ports}
    assert all(expected.values())
    for port in ports:
        assert repr((rm.Pipeline() >> rm.Node(kind, PARAMS.get(kind))[port]).run_sync(INPUTS[kind])) == repr(
            expected[port]
        )
    node = rm.Node(kind, PARAMS.get(kind))
    both = (rm.Pipeline() >> [node[port] for port in ports]).run_sync(INPUTS[kind])
    # A port that is only called `out` gives its sink no name.
    named = {port if port != "out" else f"{kind.lower()}_out": values for port, values in expected.items()}
    assert repr({sink: list(values) for sink, values in both.items()}) == repr(named)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("kind", [divide, Divide])
def test_outputs_of_python_functions_are_results(kind: Any, engine: Any) -> None:
    def expected(port: str) -> list[int]:
        if kind is Divide:
            return [1, 2, 3] if port == "low" else [11, 12, 13]
        return [1, 2] if port == "low" else [3]

    for port in ("low", "high"):
        assert (rm.Pipeline() >> kind()[port]).run_sync([1, 2, 3], engine=engine) == expected(port)
    node = kind()
    both = (nodes.PassThrough() >> node["high", "low"]).run_sync([1, 2, 3], engine=engine)
    assert both == {"high": expected("high"), "low": expected("low")}
    assert list(both) == ["high", "low"]


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            nodes.SpeechSegments(),
            "has no output 'nonsense'; its outputs are 'speechsegments.segments' and 'speechsegments.events'",
        ),
        (nodes.AudioDecode(), "has no output 'nonsense'; its outputs are 'audiodecode.out' and 'audiodecode.info'"),
        (nodes.AudioLevel(), "has no output 'nonsense'; its only output is 'audiolevel.out'"),
        (divide(), "has no output 'nonsense'; its outputs are 'divide.low' and 'divide.high'"),
    ],
    ids=lambda each: each.title if isinstance(each, rm.Node) else "",
)
def test_a_wrong_port_is_refused_with_the_names_of_the_right_ones(node: rm.Node, message: str) -> None:
    for pipeline in (rm.Pipeline() >> node["nonsense"], nodes.PassThrough() >> node >> [node["nonsense"]]):
        with pytest.raises(rm.ManifestError) as caught:
            pipeline.run_sync([1])
        assert message in str(caught.value)
        with pytest.raises(rm.ManifestError):
            pipeline.plan()


def test_the_manifest_has_a_sink_for_each_result_named_after_its_port() -> None:
    ear = nodes.SpeechSegments(name="ear")
    manifest = (nodes.AudioDecode() >> ear["segments", "events"]).manifest()
    assert manifest["nodes"][2:] == [
        {"id": "segments", "node_type": "PassThrough"},
        {"id": "events", "node_type": "PassThrough"},
    ]
    assert manifest["connections"] == [
        {"from": "audiodecode", "to": "ear"},
        {"from": "ear.segments", "to": "segments"},
        {"from": "ear.events", "to": "events"},
    ]


def test_sinks_have_names_of_their_own() -> None:
    left, right = nodes.SpeechSegments(name="left"), nodes.SpeechSegments(name="right")
    assert sinks(rm.Pipeline() >> [left["events"], right["events"]]) == ["left_events", "right_events"]
    taken = nodes.PassThrough(name="events")
    assert sinks(taken >> [left["events"], right["segments"]]) == ["left_events", "segments"]
    also = nodes.PassThrough(name="left_events")
    assert sinks(taken >> also >> [left["events"], right["segments"]]) == ["left_events_2", "segments"]


def test_a_node_that_is_the_sink_by_itself_stays_it() -> None:
    (a,) = passes("a")
    assert (rm.Pipeline() >> a["out"]).manifest() == (rm.Pipeline() >> a).manifest()
    assert (rm.Pipeline() >> a["in"]).manifest() == (rm.Pipeline() >> a).manifest()
    assert (rm.Pipeline() >> a["in"]).run_sync([1]) == [1]


def test_a_node_from_which_something_goes_on_is_a_result_where_it_is_an_end_too() -> None:
    a, b = passes("a", "b")
    assert (rm.Pipeline() >> [a, a >> b]).run_sync([1]) == {"b": [1], "a_out": [1]}
    assert (rm.Pipeline() >> [a["out"], a >> b]).run_sync([1]) == {"b": [1], "a_out": [1]}
    ear = nodes.SpeechSegments()
    both = rm.Pipeline() >> [ear, ear["events"]]
    assert sinks(both) == ["segments", "events"]
    assert [len(each) for each in both.run_sync([testing.speech()]).values()] == [1, 2]


def test_what_goes_on_from_a_port_leaves_no_sink_behind() -> None:
    ear, (a, b) = nodes.SpeechSegments(), passes("a", "b")
    heard = rm.Pipeline() >> ear["events"]
    assert sinks(heard >> a) == ["a"]
    assert sinks(heard >> [a, b]) == ["a", "b"]
    assert sinks(heard) == ["events"]
    heard.add_node(a)
    assert sinks(heard) == ["a"]
    assert "from" in heard.manifest()["connections"][0]
    assert heard.manifest()["connections"][0]["from"] == "speechsegments.events"


@pytest.mark.parametrize("ports", [("events",), ("segments", "events"), ("events", "segments")], ids=str)
def test_saved_loaded_and_pickled_it_is_the_same(ports: tuple[str, ...], tmp_path: Path) -> None:
    pipeline = rm.Pipeline("heard") >> nodes.AudioDecode() >> nodes.SpeechSegments()[ports]
    path = tmp_path / "heard.yaml"
    path.write_text(pipeline.to_yaml())
    speech = INPUTS["AudioDecode"]
    expected = repr(pipeline.run_sync(speech))
    for other in (
        rm.Pipeline.load(pipeline.manifest()),
        rm.Pipeline.load(path),
        rm.Pipeline.load(pipeline.to_json()),
        pickle.loads(pickle.dumps(pipeline)),
    ):
        assert other == pipeline
        assert str(other.plan()) == str(pipeline.plan())
        assert repr(other.run_sync(speech)) == expected
    assert "events" in pipeline.svg()


def test_every_way_to_run_gives_the_same() -> None:
    def pipeline() -> rm.Pipeline:
        return rm.Pipeline() >> nodes.SpeechSegments()["events"]

    speech = testing.speech()
    expected = list(pipeline().run_sync([speech]))
    assert [each["type"] for each in expected] == ["start", "end"]

    async def elsewhere() -> list[list[Any]]:
        async with pipeline().session() as session:
            await session.send(speech)
            await session.finish()
            read = [packet.value async for packet in session]
        return [
            list(await pipeline().run([speech])),
            [value async for value in pipeline().stream([speech])],
            [value async for result in pipeline().map([speech]) for value in result.outputs or []],
            read,
        ]

    assert asyncio.run(elsewhere()) == [expected] * 4
    assert [list(result.outputs or []) for result in pipeline().map_sync([speech])] == [expected]


async def test_a_session_reads_each_result_by_the_name_of_its_port() -> None:
    ear = nodes.SpeechSegments()
    pipeline = rm.Pipeline() >> [ear["segments"], ear["events"]]
    async with pipeline.session() as session:
        segments, events = session.output("segments"), session.output("events")
        await session.send(testing.speech())
        await session.finish()

        async def types(reader: Any) -> list[str]:
            return [packet.value["type"] async for packet in reader]

        assert await asyncio.gather(types(segments), types(events)) == [["segment"], ["start", "end"]]


def test_a_chain_of_the_command_line_names_ports_too(capsys: pytest.CaptureFixture[str]) -> None:
    flac = str(Path(rm.__file__).with_name("speech.flac"))
    assert sinks(pipeline_of("AudioDecode >> SpeechSegments['events']", ())) == ["events"]
    assert sinks(pipeline_of("AudioDecode >> SpeechSegments()['segments', 'events']", ())) == ["segments", "events"]
    assert main(["run", "AudioDecode >> SpeechSegments['events']", "-i", flac, "--json"]) == 0
    written = capsys.readouterr().out
    assert '"start"' in written
    assert '"segment"' not in written
    assert main(["validate", "AudioDecode >> SpeechSegments['nonsense']"]) == 3
    assert "its outputs are 'speechsegments.segments' and 'speechsegments.events'" in capsys.readouterr().err


def test_large_values_pass_a_result_untouched() -> None:
    data = np.arange(100_000, dtype=np.float32)

    @rm.node(outputs=["first", "second"])
    def other(value: Any) -> rm.Out:
        return rm.Out("second", value)

    (found,) = (rm.Pipeline() >> other()["second"]).run_sync([data])
    assert np.array_equal(found, data)
