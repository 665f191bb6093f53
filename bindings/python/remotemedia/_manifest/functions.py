"""Python functions in a manifest: looks up their names, checks their params, and replaces them by names."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .._functions.spec import HostClass, HostFunction, NodeSpec, spec_of
from .._problem.problem import ENOUGH, refusal
from ..errors import ManifestError, Problem
from .python_types import PREFIX, find


def take_functions(manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[HostFunction]]:
    """The manifest with names in place of functions, and the functions, one for each node that has one.

    Raises `ManifestError` for a class of `remotemedia.nodes` in place of its name.
    """
    nodes = manifest.get("nodes")
    if not isinstance(nodes, (list, tuple)) or not any(
        isinstance(node, Mapping) and callable(node.get("node_type")) for node in nodes
    ):
        return manifest if type(manifest) is dict else dict(manifest), []
    functions: list[HostFunction] = []
    taken: set[str] = set()
    plain = []
    for index, node in enumerate(nodes):
        if isinstance(node, Mapping) and callable(node.get("node_type")):
            function: Any = node["node_type"]
            if inspect.isclass(function) and hasattr(function, "node_type"):
                raise refusal([_class_of_nodes(function, f"nodes[{index}].node_type")])
            name = _name_of(function)
            unique, count = name, 1
            while unique in taken:
                count += 1
                unique = f"{name}#{count}"
            taken.add(unique)
            params = node.get("params") or {}
            spec = spec_of(function)
            kind: type[HostFunction] = HostFunction
            if isinstance(function, NodeSpec):
                # It makes nodes when it is called; the function itself, or a class, is inside.
                function = function.fn
                kind = HostClass if inspect.isclass(function) else HostFunction
            functions.append(kind(function, unique, dict(params) if isinstance(params, Mapping) else {}, spec))
            node = {**node, "node_type": unique}
        plain.append(node)
    return {**manifest, "nodes": plain}, functions


def with_functions(manifest: Mapping[str, Any], python: Sequence[str]) -> Mapping[str, Any]:
    """The manifest with functions in place of their names. Raises `ManifestError` for all names that name none."""
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
                cause = cause if error.__cause__ is None else error.__cause__
        found.append(node)
    if problems:
        raise refusal(problems) from cause
    return {**manifest, "nodes": found}


def check_params(manifest: Mapping[str, Any], compiled: Callable[[], object]) -> None:
    """Checks the params of decorated functions. Raises `ManifestError` with these problems and those of `compiled`."""
    problems: list[Problem] = []
    for index, node in enumerate(manifest["nodes"]):
        if len(problems) >= ENOUGH:
            break
        if isinstance(node, Mapping) and isinstance(node.get("node_type"), NodeSpec):
            params = node.get("params") or {}
            if isinstance(params, Mapping):
                problems += node["node_type"].problems(params, f"nodes[{index}]")
    if not problems:
        return
    try:
        compiled()
    except ManifestError as error:
        problems = [*error.problems, *problems]
    except (TypeError, ValueError, OverflowError):
        # A param that can't cross: that is told once these are right.
        pass
    raise refusal(problems)


def _class_of_nodes(kind: type, path: str) -> Problem:
    got = f"the class {kind.__name__}"
    message = f"expected the name of a node type or a function, got {got}"
    return Problem(path, message, got=got, suggestion=f"write {json.dumps(kind.__name__)}")


def _name_of(function: Callable[..., Any]) -> str:
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"python:{getattr(inner, '__module__', None) or '?'}:{name.rpartition('<locals>.')[2]}"
