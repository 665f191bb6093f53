"""What adapters share: a batch of sources through one pipeline, whose bad files are rows, on the threads of a slot."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .._abi.config import offer_workers
from .._files.audio_files import decoder
from .._files.many import Loaded, each_loaded
from .._files.opening import map_files
from .._files.places import Source
from .._files.words import in_words_of
from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._process import imported
from .._results.outputs import Outputs
from ..errors import InvalidArgumentError


class Row(NamedTuple):
    """What a pipeline gave for one source: its `outputs`, or the `error` that ended it. `source` is what was given."""

    source: Any
    outputs: Outputs | None
    error: Exception | None


class BatchRunner:
    """Runs one pipeline on each source of a batch, in order, on native threads.

    `pipeline` is a `Pipeline`, the path of a manifest, its text or its dict. It is checked here, so that what is wrong
    with it is reported where it was written and not in a worker. It pickles as its manifest.

    Raises `ManifestError` with all that is wrong, and `InvalidArgumentError` for a pipeline with several inputs.
    """

    def __init__(self, pipeline: Pipeline | Manifest, *, call: str, strict: bool = False) -> None:
        take_share()
        self.pipeline = one_input(pipeline, f"{call} feeds one input with files")
        self.call = call
        self.strict = strict

    def run(self, sources: Sequence[Source], *, threads: int | None = None) -> list[Row]:
        """A row for each source, in order. `threads` are those of the slot: see `take_slot`.

        With `strict` the first error in the order of the sources is raised instead.
        """
        results = map_files(self.pipeline, sources, self.call, at_a_time(threads))
        rows = [Row(result.source[0], result.outputs, result.error) for result in results]
        if self.strict:
            for row in rows:
                if row.error is not None:
                    raise row.error
        return rows

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.pipeline, self.call, self.strict)


def one_input(pipeline: Pipeline | Manifest, what: str) -> Pipeline:
    """The pipeline, loaded if it is none yet, and checked. `what` says of it in messages why it has one input.

    Raises `ManifestError` with all that is wrong, and `InvalidArgumentError` for a pipeline with several inputs.
    """
    found = pipeline if isinstance(pipeline, Pipeline) else Pipeline.load(pipeline)
    found.validate()
    if len(found.inputs) > 1:
        raise InvalidArgumentError(f"{what}, and this pipeline has {', '.join(found.inputs)}")
    return found


def decode_batch(
    call: str,
    sources: Iterable[Source],
    *,
    rate: int | None,
    channels: int | None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    strict: bool = False,
    threads: int | None = None,
) -> list[Loaded]:
    """The sound of each source, or its error, in order, on the threads of the slot.

    `call` is what the user called.
    """
    return list(each_loaded(call, sources, rate, channels, start_s, duration_s, at_a_time(threads), strict))


def require_decoding(
    call: str, *, rate: int | None, channels: int | None, start_s: float = 0.0, duration_s: float | None = None
) -> None:
    """Raises `InvalidArgumentError` for params that no file could be decoded with; `call` is what the user called."""
    take_share()
    with in_words_of(call):
        decoder(rate, channels, start_s, duration_s).validate()


def take_slot(slots: int) -> int:
    """The number of native threads of one of `slots` workers that share this machine's cores: at least 1.

    The runtime of this process starts with as many, unless the program or `REMOTEMEDIA_WORKERS` has chosen already, or
    it runs.
    """
    return take_threads(cores() // max(1, slots))


def take_share() -> None:
    """Takes the slot of this process if it is one of several workers of torch's DataLoader, before anything runs."""
    processes = processes_here()
    if processes > 1:
        take_slot(processes)


def take_threads(count: float) -> int:
    """So many native threads, at least 1, with which the runtime starts as `take_slot` says."""
    threads = max(1, int(count))
    offer_workers(threads)
    return threads


def processes_here() -> int:
    """How many processes share the cores with this one, itself among them, if it is a worker of torch's DataLoader."""
    torch = imported("torch")
    info = None if torch is None else torch.utils.data.get_worker_info()
    return 1 if info is None else int(info.num_workers)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def at_a_time(threads: int | None) -> int:
    """How many sources are under way at a time: one more than threads, as none waits while Python takes a result."""
    return (cores() if threads is None else threads) + 1


def source_of(row: Any) -> Source:
    """The source in a row: what is no map itself, else its `bytes` if there are any, else its `path`.

    Raises `InvalidArgumentError` for a row without either.
    """
    found = given_in(row)
    if found is None:
        raise InvalidArgumentError("the row has neither bytes nor a path")
    return found  # type: ignore[no-any-return]


def given_in(row: Any) -> Any:
    """The source in a row, as `source_of` says; None if it has none."""
    if not isinstance(row, Mapping):
        return row
    content = row.get("bytes")
    return row.get("path") if content is None else content


def row_sources(rows: Iterable[Any], strict: bool) -> tuple[list[Source], list[Exception | None]]:
    """The sources of the rows that have one, and for each row the error if it has none, which `strict` raises."""
    sources: list[Source] = []
    errors: list[Exception | None] = []
    for row in rows:
        try:
            sources.append(source_of(row))
        except InvalidArgumentError as error:
            if strict:
                raise
            errors.append(error)
        else:
            errors.append(None)
    return sources, errors


def text_of(error: Exception | None) -> str | None:
    """What stands in the column `error` of a row: None if all went well."""
    return None if error is None else f"{type(error).__name__}: {error}"


def _unpickled(pipeline: Pipeline, call: str, strict: bool) -> BatchRunner:
    # Checked when it was made; a worker compiles it at its first batch.
    runner = object.__new__(BatchRunner)
    runner.pipeline, runner.call, runner.strict = pipeline, call, strict
    return runner
