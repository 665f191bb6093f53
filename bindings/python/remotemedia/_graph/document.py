"""The manifest of a pipeline as a document: the ids of its nodes, its connections, and the sinks of its results."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

from .._functions.spec import NodeSpec
from .._process import FIRST_USE, after_fork
from ..errors import InvalidArgumentError
from .ends import End, results
from .node import Node
from .subgraph import Subgraph

if TYPE_CHECKING:
    from .._manifest.compile import Compiled


def manifest_of(subgraph: Subgraph) -> dict[str, Any]:
    """The manifest in which Python functions are themselves: what `execute` takes."""
    for end in subgraph.ends:
        if end.buffer is not None:
            raise InvalidArgumentError(
                f"{end.buffer!r} stands behind the last node; a session bounds what waits there: session(buffer=...)"
            )
    nodes = subgraph.nodes
    ids = dict(zip(map(id, nodes), ids_of(nodes), strict=True))
    document: dict[str, Any] = {"version": "v1"}
    if subgraph.metadata:
        document["metadata"] = dict(subgraph.metadata)
    document["nodes"] = [_entry(ids[id(node)], node) for node in nodes]
    connections = [_connection(start, end, ids) for start, end in subgraph.links]
    connections += [_connection(start, end, ids, delay_ms=delay) for start, end, delay in subgraph.feedback]
    if subgraph.named.outputs is None:
        sinks, their_connections = results(subgraph.ends, subgraph.links, ids)
        document["nodes"] += sinks
        connections += their_connections
    if connections:
        document["connections"] = connections
    return {**document, **subgraph.named.fields(ids)}


def ids_of(nodes: Sequence[Node]) -> list[str]:
    """The ids of nodes in their order: their names, or their types with a number where one is taken."""
    taken = {node.name for node in nodes if node.name is not None}
    ids = []
    for node in nodes:
        name = node.name
        if name is None:
            # An id has letters of ASCII alone, which a function need not have.
            base = name = re.sub(r"[^a-z0-9_]", "", node.title.lower()) or "node"
            count = 1
            while name in taken:
                count += 1
                name = f"{base}_{count}"
            taken.add(name)
        ids.append(name)
    return ids


class RunDocument:
    """A manifest for runs, the parts of the nodes that it was made of, and what it was compiled to.

    Params are in it as they are now.
    """

    __slots__ = ("_kept", "_known", "document")

    def __init__(self, subgraph: Subgraph) -> None:
        nodes = subgraph.nodes
        self.document = manifest_of(subgraph)
        # Behind the nodes come the sinks of outputs that are results, which have no params.
        for entry, node in zip(self.document["nodes"], nodes, strict=False):
            # The node's own dicts: what is changed in them is seen by the next run.
            entry["params"] = node.params
            if node.capabilities is not None:
                entry["capabilities"] = node.capabilities
        self._kept: tuple[Compiled, list[Any], object] | None = None
        """What it was compiled to, of what, and in which process: put in place together, since threads may run it at
        once."""
        self._known = _parts(nodes)

    def holds(self, nodes: Sequence[Node]) -> bool:
        """Whether the nodes still consist of the same objects."""
        return _are_same(_parts(nodes), self._known)

    def kept(self, nodes: Sequence[Node]) -> Compiled | None:
        """What it was compiled to, if the nodes and their params are the same as then, and in the same process."""
        if self._kept is None:
            return None
        compiled, content, process = self._kept
        # The library's part of it is that of the parent, after a fork.
        return compiled if process is _process and _are_same(_content(nodes), content) else None

    def compiled(self, nodes: Sequence[Node]) -> Compiled:
        """Compiles the manifest of the nodes, and keeps what came of it. Raises `ManifestError`."""
        with FIRST_USE:
            from .._manifest.compile import compile_manifest

        # Before it is compiled: what another thread changes meanwhile is seen by the next run.
        content = _content(nodes)
        are_constant = all(map(_is_constant, nodes))
        compiled = compile_manifest(self.document)
        self._kept = (compiled, content, _process) if are_constant else None
        return compiled


_process = object()
"""Stands for this process: a forked child has another one."""


def _child() -> None:
    global _process
    _process = object()


after_fork(_child)

CONSTANT = frozenset({type(None), bool, int, float, str, bytes})
"""Types of values that stay what they are."""


def _parts(nodes: Sequence[Node]) -> list[Any]:
    return [
        part for node in nodes for part in (node.name, node.node_type, node.params, node.capabilities, node.on_error)
    ]


def _content(nodes: Sequence[Node]) -> list[Any]:
    """The parts of nodes with what is in them: functions, and the names and values of params.

    Looked at in each run, so it is one list of all nodes. Their params, dicts among what is none, keep them apart.
    """
    content: list[Any] = []
    for node in nodes:
        node_type, params = node.node_type, node.params
        content += (node.name, node_type, params, node.capabilities, node.on_error)
        if type(node_type) is not str:
            content.append(node_type.fn if isinstance(node_type, NodeSpec) else None)
        if params:
            content += params
            content += params.values()
    return content


def _are_same(found: list[Any], known: list[Any]) -> bool:
    return len(found) == len(known) and all(map(is_, found, known))


def _is_constant(node: Node) -> bool:
    """Whether a change in a node puts another object in the place of one."""
    values = (*node.params.values(), node.on_error, node.capabilities)
    return all(type(value) in CONSTANT for value in values)


def _connection(start: End, end: End, ids: Mapping[int, str], **fields: Any) -> dict[str, Any]:
    connection = {"from": _endpoint(ids[id(start.node)], start.port), "to": _endpoint(ids[id(end.node)], end.port)}
    return {**connection, **fields, **({} if start.buffer is None else {"buffer": start.buffer.manifest()})}


def _entry(name: str, node: Node) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": name, "node_type": node.node_type}
    if node.params:
        entry["params"] = dict(node.params)
    if node.capabilities is not None:
        entry["capabilities"] = dict(node.capabilities)
    if node.on_error is not None:
        entry["on_error"] = node.on_error
    return entry


def _endpoint(name: str, port: str | None) -> str:
    return name if port is None else f"{name}.{port}"
