"""`read_many` and its kin: many audio files at once, decoded on native threads, in order, each with its own error."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from typing import Any, NamedTuple

from .._execution.map import Mapped
from .._graph.pipeline import Pipeline
from .._results.inputs import require_sources
from ..errors import InvalidArgumentError
from ..media import Audio, File
from ..nodes import AudioConcat
from .audio_files import afile_of, decoder, silent
from .places import Source, file_of
from .words import in_words_of

__all__ = ["Loaded", "aiter_many", "aread_many", "iter_many", "read_many"]


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
    concurrency: int | None = None,
    strict: bool = False,
) -> list[Loaded]:
    """Decodes many audio files on native threads, and returns a result for each, in the order of the sources.

        clips = rm.read_many(paths, rate=16000, channels=1)
        audios = [clip.audio for clip in clips if clip.error is None]

    `sources` and the other arguments are as for `read`; a file that can't be read is a result with an `error`, and the
    others go on. With `strict=True` the first error in the order of the sources is raised instead. `concurrency` is how
    many are decoded at a time: by default one for each core that the process may use, and one more. All results are in
    memory at once; `iter_many` holds no more than are decoded at a time.

    It blocks, also where an event loop runs; `await aread_many(...)` does the same beside the loop. Raises
    `InvalidArgumentError` for arguments that no file could be read with.
    """
    arguments = (rate, channels, start_s, duration_s, concurrency, strict)
    return list(_results("read_many", sources, *arguments))


def iter_many(
    sources: Iterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    concurrency: int | None = None,
    strict: bool = False,
) -> Iterator[Loaded]:
    """Decodes many audio files like `read_many`, and gives the results one by one while others are decoded.

        for clip in rm.iter_many(paths, rate=16000, channels=1):
            ...

    `sources` may be without an end: it is asked for the next one when there is room for it.
    """
    return _results("iter_many", sources, rate, channels, start_s, duration_s, concurrency, strict)


async def aread_many(
    sources: Iterable[Source] | AsyncIterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    concurrency: int | None = None,
    strict: bool = False,
) -> list[Loaded]:
    """Does what `read_many` does, beside the event loop. Cancelling the await cancels the work."""
    arguments = (rate, channels, start_s, duration_s, concurrency, strict)
    return [each async for each in _results_async("aread_many", sources, *arguments)]


def aiter_many(
    sources: Iterable[Source] | AsyncIterable[Source],
    *,
    rate: int | None = None,
    channels: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
    concurrency: int | None = None,
    strict: bool = False,
) -> AsyncIterator[Loaded]:
    """Does what `iter_many` does, beside the event loop: `async for clip in rm.aiter_many(paths)`."""
    return _results_async("aiter_many", sources, rate, channels, start_s, duration_s, concurrency, strict)


def _results(
    call: str,
    sources: Iterable[Source],
    rate: int | None,
    channels: int | None,
    start_s: float,
    duration_s: float | None,
    concurrency: int | None,
    strict: bool,
) -> Generator[Loaded, None, None]:
    require_sources(sources, call)
    pipeline = _pipeline(call, rate, channels, start_s, duration_s)
    at_a_time = _at_a_time(concurrency)
    return _generate(call, sources, pipeline, at_a_time, strict)


def _generate(
    call: str, sources: Iterable[Source], pipeline: Pipeline, at_a_time: int, strict: bool
) -> Generator[Loaded, None, None]:
    begun: deque[_Begun] = deque()

    def files() -> Iterator[File]:
        for source in sources:
            try:
                file = file_of(source, call)
            except Exception as error:
                begun.append(_Begun(source, error))
                continue
            begun.append(_Begun(source, None))
            yield file

    results = pipeline.map_sync(files(), concurrency=at_a_time, ordered=True)
    for result in results:
        for failed in _failed_first(begun):
            yield _checked(failed, strict)
        yield _checked(_loaded(call, begun.popleft().source, result), strict)
    for failed in _failed_first(begun):
        yield _checked(failed, strict)


def _results_async(
    call: str,
    sources: Iterable[Source] | AsyncIterable[Source],
    rate: int | None,
    channels: int | None,
    start_s: float,
    duration_s: float | None,
    concurrency: int | None,
    strict: bool,
) -> AsyncGenerator[Loaded, None]:
    require_sources(sources, call)
    pipeline = _pipeline(call, rate, channels, start_s, duration_s)
    return _generate_async(call, sources, pipeline, _at_a_time(concurrency), strict)


async def _generate_async(
    call: str,
    sources: Iterable[Source] | AsyncIterable[Source],
    pipeline: Pipeline,
    at_a_time: int,
    strict: bool,
) -> AsyncGenerator[Loaded, None]:
    begun: deque[_Begun] = deque()

    async def files() -> AsyncGenerator[File, None]:
        async for source in _each(sources):
            try:
                file = await afile_of(source, call)
            except Exception as error:
                begun.append(_Begun(source, error))
                continue
            begun.append(_Begun(source, None))
            yield file

    results = pipeline.map(files(), concurrency=at_a_time, ordered=True)
    try:
        async for result in results:
            for failed in _failed_first(begun):
                yield _checked(failed, strict)
            yield _checked(_loaded(call, begun.popleft().source, result), strict)
        for failed in _failed_first(begun):
            yield _checked(failed, strict)
    finally:
        await results.aclose()


class _Begun(NamedTuple):
    """A source that was taken, with the error if it could not even be opened."""

    source: Any
    error: Exception | None


def _failed_first(begun: deque[_Begun]) -> Iterator[Loaded]:
    """The sources that come next in order and could not be opened."""
    while begun and begun[0].error is not None:
        source, error = begun.popleft()
        yield Loaded(source, None, error, 0.0)


async def _each(sources: Iterable[Source] | AsyncIterable[Source]) -> AsyncGenerator[Source, None]:
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            yield source
    else:
        for source in sources:
            yield source


def _pipeline(call: str, rate: int | None, channels: int | None, start_s: float, duration_s: float | None) -> Pipeline:
    """Decoder, mixer, resampler, and all of it in one piece: what is joined is joined on a native thread."""
    pipeline = decoder(rate, channels, start_s, duration_s) >> AudioConcat()
    with in_words_of(call):
        pipeline.validate()
    return pipeline


def _loaded(call: str, source: Any, result: Mapped) -> Loaded:
    if result.error is not None:
        return Loaded(source, None, _in_words_of(call, result.error), result.seconds)
    audios = list(result.outputs or ())
    if len(audios) == 1:
        return Loaded(source, audios[0], None, result.seconds)
    error = silent(result.source) if not audios else _changed(source)
    return Loaded(source, None, error, result.seconds)


def _changed(source: Any) -> InvalidArgumentError:
    name = repr(source) if isinstance(source, (str, os.PathLike)) else "the file"
    return InvalidArgumentError(
        f"{name} changes its rate or channels within; pass rate= and channels= to have all of it alike"
    )


def _in_words_of(call: str, error: Exception) -> Exception:
    try:
        with in_words_of(call):
            raise error
    except Exception as told:
        return told


def _checked(loaded: Loaded, strict: bool) -> Loaded:
    if strict and loaded.error is not None:
        raise loaded.error
    return loaded


def _at_a_time(concurrency: int | None) -> int:
    if concurrency is None:
        # One more than work: while Python takes a result, no core waits for the next source.
        return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1
    if not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidArgumentError(f"concurrency must be a whole number of 1 or more, got {concurrency!r}")
    return concurrency
