"""Reads JSON or YAML text of a manifest to a dict.

Python has no reader for YAML, but the native library has one: text in YAML is handed to it as the params of a single
node, which it repeats as plain values in its plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from .._functions.spec import MOST_PORTS, PORT_NAME
from ..errors import ManifestError
from .compile import CompiledPipeline, HostNodeType, compile_text, encoded
from .python_types import find, names_in

PORT = re.compile(rf"(?<=\.){PORT_NAME}\b")
"""Matches the name of a port behind the id of a node."""

MARKER = re.compile(r"(---|\.\.\.)(?=\s|$)")
"""Matches the marker that begins or ends a YAML document, at the start of a line."""


def from_text(text: str, python: Sequence[str]) -> dict[str, Any]:
    """Checks JSON or YAML text and returns the manifest that it holds.

    A `node_type` that names a Python function of a package in `python` is looked up for its ports. Raises
    `ManifestError` with all that is wrong; wrong names of functions are left to `with_functions`.
    """
    text = text.removeprefix("\ufeff")
    names = names_in(text)
    if names:
        CompiledPipeline(encoded(text), [_declared(name, text, python) for name in names])
    else:
        compile_text(text)
    if text.lstrip()[:1] in ("{", "["):
        manifest: dict[str, Any] = json.loads(text)
        return manifest
    lines = _without_markers(re.split(r"\r\n|\r|\n", text))
    if not lines[-1]:
        # Behind the last end of a line there is no line, which a text that keeps its ends would have.
        lines.pop()
    wrapped = "version: v1\nnodes:\n - id: manifest\n   node_type: manifest\n   params:\n"
    wrapped += "".join(f"    {line}\n" for line in lines)
    compiled = CompiledPipeline(wrapped.encode("utf-8"), [HostNodeType("manifest")])
    whole: dict[str, Any] = compiled.describe()["nodes"][0]["params"]
    return whole


def _declared(name: str, text: str, python: Sequence[str]) -> HostNodeType:
    try:
        spec = find(name, python, "node_type").spec
    except ManifestError:
        # The ports of a missing function are not known: all that look like ports in the text are accepted.
        ports = list(dict.fromkeys(PORT.findall(text)))[: MOST_PORTS - 1]
        inputs, outputs = (tuple(dict.fromkeys([usual, *ports])) for usual in ("in", "out"))
        return HostNodeType(name, inputs=inputs, outputs=outputs)
    return HostNodeType(name, inputs=spec.inputs, outputs=spec.outputs)


def _without_markers(lines: list[str]) -> list[str]:
    """The lines of the only document, without the markers that begin and end it."""
    begins = next((index for index, line in enumerate(lines) if MARKER.match(line)), None)
    if begins is not None and all(not line.strip() or line[0] in "%#" for line in lines[:begins]):
        lines = lines[begins:]
    return [line[found.end() :] if (found := MARKER.match(line)) else line for line in lines]
