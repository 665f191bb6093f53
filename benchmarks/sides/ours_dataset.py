"""A data set by this package: in one process, and in two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioMix, AudioResample, MelSpectrogram, SpeechSegments

from benchmarks.sides.dataset_rows import Row, collected, paths_of

SPEECH = AudioDecode(chunk_ms=1000) >> AudioMix(channels=1) >> AudioResample(rate=16_000) >> SpeechSegments()
SPECTRA = rm.Pipeline() >> MelSpectrogram(preset="whisper", n_mels=80)
PROCESSES = 2
AT_A_TIME = PROCESSES + 1
"""Clips under way in one process with two threads: one more than threads, as the adapters of the package have it."""
CHUNK = 8
"""Clips that travel together."""


class Found(TypedDict):
    """A segment, without its sound."""

    start_s: float
    end_s: float
    frames: int


@rm.node(batch=CHUNK)
def spectra(segments: list[dict[str, Any]]) -> list[Found]:
    """The frames of spectra of each segment, all of which are computed."""
    made = SPECTRA.run_sync([segment["audio"] for segment in segments]).by_item
    return [
        {"start_s": segment["start_s"], "end_s": segment["end_s"], "frames": sum(each.shape[1] for each in parts)}
        for segment, parts in zip(segments, made, strict=True)
    ]


PREPARED = SPEECH >> spectra(name="found")


def one_process(folder: Path) -> Callable[[], dict[str, object]]:
    """By `map_sync`: native threads do the work."""
    paths = paths_of(folder)
    return lambda: collected(rows_of(paths, AT_A_TIME), AT_A_TIME)


def processes(folder: Path) -> Callable[[], dict[str, object]]:
    """By a pool of two processes with one thread each."""
    paths = paths_of(folder)
    parts = [paths[begin : begin + CHUNK] for begin in range(0, len(paths), CHUNK)]

    # The side of one process has no use for it.
    import multiprocessing

    def work() -> dict[str, object]:
        context = multiprocessing.get_context("spawn")
        with context.Pool(PROCESSES, initializer=_one_thread) as pool:
            rows = (row for rows in pool.imap_unordered(part_of, parts) for row in rows)
            return collected(rows, PROCESSES * CHUNK)

    return work


def rows_of(paths: list[str], concurrency: int) -> Iterator[Row]:
    """The row of each path."""
    for result in PREPARED.map_sync([rm.File(path) for path in paths], concurrency=concurrency):
        if result.error is not None:
            raise result.error
        yield (result.source.path, *sums_of(list(result.outputs or ())))


def part_of(paths: list[str]) -> list[Row]:
    """The rows of some paths, in a process of the pool."""
    return list(rows_of(paths, 2))


def sums_of(found: Any) -> tuple[list[tuple[float, float]], int]:
    """The places of segments, and how many frames all have."""
    return [(each["start_s"], each["end_s"]) for each in found], sum(each["frames"] for each in found)


def _one_thread() -> None:
    rm.configure(workers=1)
