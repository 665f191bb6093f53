"""What became of all inputs of a run, in numbers: counts, hours, causes of failures, how measures are distributed."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..results.rows import title_of

EXAMPLES = 3
"""So many inputs are named for each cause of failures."""
DURATION_EDGES = (0.0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, math.inf)
MOST_BINS = 20
QUOTED = re.compile(r"""'.*?'(?=[,;:.)]*(?:\s|$))|"(?:[^"\\]|\\.)*["]""", re.DOTALL)
"""A quotation ends where a word does, since names hold quotes too."""


class Cause(NamedTuple):
    """A cause of failures: what is the same in their messages, the node, how many there were, and some of them."""

    text: str
    node: str | None
    total: int
    examples: list[tuple[str, str]]
    """Inputs, each with its whole message."""


class Bin(NamedTuple):
    """The values from `low` to below `high`, and how many they are."""

    low: float
    high: float
    total: int


class Summary:
    """The rows of a run, added up as they come. `columns` are those of its measures."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.done = self.failed = 0
        self.values: dict[str, list[float]] = {"duration": [], **{name: [] for name in columns}}
        self._causes: dict[tuple[str | None, str], Cause] = {}

    @property
    def seconds(self) -> float:
        """The length of all audio."""
        return math.fsum(self.values["duration"])

    @property
    def causes(self) -> list[Cause]:
        """The causes of failures, the most frequent first."""
        return sorted(self._causes.values(), key=lambda cause: -cause.total)

    def add(self, row: Mapping[str, Any]) -> None:
        """Takes a row of the index."""
        if row["error"] is not None:
            self.failed += 1
            self._fail(row)
            return
        self.done += 1
        for name, values in self.values.items():
            value = row.get(name)
            if value is not None:
                values.append(value)

    def _fail(self, row: Mapping[str, Any]) -> None:
        text, node = cause_of(row["error"]), row.get("node")
        known = self._causes.get((node, text), Cause(text, node, 0, []))
        if len(known.examples) < EXAMPLES:
            known.examples.append((title_of(row), row["error"]))
        self._causes[node, text] = known._replace(total=known.total + 1)


def cause_of(message: str) -> str:
    """What is the same in the messages of one cause: without the place, and with a mark for names and numbers."""
    # The name of a file may hold quotes, so that it ends where a place does: before `: ` or ` at `.
    text = re.sub(r"^node '.*?' \(\w+\)(, input \d+)?( '.*?')?( at [\d:.]+)?: ", "", message, flags=re.DOTALL)
    text = QUOTED.sub("…", text)
    # Not those of names such as MP3.
    return re.sub(r"(?<![A-Za-z\d])\d+(?:[.:]\d+)*", "#", text)


def duration_bins(values: Sequence[float]) -> list[Bin]:
    """Durations in seconds, in bins that grow: up to a second, two, five, ten, and so on."""
    return _counted(values, DURATION_EDGES)


def even_bins(values: Sequence[float]) -> list[Bin]:
    """Values in at most 20 bins of the same width, which is 1, 2 or 5 times a power of ten."""
    if not values:
        return []
    low, high = min(values), max(values)
    spread = high - low or abs(high) / 10 or 1.0
    width = 10.0 ** math.floor(math.log10(spread / MOST_BINS))
    step = next(width * factor for factor in (1, 2, 5, 10, 20) if spread / (width * factor) <= MOST_BINS - 2)
    first = math.floor(low / step)
    # Products and not sums: edges are as exact as they are written.
    count = math.floor(high / step) - first + 1
    return _counted(values, [(first + number) * step for number in range(count + 1)])


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which this part of sorted values is, by linear interpolation."""
    place = part * (len(values) - 1)
    low, rest = int(place), place % 1
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * rest


def _counted(values: Sequence[float], edges: Sequence[float]) -> list[Bin]:
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect.bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    bins = [Bin(low, high, count) for low, high, count in zip(edges, edges[1:], counts, strict=False)]
    while bins and not bins[-1].total:
        bins.pop()
    while bins and not bins[0].total:
        bins.pop(0)
    return bins
