"""The ends of a pipeline: which output of which node is a result, and the sinks that a manifest has for them.

In a manifest the sinks are the nodes from which nothing goes on, with their first output. A result that is another
output, or one of a node from which something does go on, is the sink of a `PassThrough` of its own, named after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .._functions.spec import spec_of
from .._process import FIRST_USE
from .edge_buffer import Buffer
from .node import Node

DEFAULT_PORTS = ("in", "out")
"""Ports whose names say nothing about what comes out there."""


class End(NamedTuple):
    """One side of a connection: a node, and a port of it if it is named; of its beginning also what may wait on it."""

    node: Node
    port: str | None
    buffer: Buffer | None = None


class Feedback(NamedTuple):
    """A connection that goes backwards, and how much later its packets arrive."""

    start: End
    end: End
    delay_ms: int


def ports(node: Node, side: str) -> list[str]:
    """The names of the `inputs` or the `outputs` of a node; none if its type is unknown."""
    with FIRST_USE:
        from .._manifest.catalog import node_types, type_name

    if not isinstance(node.node_type, str):
        spec = spec_of(node.node_type)
        return list({"inputs": spec.inputs or ("in",), "outputs": spec.outputs or ("out",)}[side])
    described = node_types().get(type_name(node.node_type))
    return [] if described is None else [port["name"] for port in described[side]]


def results(
    ends: Sequence[End], links: Iterable[tuple[End, End]], ids: Mapping[int, str]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The nodes and connections that a manifest needs beside those of the pipeline, so that its `ends` are its sinks.

    `ids` are those of the nodes, by their identity.
    """
    goes_on = {id(start.node) for start, _ in links}
    chosen = [end for end in ends if end.port is not None and not _is_sink(end, goes_on)]
    goes_on |= {id(end.node) for end in chosen}
    chosen = [end for end in ends if end in chosen or (end.port is None and id(end.node) in goes_on)]
    names = Counter(_port(end) for end in chosen)
    taken = set(ids.values())
    nodes: list[dict[str, Any]] = []
    connections: list[dict[str, str]] = []
    for end in chosen:
        node, port = ids[id(end.node)], _port(end)
        says_enough = names[port] == 1 and port not in DEFAULT_PORTS and port not in taken
        base = sink = port if says_enough else f"{node}_{port}"
        count = 1
        while sink in taken:
            count += 1
            sink = f"{base}_{count}"
        taken.add(sink)
        nodes.append({"id": sink, "node_type": "PassThrough"})
        connections.append({"from": f"{node}.{port}", "to": sink})
    return nodes, connections


def _is_sink(end: End, goes_on: set[int]) -> bool:
    """Whether the node is the sink by itself: nothing goes on from it, and this is its only output."""
    return id(end.node) not in goes_on and ports(end.node, "outputs") == [end.port]


def _port(end: End) -> str:
    return end.port or next(iter(ports(end.node, "outputs")), "out")
