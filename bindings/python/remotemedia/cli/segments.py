"""`remotemedia segments`: finds where somebody speaks in files, and cuts it out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from .._graph.function_node import node
from .._graph.node import Node
from .._graph.pipeline import Pipeline
from .._results.outputs import Packet
from .arguments.decoding import PLACE, decoder, raw_option
from .arguments.inputs import find_inputs
from .arguments.manifest import planned
from .job.batch import Batch
from .job.shard_options import destinations_of
from .results.destination import Options
from .results.records import Record
from .results.tables import Column, TablePrinter, printed_form

COLUMNS = (
    Column("start_s", "start", 9, 3),
    Column("end_s", "end", 9, 3),
    Column("duration_s", "seconds", 9, 3),
)
PARAMS = {
    "threshold": "threshold",
    "min_speech_ms": "min_speech_duration_ms",
    "min_silence_ms": "min_silence_duration_ms",
    "pad_ms": "speech_pad_ms",
    "max_s": "max_speech_duration_s",
}
"""The options and the params of SpeechSegments that they are."""


@node
def without_audio(segment: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the audio of a segment, which would stay in memory until the file ends."""
    return {key: value for key, value in segment.items() if key != "audio"}


def command(chosen: argparse.Namespace) -> int:
    """Finds the segments of all files; one that fails does not end the others."""
    form = printed_form(chosen, "segments.csv")
    given = {option: getattr(chosen, option) for option in PARAMS if getattr(chosen, option) is not None}
    params = {PARAMS[option]: value for option, value in given.items()}
    pipeline = Pipeline("segments") >> decoder(chosen) >> Node("SpeechSegments", params)
    places = {
        f"nodes[1].params.{PARAMS[option]}": f"--{option.replace('_', '-')} {value:g}"
        for option, value in given.items()
    }
    places[PLACE] = raw_option(chosen)
    plan = planned(pipeline, places)
    inputs = find_inputs(chosen.files)
    keys = ["input", *(column.key for column in COLUMNS)]
    options = Options(chosen.format, {}, _records, keys, without_audio)
    destinations = destinations_of(chosen, chosen.output, plan, inputs, None, options)
    printer = TablePrinter(COLUMNS, keys, _records, form)
    return Batch(chosen, pipeline, plan, inputs, destinations, printer).run()


def _records(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    for packet in packets:
        start, end = packet.value["start_s"], packet.value["end_s"]
        yield Record({"input": name, "start_s": start, "end_s": end, "duration_s": round(end - start, 9)})
