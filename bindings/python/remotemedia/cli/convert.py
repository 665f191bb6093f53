"""`remotemedia convert`: audio files in another format, at another rate, with other channels."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from .._graph.node import Node
from .._graph.pipeline import Pipeline
from .._results.outputs import Outputs
from ..errors import InvalidArgumentError
from .arguments.decoding import PLACE, decoder, raw_option
from .arguments.inputs import Input, find_inputs
from .arguments.manifest import planned
from .job.batch import Batch
from .job.shard_options import destinations_of
from .results.destination import ARRAYS, Options
from .results.encoders import AUDIO
from .results.records import ROWS, packet_records


def command(chosen: argparse.Namespace) -> int:
    """Converts all files; one that fails does not end the others."""
    if chosen.duration == 0:
        raise InvalidArgumentError("--duration 0: expected more than 0 seconds; nothing would be left of each file")
    places: dict[str, str] = {}
    pipeline = _graph(chosen, places)
    plan = planned(pipeline, places)
    inputs = find_inputs(chosen.files)
    options = Options(chosen.format, _encoding(chosen), packet_records)
    destinations = destinations_of(chosen, chosen.output, plan, inputs, None, options)
    destinations.silent = "holds no sound, not one frame"
    if chosen.duration is not None:
        destinations.silent += f", in --duration {chosen.duration:g}"
    for destination in destinations.all:
        if destination.ending == ARRAYS:
            _refuse_encoding(options.encoding)
        if destination.ending in ROWS:
            raise InvalidArgumentError(f"{destination.option}: end the name in {', '.join(AUDIO)} or {ARRAYS}")
    return Batch(chosen, pipeline, plan, inputs, destinations, _Nothing()).run()


def _graph(chosen: argparse.Namespace, places: dict[str, str]) -> Pipeline:
    """The graph; `places` gets the options that its params come from."""
    part = {"start_s": ("--start", chosen.start), "duration_s": ("--duration", chosen.duration)}
    wanted: list[tuple[str, dict[str, tuple[str, Any]]]] = [
        ("AudioDecode", part),
        ("AudioMix", {"channels": ("--channels", chosen.channels)}),
        ("AudioResample", {"rate": ("--rate", chosen.rate)}),
        ("LoudnessNormalize", {"target_lufs": ("--normalize", chosen.normalize)}),
    ]
    pipeline = Pipeline("convert")
    places[PLACE] = raw_option(chosen)
    for node_type, options in wanted:
        params = {param: value for param, (_, value) in options.items() if value is not None}
        for param, value in params.items():
            places[f"nodes[{len(pipeline.nodes)}].params.{param}"] = f"{options[param][0]} {value:g}"
        if node_type == "AudioDecode":
            pipeline.add_node(decoder(chosen, **params))
        elif params:
            pipeline.add_node(Node(node_type, params))
    return pipeline


def _encoding(chosen: argparse.Namespace) -> Mapping[str, Any]:
    """The params of the encoder, checked by the runtime before anything is read."""
    options = {"sample_format": chosen.sample_format, "bitrate_kbps": chosen.bitrate}
    return {param: value for param, value in options.items() if value is not None}


def _refuse_encoding(encoding: Mapping[str, Any]) -> None:
    """Refuses what is for encoders, in the words that they have for what is not theirs."""
    if "sample_format" in encoding:
        given = encoding["sample_format"]
        raise InvalidArgumentError(
            f'--sample-format {given}: expected nothing, because an array holds float32, got "{given}"'
        )
    if "bitrate_kbps" in encoding:
        given = encoding["bitrate_kbps"]
        raise InvalidArgumentError(f"--bitrate {given}: expected nothing, because only Opus has a bitrate, got {given}")


class _Nothing:
    def add(self, found: Mapping[str, Outputs], source: Input) -> None:
        """Prints nothing: there always is `-o`."""

    def end(self) -> None:
        """Prints nothing."""
