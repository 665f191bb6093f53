"""Named inputs and outputs of a graph: in executions, `map`, sessions, pipelines and plans, against the oracle."""

from __future__ import annotations

import asyncio
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remotemedia import nodes, testing


@rm.node(inputs=["mic", "reference"], outputs=["clean", "echo"])
class Canceller:
    """Takes the last value of the reference from each of the microphone."""

    def __init__(self) -> None:
        self.reference = 0

    def process(self, value: int, port: str) -> Iterator[rm.Out]:
        if port == "reference":
            self.reference = value
            yield rm.Out("echo", value)
        else:
            yield rm.Out("clean", value - self.reference)


@rm.node(inputs=["mic", "reference"])
def named(value: Any, port: str) -> str:
    return f"{port} {value}"


def canceller() -> dict[str, Any]:
    """A microphone and a reference, and both outputs of the node between them."""
    return {
        "version": "v1",
        "nodes": [{"id": "aec", "node_type": Canceller}, {"id": "rest", "node_type": "PassThrough"}],
        "connections": [{"from": "aec.clean", "to": "rest"}],
        "inputs": {"reference": "aec.reference", "mic": "aec.mic"},
        "outputs": {"clean": "aec.clean", "echo": "aec.echo"},
    }


LISTS = {"mic": [10, 20, 30], "reference": [1, 2, 3]}
WANTED = {"clean": [9, 18, 27], "echo": [1, 2, 3]}
ENGINES = ["native", "python"]


@pytest.mark.parametrize("engine", ENGINES)
def test_item_i_is_the_i_th_value_of_each_input(engine: Any) -> None:
    outputs = rm.execute_sync(canceller(), LISTS, engine=engine)
    assert outputs == WANTED
    assert outputs.sinks == ("clean", "echo")
    assert [(packet.sink, packet.item, packet.seq) for packet in outputs.packets] == [
        *(("clean", item, item) for item in range(3)),
        *(("echo", item, item) for item in range(3)),
    ]
    assert outputs.by_item == [[9, 1], [18, 2], [27, 3]]
    assert rm.execute_sync(canceller(), {"mic": [], "reference": []}, engine=engine) == {"clean": [], "echo": []}


def test_every_way_to_run_takes_lists_by_name() -> None:
    pipeline = rm.Pipeline.load(canceller())
    assert asyncio.run(rm.execute(canceller(), LISTS)) == WANTED
    assert (
        asyncio.run(pipeline.run(LISTS)) == pipeline.run_sync({"mic": (10, 20, 30), "reference": (1, 2, 3)}) == WANTED
    )
    reports: list[rm.Progress] = []
    assert asyncio.run(pipeline.run(LISTS, on_progress=reports.append)) == WANTED
    assert (reports[-1].items, reports[-1].total) == (3, 3)


