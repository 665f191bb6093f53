"""From a manifest's text to a dict, and a manifest's problems as one message.

Python has no reader for YAML, but the native library has one: text in YAML is handed to it as the params of a single
node, which it repeats as plain values in its plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._buffer import Buffer
from ._describe import plan_of
from ._function import NodeFunction
from ._graph import End, Pipeline, of_nodes
from ._node import Node
from ._pipeline import HostType, compile_manifest, compile_text, encoded
from ._pipeline import Pipeline as Compiled
from ._problems import ENOUGH, refusal
from ._python_types import PREFIX, find, names_in
from ._shape import MOST_PORTS, PORT_NAME
from .errors import ManifestError, Problem

PORT = re.compile(rf"(?<=\.){PORT_NAME}\b")
"""What may be the name of a port, behind the id of a node."""

MARKER = re.compile(r"(---|\.\.\.)(?=\s|$)")
"""What begins or ends a document at the start of a line, and stands nowhere else there."""


def from_text(text: str, python: Sequence[str]) -> dict[str, Any]:
    """The manifest that JSON or YAML text holds, once it is checked.

    A `node_type` that names a Python function of a package in `python` is looked up for its ports. Raises
    `ManifestError` with all that is wrong; what is wrong with these names is told by `with_functions`.
    """
    text = text.removeprefix("\ufeff")
    names = names_in(text)
    if names:
        Compiled(encoded(text), [_declared(name, text, python) for name in names])
    else:
        compile_text(text)
    if text.lstrip()[:1] in ("{", "["):
        manifest: dict[str, Any] = json.loads(text)
        return manifest
    lines = _without_markers(re.split(r"\r\n|\r|\n", text))
    wrapped = "version: v1\nnodes:\n - id: manifest\n   node_type: manifest\n   params:\n"
    wrapped += "".join(f"    {line}\n" for line in lines)
    whole: dict[str, Any] = plan_of(Compiled(wrapped.encode("utf-8"), [HostType("manifest")]))["nodes"][0]["params"]
    return whole


def _declared(name: str, text: str, python: Sequence[str]) -> HostType:
    try:
        shape = find(name, python, "node_type").shape
    except ManifestError:
        # Of a function that is not there nobody knows the ports: all that look like some in the text are good.
        ports = list(dict.fromkeys(PORT.findall(text)))[: MOST_PORTS - 1]
        inputs, outputs = (tuple(dict.fromkeys([usual, *ports])) for usual in ("in", "out"))
        return HostType(name, inputs=inputs, outputs=outputs)
    return HostType(name, inputs=shape.inputs, outputs=shape.outputs)


def _without_markers(lines: list[str]) -> list[str]:
    """The lines of the only document, without the signs that begin and end it."""
    begins = next((index for index, line in enumerate(lines) if MARKER.match(line)), None)
    if begins is not None and all(not line.strip() or line[0] in "%#" for line in lines[:begins]):
        lines = lines[begins:]
    return [MARKER.sub("", line) for line in lines]


def to_pipeline(manifest: Mapping[str, Any], python: Sequence[str]) -> Pipeline:
    """The pipeline that a manifest in plain values describes. Raises `ManifestError` with all that is wrong.

    A `node_type` may be a Python function, or name one of a package in `python`.
    """
    manifest = with_functions(manifest, python)
    compile_manifest(manifest)
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

    links = [(start(link), end(link["to"])) for link in manifest.get("connections") or ()]
    return of_nodes(manifest.get("metadata") or {}, list(nodes.values()), links)


def with_functions(manifest: Mapping[str, Any], python: Sequence[str]) -> Mapping[str, Any]:
    """The manifest with functions in place of their names. Raises `ManifestError` with all that can't be had."""
    nodes = manifest.get("nodes") if isinstance(manifest, Mapping) else None
    if not isinstance(nodes, (list, tuple)):
        return manifest
    found: list[Any] = []
    problems: list[Problem] = []
    cause: BaseException | None = None
    for index, node in enumerate(nodes):
        if len(problems) >= ENOUGH:
            break
        kind = node.get("node_type") if isinstance(node, Mapping) else None
        if isinstance(kind, str) and kind.startswith(PREFIX):
            try:
                node = {**node, "node_type": find(kind, python, f"nodes[{index}].node_type")}
            except ManifestError as error:
                problems += error.problems
                cause = error.__cause__ or cause
        found.append(node)
    if problems:
        raise refusal(problems) from cause
    return {**manifest, "nodes": found}


def check_params(manifest: Mapping[str, Any], compiled: Callable[[], object]) -> None:
    """Checks the params of decorated functions. If some are wrong, tells them with all that `compiled` raises."""
    problems: list[Problem] = []
    for index, node in enumerate(manifest["nodes"]):
        if len(problems) >= ENOUGH:
            break
        if isinstance(node, Mapping) and isinstance(node.get("node_type"), NodeFunction):
            params = node.get("params") or {}
            if isinstance(params, Mapping):
                problems += node["node_type"].problems(params, f"nodes[{index}]")
    if not problems:
        return
    try:
        compiled()
    except ManifestError as error:
        problems = [*error.problems, *problems]
    raise refusal(problems)
