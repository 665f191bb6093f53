"""From one file to its chunks of sound, in a call that costs little more than the decoding.

Such a call is as short as its sound. So the manifest is written down here and not made of a graph of nodes; and parts
of files, of which few are asked for twice, leave the cache of compiled pipelines to others.
"""

from __future__ import annotations

import itertools
from typing import Any

from .._process import FIRST_USE
from .._results.outputs import Outputs
from ..media import File

CHUNK_MS = 10_000
"""The length of the chunks that cross: few crossings, and memory in pieces that are released one by one."""

LONG_CHUNK_MS = 60_000
"""The length where nothing follows that could work on a chunk meanwhile: most sound then is one chunk, which is not
copied again to join it."""

_RUN_SYNC = "run_sync", "await pipeline.run(inputs)"


def decode_file(
    file: File, rate: int | None, channels: int | None, start_s: float, duration_s: float | None
) -> Outputs:
    """The chunks of a file or a part of it, resampled and mixed if that is asked for. It blocks."""
    with FIRST_USE:
        from .._execution.execute import execute_blocking

    return execute_blocking(_RUN_SYNC, _runnable(rate, channels, start_s, duration_s), [file], None, (), "auto", None)


async def adecode_file(
    file: File, rate: int | None, channels: int | None, start_s: float, duration_s: float | None
) -> Outputs:
    """Does what `decode_file` does, beside the event loop."""
    with FIRST_USE:
        from .._execution.execute import execute

    return await execute(_runnable(rate, channels, start_s, duration_s), [file])


def manifest(rate: int | None, channels: int | None, start_s: float, duration_s: float | None) -> dict[str, Any]:
    """The manifest of the pipeline `AudioDecode >> AudioMix >> AudioResample`, of which the last two may be missing."""
    is_alone = rate is None and channels is None
    params = {"chunk_ms": LONG_CHUNK_MS if is_alone else CHUNK_MS, "start_s": start_s}
    if duration_s is not None:
        params["duration_s"] = duration_s
    nodes: list[dict[str, Any]] = [{"id": "audiodecode", "node_type": "AudioDecode", "params": params}]
    if channels is not None:
        nodes.append({"id": "audiomix", "node_type": "AudioMix", "params": {"channels": channels}})
    if rate is not None:
        nodes.append({"id": "audioresample", "node_type": "AudioResample", "params": {"rate": rate}})
    document: dict[str, Any] = {"version": "v1", "nodes": nodes}
    if len(nodes) > 1:
        ids = [node["id"] for node in nodes]
        document["connections"] = [{"from": start, "to": end} for start, end in itertools.pairwise(ids)]
    return document


def _runnable(rate: int | None, channels: int | None, start_s: float, duration_s: float | None) -> Any:
    """What `execute` takes: the manifest, or a pipeline that is used once. Raises `ManifestError` as `execute` does."""
    document = manifest(rate, channels, start_s, duration_s)
    is_part = start_s != 0 or duration_s is not None
    if not is_part or not all(map(_is_plain, (rate, channels, start_s, duration_s))):
        return document
    with FIRST_USE:
        from .._execution.execute import HAS_LIBRARY

        if not HAS_LIBRARY:
            return document
        from .._manifest.compile import compile_once

    return compile_once(document)


def _is_plain(value: object) -> bool:
    """Whether it packs as it is. Other numbers, as those of numpy, are looked at one by one."""
    return value is None or type(value) is float or (type(value) is int and abs(value) < 1 << 53)
