"""Loads a manifest: makes the `Pipeline` that it describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._manifest.compile import compile_manifest
from .._manifest.functions import with_functions
from .edge_buffer import Buffer
from .ends import End, Feedback
from .named_ends import NamedEnds, as_list
from .node import Node
from .pipeline import Pipeline, of_subgraph
from .subgraph import Subgraph


def to_pipeline(manifest: Mapping[str, Any], python: Sequence[str]) -> Pipeline:
    """The pipeline that a manifest in plain values describes. Raises `ManifestError` with all that is wrong.

    A `node_type` may be a Python function, or name one of a package in `python`.
    """
    manifest = with_functions(manifest, python)
    compile_manifest(manifest)
    return of_checked(manifest)


def of_pickled(manifest: Mapping[str, Any]) -> Pipeline:
    """The pipeline that a pickled one was: not compiled before its first use, so that a worker can configure first.

    Raises `ManifestError` where two nodes have one id.
    """
    names = [entry["id"] for entry in manifest["nodes"]]
    return of_checked(manifest) if len(set(names)) == len(names) else to_pipeline(manifest, ())


def of_checked(manifest: Mapping[str, Any]) -> Pipeline:
    """The pipeline of a manifest in which every end of a connection has its node."""
    nodes = {
        entry["id"]: Node(
            entry["node_type"],
            entry.get("params"),
            name=entry["id"],
            capabilities=entry.get("capabilities"),
            on_error=entry.get("on_error"),
        )
        for entry in manifest["nodes"]
    }

    def end(text: str) -> End:
        name, _, port = text.partition(".")
        return End(nodes[name], port or None)

    def start(link: Mapping[str, Any]) -> End:
        buffer = link.get("buffer")
        return end(link["from"])._replace(buffer=None if buffer is None else Buffer(**buffer))

    connections = manifest.get("connections") or ()
    links = [(start(link), end(link["to"])) for link in connections if link.get("delay_ms") is None]
    feedback = [
        Feedback(start(link), end(link["to"]), link["delay_ms"])
        for link in connections
        if link.get("delay_ms") is not None
    ]
    inputs, outputs = manifest.get("inputs"), manifest.get("outputs")
    named = NamedEnds(
        None if inputs is None else {name: list(map(end, as_list(given))) for name, given in inputs.items()},
        None if outputs is None else {name: end(given) for name, given in outputs.items()},
    )
    subgraph = Subgraph.of_nodes(list(nodes.values()), links, feedback)
    subgraph.metadata, subgraph.named = dict(manifest.get("metadata") or {}), named
    return of_subgraph(subgraph)
