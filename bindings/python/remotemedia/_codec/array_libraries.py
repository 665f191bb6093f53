"""Arrays of ours as those of numpy, torch and jax, by DLPack: with the same memory where the other library may have it.

`array` is a `Tensor`, or an array of numpy. None of the libraries is imported before it is asked for.
"""

from __future__ import annotations

from typing import Any

from .._problem.missing_library import require
from ..media import Audio, Tensor


def to_numpy(array: Any, call: str) -> Any:
    """The array of numpy. `call` is what the user has called, for messages. Raises `ImportError` without numpy."""
    return require("numpy", call, "numpy").asarray(array)


def int16_array(audio: Audio, call: str) -> Any:
    """The samples as an array of numpy of 16-bit integers, of shape (channels, frames). Raises `ImportError`."""
    interleaved = require("numpy", call, "numpy").frombuffer(bytearray(audio.to_pcm("s16")), "<i2")
    return interleaved.reshape(audio.frames, audio.channels).T.copy(order="C")


def to_torch(array: Any, call: str) -> Any:
    """The tensor of torch, with the same memory unless that may only be read. Raises `ImportError` without torch.

    torch has no tensors that refuse to be written to, and takes read-only memory without a word.
    """
    torch = require("torch", call, "torch")
    return torch.from_dlpack(_copied(array) if _is_readonly(array) else array)


def to_jax(array: Any, call: str) -> Any:
    """The array of jax, with the same memory if that is compact, writable and aligned as jax wants it (64 bytes).

    Raises `ImportError` without jax.
    """
    dlpack = require("jax.dlpack", call, "jax")
    is_compact = isinstance(array, Tensor) or array.flags.c_contiguous
    return dlpack.from_dlpack(array if is_compact and not _is_readonly(array) else _copied(array))


def _is_readonly(array: Any) -> bool:
    return bool(array.readonly if isinstance(array, Tensor) else not array.flags.writeable)


def _copied(array: Any) -> Any:
    if isinstance(array, Tensor):
        return Tensor(bytearray(array.data), array.dtype, array.shape)
    return array.copy(order="C")
