"""From one file to its chunks of sound, in a call that costs little more than the decoding.

Such a call is as short as its sound. So the manifest is written down here and not made of a graph of nodes; and parts
of files, of which few are asked for twice, leave the cache of compiled pipelines to others.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from functools import partial
from typing import Any

from .._process import FIRST_USE
from .._results.outputs import Outputs
from ..errors import NodeError
from ..media import File

CHUNK_MS = 10_000
"""The length of the chunks that cross: few crossings, and memory in pieces that are released one by one."""

LONG_CHUNK_MS = 60_000
"""The length where nothing follows that could work on a chunk meanwhile: most sound then is one chunk, which is not
copied again to join it."""

LONGEST_JOINED_S = 600.0
"""How long a part may be that is joined by the runtime, where its sound is in memory twice for a moment."""

SHORT_S = 120.0
"""How much sound of a small file is taken at once to be counted. Few have more."""

_execute: Any = None
_compile: Any = None
_RUN_SYNC = "run_sync", "await pipeline.run(inputs)"


def decode_file(
    file: File, size: int, rate: int | None, channels: int | None, start_s: float, duration_s: float | None
) -> Outputs:
    """The chunks of a short file or a part of one, resampled and mixed if that is asked for. It blocks.

    `size` is that of the file, 0 of a pipe. What is resampled or mixed, and no longer than ten minutes if it is a part,
    comes in one chunk, so that the calling thread has nothing to join. If that fails the file is decoded again, and the
    error has the chunks before it; so a pipe, which can be read once, comes in chunks.
    """
    if _is_joined(size, rate, channels, duration_s):
        with suppress(NodeError):
            return run_blocking(_runnable(rate, channels, start_s, duration_s, is_joined=True), file)
    return run_blocking(_runnable(rate, channels, start_s, duration_s), file)


async def adecode_file(
    file: File, size: int, rate: int | None, channels: int | None, start_s: float, duration_s: float | None
) -> Outputs:
    """Does what `decode_file` does, beside the event loop."""
    if _is_joined(size, rate, channels, duration_s):
        with suppress(NodeError):
            return await run(_runnable(rate, channels, start_s, duration_s, is_joined=True), file)
    return await run(_runnable(rate, channels, start_s, duration_s), file)


def run_blocking(runnable: Any, file: File) -> Outputs:
    """The outputs of a manifest, or of a pipeline that is compiled, for one file. It blocks."""
    outputs: Outputs = _engine().execute_blocking(_RUN_SYNC, runnable, [file], None, (), "auto", None)
    return outputs


async def run(runnable: Any, file: File) -> Outputs:
    """Does what `run_blocking` does, beside the event loop."""
    outputs: Outputs = await _engine().execute(runnable, [file])
    return outputs


def manifest(
    rate: int | None, channels: int | None, start_s: float, duration_s: float | None, *, is_joined: bool = False
) -> dict[str, Any]:
    """The manifest of `AudioDecode >> AudioMix >> AudioResample >> AudioConcat`; all but the first may be missing."""
    is_alone = rate is None and channels is None
    params = {"chunk_ms": LONG_CHUNK_MS if is_alone else CHUNK_MS, "start_s": start_s}
    if duration_s is not None:
        params["duration_s"] = duration_s
    nodes: list[dict[str, Any]] = [{"id": "audiodecode", "node_type": "AudioDecode", "params": params}]
    if channels is not None:
        nodes.append({"id": "audiomix", "node_type": "AudioMix", "params": {"channels": channels}})
    if rate is not None:
        nodes.append({"id": "audioresample", "node_type": "AudioResample", "params": {"rate": rate}})
    if is_joined:
        nodes.append({"id": "audioconcat", "node_type": "AudioConcat"})
    document: dict[str, Any] = {"version": "v1", "nodes": nodes}
    if len(nodes) > 1:
        ids = [node["id"] for node in nodes]
        document["connections"] = [{"from": start, "to": end} for start, end in itertools.pairwise(ids)]
    return document


def short_manifest() -> dict[str, Any]:
    """The manifest that gives the `sound` of a file, up to `SHORT_S`, and what its `head` tells."""
    document = manifest(None, None, 0.0, SHORT_S)
    document["outputs"] = {"sound": "audiodecode", "head": "audiodecode.info"}
    return document


def _is_joined(size: int, rate: int | None, channels: int | None, duration_s: float | None) -> bool:
    """Whether the runtime joins the chunks. Without nodes after the decoder most sound is one chunk as it is."""
    if size == 0 or (rate is None and channels is None):
        return False
    return duration_s is None or (_is_plain(duration_s) and duration_s <= LONGEST_JOINED_S)


def _runnable(
    rate: int | None, channels: int | None, start_s: float, duration_s: float | None, *, is_joined: bool = False
) -> Any:
    """What `execute` takes: a pipeline, found again for whole files and used once for parts, or the manifest.

    Raises `ManifestError` as `execute` does.
    """
    document = partial(manifest, rate, channels, start_s, duration_s, is_joined=is_joined)
    compiling = _compiling()
    if compiling is None or not all(map(_is_plain, (rate, channels, start_s, duration_s))):
        return document()
    if start_s == 0 and duration_s is None and float not in (type(rate), type(channels)):
        return compiling.compile_by_key((manifest, rate, channels, is_joined), document)
    return compiling.compile_once(document())


def _engine() -> Any:
    """The module that executes manifests, which is imported with the first file."""
    global _execute
    if _execute is None:
        with FIRST_USE:
            from .._execution import execute
        _execute = execute
    return _execute


def _compiling() -> Any:
    """The module that compiles manifests; None without the library, for which it does."""
    global _compile
    if _compile is None and _engine().HAS_LIBRARY:
        with FIRST_USE:
            from .._manifest import compile as compiling
        _compile = compiling
    return _compile


def _is_plain(value: object) -> bool:
    """Whether it packs as it is. Other numbers, as those of numpy, are looked at one by one."""
    return value is None or type(value) is float or (type(value) is int and abs(value) < 1 << 53)
