"""The options for shards, and the destinations that they need."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from ..._graph.plan import Plan
from ..._media.file import at_home
from ...errors import InvalidArgumentError
from ..arguments.inputs import Input
from ..results.destination import Options
from ..results.destinations import Destinations
from ..results.shards import AUDIO, SIZE, Shards
from .batch_files import files_beside


def destinations_of(
    chosen: argparse.Namespace,
    outputs: Sequence[str],
    plan: Plan,
    inputs: Sequence[Input],
    manifest: str | None,
    options: Options,
) -> Destinations:
    """All `-o`, one of which may be shards. Raises `InvalidArgumentError`."""
    form, size = chosen.shard_format, chosen.shard_size
    if form is None:
        if size is not None:
            raise InvalidArgumentError(f"--shard-size {size}: it is for shards; say of what: --shard-format webdataset")
        return Destinations(outputs, plan, inputs, manifest, options, files_beside(chosen))
    output = _output(outputs, plan)
    ending = AUDIO[0] if chosen.format is None else f".{chosen.format}"
    if ending not in AUDIO:
        raise InvalidArgumentError(f"--format {chosen.format}: the audio of shards is flac or opus")
    shards = Shards(form, size or SIZE, at_home(output), ending, inputs)
    index = None if chosen.index is None else at_home(chosen.index)
    shards.check(index, resume=chosen.resume)
    options = options._replace(format=None, staged={output: shards.staged})
    destinations = Destinations(outputs, plan, inputs, manifest, options, files_beside(chosen))
    destinations.shards = shards
    destinations.asked |= {"shards": [form, shards.size]}
    return destinations


def _output(outputs: Sequence[str], plan: Plan) -> str:
    """The `-o` that is for shards, without the name of its node."""
    names = []
    for output in outputs:
        node, equals, name = output.partition("=")
        names.append(name if equals and node in plan.sinks else output)
    if len(names) > 1:
        names = [name for name in names if "{shard" in name] or [
            name for name in names if not os.path.splitext(name)[1]
        ]
    if len(names) != 1:
        raise InvalidArgumentError(
            "--shard-format: name the folder of the shards, -o FOLDER; of several -o it is the one without an ending"
        )
    return names[0]
