"""Pipelines as they are written in Python, on a command line: `AudioDecode >> AudioLevel(window_ms=50)`.

The text is parsed as an expression of Python and never run: node types with params that are literals, `>>`, lists of
branches, and ports in brackets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from ..._graph.node import Node, locate
from ..._graph.pipeline import Pipeline
from ..._manifest.catalog import node_types, type_name
from ..._manifest.python_types import PREFIX
from ..._media.file import from_native
from ..._problem.outside_text import shown
from ...errors import InvalidArgumentError, ManifestError, Problem
from .parser import meant

BEGIN = re.compile(
    r"[\s(\[]*(?:\w+\.)*(?P<type>[A-Za-z_]\w*)(?:\s*(?P<rest>\(|>>|\[|\]|,|\))|\s*\Z|\s+(?:\||-?>))|[\s(\[]*['\"]python:"
)
"""Behind a name with no `rest` only a node type makes it a chain: `|`, `>` and `->` are mistakes in one, and files have
such names too."""
JSON_NAMES = {"true": True, "false": False, "null": None}
LONGEST = 20_000
"""No chain of this many characters was typed, and Python's parser takes deep nesting badly."""


def is_chain(text: str) -> bool:
    """Whether a text is a chain of nodes, and not a manifest or its path."""
    found = BEGIN.match(text)
    if found is None:
        return False
    return bool(found["rest"]) or found["type"] is None or type_name(found["type"]) in node_types()


def pipeline_of(text: str, python: Sequence[str]) -> Pipeline:
    """The pipeline of a chain. Raises `ManifestError` with what is wrong and where."""
    if len(text) > LONGEST:
        raise _refused(f"a chain has at most {LONGEST} characters, this one has {len(text)}; write a manifest")
    try:
        tree = ast.parse(f"({text})", mode="eval").body
        graph = Pipeline() >> _built(tree)
    except SyntaxError as error:
        # One column is the bracket's.
        place = f"column {max(1, (error.offset or 2) - 1)}" if (error.lineno or 1) == 1 else f"line {error.lineno}"
        raise _refused(
            f"{place} of the chain: {error.msg}; write it as AudioDecode >> AudioLevel(window_ms=50)"
        ) from None
    except RecursionError:
        raise _refused("the chain is nested too deeply; write a manifest") from None
    except InvalidArgumentError as error:
        raise _refused(str(error)) from None
    return Pipeline.load(graph.manifest(), python=python)


def _built(tree: ast.expr) -> Any:
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.RShift):
        left, right = _built(tree.left), _built(tree.right)
        return Pipeline() >> left >> right
    if isinstance(tree, (ast.BinOp, ast.Compare)):
        raise _refused(f"{_place(tree)}: nodes are joined by >>, got {shown(ast.unparse(tree))}")
    if isinstance(tree, (ast.List, ast.Tuple)):
        return [_built(each) for each in tree.elts]
    if isinstance(tree, ast.Subscript):
        node, port = _built(tree.value), _literal(tree.slice)
        names = port if isinstance(port, tuple) else (port,)
        if not isinstance(node, Node) or not names or not all(isinstance(name, str) for name in names):
            raise _refused(f"{_place(tree)}: write the port of a node as SpeechSegments['events']")
        return node[port]
    if isinstance(tree, ast.Call):
        return _node(tree.func, tree.args, tree.keywords)
    return _node(tree, [], [])


def _node(kind: ast.expr, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> Node:
    if isinstance(kind, ast.Constant) and isinstance(kind.value, str) and kind.value.startswith(PREFIX):
        name = kind.value
        required: list[str] = []
    elif isinstance(kind, (ast.Name, ast.Attribute)):
        name = kind.id if isinstance(kind, ast.Name) else kind.attr
        described = node_types().get(type_name(name))
        if described is None:
            near = meant(name, node_types())
            hint = "see: remotemedia nodes" if near is None else f"did you mean {near!r}?"
            raise _refused(f"{_place(kind)}: there is no node type {name!r}; {hint}")
        required = described["params"].get("required", [])
    else:
        raise _refused(
            f"{_place(kind)}: expected a node, got {shown(ast.unparse(kind))}; functions are 'python:module:name'"
        )
    params: dict[str, Any] = {}
    if arguments:
        if len(arguments) > 1 or len(required) != 1:
            raise _refused(f"{_place(arguments[0])}: write the params of {name} with their names, as in window_ms=50")
        params[required[0]] = _literal(arguments[0])
    for keyword in keywords:
        if keyword.arg is None:
            raise _refused(f"{_place(keyword.value)}: write the params of {name} out")
        if keyword.arg in params:
            raise _refused(
                f"{_place(keyword.value)}: {name} has the param {keyword.arg!r} twice; remove one of the two"
            )
        params[keyword.arg] = _literal(keyword.value)
    locate(params, from_native)
    return Node(name, params, name=params.pop("name", None), on_error=params.pop("on_error", None))


def _literal(tree: ast.expr) -> Any:
    try:
        if isinstance(tree, ast.Name) and tree.id in JSON_NAMES:
            return JSON_NAMES[tree.id]
        return ast.literal_eval(tree)
    except (ValueError, TypeError):
        text = shown(ast.unparse(tree))
        raise _refused(f"{_place(tree)}: expected a number, a text in quotes, a list or a map, got {text}") from None


def _place(tree: ast.expr) -> str:
    return f"column {tree.col_offset}" if tree.lineno == 1 else f"line {tree.lineno}"


def _refused(message: str) -> ManifestError:
    return ManifestError(message, [Problem("", message)])
