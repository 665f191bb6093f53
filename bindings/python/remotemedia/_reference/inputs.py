"""The inputs of a run by those of its graph: what fits, and what is wrong with what does not."""

from __future__ import annotations

from typing import Any

from .._results.inputs import Inputs, listed, lists_of
from ..errors import InvalidArgumentError
from .graph import Graph


def columns_of(graph: Graph, inputs: Inputs | None) -> list[list[Any]] | None:
    """The values of each input of a graph, in its order; None if there are none at all.

    Raises `MarshalError` for what is neither a list nor a map of lists, `InvalidArgumentError` for what does not fit.
    """
    names = graph.inputs
    is_named = names != [""]
    if inputs is None:
        if is_named:
            raise InvalidArgumentError(f"inputs are missing: {_wanted(graph)}")
        return None
    given = lists_of(inputs)
    if isinstance(given, list):
        if len(names) > 1:
            raise InvalidArgumentError(f"a list says nothing of where its values go: {_wanted(graph)}")
        return [given]
    if not is_named:
        raise InvalidArgumentError(f"the inputs are a map, but pipeline {graph.name!r} names no inputs; give a list")
    for name in given:
        if name not in names:
            what = "input is" if len(names) == 1 else "inputs are"
            raise InvalidArgumentError(f"pipeline {graph.name!r} has no input {name!r}; its {what} {listed(names)}")
    for name in names:
        if name not in given:
            raise InvalidArgumentError(f"the input {name!r} is missing: {_wanted(graph)}")
    columns = [given[name] for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise InvalidArgumentError(
                f"the input {names[0]!r} has {_counted(columns[0])}, but {name!r} has {_counted(column)}; "
                "item i is the i-th value of each, so give lists of one length"
            )
    return columns


def _wanted(graph: Graph) -> str:
    lists = [f'"{name}": [...]' for name in graph.inputs[:3]] + ["..."] * (len(graph.inputs) > 3)
    what = "the input" if len(graph.inputs) == 1 else "the inputs"
    given = ", ".join(lists)
    return f"pipeline {graph.name!r} has {what} {listed(graph.inputs)}; give a list for each: {{{given}}}"


def _counted(values: list[Any]) -> str:
    return "1 value" if len(values) == 1 else f"{len(values)} values"
