"""Many chunks of sound become one `Audio`, with each sample copied once.

The memory is not cleared before it is written, and each chunk is let go of as soon as it is copied: the whole takes
little more memory than the sound itself. While a chunk is copied other threads of Python go on.
"""

from __future__ import annotations

import sys
from typing import Any

from ._library import ffi
from .errors import MarshalError
from .media import Audio, Tensor

_uncleared: Any = ffi.new_allocator(should_clear_after_alloc=False)


def joined(chunks: list[Audio], name: str) -> Audio:
    """One sound of chunks that follow each other, of which there is at least one. Empties the list.

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
    samples, place = _room(channels, frames)
    begin = 0
    # Slices of a memoryview would hold on to the interpreter's lock while they are copied.
    import ctypes

    chunks.reverse()
    while chunks:
        chunk = chunks.pop()
        for channel in range(channels):
            row = _channel(chunk.samples, channel)
            ctypes.memmove(place + channel * frames * 4 + begin, _address(row), row.nbytes)
        begin += chunk.frames * 4
    return Audio(samples, first.rate, layout=first.layout, pts_ns=first.pts_ns)


def _room(channels: int, frames: int) -> tuple[Any, int]:
    """Samples that are not written yet, and their address."""
    if "numpy" in sys.modules:
        # It asks the system for large pages, which takes less than as many small ones.
        samples = sys.modules["numpy"].empty((channels, frames), "float32")
        return samples, samples.ctypes.data
    memory = memoryview(ffi.buffer(_uncleared("char[]", channels * frames * 4)))
    return Tensor(memory, "float32", (channels, frames)), _address(memory)


def _channel(samples: Any, channel: int) -> memoryview:
    if isinstance(samples, Tensor):
        size = samples.shape[1] * 4
        return samples.data[channel * size : (channel + 1) * size]
    row = samples[channel]
    return memoryview(row).cast("B") if row.size else memoryview(b"")


def _address(view: memoryview) -> int:
    with ffi.from_buffer(view) as export:
        return int(ffi.cast("uintptr_t", export))


def _changed(first: Audio, later: Audio, name: str) -> MarshalError:
    if later.rate != first.rate:
        change, cure = f"{first.rate} Hz to {later.rate} Hz", f"rate={first.rate}"
    else:
        change, cure = f"{first.channels} to {later.channels} channels", f"channels={first.channels}"
    when = "" if later.pts is None else f" at {later.pts:.3f} s"
    return MarshalError(f"{name} changes from {change}{when}; pass {cure} to have all of it alike")