WANTS = (
    "pipeline 'pipeline' has the inputs 'reference' and 'mic'; give a list for each: "
    '{"reference": [...], "mic": [...]}'
)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, f"inputs are missing: {WANTS}"),
        ([1], f"a list says nothing of where its values go: {WANTS}"),
        ({"mic": [1]}, f"the input 'reference' is missing: {WANTS}"),
        (
            {"mic": [1], "reference": [1], "far": []},
            "pipeline 'pipeline' has no input 'far'; its inputs are 'reference' and 'mic'",
        ),
        (
            {"mic": [1], "reference": [1, 2]},
            "the input 'reference' has 2 values, but 'mic' has 1 value; item i is the i-th value of each, so give "
            "lists of one length",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(engine: Any, inputs: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.execute_sync(canceller(), inputs, engine=engine)
    assert str(caught.value) == message


@pytest.mark.parametrize("engine", ENGINES)
def test_a_map_is_for_a_graph_that_names_inputs(engine: Any) -> None:
    manifest = {"version": "v1", "nodes": [{"id": "a", "node_type": "PassThrough"}]}
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.execute_sync(manifest, {"a": [1]}, engine=engine)
    assert str(caught.value) == "the inputs are a map, but pipeline 'pipeline' names no inputs; give a list"
    with pytest.raises(rm.MarshalError) as refused:
        rm.execute_sync(canceller(), {"mic": [1], "reference": 2}, engine=engine)
    assert str(refused.value) == "inputs must be a list, one entry for each input; write [x]"


def test_a_value_that_can_not_cross_is_named_by_input_and_item() -> None:
    with pytest.raises(rm.MarshalError, match=r"^inputs\.mic\[1\]\.gain: "):
        rm.execute_sync(canceller(), {"mic": [1, {"gain": 2**70}], "reference": [1, 2]})


@pytest.mark.parametrize("engine", ENGINES)
def test_one_named_input_takes_a_list_too(engine: Any) -> None:
    manifest = {
        "version": "v1",
        "nodes": [{"id": "a", "node_type": "PassThrough"}, {"id": "b", "node_type": "PassThrough"}],
        "connections": [{"from": "a", "to": "b"}],
        "inputs": {"x": ["a", "b"]},
    }
    assert rm.execute_sync(manifest, [1, 2], engine=engine) == [1, 1, 2, 2]
    assert rm.execute_sync(manifest, {"x": [1, 2]}, engine=engine) == [1, 1, 2, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_names_the_first_file_of_its_item(engine: Any, tmp_path: Any) -> None:
    @rm.node(inputs=["mic", "reference"])
    def fail(value: Any, port: str) -> None:
        raise ValueError("no")

    manifest = {
        "version": "v1",
        "nodes": [{"id": "f", "node_type": fail}],
        "inputs": {"mic": "f.mic", "reference": "f.reference"},
    }
    (tmp_path / "b.wav").write_bytes(b"")
    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(manifest, {"mic": [1], "reference": [rm.File(tmp_path / "b.wav")]}, engine=engine)
    assert (caught.value.item, caught.value.input) == (0, "b.wav")


def test_map_takes_a_value_for_each_input() -> None:
    pipeline = rm.Pipeline.load(canceller())
    sources = [{"mic": 10, "reference": 1}, {"mic": 20}, 3]
    results = list(pipeline.map_sync(sources, ordered=True))
    assert results[0].outputs == {"clean": [9], "echo": [1]}
    assert results[0].source is sources[0]
    assert str(results[1].error) == f"the input 'reference' is missing: {WANTS}"
    assert str(results[2].error) == f"a list says nothing of where its values go: {WANTS}"

    async def mapped() -> list[Any]:
        return [result.outputs async for result in pipeline.map(sources[:1])]

    assert asyncio.run(mapped()) == [{"clean": [9], "echo": [1]}]


def test_stream_feeds_one_input() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.Pipeline.load(canceller()).stream([1])
    assert str(caught.value) == (
        "stream feeds one input, and this pipeline has 'reference' and 'mic'; "
        "open a session(), and send(value, to=...) in a task for each"
    )


def test_a_session_sends_to_inputs_and_reads_outputs_by_name() -> None:
    async def run() -> tuple[list[int], list[int], Any]:
        async with rm.Pipeline.load(canceller()).session() as session:
            clean, echo = session.output("clean"), session.output("echo")

            async def values(reader: Any) -> list[int]:
                found = []
                async for packet in reader:
                    assert packet.sink == reader.name
                    found.append(packet.value)
                return found

            reading = [asyncio.ensure_future(values(reader)) for reader in (clean, echo)]
            for mic, reference in zip(*LISTS.values(), strict=True):
                await session.send(reference, to="reference")
                # The function has one call for both: what comes together comes in turns.
                await session.send(mic, to="mic", pts=1.0)
            await session.finish()
            found = await asyncio.gather(*reading)
            return *found, session.metrics()

    clean, echo, metrics = asyncio.run(run())
    assert sorted(echo) == [1, 2, 3]
    assert len(clean) == 3
    assert [(each.name, each.sent, each.waiting) for each in metrics.inputs] == [("reference", 3, 0), ("mic", 3, 0)]
    assert "input 'mic': 3 sent, 0 waiting" in str(metrics)


def test_all_outputs_of_a_session_come_with_their_names() -> None:
    async def run() -> list[tuple[str, int]]:
        async with rm.Pipeline.load(canceller()).session() as session:
            await session.send_many([1, 2], to="reference")
            assert session.try_send(10, to="mic")
            await session.finish()
            return [(packet.sink, packet.value) async for packet in session]

    found = asyncio.run(run())
    assert sorted(sink for sink, _ in found) == ["clean", "echo", "echo"]


def test_a_thread_sends_to_an_input() -> None:
    async def run() -> list[Any]:
        async with rm.Pipeline.load(canceller()).session() as session:
            thread = threading.Thread(target=lambda: session.send_from_thread(5, to="reference", timeout=10))
            await asyncio.to_thread(lambda: (thread.start(), thread.join()))
            await session.finish()
            return [(packet.sink, packet.value) async for packet in session]

    assert asyncio.run(run()) == [("echo", 5)]


@pytest.mark.parametrize(
    ("manifest", "to", "message"),
    [
        (
            canceller,
            None,
            "this pipeline has the inputs 'reference' and 'mic'; name the one that is meant: to='reference'",
        ),
        (canceller, "mike", "this pipeline has no input 'mike'; its inputs are 'reference' and 'mic'"),
        (lambda: rm.Pipeline() >> nodes.PassThrough(), "mic", "this pipeline names no inputs; leave out to='mic'"),
    ],
)
def test_an_input_that_is_not_there_is_refused(manifest: Callable[[], Any], to: str | None, message: str) -> None:
    async def sent(send: Any, to: str | None) -> None:
        await send([1], to=to)

    async def run() -> None:
        given = manifest()
        pipeline = given if isinstance(given, rm.Pipeline) else rm.Pipeline.load(given)
        async with pipeline.session() as session:
            for send in (session.send, session.try_send, session.send_many):
                with pytest.raises(rm.InvalidArgumentError) as caught:
                    await sent(send, to)
                assert str(caught.value) == message

    asyncio.run(run())


def test_raw_bytes_are_for_one_input() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"^input= is for a pipeline with one input, and this one has"):
        rm.Pipeline.load(canceller()).session(input=rm.PCM("s16", 16000, 1))


def test_an_output_that_does_not_exist_is_refused() -> None:
    async def run() -> None:
        async with rm.Pipeline.load(canceller()).session() as session:
            session.output("cleen")
            await session.send(1, to="mic")

    with pytest.raises(
        rm.InvalidArgumentError, match=r"^'cleen' is no output of pipeline 'pipeline'; did you mean 'clean'\?"
    ):
        asyncio.run(run())


def test_an_input_that_is_full_holds_up_no_other() -> None:
    release = threading.Event()

    @rm.node
    def slow(value: int) -> int:
        release.wait(30)
        return value

    blocked, free = slow(), nodes.PassThrough()
    pipeline = rm.Pipeline(inputs={"slow": blocked, "fast": free}) >> [blocked, free]

    async def run() -> list[int]:
        async with pipeline.session(buffer={"packets": 1}) as session:
            feeding = asyncio.ensure_future(session.send_many(range(40), to="slow"))
            found: list[int] = []
            for value in range(100, 110):
                await session.send(value, to="fast")
                async for packet in session:
                    found.append(packet.value)
                    break
            assert not feeding.done()
            release.set()
            async for packet in session:
                found.append(packet.value)
                if len(found) == 50:
                    break
            await feeding
            return found

    assert asyncio.run(run()) == [*range(100, 110), *range(40)]


def test_a_sound_and_its_reference_meet_in_a_node_that_aligns_them() -> None:
    mix = nodes.AudioSum(name="mix")
    pipeline = rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}, outputs={"both": mix}) >> mix
    near, far = (rm.Audio(np.full((1, 1600), level, "f4"), 16000) for level in (0.25, 0.5))
    outputs = pipeline.run_sync({"mic": [near, near], "far": [far, near]})
    levels = [{float(level) for audio in item for level in audio.samples[0]} for item in outputs.by_item]
    assert levels == [{0.75}, {0.5}]

    async def run() -> float:
        async with pipeline.session(clock="virtual") as session:
            frames = 0

            async def feed(name: str, level: float) -> None:
                for number in range(200):
                    audio = rm.Audio(np.full((1, 320), level, "f4"), 16000, pts=number * 0.02)
                    await session.send(audio, to=name)

            async def read() -> None:
                nonlocal frames
                async for packet in session:
                    assert packet.sink == "both"
                    assert {float(each) for each in packet.value.samples[0]} == {0.75}
                    frames += packet.value.frames

            reading = asyncio.ensure_future(read())
            await asyncio.gather(feed("mic", 0.25), feed("far", 0.5))
            await session.finish()
            await reading
            return frames / 16000

    assert asyncio.run(run()) == 4.0


