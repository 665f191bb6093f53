"""Parts of one long file, one after the other, as a loader takes random crops: what all take together."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy

Cut = Callable[[str, float, float], numpy.ndarray]
"""Loads a part of a file: its path, its start and its length in seconds; (channels, frames) of float32."""


def work_of(folder: Path, suffix: str, cut: Cut) -> Callable[..., object]:
    """The work of a side. Without a value it returns one part; with `{"starts", "seconds"}`, what all of them took."""
    path = str(folder / f"hour.{suffix}")

    def work(order: dict[str, object] | None = None) -> object:
        if order is None:
            return cut(path, 1234.5, 5.0)
        starts, seconds = order["starts"], order["seconds"]
        assert isinstance(starts, list)
        assert isinstance(seconds, float)
        begun = time.perf_counter()
        for start in starts:
            cut(path, start, seconds)
        return time.perf_counter() - begun

    return work
