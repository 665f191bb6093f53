"""`read_many` and its kin: many audio files at once, decoded on native threads, in order, each with its own error."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, Literal, NamedTuple

from .._execution.map import Mapped
from .._graph.pipeline import Pipeline
from .._problem.whole_number import require_whole
from .._results.inputs import require_several
from .._results.nested import Nested
from ..errors import MarshalError
from ..media import Audio
from ..nodes import AudioConcat
from .audio_files import decoder, require_float32, whole
from .opening import amap_files, map_files
from .places import Source
from .words import in_words_of

__all__ = ["Loaded", "aiter_many", "aread_many", "iter_many", "read_many"]

AWAITED = {"read_many": "await rm.aread_many(sources)", "iter_many": "async for loaded in rm.aiter_many(sources)"}
"""What to write instead of the functions that await nothing."""


class Loaded(NamedTuple):
    """What came of one source: its `audio`, or the `error` that `read` would have raised.

    `source` is what was given, `seconds` how long it took.
    """

    source: Any
    audio: Audio | None
    error: Exception | None
    seconds: float


def read_many(
    sources: Iterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
    concurrency: int | None = None,
    strict: bool = False,
) -> list[Loaded]:
    """Decodes many audio files on native threads, and returns a result for each, in the order of the sources.

        clips = rm.read_many(paths, rate=16000, channels=1)
        audios = [clip.audio for clip in clips if clip.error is None]

    `sources` and the other arguments are as for `read`; a file that can't be read is a result with an `error`, and the
    others go on. With `strict=True` the first error in the order of the sources is raised instead. `concurrency` is how
    many are decoded at a time, and how many addresses are fetched meanwhile: by default one for each core that the
    process may use, and one more; a slow network is worth more. All results are in memory at once; `iter_many` holds no
    more than are decoded, and fetched, at a time.

    It blocks, also where an event loop runs; `await aread_many(...)` does the same beside the loop. Raises
    `InvalidArgumentError` for arguments that no file could be read with.
    """
    require_float32(dtype, "read_many")
    return list(each_loaded("read_many", sources, rate, channels, start_s, duration_s, concurrency, strict))


def iter_many(
    sources: Iterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
    concurrency: int | None = None,
    strict: bool = False,
) -> Iterator[Loaded]:
    """Decodes many audio files like `read_many`, and gives the results one by one while others are decoded.

        for clip in rm.iter_many(paths, rate=16000, channels=1):
            ...

    `sources` may be without an end: it is asked for the next one when there is room for it.
    """
    require_float32(dtype, "iter_many")
    return each_loaded("iter_many", sources, rate, channels, start_s, duration_s, concurrency, strict)


async def aread_many(
    sources: Iterable[Source] | AsyncIterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
    concurrency: int | None = None,
    strict: bool = False,
) -> list[Loaded]:
    """Does what `read_many` does, beside the event loop. Cancelling the await cancels the work."""
    require_float32(dtype, "aread_many")
    job = _job("aread_many", sources, rate, channels, start_s, duration_s, concurrency, strict)
    return [each async for each in _results_async(job, sources)]


def aiter_many(
    sources: Iterable[Source] | AsyncIterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    dtype: Literal["float32"] = "float32",
    concurrency: int | None = None,
    strict: bool = False,
) -> AsyncIterator[Loaded]:
    """Does what `iter_many` does, beside the event loop: `async for clip in rm.aiter_many(paths)`."""
    require_float32(dtype, "aiter_many")
    job = _job("aiter_many", sources, rate, channels, start_s, duration_s, concurrency, strict)
    return _results_async(job, sources)


def each_loaded(
    call: str,
    sources: Iterable[Source],
    rate: int | None,
    channels: int | None,
    start_s: float,
    duration_s: float | None,
    concurrency: int | None,
    strict: bool,
) -> Iterator[Loaded]:
    """Does what `iter_many` does for the function `call`, which messages name as what the user has called."""
    return _results(_job(call, sources, rate, channels, start_s, duration_s, concurrency, strict), sources)


class _Job(NamedTuple):
    """What is done with each source."""

    call: str
    pipeline: Pipeline
    duration_s: float | None
    at_a_time: int
    strict: bool

    def loaded(self, result: Mapped) -> Loaded:
        """What came of a source. Raises its error if that is to be raised."""
        source, file = result.source
        audio, error = None, result.error
        if error is not None:
            error = error if error is file else _in_words_of(self.call, error)
        else:
            try:
                audio = whole(list(result.outputs or ()), file, self.duration_s)
            except MarshalError as refused:
                error = refused
        if self.strict and error is not None:
            raise error
        return Loaded(source, audio, error, result.seconds)


def _job(
    call: str,
    sources: Iterable[Source] | AsyncIterable[Source],
    rate: int | None,
    channels: int | None,
    start_s: float,
    duration_s: float | None,
    concurrency: int | None,
    strict: bool,
) -> _Job:
    """Checks the arguments. What is joined is joined on a native thread, at the end of the pipeline."""
    require_several(sources, call, awaited=AWAITED.get(call))
    pipeline = decoder(rate, channels, start_s, duration_s) >> AudioConcat()
    with in_words_of(call):
        pipeline.validate()
    return _Job(call, pipeline, duration_s, _at_a_time(concurrency), strict)


def _results(job: _Job, sources: Iterable[Source]) -> Generator[Loaded, None, None]:
    for result in map_files(job.pipeline, sources, job.call, job.at_a_time):
        yield job.loaded(result)


async def _results_async(job: _Job, sources: Iterable[Source] | AsyncIterable[Source]) -> AsyncGenerator[Loaded, None]:
    async with aclosing(Nested(amap_files(job.pipeline, sources, job.call, job.at_a_time))) as results:
        async for result in results:
            yield job.loaded(result)


def _in_words_of(call: str, error: Exception) -> Exception:
    try:
        with in_words_of(call):
            raise error
    except Exception as told:
        return told


def _at_a_time(concurrency: int | None) -> int:
    if concurrency is None:
        # One more than work: while Python takes a result, no core waits for the next source.
        return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1
    return require_whole("concurrency", concurrency, 1)
