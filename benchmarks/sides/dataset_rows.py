"""What a side of the data set returns: the rows by the names of the clips, and when the first rows were there.

All up to the first rows is start: of processes, of actors, of imports and models. The rest is work.
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


def collected(rows: Iterable[Row]) -> dict[str, object]:
    """`rows`, `[segments, frames]` by the name of the clip, and `first`: when the first was there, `time.monotonic`."""
    first: float | None = None
    table: dict[str, object] = {}
    for path, segments, frames in rows:
        first = time.monotonic() if first is None else first
        table[Path(path).name] = [segments, frames]
    return {"rows": table, "first": first}
