"""Pipelines as drawings: everything of the plan is there, and nothing lies on something else."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import remotemedia as rm
from hypothesis import given, settings
from hypothesis import strategies as st
from remotemedia import nodes
from remotemedia._graph.plan import Plan

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


class Drawn(NamedTuple):
    """What is found in a drawing: boxes by node, frames, and the points of the path of each connection."""

    nodes: dict[str, Box]
    frames: list[Box]
    paths: dict[tuple[str, str], list[tuple[float, float]]]
    texts: list[str]


def read(text: str) -> Drawn:
    root = ElementTree.fromstring(text)
    boxes = {group.get("data-node"): box_of(group.find(f"{SVG}rect")) for group in root.iter(f"{SVG}g")}
    frames = [box_of(rect) for rect in root.iter(f"{SVG}rect") if rect.get("class") == "rm-frame"]
    arrows = [path for path in root.iter(f"{SVG}path") if path.get("class") == "rm-line"]
    paths = {(path.get("data-from"), path.get("data-to")): points_of(path.get("d")) for path in arrows}
    assert len(paths) == len(arrows)
    return Drawn(boxes, frames, paths, ["".join(element.itertext()) for element in root.iter(f"{SVG}text")])


def box_of(rect: Any) -> Box:
    x, y, width, height = (float(rect.get(name)) for name in ("x", "y", "width", "height"))
    return Box(x, y, x + width, y + height)


def points_of(path: str) -> list[tuple[float, float]]:
    """Points along a path of M, V and C."""
    points: list[tuple[float, float]] = []
    for letter, rest in re.findall(r"([MVC])([^MVC]*)", path):
        numbers = [float(number) for number in rest.split()]
        if letter == "M":
            points.append((numbers[0], numbers[1]))
        elif letter == "V":
            x, y = points[-1]
            points += [(x, y + (numbers[0] - y) * step / 8) for step in range(1, 9)]
        else:
            (x, y), (a, b, c, d, right, down) = points[-1], numbers
            for step in range(1, 17):
                t = step / 16
                weights = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
                along = sum(weight * at for weight, at in zip(weights, (x, a, c, right), strict=True))
                points.append((along, sum(weight * at for weight, at in zip(weights, (y, b, d, down), strict=True))))
    return points


def apart(boxes: list[Box]) -> bool:
    return not any(
        one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
        for one, other in itertools.combinations(boxes, 2)
    )


def check(plan: Plan, text: str) -> Drawn:
    drawn = read(text)
    assert list(drawn.nodes) == [node["id"] for node in plan.nodes]
    assert sorted(drawn.paths) == sorted((link["from"], link["to"]) for link in plan.connections)
    assert apart(list(drawn.nodes.values()))
    assert apart(drawn.frames)
    for (start, end), points in drawn.paths.items():
        above, below = drawn.nodes[start.rpartition(".")[0]], drawn.nodes[end.rpartition(".")[0]]
        (first_x, first_y), (last_x, last_y) = points[0], points[-1]
        # Coordinates are written to a tenth; the tip of the arrow covers the last 6 pixels.
        assert above.left < first_x < above.right
        assert first_y == pytest.approx(above.bottom, abs=0.11)
        assert below.left < last_x < below.right
        assert last_y == pytest.approx(below.top - 6, abs=0.11)
        for box in drawn.nodes.values():
            inside = [(x, y) for x, y in points if box.left < x < box.right and box.top + 0.11 < y < box.bottom - 0.11]
            assert not inside, f"{start} to {end} passes a box"
    return drawn


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans of up to 14 nodes; nodes have several ports, and some stages hold several nodes."""
    count = draw(st.integers(1, 14))
    ports = st.sampled_from(["out", "speech", "silence"]), st.sampled_from(["in", "left", "right"])
    links = set()
    for end in range(1, count):
        for start in draw(st.sets(st.integers(0, end - 1), max_size=3)):
            links.add((start, draw(ports[0]), end, draw(ports[1])))
            if draw(st.booleans()):
                links.add((start, draw(ports[0]), end, draw(ports[1])))
    stages = list(range(count))
    leaving = [[link for link in links if link[0] == node] for node in range(count)]
    entering = [[link for link in links if link[2] == node] for node in range(count)]
    for end in range(count):
        if len(entering[end]) == 1 and len(leaving[entering[end][0][0]]) == 1 and draw(st.booleans()):
            stages[end] = stages[entering[end][0][0]]
    order = draw(st.permutations(range(count)))
    described = [
        {
            "id": f"n{node}",
            "node_type": draw(st.sampled_from(["PassThrough", "python:a:b", "A" * 60])),
            "params": draw(st.dictionaries(st.sampled_from("ab"), st.text(max_size=40), max_size=2)),
            "runner": draw(st.sampled_from(["native", "host"])),
            "stage": stages[node],
            **({"inserted": "n needs 16000 Hz"} if draw(st.booleans()) else {}),
        }
        for node in order
    ]
    connections = [
        {"from": f"n{start}.{output}", "to": f"n{end}.{entry}", "kind": "queue"}
        for start, output, end, entry in sorted(links)
    ]
    ends: dict[str, Any] = {"inputs": [], "outputs": []}
    return Plan({"name": draw(st.text(max_size=8)), "nodes": described, "connections": connections, **ends})


