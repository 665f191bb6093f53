"""A data set by this package in two actors of Ray Data, which get paths."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# Before Ray is imported: it reports nothing of this program.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from remotemedia.integrations.ray import Pipeline

from benchmarks.sides.dataset_rows import collected, paths_of
from benchmarks.sides.ours_dataset import PREPARED, PROCESSES, sums_of

BATCH = 32
"""Clips of a task. With each task Ray takes some milliseconds of its own on the cores that do the work."""


def prepare(folder: Path) -> Callable[[], dict[str, object]]:
    """All files of the folder, by a Ray that runs already."""
    # A third place, for what hands out the paths.
    ray.init(num_cpus=PROCESSES + 1, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    rows = [{"path": path} for path in paths_of(folder)]
    paths = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // BATCH))

    def work() -> dict[str, object]:
        strategy = ray.data.ActorPoolStrategy(size=PROCESSES)
        made = paths.map_batches(Pipeline, fn_constructor_args=[PREPARED], batch_size=BATCH, compute=strategy)
        return collected(((row["path"], *sums_of(row["found"])) for row in made.iter_rows()), PROCESSES * BATCH)

    return work