def test_one_input_that_runs_ahead_of_another_waits_for_room() -> None:
    """A node that aligns inputs takes about a second more of one of them; then its sender waits."""
    mix = nodes.AudioSum(name="mix")
    pipeline = rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}) >> mix
    second = rm.Audio(np.zeros((1, 16000), "f4"), 16000)

    async def run() -> int:
        async with pipeline.session(buffer={"packets": 2}) as session:
            sent = 0
            while sent < 1000 and session.try_send(rm.Audio(second.samples, 16000, pts=float(sent)), to="mic"):
                sent += 1
                await asyncio.sleep(0.001)
            assert session.try_send(second, to="far")
            session.cancel()
            return sent

    assert asyncio.run(run()) < 100


# ---- pipelines


def test_a_pipeline_names_the_ports_of_its_nodes() -> None:
    aec, rest = rm.Node(Canceller, name="aec"), nodes.PassThrough(name="rest")
    pipeline = (
        rm.Pipeline(
            "call",
            inputs={"mic": aec["mic"], "reference": [aec["reference"], rest]},
            outputs={"clean": aec["clean"], "rest": rest},
        )
        >> aec
        >> rest
    )
    manifest = pipeline.manifest()
    assert manifest["inputs"] == {"mic": "aec.mic", "reference": ["aec.reference", "rest"]}
    assert manifest["outputs"] == {"clean": "aec.clean", "rest": "rest"}
    assert (pipeline.inputs, pipeline.outputs) == (("mic", "reference"), ("clean", "rest"))
    loaded = rm.Pipeline.load(manifest)
    assert loaded == pipeline
    assert loaded.manifest() == manifest
    assert (loaded >> nodes.PassThrough()).outputs == ("clean", "rest")
    assert pipeline.run_sync({"mic": [5], "reference": [1]})["rest"] == [1, 5]


