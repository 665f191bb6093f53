"""`Plan`: the graph as it will run, as a table for people and as plain values for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._problem.outside_text import one_line
from .._process import FIRST_USE


class Plan:
    """What the planner made of a manifest. `print(plan)` is a table.

    `nodes` are maps with `id`, `node_type`, `params`, `runner` ("native", or "host" for Python functions), `stage`,
    and for converters that the planner put in, `inserted`: the reason. Nodes of a stage follow each other without a
    queue. `connections` have `from`, `to`, `kind` ("direct", "queue", or "feedback" with its `delay_ms`) and perhaps
    `buffer`, as the manifest has it;
    `inputs` have a `name`, empty where the manifest names none, and the ports `to` which they go; `outputs` have a
    `name`, else the id of their node, the port `from` which they come, and their `form` where it is known: the `kind`,
    of "audio" with its `rate` and `channels`, of a "tensor" with its `dtype` and `shape`, None for time, of a "map"
    with its `fields`. What is up to the files is left out. `sinks` are the names of the outputs. A node
    whose ports nothing is connected to has their names in `unread`: what they emit is dropped.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.name: str = document["name"]
        self.nodes: list[dict[str, Any]] = document["nodes"]
        self.connections: list[dict[str, Any]] = document["connections"]
        self.inputs: list[dict[str, Any]] = document["inputs"]
        self.outputs: list[dict[str, Any]] = document["outputs"]
        self.sinks: list[str] = [output["name"] for output in self.outputs]

    @property
    def stages(self) -> int:
        """How many stages there are. Each may run at the same time as the others."""
        return len({node["stage"] for node in self.nodes})

    def __str__(self) -> str:
        rows = [("stage", "id", "type", "params", "from", ""), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        count, stages = len(self.nodes), self.stages
        head = f"{one_line(self.name)}: {count} node{'s' * (count != 1)} in {stages} stage{'s' * (stages != 1)}"
        return "\n".join([head, *(f"  {line}" for line in lines)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from .._pictures.tables import html_table

        return html_table(("stage", "id", "type", "params", "from", ""), self._rows(), len(self.nodes), "nodes")

    def _rows(self) -> list[tuple[str, str, str, str, str, str]]:
        rows = []
        for node in sorted(self.nodes, key=lambda node: int(node["stage"])):
            rows.append(
                (
                    str(node["stage"]),
                    node["id"],
                    one_line(node["node_type"]),
                    ", ".join(f"{one_line(key)}={value!r}" for key, value in node["params"].items()) or "-",
                    self._sources(node["id"]),
                    "; ".join(self._notes(node)),
                )
            )
        return rows

    def _notes(self, node: Mapping[str, Any]) -> list[str]:
        """What there is to know of a node beside its place."""
        notes = [f"inserted: {node['inserted']}"] if "inserted" in node else []
        is_sink = not self.names_outputs and node["id"] in self.sinks
        return [*notes, *self.ends_of(node), *(["sink"] if is_sink else [])]

    def ends_of(self, node: Mapping[str, Any]) -> list[str]:
        """What has a name and comes in or out at a node, and what of it is dropped, in words."""
        ends = [
            f"input {each['name']}{_port(end, 'in')}"
            for each in self.inputs
            for end in each["to"]
            if each["name"] and _node(end) == node["id"]
        ]
        if self.names_outputs:
            outputs = [each for each in self.outputs if _node(each["from"]) == node["id"]]
            ends += [f"output {each['name']}{_port(each['from'], 'out')}" for each in outputs]
            ends += [f"drops {', '.join(node['unread'])}"] if node.get("unread") else []
        return ends

    @property
    def names_outputs(self) -> bool:
        """Whether the manifest names its outputs."""
        return any(each["name"] != _node(each["from"]) for each in self.outputs)

    def _sources(self, name: str) -> str:
        found = [link for link in self.connections if link["to"].rpartition(".")[0] == name]
        return ", ".join(map(_source, found)) or "-"


def _source(link: Mapping[str, Any]) -> str:
    """Where a connection comes from; "out" as the only output needs no name."""
    source = str(link["from"]).removesuffix(".out")
    return source if "delay_ms" not in link else f"{source} (back, {link['delay_ms']} ms later)"


def _node(end: str) -> str:
    """The id of the node at an end: without ports of its own it is the whole end."""
    return end.rpartition(".")[0] or end


def _port(end: str, usual: str) -> str:
    """The name of the port at an end, if it says anything."""
    port = end.rpartition(".")[2]
    return "" if port in (usual, end) else f" ({port})"
