"""Metrics of a session, as values and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._process import FIRST_USE
from .time_breaks import breaks_of

COLUMNS = (
    "node",
    "packets",
    "errors",
    "skipped",
    "retried",
    "p50",
    "p99",
    "max",
    "waiting",
    "fill",
    "oldest",
    "dropped",
    "late",
    "waits for",
)


class NodeMetrics(NamedTuple):
    """One node: how many `packets` it took, how often it failed, and how long its steps took, in seconds.

    Of its `errors`, `skipped` are those after which it dropped something, `retried` those after which it tried again.

    `p50` and `p99` are within 12 %; small steps are timed by samples, and None is there before the first. Of a Python
    function they are the times of its calls, each with up to 32 packets and with the functions that are called with it,
    and with the time that it waits for room between them.

    `waiting` is the number of packets before it, `fill` how full its queue is, from 0 to 1, by packets, bytes or media
    time, whichever is most. `oldest` is how long the oldest packet has been there that is not worked off, in seconds;
    of up to 32 packets that are taken together it counts until all are done. Of nodes that run as one stage, the first
    tells of what waits. `waits_for` is what keeps it from going on. `item` and `pts` name the packet that it took last,
    of several at once the first: the number of the packet sent that it comes from, and its time in seconds. `dropped`
    counts what never reached it, because a connection to it was full; see `Buffer`. `late` counts what came to it, or
    from it to an output, after the `packet_deadline` of the session.

    `gaps` is how often the times of its input jumped forward, or back to begin anew, and `missing` the seconds that
    were not there; `overlaps` is how many packets began before the end of the one before, or came too late for
    `AudioSum`, and `trimmed` the seconds that were left out of these. Nodes that keep time count them; their param
    `gaps` says what they do then.
    """

    node: str
    packets: int
    errors: int
    skipped: int
    retried: int
    p50: float | None
    p99: float | None
    max: float | None
    waiting: int
    fill: float
    oldest: float | None
    waits_for: str
    item: int | None = None
    pts: float | None = None
    dropped: int = 0
    late: int = 0
    gaps: int = 0
    missing: float = 0.0
    overlaps: int = 0
    trimmed: float = 0.0


class EdgeMetrics(NamedTuple):
    """One connection that has a queue, from an output to an input: how many packets wait on it and were dropped."""

    source: str
    target: str
    waiting: int
    dropped: int


class InputMetrics(NamedTuple):
    """One input of a manifest that names its inputs: how many packets were `sent` to it, and how many of them wait."""

    name: str
    sent: int
    waiting: int


class Lag(NamedTuple):
    """The lag of the event loop since the session began: how long events waited until it took them, in seconds.

    Measured wherever the runtime has something to tell the loop, so None before that; within 12 %.
    """

    p50: float | None
    p99: float | None
    max: float | None


class Metrics(NamedTuple):
    """A session: how many packets were `sent`, its `nodes`, how many packets of each output are `unread`, and the
    `lag`.

    `edges` are the connections that have a queue. `inputs` are those that the manifest names.

    Printed it is a table.
    """

    sent: int
    nodes: list[NodeMetrics]
    unread: dict[str, int]
    edges: list[EdgeMetrics]
    lag: Lag
    inputs: Sequence[InputMetrics] = ()

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from .._pictures.tables import html_table

        return html_table(COLUMNS, map(_row, self.nodes), len(self.nodes), "nodes")

    def __str__(self) -> str:
        rows = [COLUMNS, *(_row(node) for node in self.nodes)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        # Text is aligned to the left, numbers to the right.
        lines = [
            "  ".join(
                text.ljust(width) if column in (0, len(COLUMNS) - 1) else text.rjust(width)
                for column, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        unread = ", ".join(f"{count} of '{sink}'" for sink, count in self.unread.items())
        lag = ", ".join(f"{name} {_time(value)}" for name, value in zip(Lag._fields, self.lag, strict=True))
        lines += [f"input '{each.name}': {each.sent} sent, {each.waiting} waiting" for each in self.inputs]
        lines += [
            f"times of '{node.node}' jump: {breaks_of(node)}" for node in self.nodes if node.gaps or node.overlaps
        ]
        return "\n".join([*lines, f"sent: {self.sent}; unread: {unread}", f"event loop behind: {lag}"])


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
            node["skipped"],
            node["retried"],
            seconds(node, "p50_ns"),
            seconds(node, "p99_ns"),
            seconds(node, "max_ns"),
            node["waiting"],
            node["fill"],
            seconds(node, "oldest_ns"),
            "Python" if node["waits_for"] == "the host" else node["waits_for"],
            node.get("item"),
            seconds(node, "pts"),
            dropped.get(node["id"], 0),
            node["late"],
            # A library that was built before these were counted has none of them.
            node.get("gaps", 0),
            node.get("missing_ns", 0) / 1e9,
            node.get("overlaps", 0),
            node.get("trimmed_ns", 0) / 1e9,
        )
        for node in document["nodes"]
    ]
    left = {sink: count + unread.get(sink, 0) for sink, count in document["unread"].items()}
    lag = document["lag"]
    spread = Lag(seconds(lag, "p50_ns"), seconds(lag, "p99_ns"), seconds(lag, "max_ns"))
    inputs = [InputMetrics(each["name"], each["sent"], each["waiting"]) for each in document["inputs"] if each["name"]]
    return Metrics(document["sent"], nodes, left, edges, spread, inputs)


def _row(node: NodeMetrics) -> tuple[str, ...]:
    times = [_time(node.p50), _time(node.p99), _time(node.max)]
    counts = map(str, (node.packets, node.errors, node.skipped, node.retried))
    queue = [str(node.waiting), f"{node.fill:.0%}", _time(node.oldest), str(node.dropped), str(node.late)]
    return (node.node, *counts, *times, *queue, node.waits_for)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} us"
