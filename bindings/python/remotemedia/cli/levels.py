"""`remotemedia levels`: how loud files are, as a whole or window by window."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from .._graph.node import Node
from .._graph.pipeline import Pipeline
from .._results.outputs import Packet
from .batch import Batch
from .destination import Options
from .inputs import find_inputs
from .manifest import planned
from .records import Record
from .results import Destinations
from .tables import Column, TablePrinter

WHOLE = (
    Column("duration_s", "seconds", 9, 3),
    Column("integrated_lufs", "LUFS", 6, 1),
    Column("loudness_range_lu", "LRA", 5, 1),
    Column("true_peak_dbtp", "dBTP", 6, 1),
    Column("sample_peak_dbfs", "peak", 6, 1),
)
WINDOWS = (
    Column("start_s", "start", 9, 3),
    Column("end_s", "end", 9, 3),
    Column("rms_db", "RMS", 6, 1),
    Column("peak_db", "peak", 6, 1),
    Column("health", "health", 10, 0),
)


def command(chosen: argparse.Namespace) -> int:
    """Measures all files; one that fails does not end the others."""
    decode = Node("AudioDecode", {"chunk_ms": 1000})
    if chosen.window_ms is None:
        pipeline, columns, records = Pipeline("levels") >> decode >> Node("Loudness"), WHOLE, _whole
    else:
        measure = Node("AudioLevel", {"window_ms": chosen.window_ms})
        pipeline, columns, records = Pipeline("levels") >> decode >> measure, WINDOWS, _windows
    plan = planned(pipeline, {"nodes[1].params.window_ms": f"--window-ms {chosen.window_ms}"})
    inputs = find_inputs(chosen.files)
    destinations = Destinations(chosen.output, plan, inputs, None, Options(None, {}, records))
    keys = ["input", *(column.key for column in columns)]
    printer = TablePrinter(columns, keys, records, ".jsonl" if chosen.json else ".csv" if chosen.csv else None)
    return Batch(chosen, pipeline, plan, inputs, destinations, printer).run()


def _whole(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    """One record for a file: what the meter knows at its end. A file without audio has none of it."""
    known: dict[str, Any] = packets[-1].value if packets else {}
    end = (packets[-1].pts or 0.0) + (packets[-1].duration or 0.0) if packets else 0.0
    yield Record({"input": name, "duration_s": end} | {column.key: known.get(column.key) for column in WHOLE[1:]})


def _windows(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    for packet in packets:
        start = packet.pts or 0.0
        facts = {"input": name, "start_s": start, "end_s": start + (packet.duration or 0.0)}
        yield Record(facts | {column.key: packet.value[column.key] for column in WINDOWS[2:]})
