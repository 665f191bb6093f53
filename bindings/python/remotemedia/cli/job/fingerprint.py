"""By what a resumed run knows that an input, or what is done with it, is still the same: SHA-256 of both."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Mapping
from typing import Any

from ..._graph.pipeline import Pipeline
from ..._graph.plan import Plan
from ..arguments.inputs import Input

PIECE = 1 << 20


def content_hash(source: Input, stop: threading.Event | None = None) -> str | None:
    """The SHA-256 of an input, in hex digits; of several files that go in together, that of their hashes.

    None for what can't be read twice, such as a pipe, and once `stop` is set. The file is read in pieces, in whatever
    thread this is called. Raises `OSError`.
    """
    if source.beside:
        each = [content_hash(file, stop) for _, file in source.beside]
        return None if None in each else hashlib.sha256(" ".join(map(str, each)).encode()).hexdigest()
    if source.path is None or not stat.S_ISREG(os.stat(source.path).st_mode):
        return None
    found = hashlib.sha256()
    with open(source.path, "rb", buffering=0) as file:
        while piece := file.read(PIECE):
            found.update(piece)
            if stop is not None and stop.is_set():
                return None
    return found.hexdigest()


def manifest_hash(pipeline: Pipeline, plan: Plan, asked: Mapping[str, Any]) -> str:
    """The first 16 hex digits of the SHA-256 of a graph, and of what a command asks for beside it.

    Neither names of files nor the code of functions count: what a function does may change without being noticed.
    `capabilities` change nothing of what comes out.
    """
    graph: dict[str, Any] = {
        "nodes": [[node["id"], node["node_type"], node["params"]] for node in plan.nodes],
        "connections": plan.connections,
        "inputs": plan.inputs,
        "outputs": plan.outputs,
    }
    # The plan does not have it.
    on_error = {node["id"]: node["on_error"] for node in pipeline.manifest()["nodes"] if "on_error" in node}
    on_error = {name: action for name, action in on_error.items() if action != "fail"}
    if on_error:
        graph["on_error"] = on_error
    text = json.dumps([graph, asked], sort_keys=True, default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
