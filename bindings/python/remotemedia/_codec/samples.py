"""Memory for planar samples: allocated without clearing it, copied into, and limited."""

from __future__ import annotations

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


def _channel(samples: Any, channel: int) -> memoryview:
    if isinstance(samples, Tensor):
        size = samples.shape[1] * 4
        return samples.data[channel * size : (channel + 1) * size]
    row = samples[channel]
    return memoryview(row).cast("B") if row.size else memoryview(b"")


def _address(view: memoryview) -> int:
    with ffi.from_buffer(view) as export:
        return int(ffi.cast("uintptr_t", export))
