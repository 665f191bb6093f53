"""What a node behind a fan-in may rely on, whichever engine runs it: the order of each connection, and that of items.

How the packets of several connections are merged is not said; the sinks of an execution put it in order again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import pytest
import remotemedia as rm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Seen:
    """What one node took and gave, in its order: packets are lists of their item and of all they have passed."""

    def __init__(self, name: str, gives: int) -> None:
        self.name = name
        self.gives = gives
        self.took: list[list[Any]] = []
        self.gave: list[list[Any]] = []

    def make(self, value: list[Any]) -> Iterator[list[Any]]:
        self.took.append(list(value))
        for number in range(self.gives):
            self.gave.append([*value, f"{self.name}.{number}"])
            yield [*value, f"{self.name}.{number}"]


def plain(seen: Seen) -> Any:
    seen.gives = 1
    return lambda value: next(seen.make(value))


def generator(seen: Seen) -> Any:
    def node(value: Any) -> Iterator[Any]:
        yield from seen.make(value)

    return node


def generator_later(seen: Seen) -> Any:
    async def node(value: Any) -> AsyncIterator[Any]:
        for each in seen.make(value):
            await asyncio.sleep(0)
            yield each

    return node


def instance(seen: Seen) -> Any:
    @rm.node
    class Node:
        def process(self, value: Any) -> Iterator[Any]:
            yield from seen.make(value)

    return Node


class Vertex(NamedTuple):
    kind: Any
    gives: int
    sources: list[int]
    through: bool
    """Whether a native node stands before it, for each of its connections."""


@st.composite
def graphs(draw: st.DrawFn) -> list[Vertex]:
    """Up to five functions, each of which takes from up to three of those before it."""
    vertices: list[Vertex] = []
    for index in range(draw(st.integers(2, 5))):
        sources = draw(st.lists(st.integers(0, index - 1), unique=True, min_size=1, max_size=3)) if index else []
        kind = draw(st.sampled_from([plain, generator, generator_later, instance]))
        vertices.append(Vertex(kind, draw(st.integers(0, 3)), sources, draw(st.booleans())))
    return vertices


def run(engine: Any, vertices: list[Vertex], count: int) -> list[Seen]:
    """What each node took and gave."""
    seen = [Seen(f"n{index}", vertex.gives) for index, vertex in enumerate(vertices)]
    nodes, connections = [], []
    for index, (vertex, each) in enumerate(zip(vertices, seen, strict=True)):
        nodes.append({"id": f"n{index}", "node_type": vertex.kind(each)})
        for source in vertex.sources:
            before = f"n{source}"
            if vertex.through:
                nodes.append({"id": f"p{source}-{index}", "node_type": "PassThrough"})
                connections.append({"from": before, "to": f"p{source}-{index}"})
                before = f"p{source}-{index}"
            connections.append({"from": before, "to": f"n{index}"})
    manifest = {"version": "v1", "nodes": nodes, "connections": connections}
    rm.execute_sync(manifest, [[item] for item in range(count)], engine=engine)
    return seen


def packets(values: list[list[Any]]) -> Counter[tuple[Any, ...]]:
    return Counter(map(tuple, values))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs(), st.integers(1, 4))
def test_each_connection_and_the_items_keep_their_order_behind_a_fan_in(vertices: list[Vertex], count: int) -> None:
    native, python = (run(engine, vertices, count) for engine in ("native", "python"))
    for seen in (native, python):
        for vertex, each in zip(vertices, seen, strict=True):
            for source in vertex.sources:
                came = [value for value in each.took if value[-1].partition(".")[0] == f"n{source}"]
                assert came == seen[source].gave
            items = [value[0] for value in each.took]
            assert items == sorted(items)
    assert [packets(each.took) for each in native] == [packets(each.took) for each in python]


@pytest.mark.parametrize("engine", ["native", "python"])
def test_the_results_of_a_fan_in_have_one_order(engine: Any) -> None:
    vertices = [
        Vertex(generator, 2, [], False),
        Vertex(generator, 2, [0], True),
        Vertex(plain, 1, [0], False),
        Vertex(plain, 1, [2, 1], False),
    ]
    nodes = [
        {"id": f"n{index}", "node_type": vertex.kind(Seen(f"n{index}", vertex.gives))}
        for index, vertex in enumerate(vertices)
    ]
    connections = [
        {"from": f"n{source}", "to": f"n{index}"} for index, vertex in enumerate(vertices) for source in vertex.sources
    ]
    manifest = {"version": "v1", "nodes": nodes, "connections": connections}
    outputs = rm.execute_sync(manifest, [[0]], engine=engine)
    ways = [value[1:3] for value in outputs]
    assert ways == [
        ["n0.0", "n2.0"],
        ["n0.1", "n2.0"],
        ["n0.0", "n1.0"],
        ["n0.0", "n1.1"],
        ["n0.1", "n1.0"],
        ["n0.1", "n1.1"],
    ]
