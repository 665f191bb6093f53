"""Measures every recording of a folder, several at a time, and writes a line of CSV for each.

python examples/folder.py FOLDER [RESULT.csv]
"""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from pathlib import Path

import remotemedia as rm

ENDINGS = {".aac", ".flac", ".m4a", ".mp3", ".mp4", ".ogg", ".wav"}
LEVELS = Path(__file__).with_name("speech.yaml")


async def measured(pipeline: rm.Pipeline, path: Path, gate: asyncio.Semaphore) -> list[str]:
    """The row of one file: a file that can't be read has its error in place of figures."""
    async with gate:
        try:
            levels = await pipeline.run([rm.File(path)], timeout=600)
        except (rm.NodeError, TimeoutError) as error:
            return [path.name, "", "", str(error)]
    if not levels:
        return [path.name, "0.00", "", ""]
    last = levels.packets[-1]
    end = (last.pts or 0.0) + (last.duration or 0.0)
    return [path.name, f"{end:.2f}", f"{max(level['rms_db'] for level in levels):.1f}", ""]


async def measure(paths: list[Path]) -> list[list[str]]:
    """The rows of all files, in their order."""
    pipeline = rm.Pipeline.load(LEVELS)
    # As many as there are cores: each run works on its own, and memory stays bounded.
    gate = asyncio.Semaphore(os.cpu_count() or 1)
    return await asyncio.gather(*(measured(pipeline, path, gate) for path in paths))


def main(folder: Path, result: Path | None) -> int:
    """Write the table; returns the exit code: 1 if a file failed."""
    rows = asyncio.run(measure(sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)))
    with result.open("w", newline="", encoding="utf-8") if result else sys.stdout as file:
        csv.writer(file, lineterminator="\n").writerows([["file", "duration_s", "loudest_db", "error"], *rows])
    return int(any(row[3] for row in rows))


if __name__ == "__main__":
    chosen = [Path(word) for word in sys.argv[1:]] or [Path(__file__).parent]
    raise SystemExit(main(chosen[0], chosen[1] if len(chosen) > 1 else None))
