"""Concatenates chunks of audio to one `Audio`, copying each sample once.

The memory is not cleared before it is written, and each chunk is let go of as soon as it is copied: the whole takes
little more memory than the sound itself. While a chunk is copied other threads of Python go on.
"""

from __future__ import annotations

from typing import Any

from .._codec.numpy_arrays import numpy_if_installed
from .._codec.samples import copy_into, uncleared
from ..errors import LimitExceededError, MarshalError
from ..media import Audio


def concatenate(chunks: list[Audio], name: str) -> Audio:
    """One `Audio` of chunks that follow each other, of which there is at least one. Empties the list.

    It has the layout and the start of the first chunk. Raises `MarshalError` if rate or channels change; `name` is what
    the message calls the whole.
    """
    first = chunks[0]
    for chunk in chunks:
        if (chunk.rate, chunk.channels) != (first.rate, first.channels):
            raise _changed(first, chunk, name)
    if len(chunks) == 1:
        return chunks.pop()
    channels, frames = first.channels, sum(chunk.frames for chunk in chunks)
    samples, place = uncleared(channels, frames)
    begin = 0
    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        copy_into(chunk, place, frames, begin)
        begin += chunk.frames
    return Audio(samples, first.rate, layout=first.layout, pts_ns=first.pts_ns)


class AudioConcatenator:
    """Concatenates chunks while more of them are decoded, if the length of the whole is known in time.

    Then memory for all of it is taken at once, if it is no more than `most_bytes`. `expect` and `add` may be called
    from two threads. More than `limit` bytes of sound are not taken.
    """

    def __init__(self, most_bytes: int, limit: int) -> None:
        self.limit = limit
        self.is_over = False
        self._most_bytes = min(most_bytes, limit)
        self._bytes = 0
        self._duration: float | None = None
        self._waiting: list[Audio] = []
        self._first: Audio | None = None
        self._samples: Any = None
        self._place = 0
        self._frames = 0
        self._filled = 0

    def expect(self, duration: float) -> None:
        """Sets how many seconds of audio will come. If it is wrong, only time is lost."""
        self._duration = duration

    def add(self, chunk: Audio) -> None:
        """Adds the next chunk. Raises `LimitExceededError` when there is too much."""
        self._bytes += chunk.channels * chunk.frames * 4
        if self._bytes > self.limit:
            self.is_over = True
            raise LimitExceededError(f"the sound is longer than the limit of {self.limit} bytes")
        self._waiting.append(chunk)
        if self._first is None and self._duration is not None:
            self._begin(self._waiting[0], self._duration)
        while self._waiting and self._fits(self._waiting[0]):
            chunk = self._waiting.pop(0)
            copy_into(chunk, self._place, self._frames, self._filled)
            self._filled += chunk.frames

    def chunks(self) -> list[Audio]:
        """All that was added, in as few chunks as possible: one, if it was as long as expected."""
        first = self._first
        if first is None or self._filled == 0:
            return self._waiting
        samples = self._samples[:, : self._filled]
        if not self._waiting:
            samples = numpy_if_installed().ascontiguousarray(samples)
        return [Audio(samples, first.rate, layout=first.layout, pts_ns=first.pts_ns), *self._waiting]

    def _begin(self, first: Audio, duration: float) -> None:
        # Only numpy's memory can be cut if there is too much of it.
        if numpy_if_installed() is not None and 0 < duration * first.rate * first.channels * 4 <= self._most_bytes:
            self._first = first
            self._frames = int(duration * first.rate + 0.5)
            self._samples, self._place = uncleared(first.channels, self._frames)

    def _fits(self, chunk: Audio) -> bool:
        first = self._first
        return (
            first is not None
            and (chunk.rate, chunk.channels) == (first.rate, first.channels)
            and self._filled + chunk.frames <= self._frames
        )


def _changed(first: Audio, later: Audio, name: str) -> MarshalError:
    if later.rate != first.rate:
        change, cure = f"{first.rate} Hz to {later.rate} Hz", f"rate={first.rate}"
    else:
        change, cure = f"{first.channels} to {later.channels} channels", f"channels={first.channels}"
    when = "" if later.pts is None else f" at {later.pts:.3f} s"
    return MarshalError(f"{name} changes from {change}{when}; pass {cure} to have all of it alike")
