"""`Pipeline`: building with add_node and >>, loading and saving, plans, and running."""

from __future__ import annotations

import asyncio
import copy
import enum
import json
import pickle
import textwrap
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, through
from hypothesis import given
from hypothesis import strategies as st
from remotemedia import nodes
from remotemedia._manifest import compile as compile_module
from remotemedia._manifest.yaml_writer import to_yaml

SPEECH = Path(__file__).parents[3] / "examples" / "speech.yaml"
RECORDING = SPEECH.with_name("speech.flac")


def links(pipeline: rm.Pipeline) -> list[str]:
    return [f"{link['from']} > {link['to']}" for link in pipeline.manifest().get("connections", [])]


def passes(*names: str) -> list[rm.Node]:
    return [nodes.PassThrough(name=name) for name in names]


def add(operand: Any) -> rm.Node:
    return nodes.Calculator(operation="add", operand=operand)


def test_add_node_connects_to_the_previous_node() -> None:
    pipeline = rm.Pipeline("sums")
    first = pipeline.add_node(add(1))
    pipeline.add_node(add(10))
    pipeline.add_node(add(100), after=first)
    pipeline.add_node(add(1000), after=None)
    assert links(pipeline) == ["calculator > calculator_2", "calculator > calculator_3"]
    assert pipeline.run_sync([0]) == {"calculator_2": [11], "calculator_3": [101], "calculator_4": [1000]}


def test_add_node_joins_a_list_and_takes_ports() -> None:
    pipeline, (a, b, c) = rm.Pipeline(), passes("a", "b", "c")
    pipeline.add_node(a)
    pipeline.add_node(b, after=None)
    pipeline.add_node(c, after=[a["out"], b])
    assert links(pipeline) == ["a.out > c", "b > c"]


def test_add_node_refuses_what_is_not_a_new_node() -> None:
    pipeline, (a, b) = rm.Pipeline(), passes("a", "b")
    pipeline.add_node(a)
    with pytest.raises(rm.InvalidArgumentError) as caught:
        pipeline.add_node(a)
    assert str(caught.value) == "PassThrough(name='a') is in the pipeline already; make another one"
    with pytest.raises(rm.InvalidArgumentError) as caught:
        pipeline.add_node(nodes.Echo(), after=b)
    assert str(caught.value) == "after=PassThrough(name='b') is not in the pipeline; add it first"
    with pytest.raises(rm.InvalidArgumentError) as caught:
        pipeline.add_node(nodes.Echo)  # type: ignore[arg-type]
    assert str(caught.value) == "add_node takes a node, not the class Echo; write Echo()"
    assert len(pipeline) == 1


def test_arrows_make_new_pipelines_and_change_none() -> None:
    base = rm.Pipeline("base") >> add(1)
    left, right = base >> add(10), base >> add(100)
    assert (len(base), base.run_sync([0]), left.run_sync([0]), right.run_sync([0])) == (1, [1], [11], [101])
    assert left.name == "base"


def test_arrows_between_nodes_branches_and_joins() -> None:
    a, b, c, d, e = passes("a", "b", "c", "d", "e")
    assert links(a >> [b, c] >> d) == ["a > b", "a > c", "b > d", "c > d"]
    assert links([a, b] >> c) == ["a > c", "b > c"]
    assert links(a >> [b >> c, d] >> e) == ["b > c", "a > b", "a > d", "c > e", "d > e"]
    assert links((a >> b) >> (c >> d)) == ["a > b", "c > d", "b > c"]
    assert links([a >> b, c] >> (d >> e)) == ["a > b", "d > e", "b > d", "c > d"]
    assert list((a >> [b, c] >> d).nodes) == ["a", "b", "c", "d"]


def test_a_buffer_stands_on_the_connections_around_it() -> None:
    a, b, c, d = passes("a", "b", "c", "d")
    latest = rm.Buffer(packets=1, policy="drop_oldest")
    graph = [a, b["out"] >> rm.Buffer(ms=20)] >> c >> latest >> d
    assert graph.manifest()["connections"] == [
        {"from": "a", "to": "c"},
        {"from": "b.out", "to": "c", "buffer": {"ms": 20}},
        {"from": "c", "to": "d", "buffer": {"packets": 1, "policy": "drop_oldest"}},
    ]
    assert links(a >> rm.Buffer() >> [b, c]) == ["a > b", "a > c"]
    graph = rm.Pipeline() >> a >> rm.Buffer(bytes=1000)
    graph.add_node(b)
    assert graph.manifest()["connections"] == [{"from": "a", "to": "b", "buffer": {"bytes": 1000}}]
    assert [(link["kind"], link["buffer"]) for link in graph.plan().connections] == [
        ("queue", {"bytes": 1000, "policy": "block"})
    ]
    for again in (
        rm.Pipeline.load(graph.to_dict()),
        rm.Pipeline.load(graph.to_yaml()),
        pickle.loads(pickle.dumps(graph)),
    ):
        assert again.manifest() == graph.manifest()


