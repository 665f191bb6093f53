"""`remotemedia run`: a pipeline of the user's own on many files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from .._graph.plan import Plan
from .._problem.outside_text import one_line
from .._results.outputs import Outputs
from ..errors import InvalidArgumentError
from .arguments.inputs import NOTHING, STDIN, Input, find_inputs
from .arguments.manifest import assign, file_of, load
from .job.batch import Batch
from .job.shard_options import destinations_of
from .results.destination import Options
from .results.records import json_line, packet_records


def command(chosen: argparse.Namespace) -> int:
    """Runs all files. Raises the first error of a file, in the order of the command line, unless `--keep-going`."""
    if chosen.json and chosen.output:
        raise InvalidArgumentError("--json prints results and -o writes them; take one, perhaps -o results.jsonl")
    if chosen.manifest == STDIN and any(each == STDIN or each.endswith(f"={STDIN}") for each in chosen.input):
        raise InvalidArgumentError("-i -: stdin is the manifest already; name files")
    pipeline = load(chosen)
    plan = assign(pipeline, chosen.set)
    names = [each["name"] for each in plan.inputs]
    inputs = find_inputs(chosen.input, names or [""]) or [NOTHING]
    if inputs == [NOTHING] and names:
        if any(names):
            files = " ".join(f"-i {name}=FILE" for name in names)
            raise InvalidArgumentError(f"the graph waits for input; name files: {files}")
        hungry = plan.inputs[0]["to"][0].rpartition(".")[0]
        raise InvalidArgumentError(f"node {_origin(plan, hungry)!r} waits for input; name files: -i FILE")
    options = Options(chosen.format, {}, packet_records)
    if chosen.format is not None and not chosen.output:
        raise InvalidArgumentError("--format is for what -o writes; name it, or -o - for stdout")
    destinations = destinations_of(chosen, chosen.output, plan, inputs, file_of(chosen.manifest), options)
    printer = _Printer(chosen.json, len(inputs) > 1, len(plan.sinks) > 1)
    return Batch(chosen, pipeline, plan, inputs, destinations, printer).run()


class _Printer:
    """A line for each result: for people, or a JSON object."""

    def __init__(self, is_json: bool, has_names: bool, has_sinks: bool) -> None:
        self.is_json, self.has_names, self.has_sinks = is_json, has_names, has_sinks

    def add(self, found: Mapping[str, Outputs], source: Input) -> None:
        """Prints the results of one input."""
        for sink, outputs in found.items():
            packets = outputs.packets
            if self.is_json:
                for record in packet_records(packets, sink, source.name):
                    print(json_line(record))
                continue
            for packet in packets:
                words = [source.name] if self.has_names and source.name is not None else []
                words += [sink] if self.has_sinks else []
                words += [] if packet.pts is None else [f"{packet.pts:.3f} s"]
                print("  ".join(map(one_line, [*words, _shown(packet.value)])))

    def end(self) -> None:
        """Prints nothing more."""
        sys.stdout.flush()


def _origin(plan: Plan, name: str) -> str:
    """The node of the manifest that a converter stands before; any other node itself."""
    return next((name.partition(".")[0] for node in plan.nodes if node["id"] == name and "inserted" in node), name)


def _shown(value: Any) -> str:
    """A value for people: no more digits than they read. `--json` has them all."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bytes) and len(value) > 64:
        return f"<{len(value)} bytes, which -o writes into a file>"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_shown(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
