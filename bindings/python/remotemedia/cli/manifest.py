"""The manifest that a command line names, with what `--set` changes in it."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .._graph.pipeline import Pipeline
from .._graph.plan import Plan
from ..errors import InvalidArgumentError, ManifestError, Problem
from .parser import meant


def load(chosen: argparse.Namespace) -> Pipeline:
    """The pipeline of `MANIFEST`. Raises `ManifestError` with all that is wrong, and `FileNotFoundError`."""
    if chosen.python:
        # As for `python -m`: packages beside the user are found.
        sys.path.insert(0, os.getcwd())
    return Pipeline.load(Path(chosen.manifest), python=chosen.python)


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
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        pipeline.nodes[node].params[param] = value
        places[f"nodes[{list(pipeline.nodes).index(node)}].params.{param}"] = assignment
    try:
        return pipeline.validate()
    except ManifestError as error:
        # The manifest itself was in order.
        if not places:
            raise
        raise InvalidArgumentError("\n  ".join(_blamed(problem, places) for problem in error.problems)) from None


def _blamed(problem: Problem, places: Mapping[str, str]) -> str:
    """What is wrong, with the assignment that brought it in."""
    param = re.match(r"nodes\[\d+\]\.params\.[^.\[]+", problem.path)
    assignment = places.get(param[0]) if param else None
    cure = "" if problem.suggestion is None else f"; {problem.suggestion}"
    where = problem.path if assignment is None else f"--set {assignment}"
    return f"{where}: {problem.message}{cure}"
