"""What a proof gives: one row for each area, and the table of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tools.machine import Problem, say


@dataclass(frozen=True)
class Case:
    """One thing that has to hold: what it is called, and what fails if it does not."""

    name: str
    action: Callable[[], None]


@dataclass(frozen=True)
class Area:
    """Cases that one tool decides."""

    name: str
    tool: str
    cases: Callable[[], Iterator[Case]]


@dataclass(frozen=True)
class Row:
    """What came of an area."""

    area: Area
    count: int
    failures: list[str]
    seconds: float


def row(area: Area) -> Row:
    """Run every case of an area; a failure does not keep the others from running."""
    say(f"prove: {area.name} ({area.tool})")
    begun = time.monotonic()
    count, failures = 0, []
    try:
        for case in area.cases():
            count += 1
            try:
                case.action()
            except Problem as problem:
                failures.append(f"{case.name}: {problem}")
                print(f"FAILED {area.name}: {failures[-1]}", file=sys.stderr, flush=True)
    except Problem as problem:
        failures.append(str(problem))
        print(f"FAILED {area.name}: {problem}", file=sys.stderr, flush=True)
    return Row(area, count, failures, time.monotonic() - begun)


def written(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = ["| area | cases | failures | tool | s |", "|---|--:|--:|---|--:|"]
    for each in rows:
        cells = (each.area.name, each.count, len(each.failures), each.area.tool, f"{each.seconds:.0f}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    total = (sum(each.count for each in rows), sum(len(each.failures) for each in rows))
    lines.append(f"| **all** | {total[0]} | {total[1]} | | {sum(each.seconds for each in rows):.0f} |")
    return "\n".join(lines)