def test_a_buffer_without_two_nodes_is_refused() -> None:
    a, b = passes("a", "b")
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Buffer(packets=8) >> a
    assert str(caught.value) == (
        "Buffer(packets=8) stands before the first node; a session bounds what waits there: session(buffer=...)"
    )
    with pytest.raises(rm.InvalidArgumentError) as caught:
        a >> rm.Buffer(packets=8) >> rm.Buffer(ms=5) >> b
    assert str(caught.value) == "Buffer(packets=8) and Buffer(ms=5) stand between the same nodes; keep one"
    with pytest.raises(rm.InvalidArgumentError) as caught:
        (a >> rm.Buffer(packets=8)).validate()
    assert str(caught.value) == (
        "Buffer(packets=8) stands behind the last node; a session bounds what waits there: session(buffer=...)"
    )
    with pytest.raises(rm.ManifestError) as refused:
        (a >> rm.Buffer(packets=0) >> b).validate()
    assert str(refused.value) == "connections[0].buffer.packets: expected an integer from 1 to 4294967295, got 0"


def test_one_object_is_one_node() -> None:
    a, b, c, d = passes("a", "b", "c", "d")
    assert links((a >> b) >> [b["out"] >> c, b["out"] >> d]) == ["a > b", "b.out > c", "b.out > d"]
    assert links(rm.Pipeline() >> a >> [b >> d, c >> d]) == ["b > d", "c > d", "a > b", "a > c"]


def test_ports_are_inputs_on_the_right_and_outputs_on_the_left() -> None:
    a, b, c = passes("a", "b", "c")
    assert links(a["out"] >> b["in"] >> c) == ["a.out > b.in", "b > c"]
    with pytest.raises(rm.ManifestError) as caught:
        (a["speech"] >> b).validate()
    assert str(caught.value) == (
        "connections[0].from: 'a' (PassThrough) has no output 'speech'; its only output is 'a.out'"
    )