def test_named_ends_outlast_pickling_and_text() -> None:
    mix = nodes.AudioSum(name="mix")
    pipeline = rm.Pipeline(inputs={"mic": mix["in0"], "far": [mix["in1"], mix["in2"]]}, outputs={"out": mix}) >> mix
    for other in (
        pickle.loads(pickle.dumps(pipeline)),
        rm.Pipeline.load(pipeline.to_yaml()),
        rm.Pipeline.load(pipeline.to_json()),
    ):
        assert other == pipeline
        assert other.inputs == ("mic", "far")
        assert other.outputs == ("out",)


def test_pipelines_that_are_joined_keep_their_names() -> None:
    a, b = nodes.PassThrough(name="a"), nodes.PassThrough(name="b")
    joined = (rm.Pipeline(inputs={"x": a}) >> a) >> (rm.Pipeline(outputs={"y": b}) >> b)
    assert joined.manifest()["inputs"] == {"x": "a"}
    assert joined.manifest()["outputs"] == {"y": "b"}
    both = rm.Pipeline() >> [rm.Pipeline(inputs={"x": a}) >> a, rm.Pipeline(inputs={"z": b}) >> b]
    assert both.manifest()["inputs"] == {"x": "a", "z": "b"}
    with pytest.raises(rm.InvalidArgumentError, match=r"^both pipelines have an input 'x'; give one another name$"):
        (rm.Pipeline(inputs={"x": a}) >> a) >> (rm.Pipeline(inputs={"x": b}) >> b)


