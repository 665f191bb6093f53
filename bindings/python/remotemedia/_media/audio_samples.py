"""What the samples of an `Audio` must be: planar float32, in channels that fit the layout; what to write for others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._problem.own_results import cure_for_audio
from .._process import imported
from ..errors import InvalidArgumentError, MarshalError
from .arrays import describe_mask
from .element_types import NAMES_OF_FORMATS, SIZES
from .tensor import Tensor

MAX_CHANNELS = 1024


def planar(samples: Any) -> Any:
    """`samples` as something with `shape` (channels, frames) whose channels lie contiguous."""
    numpy = imported("numpy")
    if isinstance(samples, Tensor):
        array: Any = samples
    elif hasattr(samples, "__array_interface__") and numpy is not None:
        complaint = describe_mask(samples)
        if complaint is not None:
            raise MarshalError(f"samples: {complaint}")
        array = numpy.asarray(samples)
    else:
        array = _tensor_of(samples)
    _check(str(array.dtype), tuple(array.shape))
    if isinstance(array, Tensor):
        return array if len(array.shape) == 2 else Tensor(array.data, array.dtype, (1, *array.shape))
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim == 1:
        array = array.reshape(1, -1)
    if array.shape[1] > 1 and (array.strides[1] != 4 or array.strides[0] < 0 or array.strides[0] % 4):
        array = array.copy(order="C")
    return array


def frames_of(samples: Any, begin: int, end: int) -> Any:
    """Frames `begin` to `end` of all channels: a view of a numpy array, of a Tensor with several channels a copy."""
    if not isinstance(samples, Tensor):
        return samples[:, begin:end]
    channels, frames = samples.shape
    size = SIZES[samples.dtype]
    rows = [samples.data[(row * frames + begin) * size : (row * frames + end) * size] for row in range(channels)]
    return Tensor(rows[0] if channels == 1 else b"".join(rows), samples.dtype, (channels, end - begin))


def checked_layout(layout: Any, channels: int) -> str | None:
    """The name of the layout of so many channels: that which was given, or a plain one's. Raises for another number."""
    if layout is None:
        return {1: "mono", 2: "stereo"}.get(channels)
    if not isinstance(layout, str):
        raise InvalidArgumentError(f"layout must be a name such as 'stereo' or '5.1', or None, got {layout!r}")
    counted = re.match(r"\d+(\.\d+)+", layout)
    # The names are FFmpeg's: 5.1 has five channels and one. What others stand for is not known here.
    named = {"mono": 1, "stereo": 2, "quad": 4, "quad(side)": 4}.get(layout)
    count = sum(map(int, counted[0].split("."))) if counted else named
    if count is not None and count != channels:
        raise InvalidArgumentError(
            f"layout {layout!r} has {count} channel{'s' * (count != 1)}, the samples have {channels}"
        )
    return layout


def _tensor_of(samples: Any) -> Tensor:
    interface: Mapping[str, Any] | None = getattr(samples, "__array_interface__", None)
    if interface is not None:
        raise MarshalError("import numpy before you pass arrays of another library")
    try:
        view = memoryview(samples)
    except TypeError:
        cure = 'write numpy.asarray(samples, dtype="float32") or array.array("f", samples)'
        own = cure_for_audio(samples)
        if own is not None:
            cure = "it has its rate; audio.resample(rate) gives it another" if own == "write audio" else own
        raise MarshalError(
            f"samples must be a float32 array of shape (channels, frames), got {type(samples).__name__}; {cure}"
        ) from None
    except BufferError as error:
        # Of elements for which the buffer protocol has no letter, such as the bfloat16 of jax.
        _check(str(getattr(samples, "dtype", "float32")), tuple(getattr(samples, "shape", (1, 1))))
        raise MarshalError(f"the {type(samples).__name__} gives no access to its memory: {error}") from None
    name = NAMES_OF_FORMATS.get(view.format.lstrip("@=<"))
    if name is None:
        raise MarshalError(f"samples have elements of format {view.format!r}; Audio holds float32")
    _check(name, view.shape or ())
    if not view.c_contiguous:
        raise MarshalError("samples must be contiguous; copy them first")
    return Tensor(view, name, view.shape or ())


def _check(dtype: str, shape: tuple[int, ...]) -> None:
    if dtype.lstrip("<>=") not in ("float32", "f4"):
        raise MarshalError(f"samples are {dtype}; Audio holds float32: {_conversion(dtype)}")
    if len(shape) not in (1, 2):
        raise MarshalError(f"samples have shape {shape}; Audio is (channels, frames)")
    if len(shape) == 2 and shape[0] > shape[1] and shape[0] > 32:
        raise MarshalError(
            f"samples of shape {shape} are {shape[0]} channels of {shape[1]} frames; "
            "Audio is (channels, frames): transpose them, samples.T"
        )
    if len(shape) == 2 and not 1 <= shape[0] <= MAX_CHANNELS:
        raise MarshalError(f"samples of shape {shape} have {shape[0]} channels, not between 1 and {MAX_CHANNELS}")


def _conversion(dtype: str) -> str:
    pcm = {"int16": "s16", "int32": "s32"}.get(dtype)
    if pcm is not None:
        scale = 2 ** (int(dtype[3:]) - 1)
        return (
            f'write samples.astype("float32") / {scale}, '
            f'or Audio.from_pcm(data, "{pcm}", rate=..., channels=...) for interleaved bytes'
        )
    if dtype.startswith(("float", "bfloat")):
        return 'write samples.astype("float32")'
    if dtype == "uint8":
        return 'write Audio.from_pcm(data, "s16", rate=..., channels=...) for bytes of PCM, or convert them to floats'
    return "convert them to floats of full scale 1.0 first"
