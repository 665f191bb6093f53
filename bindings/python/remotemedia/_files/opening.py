"""Opens many sources in their order, and runs a pipeline on each. What addresses name is fetched ahead, by threads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable
from concurrent.futures import Future
from typing import Any

from .._execution.map import Mapped, map_sources, map_sources_sync
from .._execution.stream import close_source
from .._graph.pipeline import Pipeline
from .._manifest.compile import compile_manifest
from .._results.nested import Nested
from ..media import File
from .addresses import is_address
from .fetching import fetched
from .places import Source, afile_of, file_of

Opened = tuple[Source, File | Exception]
"""A source, and its file or why there is none."""

_END: Any = object()


def map_files(pipeline: Pipeline, sources: Iterable[Source], call: str, at_once: int) -> Generator[Mapped, None, None]:
    """Runs a pipeline on the file of each source, up to `at_once` at a time, in their order.

    The `source` of a result is a source with its file, or with why there is none, which is its `error` then. `call` is
    the function that the user has called.
    """
    # When the first result is asked for: that may be in a forked child.
    compiled = compile_manifest(pipeline.manifest())
    yield from map_sources_sync(compiled, _opened(sources, call, at_once), at_once, True, -1, _file_in)


def amap_files(
    pipeline: Pipeline, sources: Iterable[Source] | AsyncIterable[Source], call: str, at_once: int
) -> AsyncGenerator[Mapped, None]:
    """Does what `map_files` does, beside the event loop. What is there does not wait for the sources behind it."""
    compiled = compile_manifest(pipeline.manifest())
    return map_sources(compiled, Nested(_opened_async(sources, call, at_once)), at_once, True, -1, _file_in)


def _file_in(found: Opened, _names: tuple[str, ...]) -> list[File]:
    """The file as the inputs of a run. Raises why there is none."""
    file = found[1]
    if isinstance(file, Exception):
        raise file
    return [file]


def _opened(sources: Iterable[Source], call: str, at_once: int) -> Generator[Opened, None, None]:
    """Opens each source when the next one is asked for.

    While a source is an address, those behind it are taken too, until `at_once` are: their contents are in memory.
    """
    ahead, values, is_over = _Ahead(call, at_once), iter(sources), False
    while True:
        while not is_over and ahead.has_room:
            source = next(values, _END)
            if source is _END:
                is_over = True
            else:
                ahead.take(source)
        if not ahead.taken:
            return
        source, fetching = ahead.taken.popleft()
        yield source, _file_or_error(source, call) if fetching is None else fetching.result()


async def _opened_async(
    sources: Iterable[Source] | AsyncIterable[Source], call: str, at_once: int
) -> AsyncGenerator[Opened, None]:
    """Does what `_opened` does, beside the event loop. It waits for no source while one that was taken is there."""
    ahead, is_over = _Ahead(call, at_once), False
    upcoming = aiter(sources) if isinstance(sources, AsyncIterable) else None
    values = iter(()) if isinstance(sources, AsyncIterable) else iter(sources)
    coming: asyncio.Task[bool] | None = None
    try:
        while True:
            while not is_over and coming is None and ahead.has_room:
                if upcoming is not None:
                    coming = asyncio.create_task(_take_next(upcoming, ahead))
                elif (source := next(values, _END)) is _END:
                    is_over = True
                else:
                    ahead.take(source)
            waited: set[asyncio.Future[Any]] = set() if coming is None else {coming}
            if ahead.taken:
                source, fetching = ahead.taken[0]
                if fetching is None or fetching.done():
                    ahead.taken.popleft()
                    yield source, await _afile_or_error(source, call) if fetching is None else fetching.result()
                    continue
                waited.add(asyncio.wrap_future(fetching))
            if not waited:
                return
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if coming is not None and coming.done():
                is_over, coming = not coming.result(), None
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
        await close_source(upcoming)


class _Ahead:
    """Sources that were taken and not given yet; what addresses among them name is being fetched."""

    def __init__(self, call: str, at_once: int) -> None:
        self.taken: deque[tuple[Source, Future[File | Exception] | None]] = deque()
        self._call, self._at_once = call, at_once

    @property
    def has_room(self) -> bool:
        """Whether another source is to be taken: what is not fetched is opened when its turn has come."""
        return not self.taken or (self.taken[-1][1] is not None and len(self.taken) < self._at_once)

    def take(self, source: Source) -> None:
        """Takes the next source."""
        is_fetched = isinstance(source, str) and is_address(source)
        fetching = fetched(lambda: _file_or_error(source, self._call)) if is_fetched else None
        self.taken.append((source, fetching))


async def _take_next(values: AsyncIterator[Source], ahead: _Ahead) -> bool:
    """Takes the next source. Returns whether there was one."""
    try:
        ahead.take(await anext(values))
    except StopAsyncIteration:
        return False
    return True


def _file_or_error(source: Source, call: str) -> File | Exception:
    try:
        return file_of(source, call)
    except Exception as error:
        return error


async def _afile_or_error(source: Source, call: str) -> File | Exception:
    try:
        return await afile_of(source, call)
    except Exception as error:
        return error