def test_wrong_ends_of_a_pipeline_are_refused() -> None:
    a = nodes.PassThrough(name="a")
    with pytest.raises(rm.InvalidArgumentError, match=r"^inputs is a map from names to nodes or their ports, such as"):
        rm.Pipeline(inputs=["a"])  # type: ignore[arg-type]
    with pytest.raises(rm.InvalidArgumentError, match=r"^outputs\['x'\] is a node or a port of one, such as node or"):
        rm.Pipeline(outputs={"x": "a"})  # type: ignore[dict-item]
    with pytest.raises(
        rm.InvalidArgumentError, match=r"^the input 'x' is at .*, which is not in the pipeline; add it$"
    ):
        (rm.Pipeline(inputs={"x": nodes.PassThrough()}) >> a).manifest()


def test_the_plan_shows_named_ends_and_what_is_dropped() -> None:
    manifest = canceller()
    manifest["outputs"] = {"clean": "aec.clean"}
    plan = rm.Pipeline.load(manifest).plan()
    assert plan.inputs == [
        {"name": "reference", "to": ["aec.reference"]},
        {"name": "mic", "to": ["aec.mic"]},
    ]
    assert plan.outputs == [{"name": "clean", "from": "aec.clean"}]
    assert plan.sinks == ["clean"]
    rows = [line.split("  ")[-1] for line in str(plan).splitlines()[2:]]
    assert rows == ["input reference (reference); input mic (mic); output clean (clean); drops echo", "drops out"]
    drawing = rm.Pipeline.load(manifest).svg()
    assert "output clean (clean)" in drawing
    assert "drops echo" in drawing
    unnamed = (rm.Pipeline() >> nodes.PassThrough()).plan()
    assert unnamed.inputs == [{"name": "", "to": ["passthrough.in"]}]
    assert unnamed.outputs == [{"name": "passthrough", "from": "passthrough.out"}]


# ---- against the oracle


@rm.node(inputs=["a", "b"], outputs=["a", "b"])
def swap(value: Any, port: str) -> rm.Out:
    return rm.Out("b" if port == "a" else "a", value)


@rm.node
def twice(value: Any) -> Iterator[Any]:
    yield value
    yield value


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """A graph of up to five nodes whose ends have names: inputs in the middle too, and outputs that go on."""
    kinds = draw(st.lists(st.sampled_from(["PassThrough", swap, twice]), min_size=1, max_size=5))
    ends = [f"n{index}.{port}" if kind is swap else f"n{index}" for index, kind in enumerate(kinds) for port in "ab"]
    connections: list[dict[str, str]] = []
    for index in range(1, len(kinds)):
        for _ in range(draw(st.integers(0, 2))):
            source = draw(st.sampled_from([end for end in ends if int(end[1]) < index]))
            link = {"from": source, "to": draw(st.sampled_from([end for end in ends if int(end[1]) == index]))}
            if link not in connections:
                connections.append(link)
    inputs: dict[str, list[str]] = {
        f"i{number}": draw(st.lists(st.sampled_from(ends), min_size=1, max_size=3, unique=True))
        for number in range(draw(st.integers(1, 3)))
    }
    reached = {link["to"][:2] for link in connections} | {end[:2] for ends_ in inputs.values() for end in ends_}
    inputs["i0"] += [
        f"n{index}.a" if kind is swap else f"n{index}" for index, kind in enumerate(kinds) if f"n{index}" not in reached
    ]
    outputs = {f"o{number}": draw(st.sampled_from(ends)) for number in range(draw(st.integers(1, 3)))}
    return {
        "version": "v1",
        "nodes": [{"id": f"n{index}", "node_type": kind} for index, kind in enumerate(kinds)],
        "connections": connections,
        "inputs": inputs,
        "outputs": outputs,
    }