def test_a_cycle_is_refused_when_it_is_validated() -> None:
    a, b = passes("a", "b")
    with pytest.raises(rm.ManifestError, match="cycle"):
        (a >> b >> a).validate()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ([], "a list without nodes stands beside >>; put at least one in"),
        (nodes.Echo, ">> connects nodes, pipelines and lists of them, not the class Echo; write Echo()"),
        (
            len,
            ">> connects nodes, pipelines and lists of them, not the function len; decorate it with @remotemedia.node",
        ),
        (
            "Echo",
            ">> connects nodes, pipelines and lists of them, not the text 'Echo'; write remotemedia.Node('Echo')",
        ),
        (3, ">> connects nodes, pipelines and lists of them, not a value of the type int"),
    ],
)
def test_what_arrows_refuse(part: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Pipeline() >> part
    assert str(caught.value) == message


def test_ids_are_the_type_in_lower_case_and_give_way_to_names() -> None:
    pipeline = rm.Pipeline() >> nodes.AudioLevel() >> nodes.Echo() >> nodes.EchoNode(name="echo_2") >> nodes.Echo()
    assert list(pipeline.nodes) == ["audiolevel", "echo", "echo_2", "echo_3"]


def test_the_manifest_in_every_form() -> None:
    pipeline = rm.Pipeline("levels", description="a: b") >> nodes.AudioDecode() >> nodes.AudioLevel(window_ms=50)
    manifest = {
        "version": "v1",
        "metadata": {"name": "levels", "description": "a: b"},
        "nodes": [
            {"id": "audiodecode", "node_type": "AudioDecode"},
            {"id": "audiolevel", "node_type": "AudioLevel", "params": {"window_ms": 50}},
        ],
        "connections": [{"from": "audiodecode", "to": "audiolevel"}],
    }
    assert pipeline.to_dict() == manifest
    assert json.loads(pipeline.to_json()) == json.loads(pipeline.serialize()) == manifest
    assert "\n" not in pipeline.serialize()
    assert pipeline.to_yaml() == textwrap.dedent("""\
        version: v1
        metadata: {name: levels, description: "a: b"}
        nodes:
          - id: audiodecode
            node_type: AudioDecode
          - id: audiolevel
            node_type: AudioLevel
            params: {window_ms: 50}
        connections:
          - {from: audiodecode, to: audiolevel}
        """)
    for saved in (manifest, pipeline.to_json(), pipeline.serialize(), pipeline.to_yaml()):
        assert rm.Pipeline.load(saved) == pipeline
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline


def test_loading_keeps_all_that_a_manifest_holds() -> None:
    text = textwrap.dedent("""\
        %YAML 1.2
        --- # the only document
        version: v1
        metadata:
          name: kept
          description: |
            two
              lines
          created_at: 2026-11-23T12:00:00Z
        nodes:
          - &first {id: a, node_type: PassThrough, capabilities: {gpu: 1}}
          - {id: b, node_type: PassThroughNode,
             params: }
        connections: [{from: a.out, to: b}]
        ...
        """)
    loaded = rm.Pipeline.load(text)
    assert loaded.to_dict() == {
        "version": "v1",
        "metadata": {"name": "kept", "description": "two\n  lines\n", "created_at": "2026-11-23T12:00:00Z"},
        "nodes": [
            {"id": "a", "node_type": "PassThrough", "capabilities": {"gpu": 1}},
            {"id": "b", "node_type": "PassThroughNode"},
        ],
        "connections": [{"from": "a.out", "to": "b"}],
    }
    assert rm.Pipeline.load(loaded.to_yaml()) == loaded
    assert rm.Pipeline.load(text.replace("\n", "\r\n")) == loaded


def test_a_loaded_pipeline_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "sum.yaml"
    path.write_text((rm.Pipeline("sum") >> add(1)).to_yaml(), "utf-8")
    pipeline = rm.Pipeline.load(path)
    pipeline.add_node(add(10))
    assert pipeline.run_sync([0]) == (rm.Pipeline.load(str(path)) >> add(10)).run_sync([0]) == [11]


def test_loading_tells_all_problems_with_their_lines() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load("version: v1\nnodes:\n- {id: a, node_type: Ecko}\n- {id: a, node_type: Echo}\n")
    assert str(caught.value) == (
        "the manifest has 2 problems:\n"
        "  line 3, column 22: nodes[0].node_type: there is no node type 'Ecko'; did you mean 'Echo'?\n"
        "  line 4, column 8: nodes[1].id: the id 'a' is taken by nodes[0]; rename one, to \"a2\" for example"
    )
    for text in ("a\ud800\n", "x: python:a:b\ud800\n"):
        with pytest.raises(rm.ManifestError, match=r"the manifest has a lone surrogate at index \d+, which is no char"):
            rm.Pipeline.load(text)
    with pytest.raises(FileNotFoundError, match=r"no such manifest 'nowhere.yaml' in "):
        rm.Pipeline.load("nowhere.yaml")


def test_validate_tells_all_problems() -> None:
    pipeline = rm.Pipeline() >> rm.Node("AudioLevel", {"windw_ms": 3}) >> nodes.AudioMix(channels=0)
    with pytest.raises(rm.ManifestError) as caught:
        pipeline.validate()
    assert [problem.path for problem in caught.value.problems] == [
        "nodes[0].params.windw_ms",
        "nodes[1].params.channels",
        "connections[0]",
    ]
    assert repr(pipeline) == f"pipeline: no plan, {caught.value}"


def test_the_plan_is_a_table_with_stages_and_inserted_converters() -> None:
    a, level = nodes.AudioDecode(name="a"), nodes.AudioLevel(window_ms=50)
    pipeline = rm.Pipeline("two") >> a >> [level, nodes.PassThrough()]
    assert str(pipeline) == repr(pipeline) == str(pipeline.plan()) == str(pipeline.validate())
    assert str(pipeline) == textwrap.dedent("""\
        two: 3 nodes in 3 stages
          stage  id           type         params        from
          0      a            AudioDecode  -             -
          1      audiolevel   AudioLevel   window_ms=50  a     sink
          2      passthrough  PassThrough  -             a     sink""")
    plan = rm.Plan(
        {
            "name": "mended",
            "nodes": [
                {
                    "id": "v.mix",
                    "node_type": "AudioMix",
                    "params": {"channels": 1},
                    "stage": 0,
                    "inserted": "v needs 1",
                },
                {"id": "v", "node_type": "VAD", "params": {}, "stage": 0},
            ],
            "connections": [{"from": "v.mix.out", "to": "v.in", "kind": "direct"}],
            "inputs": [{"name": "", "to": ["v.mix.in"]}],
            "outputs": [{"name": "v", "from": "v.out"}],
        }
    )
    assert str(plan) == textwrap.dedent("""\
        mended: 2 nodes in 1 stage
          stage  id     type      params      from
          0      v.mix  AudioMix  channels=1  -      inserted: v needs 1
          0      v      VAD       -           v.mix  sink""")


async def test_running_gives_what_execute_gives() -> None:
    pipeline = rm.Pipeline.load(SPEECH)
    levels = await pipeline.run([rm.File(RECORDING)], timeout=60)
    assert levels == await rm.execute(SPEECH, [rm.File(RECORDING)])
    assert len(levels) == 71


def test_every_run_sees_the_pipeline_as_it_is() -> None:
    seen = []

    @rm.node
    def note(value: Any, *, places: list[Any] | None = None) -> Any:
        seen.append(repr(places))
        return value

    pipeline = rm.Pipeline() >> add(1) >> note(places=[1])
    first, second = pipeline.nodes.values()
    assert pipeline.run_sync([1]) == [2]
    first.params["operand"] = 1.0
    assert repr(pipeline.run_sync([1])) == "[2.0]"
    first.params = {"operation": "add", "operand": 5}
    second.params["places"].append({"k": True})
    assert pipeline.run_sync([1]) == [6]
    second.params["places"][1]["k"] = 1
    assert pipeline.run_sync([1]) == [6]
    assert seen == ["[1]", "[1]", "[1, {'k': True}]", "[1, {'k': 1}]"]
    first.name, first.node_type, first.params = "e", "Echo", {}
    assert pipeline.run_sync([1]) == [{"input": 1, "counter": 1, "node": "e"}]
    pipeline.add_node(nodes.PassThrough(), after=first)
    assert list(pipeline.run_sync([1])) == ["note", "passthrough"]
    assert (pipeline >> nodes.Echo()).manifest() != pipeline.manifest()
    pipeline.nodes["passthrough"].params["x"] = 1
    with pytest.raises(rm.ManifestError, match="PassThrough has no param 'x'"):
        pipeline.run_sync([1])


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The manifests that were compiled."""
    found: list[Any] = []
    compile_manifest = compile_module.compile_manifest

    def noting(manifest: Any, python: Any = ()) -> Any:
        if not isinstance(manifest, compile_module.Compiled):
            found.append(manifest)
        return compile_manifest(manifest, python)

    monkeypatch.setattr(compile_module, "compile_manifest", noting)
    return found


def test_a_pipeline_is_compiled_again_after_any_change(compiled: list[Any]) -> None:
    @rm.node
    def told(value: Any, *, by: Any = 0, also: Any = 0) -> list[Any]:
        return [value, by, also]

    pipeline = rm.Pipeline() >> add(1) >> told(by=1, also=None)
    second = pipeline.nodes["told"]

    def run(engine: Any = "native") -> str:
        before = pipeline.run_sync([1], engine=engine)
        assert repr(asyncio.run(pipeline.run([1], engine=engine))) == repr(before)
        return repr(before[0])

    assert run() == run("python") == "[2, 1, None]"
    assert run() == run()
    assert len(compiled) == 1
    second.params["by"] = True
    assert run() == "[2, True, None]"
    second.params["by"] = 1.0
    assert run() == "[2, 1.0, None]"
    del second.params["also"]
    assert run() == "[2, 1.0, 0]"
    second.params["also"] = second.params.pop("by")
    assert run() == "[2, 0, 1.0]"
    assert run() == run()
    assert len(compiled) == 5
    told.fn = lambda value, **_: "replaced"
    assert run() == "'replaced'"
    assert len(compiled) == 6
    second.params["also"] = {"k": 1}
    assert run() == "'replaced'"
    assert len(compiled) == 8, "what holds others may change within, so both runs compile"
    second.params["also"] = 1
    second.on_error = {"retry": {"times": 1}}
    assert run() == "'replaced'"
    second.on_error["retry"]["times"] = -1
    with pytest.raises(rm.ManifestError, match="times"):
        run()


def test_a_run_that_begins_while_another_one_compiles_sees_the_change(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = rm.Pipeline() >> add(1)
    (node,) = pipeline.nodes.values()
    assert pipeline.run_sync([1]) == [2]
    compile_manifest, meanwhile = compile_module.compile_manifest, []

    def with_another_run(manifest: Any, python: Any = ()) -> Any:
        if not meanwhile:
            meanwhile.append("begun")
            meanwhile.append(pipeline.run_sync([1])[0])
        return compile_manifest(manifest, python)

    monkeypatch.setattr(compile_module, "compile_manifest", with_another_run)
    node.params["operand"] = 5
    assert pipeline.run_sync([1]) == [6]
    assert meanwhile == ["begun", 6]


async def test_a_run_that_takes_too_long_is_ended() -> None:
    @rm.node
    async def never(value: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(rm.TimedOut):
        await (rm.Pipeline() >> never).run([1], timeout=0.01)


def test_a_failing_node_is_named_by_its_id() -> None:
    with pytest.raises(rm.NodeError) as caught:
        (rm.Pipeline() >> nodes.Calculator(operation="divide", operand=0, name="half")).run_sync([1])
    assert caught.value.node_id == "half"


def test_texts_refuse_what_a_manifest_cannot_hold() -> None:
    for value, message in (
        (float("nan"), "nodes[0].params.x: expected a finite number, got nan"),
        (b"", "nodes[0].params.x: expected a value that JSON has, got bytes"),
        ({1: 2}, "nodes[0].params.x: expected text as keys, got 1"),
    ):
        pipeline = rm.Pipeline() >> rm.Node("Echo", {"x": value})
        for save in (pipeline.to_yaml, pipeline.to_json, pipeline.serialize):
            with pytest.raises(rm.ManifestError) as caught:
                save()
            assert str(caught.value) == message


def test_a_key_of_the_manifest_itself_that_is_no_text_is_named() -> None:
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load({**chain(("a", "Echo", {})), 3: 4})
    assert str(caught.value) == (
        "the manifest: the key 3 is no text; its fields are version, metadata, nodes, connections, inputs, outputs"
    )


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.sampled_from(
        ["yes", "null", "~", "1", "0x1", "a.b", "- a", "#", "2026-01-01", "a: b", "\u2028", "---", "1e3"]
    ),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), values),
    max_leaves=12,
)


def exact(value: Any) -> str:
    return repr(value)


def test_names_that_begin_like_tags_of_the_wire_are_names() -> None:
    for value in ({"$rm": 1}, {"$$rm": {"$rmNote": 2}}, {"$rm": "float", "value": "NaN"}, {"$rm": "bytes"}):
        node = {"id": "a", "node_type": "PassThrough", "capabilities": value}
        pipeline = rm.Pipeline.load({"version": "v1", "nodes": [node]})
        assert rm.Pipeline.load(pipeline.to_yaml()) == pipeline
        assert rm.Pipeline.load(pipeline.to_json()) == pipeline
        function = rm.Node(told, params={"param": value})
        assert str(value) in str(rm.Pipeline() >> function)


def told(value: Any, param: Any) -> Any:
    return param


@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), PLAIN))
def test_yaml_reads_back_exactly(params: dict[str, Any]) -> None:
    from remotemedia._manifest.compile import CompiledPipeline, HostNodeType

    text = to_yaml({"version": "v1", "nodes": [{"id": "a", "node_type": "mine", "params": params}]})
    plan = CompiledPipeline(text.encode("utf-8"), [HostNodeType("mine")]).describe()
    assert exact(plan["nodes"][0]["params"]) == exact(params)


def test_a_manifest_in_a_dict_runs_as_it_did() -> None:
    assert through(1, "a") == [1, "a"]
    assert rm.Pipeline.load(chain(("a", lambda x: x + 1, {}))).run_sync([1]) == [2]


def test_dots_and_dashes_in_a_line_of_yaml_are_its_own() -> None:
    pipeline = rm.Pipeline("Loading... please", description="a --- b ...") >> nodes.FileSink(path="/tmp/{stem}... 1")
    assert rm.Pipeline.load(pipeline.to_yaml()) == pipeline
    text = "--- # begins\nversion: v1\nmetadata:\n  name: n\n  description: |\n    and so on ...\n    --- then\n"
    text += "nodes: [{id: a, node_type: PassThrough}]\n...\n"
    assert rm.Pipeline.load(text).to_dict()["metadata"]["description"] == "and so on ...\n--- then\n"
    # As PyYAML and the YAML 1.2 suite have it: the ends of lines that are there, and none more.
    kept = "version: v1\nnodes: [{id: a, node_type: PassThrough}]\nmetadata:\n  name: n\n  description: |+\n    a\n\n"
    assert rm.Pipeline.load(kept).to_dict()["metadata"]["description"] == "a\n\n"


def test_an_empty_pipeline_changes_nothing_on_either_side() -> None:
    assert (add(1) >> rm.Pipeline("effects") >> add(10)).run_sync([1]) == [12]
    assert (rm.Pipeline() >> add(1) >> rm.Pipeline()).run_sync([1]) == [2]
    with pytest.raises(rm.InvalidArgumentError, match="an empty pipeline stands in a list beside >>"):
        _ = add(1) >> [rm.Pipeline(), add(5)]


def test_a_pipeline_behind_itself_is_refused_and_a_copy_is_not() -> None:
    twice = add(1) >> nodes.Calculator(operation="multiply", operand=2)
    with pytest.raises(rm.InvalidArgumentError, match="in the pipeline already, and the same object is the same node"):
        _ = twice >> twice
    assert (twice >> copy.deepcopy(twice)).run_sync([1]) == [10]
    assert (twice >> copy.deepcopy(twice) >> copy.deepcopy(twice)).run_sync([1]) == [22]


def test_a_named_node_in_a_pipeline_behind_itself_has_to_have_another_name() -> None:
    named = rm.Pipeline() >> nodes.Calculator(operation="add", operand=1, name="inc")
    with pytest.raises(rm.InvalidArgumentError) as caught:
        _ = named >> named
    assert str(caught.value) == (
        "what is on the right of >> is in the pipeline already, and the same object is the same node; "
        "again = copy.deepcopy(pipeline) is another one, once its nodes have other names: "
        "again.nodes['inc'].name = 'inc_2'"
    )
    again = copy.deepcopy(named)
    again.nodes["inc"].name = "inc_2"
    assert (named >> again).run_sync([1]) == [3]
    assert list(named.nodes) == ["inc"]


def test_a_deep_copy_is_the_same_pipeline_of_other_nodes() -> None:
    split, mix = nodes.SpeechSegments(), nodes.AudioSum(name="mix")
    params = {"window_ms": 50}
    pipeline = rm.Pipeline("call", inputs={"a": mix["in0"], "b": mix["in1"]})
    pipeline = pipeline >> mix >> rm.Buffer(packets=3) >> split["in"] >> rm.Node("AudioLevel", params)
    pipeline.add_node(nodes.Echo(), after=split["events"])
    pipeline = pipeline.feedback(split, mix["in2"], delay_ms=20)
    for original in (pipeline, nodes.VAD() >> split["segments", "events"]):
        copied = copy.deepcopy(original)
        assert copied == original
        assert (copied.inputs, copied.name) == (original.inputs, original.name)
        assert [node.name for node in copied.nodes.values()] == [node.name for node in original.nodes.values()]
        assert [type(node) for node in copied.nodes.values()] == [type(node) for node in original.nodes.values()]
        assert not {*map(id, copied.nodes.values())} & {*map(id, original.nodes.values())}
    copied = copy.deepcopy(pipeline)
    copied.nodes["audiolevel"].params["window_ms"] = 100
    assert copied != pipeline
    assert pipeline.nodes["audiolevel"].params == params


def test_what_adds_only_a_connection_backwards_is_no_pipeline_behind_itself() -> None:
    first, second = passes("first", "second")
    pipeline = first >> second
    looped = pipeline.feedback(second, first, delay_ms=20)
    assert (pipeline >> looped).manifest() == looped.manifest()


def test_a_description_without_a_name_is_refused() -> None:
    with pytest.raises(rm.InvalidArgumentError, match="a description is that of a name"):
        rm.Pipeline(description="levels of a call")


def test_a_member_of_an_enum_of_texts_is_saved_as_its_text() -> None:
    class Operation(str, enum.Enum):
        ADD = "add"

    pipeline = rm.Pipeline() >> nodes.Calculator(operation=Operation.ADD, operand=5)
    assert rm.Pipeline.load(pipeline.to_yaml()).run_sync([1]) == [6]


def test_a_class_that_is_made_of_a_node_is_that_node() -> None:
    class Fine(nodes.AudioLevel):
        def __init__(self) -> None:
            super().__init__(window_ms=50)

    assert [entry["node_type"] for entry in (rm.Pipeline() >> Fine()).manifest()["nodes"]] == ["AudioLevel"]
