"""`remotemedia levels`: how loud files are, as a whole or window by window."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from .._graph.function_node import node
from .._graph.node import Node
from .._graph.pipeline import Pipeline
from .._results.outputs import Packet
from ..errors import InvalidArgumentError
from .arguments.decoding import PLACE, decoder, raw_option
from .arguments.inputs import find_inputs
from .arguments.manifest import planned
from .job.batch import Batch
from .job.batch_files import files_beside
from .results.destination import Options
from .results.destinations import Destinations
from .results.records import ROWS, MakeRecords, Record
from .results.tables import Column, TablePrinter, printed_form

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


@node(inputs=["levels", "audio"])
class Summary:
    """Keeps the last of the levels and counts the audio, so that a long file takes no more memory than a short one."""

    def initialize(self) -> None:
        """Begins with a file that has nothing."""
        self.levels: dict[str, Any] = {}
        self.seconds = 0.0

    def process(self, value: Any, port: str) -> None:
        """Takes the levels so far, or a piece of audio."""
        if port == "levels":
            self.levels = value
        else:
            self.seconds = (value.pts or 0.0) + value.duration

    def flush(self) -> dict[str, Any]:
        """Gives what is known of the whole file."""
        return {column.key: self.levels.get(column.key) for column in WHOLE} | {"duration_s": self.seconds}


def command(chosen: argparse.Namespace) -> int:
    """Measures all files; one that fails does not end the others."""
    form = printed_form(chosen, "levels.csv")
    pipeline, columns, records = _by_file(chosen) if chosen.window_ms is None else _by_window(chosen)
    places = {PLACE: raw_option(chosen), "nodes[1].params.window_ms": f"--window-ms {chosen.window_ms}"}
    plan = planned(pipeline, places)
    inputs = find_inputs(chosen.files)
    keys = ["input", *(column.key for column in columns)]
    options = Options(None, {}, records, keys)
    destinations = Destinations(chosen.output, plan, inputs, None, options, files_beside(chosen))
    for each in destinations.all:
        if each.ending not in ("", *ROWS):
            # The node that ends the graph may pass anything on.
            raise InvalidArgumentError(f"{each.option}: levels are no audio; end the name in .jsonl, .json or .csv")
    printer = TablePrinter(columns, keys, records, form)
    return Batch(chosen, pipeline, plan, inputs, destinations, printer).run()


def _by_file(chosen: argparse.Namespace) -> tuple[Pipeline, Sequence[Column], MakeRecords]:
    decode, summary = decoder(chosen), Node(Summary, name="summary")
    branches = [decode >> Node("Loudness") >> summary["levels"], decode >> summary["audio"]]
    return branches >> (Pipeline("levels") >> Node("PassThrough", name="levels")), WHOLE, _whole


def _by_window(chosen: argparse.Namespace) -> tuple[Pipeline, Sequence[Column], MakeRecords]:
    measure = Node("AudioLevel", {"window_ms": chosen.window_ms})
    return Pipeline("levels") >> decoder(chosen) >> measure, WINDOWS, _windows


def _whole(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    """The record of a file. What it has too little audio for is not known."""
    for packet in packets:
        yield Record({"input": name} | packet.value)


def _windows(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    for packet in packets:
        start = packet.pts or 0.0
        facts = {"input": name, "start_s": start, "end_s": start + (packet.duration or 0.0)}
        yield Record(facts | {column.key: packet.value[column.key] for column in WINDOWS[2:]})