@settings(max_examples=60, deadline=None)
@given(plans())
def test_every_node_and_connection_is_drawn_and_nothing_lies_on_another(plan: Plan) -> None:
    from remotemedia._graph.drawing import svg

    text = svg(plan)
    drawn = check(plan, text)
    labels = {end for pair in drawn.paths for end in (pair[0].rpartition(".")[2], pair[1].rpartition(".")[2])}
    assert labels - {"in", "out"} <= set(drawn.texts)
    assert svg(plan) == text


def test_a_pipeline_draws_itself_as_it_is_planned() -> None:
    @rm.node
    def loud(value: dict) -> dict:
        return value

    decode = nodes.AudioDecode()
    pipeline = (
        rm.Pipeline("both") >> decode >> [nodes.AudioLevel() >> loud(), nodes.AudioMix(channels=1) >> nodes.Echo()]
    )
    drawn = check(pipeline.plan(), pipeline.svg())
    assert len(drawn.frames) == 4
    assert drawn.texts[:2] == ["both", "5 nodes in 4 stages"]
    assert {"loud", "channels=1"} <= set(drawn.texts)
    assert pipeline._repr_svg_() == pipeline.svg()


def test_a_single_stage_has_no_frame() -> None:
    pipeline = rm.Pipeline("one") >> nodes.PassThrough()
    drawn = check(pipeline.plan(), pipeline.svg())
    assert (drawn.frames, drawn.paths) == ([], {})
    assert drawn.texts == ["one", "1 node in 1 stage", "passthrough", "PassThrough"]


def test_text_is_escaped_and_shortened_by_what_it_takes() -> None:
    long = "名" * 40
    pipeline = rm.Pipeline('<b> & "q" \x01') >> rm.Node("AudioEncode", {"format": "wav", "path": long}, name="a-b")
    drawn = check(pipeline.plan(), pipeline.svg())
    assert drawn.texts[0] == '<b> & "q" \ufffd'
    assert drawn.texts[-1] == "format='wav', path='名名名名名名…"
    assert f"path = '{long}'" in pipeline.svg()


def test_a_notebook_falls_back_to_the_text_of_what_is_wrong() -> None:
    pipeline = rm.Pipeline() >> rm.Node("Ecko")
    assert pipeline._repr_svg_() is None
    with pytest.raises(rm.ManifestError, match="there is no node type 'Ecko'"):
        pipeline.svg()


def test_fewer_links_cross_than_as_written() -> None:
    # Two chains of stages that are written crosswise.
    described = [
        {"id": name, "node_type": "T", "params": {}, "runner": "native", "stage": stage}
        for stage, name in enumerate("abcd")
    ]
    links = [{"from": f"{start}.out", "to": f"{end}.in", "kind": "queue"} for start, end in ("ad", "bc")]
    drawn = read_plan({"name": "x", "nodes": described, "connections": links, "inputs": [], "outputs": []})
    assert (drawn["a"].left < drawn["b"].left) == (drawn["d"].left < drawn["c"].left)


def test_the_table_names_what_feeds_a_converter() -> None:
    plan = Plan(
        {
            "name": "x",
            "nodes": [
                {"id": "a", "node_type": "T", "params": {}, "runner": "native", "stage": 0},
                {
                    "id": "b.resample",
                    "node_type": "AudioResample",
                    "params": {"rate": 8000},
                    "runner": "native",
                    "stage": 0,
                    "inserted": "b needs 8000 Hz",
                },
            ],
            "connections": [{"from": "a.out", "to": "b.resample.in", "kind": "direct"}],
            "inputs": [{"name": "", "to": ["a.in"]}],
            "outputs": [{"name": "b.resample", "from": "b.resample.out"}],
        }
    )
    assert str(plan).splitlines()[-1] == (
        "  0      b.resample  AudioResample  rate=8000  a     inserted: b needs 8000 Hz; sink"
    )


def test_the_drawing_in_the_docs_is_what_the_command_draws() -> None:
    # remotemedia graph examples/prepare.yaml -o docs/prepare.svg
    drawn = rm.Pipeline.load(ROOT / "examples" / "prepare.yaml").svg()
    assert (ROOT / "docs" / "prepare.svg").read_text("utf-8") == drawn


def read_plan(document: dict[str, Any]) -> dict[str, Box]:
    from remotemedia._graph.drawing import svg

    return read(svg(Plan(document))).nodes
