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


def described_dtype(dtype: Any) -> str:
    """A type that `int16_array` and `to_numpy` don't make, and how to have samples of it, for a message."""
    name = dtype if isinstance(dtype, str) else getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    if name in ("float32", "int16"):
        return f"{dtype!r}; write audio.numpy({name!r})"
    pcm = {"int32": ("s32", "<i4"), "uint8": ("u8", "u1")}.get(str(name))
    if pcm is not None:
        made = f'numpy.frombuffer(audio.to_pcm("{pcm[0]}"), "{pcm[1]}")'
        return f"{dtype!r}; for integers of this size: {made}.reshape(-1, audio.channels).T"
    if str(name).startswith("float"):
        return f"{dtype!r}; for other floats: audio.numpy().astype({name!r})"
    return f"{dtype!r}"


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
