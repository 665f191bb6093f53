"""A data set by this package through torch's DataLoader, in the process of the loader: native threads do the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from remotemedia.integrations.torch import Dataset
from torch.utils.data import DataLoader

from benchmarks.sides.dataset_rows import collected, paths_of
from benchmarks.sides.ours_dataset import PREPARED, sums_of

BATCH = 32


def prepare(folder: Path) -> Callable[[], dict[str, object]]:
    """All files of the folder. Its samples are lists of segments, which stay as they are."""
    paths = paths_of(folder)

    def work() -> dict[str, object]:
        loader = DataLoader(Dataset(paths, PREPARED, join=False, strict=True), batch_size=BATCH, num_workers=0)
        rows = (
            (path, *sums_of(found)) for batch in loader for path, found in zip(batch.sources, batch.values, strict=True)
        )
        return collected(rows, BATCH)

    return work
