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
    queue. `connections` have `from`, `to`, `kind` ("direct" or "queue") and perhaps `buffer`, as the manifest has it;
    `sinks` are the ids that results come from.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.name: str = document["name"]
        self.nodes: list[dict[str, Any]] = document["nodes"]
        self.connections: list[dict[str, Any]] = document["connections"]
        self.sinks: list[str] = document["sinks"]

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
            note = f"inserted: {node['inserted']}" if "inserted" in node else ""
            rows.append(
                (
                    str(node["stage"]),
                    node["id"],
                    one_line(node["node_type"]),
                    ", ".join(f"{one_line(key)}={value!r}" for key, value in node["params"].items()) or "-",
                    self._sources(node["id"]),
                    "; ".join(filter(None, [note, "sink" if node["id"] in self.sinks else ""])),
                )
            )
        return rows

    def _sources(self, name: str) -> str:
        found = [link["from"] for link in self.connections if link["to"].rpartition(".")[0] == name]
        # "out" as the only output needs no name.
        return ", ".join(source.removesuffix(".out") for source in found) or "-"
