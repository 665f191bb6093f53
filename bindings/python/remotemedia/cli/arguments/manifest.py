"""The manifest that a command line names or holds, with what `--set` changes in it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..._graph.node import PATHS, located
from ..._graph.pipeline import Pipeline
from ..._graph.plan import Plan
from ..._manifest.source import is_text
from ..._media.file import at_home, from_native, to_text
from ...errors import InvalidArgumentError, ManifestError, Problem
from ..files.standard import read_stdin
from .inputs import STDIN
from .parser import meant


def load(chosen: argparse.Namespace) -> Pipeline:
    """The pipeline of `MANIFEST`: a file, `-` for stdin, or the text itself: JSON, YAML, or a chain of nodes.

    Raises `ManifestError` with all that is wrong, and `FileNotFoundError`.
    """
    if chosen.python:
        # As for `python -m`: packages beside the user are found.
        sys.path.insert(0, os.getcwd())
    return _load(chosen.manifest, chosen.python)


def file_of(manifest: str) -> str | None:
    """The path of the manifest, if it is a file."""
    path = at_home(manifest)
    return path if manifest != STDIN and os.path.exists(path) else None


def assign(pipeline: Pipeline, assignments: Sequence[str]) -> Plan:
    """Sets params as `--set` says; gives the plan. Raises `InvalidArgumentError` that names the assignment."""
    places: dict[str, str] = {}
    for assignment in assignments:
        place, equals, text = assignment.partition("=")
        node, dot, param = place.partition(".")
        if not equals or not dot or not param:
            raise InvalidArgumentError(f"--set {assignment}: write node.param=value")
        if node not in pipeline.nodes:
            near = meant(node, pipeline.nodes)
            hint = f"there are {', '.join(pipeline.nodes)}" if near is None else f"did you mean {near!r}?"
            raise InvalidArgumentError(f"--set {assignment}: there is no node {node!r}; {hint}")
        text = to_text(text)
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        pipeline.nodes[node].params[param] = located(value, from_native) if param in PATHS else value
        places[f"nodes[{list(pipeline.nodes).index(node)}].params.{param}"] = f"--set {assignment}"
    return planned(pipeline, places)


def planned(pipeline: Pipeline, places: Mapping[str, str]) -> Plan:
    """The plan. What is wrong with a param raises `InvalidArgumentError` with the option that `places` has for it."""
    try:
        return pipeline.validate()
    except ManifestError as error:
        # The manifest itself was in order.
        if not places:
            raise
        raise InvalidArgumentError("\n  ".join(_blamed(problem, places) for problem in error.problems)) from None


def _load(manifest: str, python: Sequence[str]) -> Pipeline:
    # Each command needs the native library, which reads manifests; chains are rare.
    from .chain import is_chain, pipeline_of

    path = file_of(manifest)
    if path is not None:
        return Pipeline.load(Path(path), python=python)
    if manifest != STDIN and not is_text(manifest) and not is_chain(manifest):
        return Pipeline.load(at_home(manifest), python=python)
    text = _stdin() if manifest == STDIN else _typed(manifest)
    return pipeline_of(text.strip(), python) if is_chain(text) else Pipeline.load(text, python=python)


def _typed(manifest: str) -> str:
    """The text of a manifest on the command line: UTF-8, whatever the locale by which Python has read it."""
    try:
        data = os.fsencode(manifest)
    except UnicodeEncodeError:
        # It was typed by no user but by a program.
        data = manifest.encode("utf-8", "surrogatepass")
    return _decoded(data, "the manifest")


def _decoded(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = f"byte {error.start} is {error.object[error.start]:#x}"
        raise ManifestError(f"{what} is not UTF-8 text: {wrong}", [Problem("", "not UTF-8 text")]) from None


def _stdin() -> str:
    if sys.stdin is None:
        raise InvalidArgumentError("stdin is closed; name the file of the manifest")
    text = _decoded(read_stdin(), "stdin")
    if not text.strip():
        raise ManifestError("stdin holds no manifest", [Problem("", "no manifest")])
    return f"{text}\n"


def _blamed(problem: Problem, places: Mapping[str, str]) -> str:
    """What is wrong, with the option that brought it in."""
    param = re.match(r"nodes\[\d+\]\.params\.[^.\[]+", problem.path)
    option = places.get(param[0]) if param else None
    cure = "" if problem.suggestion is None else f"; {problem.suggestion}"
    where = problem.path if option is None else option
    return f"{where}: {problem.message}{cure}"
