"""Progress of a piece of work: the argument of `on_progress`, and who calls it.

The thread that waits for the result anyway asks the runtime, at most ten times a second. Without `on_progress` nothing
here runs.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping, Sized
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidArgumentError
from ..media import Audio
from .inputs import Inputs, count_of, values_of
from .nested import Nested
from .outputs import Outputs

if TYPE_CHECKING:
    from .._execution.map import Mapped

__all__ = ["OnProgress", "Progress"]

BETWEEN_SECONDS = 0.1
"""The least time between two calls of `on_progress`, but for the last."""

_log = logging.getLogger("remotemedia")


class Progress(NamedTuple):
    """How far a piece of work is.

    `items` of `total` inputs are done. In a session `items` counts sent packets that the first nodes have taken, and
    `total` is None until `finish`. `media` is the media time that has come out, in seconds, None if no output has a
    place in time; `media_total` is that of all inputs, if all are `Audio`. `seconds` is the time that it has taken.
    """

    items: int
    total: int | None
    media: float | None
    media_total: float | None
    seconds: float

    @property
    def rate(self) -> float | None:
        """Seconds of media for each second of work: 2.0 is twice as fast as real time."""
        return None if self.media is None or self.seconds <= 0 else self.media / self.seconds

    @property
    def eta(self) -> float | None:
        """The seconds left at this rate, by media if its total is known, otherwise by items."""
        if self.media_total and self.media:
            return max(0.0, self.seconds * (self.media_total / self.media - 1))
        if self.total is None or not self.items:
            return None
        return self.seconds * (self.total / self.items - 1)


OnProgress = Callable[[Progress], Any]

Native = tuple[int, float | None]
"""Items that are done, and seconds of media that have come out."""


class Reporter:
    """Calls an `on_progress`. An exception of it is logged, and it is not called again."""

    def __init__(self, callback: OnProgress, total: int | None, media_total: float | None = None) -> None:
        if inspect.iscoroutinefunction(callback):
            raise InvalidArgumentError("on_progress must be a plain function: it is called, not awaited")
        if not callable(callback):
            raise InvalidArgumentError(f"on_progress must be a function, got {callback!r}")
        self.total = total
        self._callback: OnProgress | None = callback
        self._media_total = media_total
        self._begun = self._told = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last call was long enough ago."""
        return self._callback is not None and time.monotonic() - self._told >= BETWEEN_SECONDS

    def tell(self, items: int, media: float | None) -> None:
        """Calls `on_progress` now."""
        if self._callback is None:
            return
        self._told = time.monotonic()
        try:
            self._callback(Progress(items, self.total, media, self._media_total, self._told - self._begun))
        except Exception as error:
            self._callback = None
            _log.exception("on_progress raised %s: %s; it is not called again", type(error).__name__, error)

    def done(self, result: Any) -> None:
        """Reports that all is done, with the result."""
        if self._callback is not None:
            self.tell(self.total or 0, media_of(result))


class Ticker:
    """Calls a reporter again and again on a running loop while a block runs: `with Ticker(reporter, look):`."""

    def __init__(self, reporter: Reporter, look: Callable[[], Native | None]) -> None:
        self._reporter = reporter
        self._look = look
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Ticker:
        self._next = asyncio.get_running_loop().call_later(BETWEEN_SECONDS, self._tell)
        return self

    def __exit__(self, *_: object) -> None:
        if self._next is not None:
            self._next.cancel()

    def _tell(self) -> None:
        found = self._look()
        if found is not None:
            self._reporter.tell(*found)
        self._next = asyncio.get_running_loop().call_later(BETWEEN_SECONDS, self._tell)


def reporter_of(callback: OnProgress, inputs: Inputs | None) -> Reporter:
    """The reporter of one execution."""
    lengths = [value.duration if isinstance(value, Audio) else None for value in values_of(inputs or ())]
    known = [length for length in lengths if length is not None]
    media_total = sum(known) if known and len(known) == len(lengths) else None
    if isinstance(inputs, Mapping):
        # Audio of several inputs lasts at the same time; which of it comes out is not known.
        media_total = None
    return Reporter(callback, 1 if inputs is None else count_of(inputs), media_total)


def reporter_of_sources(callback: OnProgress, sources: Any) -> Reporter:
    """The reporter of a `map`."""
    return Reporter(callback, len(sources) if isinstance(sources, Sized) else None)


async def counted(results: AsyncGenerator[Mapped, None], reporter: Reporter) -> AsyncGenerator[Mapped, None]:
    """The results of a `map`, with a report of how many there have been."""
    so_far = _Mapped(reporter)
    async with aclosing(Nested(results)) as nested:
        async for result in nested:
            so_far.add(result)
            yield result
    so_far.end()


def counted_sync(results: Generator[Mapped, None, None], reporter: Reporter) -> Iterator[Mapped]:
    """Does what `counted` does without an event loop."""
    so_far = _Mapped(reporter)
    try:
        for result in results:
            so_far.add(result)
            yield result
    finally:
        results.close()
    so_far.end()


class _Mapped:
    """Counts of what a `map` has done."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._items = 0
        self._media: float | None = None

    def add(self, result: Mapped) -> None:
        self._items += 1
        media = None if result.outputs is None else media_of(result.outputs)
        if media is not None:
            self._media = (self._media or 0.0) + media
        if self._reporter.is_due:
            self._reporter.tell(self._items, self._media)

    def end(self) -> None:
        self._reporter.total = self._items
        self._reporter.tell(self._items, self._media)


def media_of(result: Any) -> float | None:
    """The seconds of media in a result: those of the sink with most, each input from its first packet to its end."""
    sinks: Iterable[Outputs] = result.values()
    return max((length for length in map(_length, sinks) if length is not None), default=None)


def _length(outputs: Outputs) -> float | None:
    spans: dict[int, tuple[int, int]] = {}
    for packet in outputs.packets:
        if packet.pts_ns is not None and packet.duration_ns is not None:
            begin, end = packet.pts_ns, packet.pts_ns + packet.duration_ns
            before = spans.get(packet.item, (begin, end))
            spans[packet.item] = min(before[0], begin), max(before[1], end)
    return sum(end - begin for begin, end in spans.values()) / 1e9 if spans else None
