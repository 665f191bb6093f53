"""What goes on in a session, as values and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

COLUMNS = ("node", "packets", "errors", "p50", "p99", "max", "waiting", "dropped", "waits for")


class NodeMetrics(NamedTuple):
    """One node: how many `packets` it took, how often it failed, and how long its steps took, in seconds.

    `p50` and `p99` are within 12 %; small steps are timed by samples, and None is there before the first. `waiting` is
    the number of packets before it, `waits_for` what keeps it from going on. `dropped` counts what never reached it,
    because a connection to it was full; see `Buffer`.
    """

    node: str
    packets: int
    errors: int
    p50: float | None
    p99: float | None
    max: float | None
    waiting: int
    waits_for: str
    dropped: int = 0


class EdgeMetrics(NamedTuple):
    """One connection that has a queue, from an output to an input: how many packets wait on it and were dropped."""

    source: str
    target: str
    waiting: int
    dropped: int


class Metrics(NamedTuple):
    """A session: how many packets were `sent`, its `nodes`, and how many outputs of each sink are `unread`.

    `edges` are the connections that have a queue.

    Printed it is a table.
    """

    sent: int
    nodes: list[NodeMetrics]
    unread: dict[str, int]
    edges: list[EdgeMetrics]

    def __str__(self) -> str:
        rows = [COLUMNS, *(_row(node) for node in self.nodes)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        # Names and reasons begin at the left, numbers end at the right.
        lines = [
            "  ".join(
                text.ljust(width) if column in (0, len(COLUMNS) - 1) else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        unread = ", ".join(f"{count} of '{sink}'" for sink, count in self.unread.items())
        return "\n".join([*lines, f"sent: {self.sent}; unread: {unread}"])


def metrics_of(document: Mapping[str, Any], unread: Mapping[str, int]) -> Metrics:
    """The metrics of a document, with outputs that are `unread` in Python."""

    def seconds(node: Mapping[str, Any], key: str) -> float | None:
        return None if key not in node else node[key] / 1e9

    edges = [EdgeMetrics(edge["from"], edge["to"], edge["waiting"], edge["dropped"]) for edge in document["edges"]]
    dropped: dict[str, int] = {}
    for edge in edges:
        # An id may hold dots, where the planner gave it; a port never does.
        target = edge.target.rpartition(".")[0]
        dropped[target] = dropped.get(target, 0) + edge.dropped
    nodes = [
        NodeMetrics(
            node["id"],
            node["packets"],
            node["errors"],
            seconds(node, "p50_ns"),
            seconds(node, "p99_ns"),
            seconds(node, "max_ns"),
            node["waiting"],
            node["waits_for"],
            dropped.get(node["id"], 0),
        )
        for node in document["nodes"]
    ]
    left = {sink: count + unread.get(sink, 0) for sink, count in document["unread"].items()}
    return Metrics(document["sent"], nodes, left, edges)


def _row(node: NodeMetrics) -> tuple[str, ...]:
    times = [_time(node.p50), _time(node.p99), _time(node.max)]
    counts = (str(node.waiting), str(node.dropped))
    return (node.node, str(node.packets), str(node.errors), *times, *counts, node.waits_for)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"
