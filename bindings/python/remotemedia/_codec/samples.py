"""Memory for planar samples: allocated without clearing it, copied into, limited, and freed from NaN and infinities."""

from __future__ import annotations

import math
from array import array
from typing import Any

from .._abi import config
from .._abi.library import ffi
from ..media import Audio, Tensor
from .numpy_arrays import numpy_if_installed

_allocate: Any = ffi.new_allocator(should_clear_after_alloc=False)


def limit_bytes() -> int:
    """The number of bytes that the results of one execution may take: `output_bytes` of `configure`."""
    return config.output_bytes()


def uncleared(channels: int, frames: int) -> tuple[Any, int]:
    """Memory for samples, not cleared, and its address."""
    numpy = numpy_if_installed()
    if numpy is not None:
        # numpy asks the system for large pages, which takes less time than as many small ones.
        samples = numpy.empty((channels, frames), "float32")
        return samples, samples.ctypes.data
    memory = memoryview(ffi.buffer(_allocate("char[]", channels * frames * 4)))
    return Tensor(memory, "float32", (channels, frames)), _address(memory)


def copy_into(chunk: Audio, place: int, frames: int, begin: int) -> None:
    """Copies a chunk into memory for `frames` frames at the address `place`, from frame `begin` on."""
    # Copying slices of a memoryview would hold the interpreter's lock.
    import ctypes

    for channel in range(chunk.channels):
        row = _channel(chunk.samples, channel)
        ctypes.memmove(place + (channel * frames + begin) * 4, _address(row), row.nbytes)


def fill(place: int, count: int, element: bytes) -> None:
    """Writes `count` times the four bytes of `element` to the address `place`."""
    import ctypes

    if element[1:] == element[:-1]:
        ctypes.memset(place, element[0], count * 4)
    else:
        ctypes.memmove(place, element * count, count * 4)


def finite(audio: Audio) -> tuple[Audio, int, int]:
    """The audio with 0 for the samples that are NaN or infinite, how many these are, and the first frame with one.

    Audio without any is given back as it is.
    """
    numpy = numpy_if_installed()
    if numpy is not None:
        samples = numpy.asarray(audio.samples)
        good = numpy.isfinite(samples)
        if good.all():
            return audio, 0, 0
        found, first = int(good.size - good.sum()), int((~good).any(axis=0).argmax())
        return _with_samples(audio, numpy.where(good, samples, numpy.float32(0))), found, first
    values = array("f", audio.samples.data.tobytes())
    # Finite ones have a finite sum: as doubles they are far from the largest.
    if math.isfinite(sum(values)):
        return audio, 0, 0
    places = [place for place, value in enumerate(values) if not math.isfinite(value)]
    for place in places:
        values[place] = 0.0
    tensor = Tensor(memoryview(values), "float32", audio.samples.shape)
    return _with_samples(audio, tensor), len(places), min(place % audio.frames for place in places)


def _with_samples(audio: Audio, samples: Any) -> Audio:
    return Audio(samples, audio.rate, layout=audio.layout, pts_ns=audio.pts_ns)


def _channel(samples: Any, channel: int) -> memoryview:
    if isinstance(samples, Tensor):
        size = samples.shape[1] * 4
        return samples.data[channel * size : (channel + 1) * size]
    row = samples[channel]
    return memoryview(row).cast("B") if row.size else memoryview(b"")


def _address(view: memoryview) -> int:
    with ffi.from_buffer(view) as export:
        return int(ffi.cast("uintptr_t", export))