VALUES = st.none() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.lists(st.booleans(), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_named_ends_give_what_the_oracle_gives(manifest: dict[str, Any], data: st.DataObject) -> None:
    items = data.draw(st.integers(0, 4))
    inputs = {name: data.draw(st.lists(VALUES, min_size=items, max_size=items)) for name in manifest["inputs"]}
    found, expected = (rm.execute_sync(manifest, inputs, engine=engine) for engine in ("native", "python"))
    assert dict(found.items()) == dict(expected.items())
    # The `seq` of results that join is the order in which the native threads emitted them.
    rows = [[(packet.value, packet.sink, packet.item) for packet in outputs.packets] for outputs in (found, expected)]
    assert rows[0] == rows[1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.data())
def test_a_session_gives_what_the_oracle_gives(manifest: dict[str, Any], data: st.DataObject) -> None:
    """Of one packet for each input: what comes out of each output, in any order."""
    inputs = {name: [data.draw(st.integers(0, 99))] for name in manifest["inputs"]}
    expected = rm.execute_sync(manifest, inputs, engine="python")

    async def run() -> Mapping[str, list[int]]:
        async with rm.Pipeline.load(manifest).session() as session:
            found: dict[str, list[int]] = {name: [] for name in manifest["outputs"]}
            for name, (value,) in inputs.items():
                await session.send(value, to=name)
            await session.finish()
            async for packet in session:
                found[packet.sink].append(packet.value)
            return found

    found = asyncio.run(run())
    assert {name: sorted(values) for name, values in found.items()} == {
        name: sorted(expected[name]) for name in manifest["outputs"]
    }


def test_the_virtual_clock_counts_each_input_by_itself() -> None:
    mix = nodes.AudioSum(name="mix")
    pipeline = rm.Pipeline(inputs={"mic": mix["in0"], "far": mix["in1"]}) >> mix
    silence = rm.Audio(np.zeros((1, 16000), "f4"), 16000)

    async def run(seconds: int) -> None:
        async with pipeline.session(clock="virtual", deadline=3.5) as session:
            reading = asyncio.ensure_future(_drained(session))
            for _ in range(seconds):
                await session.send(silence, to="mic")
                await session.send(silence, to="far")
            await session.finish()
            await reading

    asyncio.run(run(3))
    with pytest.raises(TimeoutError):
        asyncio.run(run(5))


async def _drained(session: rm.Session) -> None:
    async for _ in session:
        pass


def test_a_recording_that_is_shorter_than_the_room_between_two_inputs_holds_up_none() -> None:
    # Far more frames than an input holds.
    near, far = (rm.Audio(np.full((1, 8000 * seconds), 0.25, "f4"), 8000) for seconds in (6, 1))
    joined = rm.nodes.AudioSum()
    pipeline = rm.Pipeline(inputs={"mic": joined["in0"], "reference": joined["in1"]}) >> joined
    packets = asyncio.run(asyncio.wait_for(testing.play(pipeline, {"mic": near, "reference": far}), 60))
    sound = np.concatenate([packet.value.samples[0] for packet in packets])
    assert np.array_equal(sound, np.repeat(np.float32([0.5, 0.25]), (8000, 40000)))


def test_recordings_are_played_into_named_inputs_together() -> None:
    arrived: list[tuple[str, float]] = []

    @rm.node(inputs=["mic", "reference"])
    def note(audio: rm.Audio, port: str) -> None:
        arrived.append((port, round((audio.pts or 0) + audio.duration, 3)))

    noting = note()
    pipeline = rm.Pipeline(inputs={"mic": noting["mic"], "reference": noting["reference"]}) >> noting
    second = rm.Audio(np.zeros((1, 16000), "f4"), 16000)
    half = rm.Audio(np.zeros((1, 24000), "f4"), 48000)
    assert asyncio.run(testing.play(pipeline, {"mic": second, "reference": half}, frame_ms=250)) == []
    # The shorter one goes on in silence.
    assert arrived == [(port, end) for end in (0.25, 0.5, 0.75, 1.0) for port in ("mic", "reference")]
    with pytest.raises(rm.InvalidArgumentError, match=r"^there is no audio for the input 'reference', for which"):
        asyncio.run(testing.play(pipeline, {"mic": second}))
    with pytest.raises(rm.InvalidArgumentError, match=r"^expected an Audio, got int"):
        asyncio.run(testing.play(pipeline, {"mic": 1}))  # type: ignore[dict-item]
