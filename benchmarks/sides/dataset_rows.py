"""What a side of the data set returns: the rows by the names of the clips, and when its work was under way.

Start is what comes before: processes, actors, imports and models, and the clips that all workers take at first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

Row = tuple[str, list[tuple[float, float]], int]
"""The path of a clip, its segments of speech in seconds, and how many frames of spectra they have."""


def paths_of(folder: Path) -> list[str]:
    """The clips."""
    return sorted(map(str, folder.glob("clip-*")))


def collected(rows: Iterable[Row], at_first: int) -> dict[str, object]:
    """`rows`, `[segments, frames]` by the name of the clip, and when `at_first` of them were there, `time.monotonic`.

    `at_first` are those that all workers of the side take at first: when so many have come each of them has begun.
    """
    started: float | None = None
    table: dict[str, object] = {}
    for path, segments, frames in rows:
        table[Path(path).name] = [segments, frames]
        if len(table) == at_first:
            started = time.monotonic()
    return {"rows": table, "started": started or time.monotonic(), "at_first": min(at_first, len(table))}
