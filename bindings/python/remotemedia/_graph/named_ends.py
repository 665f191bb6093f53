"""The inputs and outputs of a pipeline that have names: the ports where they come in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ..errors import InvalidArgumentError
from .ends import End
from .node import Node, Port

Ends = TypeVar("Ends", End, list[End])


class NamedEnds(NamedTuple):
    """The named inputs and outputs of a pipeline; None where it names none."""

    inputs: dict[str, list[End]] | None = None
    outputs: dict[str, End] | None = None

    @staticmethod
    def of(inputs: Mapping[str, Any] | None, outputs: Mapping[str, Any] | None) -> NamedEnds:
        """The ends that nodes and ports stand for. Raises `InvalidArgumentError` for anything else."""
        for field, given in (("inputs", inputs), ("outputs", outputs)):
            if given is not None and not isinstance(given, Mapping):
                raise InvalidArgumentError(
                    f'{field} is a map from names to nodes or their ports, such as {{"a": node}}, got {given!r}'
                )
        return NamedEnds(
            None
            if inputs is None
            else {name: [_end("inputs", name, each) for each in as_list(given)] for name, given in inputs.items()},
            None if outputs is None else {name: _end("outputs", name, given) for name, given in outputs.items()},
        )

    def joined(self, other: NamedEnds) -> NamedEnds:
        """The ends of two pipelines that become one. Raises `InvalidArgumentError` if they share a name."""
        return NamedEnds(
            _both("input", self.inputs, other.inputs),
            _both("output", self.outputs, other.outputs),
        )

    def fields(self, ids: Mapping[int, str]) -> dict[str, Any]:
        """The fields of the manifest. `ids` are those of the nodes, by their identity."""
        fields: dict[str, Any] = {}
        if self.inputs is not None:
            inputs = {name: [_text("input", name, end, ids) for end in ends] for name, ends in self.inputs.items()}
            fields["inputs"] = {name: ends[0] if len(ends) == 1 else ends for name, ends in inputs.items()}
        if self.outputs is not None:
            fields["outputs"] = {name: _text("output", name, end, ids) for name, end in self.outputs.items()}
        return fields


def _both(what: str, ours: dict[str, Ends] | None, theirs: dict[str, Ends] | None) -> dict[str, Ends] | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise InvalidArgumentError(f"both pipelines have an {what} {name!r}; give one another name")
    return {**ours, **theirs}


def as_list(given: Any) -> Sequence[Any]:
    """The ends of an input, of which there may be one or a list."""
    return given if isinstance(given, (list, tuple)) else [given]


def _end(field: str, name: str, given: Any) -> End:
    if isinstance(given, Port):
        return End(given.node, given.name)
    if isinstance(given, Node):
        return End(given, None)
    raise InvalidArgumentError(
        f'{field}[{name!r}] is a node or a port of one, such as node or node["port"], not {type(given).__name__}'
    )


def _text(what: str, name: str, end: End, ids: Mapping[int, str]) -> str:
    node = ids.get(id(end.node))
    if node is None:
        raise InvalidArgumentError(f"the {what} {name!r} is at {end.node!r}, which is not in the pipeline; add it")
    return node if end.port is None else f"{node}.{end.port}"
