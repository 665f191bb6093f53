"""The values that plain Python has no type for: `Audio`, `File` and `Tensor`.

They describe memory and never look at its content; converting samples is native work. numpy is used where it is
imported already, and never imported here.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NoReturn, overload

from ._process import FIRST_USE, imported
from .errors import InvalidArgumentError, MarshalError

__all__ = ["Audio", "File", "Tensor"]

MAX_CHANNELS = 1024
MAX_RATE = 2**32 - 1

FORMATS: dict[str, str] = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint8": "B",
    "uint16": "H",
    "uint32": "I",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}
"""The element types that a memoryview knows, by their names, with their format."""

TYPE_STRINGS: dict[str, str] = {
    "bool": "|b1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "bfloat16": "<V2",
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}
"""The element types that cross, by their names, as the array interface writes them."""

SIZES: dict[str, int] = {name: int(text[2:]) for name, text in TYPE_STRINGS.items()}
"""The size of one element in bytes."""


def _names_of_formats() -> dict[str, str]:
    # `l`, `L`, `n` and `N` are as long as this platform makes them.
    names = {text: name for name, text in FORMATS.items()}
    for text, signed in (("l", True), ("L", False), ("n", True), ("N", False)):
        bits = struct.calcsize(text) * 8
        names[text] = f"{'' if signed else 'u'}int{bits}"
    return names


NAMES_OF_FORMATS = _names_of_formats()


class Tensor:
    """An n-dimensional array where numpy is not installed.

    `data` is a memoryview of the bytes in C order, `dtype` the name of the element type as numpy writes it, `shape`
    the extent of each dimension. `numpy.asarray(tensor)` shares the memory (not for bfloat16, which numpy lacks).

    Raises `MarshalError` if `dtype` is none that crosses, or `data` is not as long as `shape` says.
    """

    __slots__ = ("__weakref__", "_address", "_owner", "data", "dtype", "shape")

    def __init__(self, data: Any, dtype: str, shape: Sequence[int]) -> None:
        if dtype not in SIZES:
            raise MarshalError(f"dtype {dtype!r} is none of {', '.join(SIZES)}")
        view = memoryview(data)
        if not view.c_contiguous:
            raise MarshalError("the data of a Tensor must be contiguous; copy it first: bytes(data)")
        self.data = view.cast("B") if view.nbytes else memoryview(b"")
        self.dtype = dtype
        self.shape = tuple(int(extent) for extent in shape)
        self._address: int | None = None
        self._owner: Any = None
        need = SIZES[dtype]
        for extent in self.shape:
            if extent < 0:
                raise MarshalError(f"shape {self.shape} has a negative extent; each is 0 or more")
            need *= extent
        if need != self.data.nbytes:
            raise MarshalError(f"shape {self.shape} of {dtype} needs {need} bytes, data has {self.data.nbytes}")

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance between neighbours in bytes, for each dimension."""
        step = SIZES[self.dtype]
        strides = []
        for extent in reversed(self.shape):
            strides.append(step)
            step *= max(extent, 1)
        return tuple(reversed(strides))

    @property
    def nbytes(self) -> int:
        """The size of the elements in bytes."""
        return self.data.nbytes

    @property
    def readonly(self) -> bool:
        """Whether the memory may only be read."""
        return self.data.readonly

    def tolist(self) -> Any:
        """The elements as nested lists. Raises `TypeError` for bfloat16 and complex types."""
        if self.dtype not in FORMATS:
            raise TypeError(f"plain Python has no elements of type {self.dtype}")
        if 0 in self.shape:
            return _empty(self.shape)
        return self.data.cast(FORMATS[self.dtype], self.shape).tolist()  # type: ignore[call-overload]

    def numpy(self) -> Any:
        """The same memory as an array of numpy. Raises `ImportError` without numpy, `TypeError` for bfloat16."""
        with FIRST_USE:
            from ._codec.array_libraries import to_numpy

        if self.dtype == "bfloat16":
            raise TypeError("numpy has no bfloat16; tensor.torch() and tensor.jax() take it")
        return to_numpy(self, "Tensor.numpy")

    def torch(self) -> Any:
        """A tensor of torch, by DLPack: the same memory, or a copy if that may only be read.

        Raises `ImportError` without torch.
        """
        with FIRST_USE:
            from ._codec.array_libraries import to_torch

        return to_torch(self, "Tensor.torch")

    def jax(self) -> Any:
        """An array of jax, by DLPack: the same memory where jax can have it, else a copy.

        jax wants an address that 64 divides. Raises `ImportError` without jax.
        """
        with FIRST_USE:
            from ._codec.array_libraries import to_jax

        return to_jax(self, "Tensor.jax")

    def plot(self, axes: Any = None) -> Any:
        """Draws a matrix, such as a mel spectrogram: into `axes` of matplotlib, or new ones; without it as an SVG."""
        with FIRST_USE:
            from ._pictures.matrix import plot

        return plot(self, axes)

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from ._pictures.matrix import page

        return page(self)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(
            "a Tensor is memory without arithmetic; install numpy, and results are arrays of numpy, or make one: "
            "numpy.asarray(tensor)"
        )

    # What people do with arrays first; they would be told no more than that it can't be done.
    __getitem__ = __add__ = __sub__ = __mul__ = __rmul__ = __truediv__ = __neg__ = __abs__ = _refuse

    @property
    def __array_interface__(self) -> dict[str, Any]:
        if self.dtype == "bfloat16":
            raise AttributeError("numpy has no bfloat16")
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": TYPE_STRINGS[self.dtype],
            "data": self.data if self.data.nbytes else bytearray(1),
            "strides": None,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(
        self,
        *,
        stream: object = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        if dl_device not in (None, (1, 0)):
            raise BufferError("a Tensor lies in the memory of the CPU; move it with the library that takes it")
        with FIRST_USE:
            from ._codec.dlpack import to_capsule

        if copy:
            return to_capsule(Tensor(bytearray(self.data), self.dtype, self.shape), max_version)
        return to_capsule(self, max_version)

    def __buffer__(self, flags: int) -> memoryview:
        if self.dtype in FORMATS and self.data.nbytes:
            return self.data.cast(FORMATS[self.dtype], self.shape)  # type: ignore[call-overload,no-any-return]
        return self.data

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a Tensor without dimensions has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, shape={self.shape})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (bytes(self.data), self.dtype, self.shape)


class Audio:
    """Sound: planar float32 samples, full scale at +-1.0, with their rate.

    `samples` is an array of shape (channels, frames): numpy, or whatever has numpy's array interface or exports a
    float32 buffer, such as `array.array("f")`. One dimension is taken as mono. The memory is shared where each
    channel lies contiguous, else copied. `rate` is in frames per second, `layout` a name such as "stereo" or "5.1",
    `pts` the start in seconds from the beginning of the stream.

    Raises `MarshalError` for other element types and for samples that are (frames, channels), and says what to write;
    `InvalidArgumentError` for a rate that is not a whole number from 1 to 4294967295, and a layout that has another
    number of channels.
    """

    __slots__ = ("__weakref__", "layout", "pts_ns", "rate", "samples")

    def __init__(
        self, samples: Any, rate: int, *, layout: str | None = None, pts: float | None = None, pts_ns: int | None = None
    ) -> None:
        self.samples: Any = _planar(samples)
        try:
            whole = int(rate) if isinstance(rate, (int, float)) or hasattr(rate, "__index__") else 0
        except (ValueError, OverflowError):  # NaN and the infinities
            whole = 0
        if whole != rate or isinstance(rate, bool) or not 1 <= whole <= MAX_RATE:
            raise InvalidArgumentError(f"rate must be a whole number of frames per second, 1 or more, got {rate!r}")
        self.rate = whole
        self.layout = _layout(layout, self.channels)
        self.pts_ns = _exact(pts_ns) if pts_ns is not None or pts is None else nanoseconds("pts", pts)

    @overload
    @classmethod
    def from_pcm(cls, data: Any, sample_format: str, rate: int, channels: int) -> Audio: ...

    @overload
    @classmethod
    def from_pcm(cls, data: Any, *, rate: int, channels: int, format: str) -> Audio: ...

    @classmethod
    def from_pcm(
        cls,
        data: Any,
        sample_format: str | None = None,
        rate: int | None = None,
        channels: int | None = None,
        *,
        format: str | None = None,  # noqa: A002
    ) -> Audio:
        """Sound from interleaved PCM bytes.

        `sample_format` is u8, s16, s24, s32, f32 (little-endian), mulaw or alaw; full scale is 2^(n-1). `format` is its
        old name. Raises `InvalidArgumentError` for other formats, and if the bytes don't divide into whole frames.
        """
        with FIRST_USE:
            from ._codec.pcm import from_pcm, named_format

        return from_pcm(data, named_format(sample_format, format), rate, channels)

    @overload
    def to_pcm(self, sample_format: str) -> bytes: ...

    @overload
    def to_pcm(self, *, format: str) -> bytes: ...

    def to_pcm(self, sample_format: str | None = None, *, format: str | None = None) -> bytes:  # noqa: A002
        """The samples as interleaved PCM bytes, out-of-range ones saturated. Formats as for `from_pcm`."""
        with FIRST_USE:
            from ._codec.pcm import named_format, to_pcm

        return to_pcm(self, named_format(sample_format, format))

    @property
    def channels(self) -> int:
        """The number of channels."""
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """The number of frames: samples in each channel."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """The length in seconds."""
        return self.frames / self.rate

    @property
    def pts(self) -> float | None:
        """The start in seconds from the beginning of the stream, if known. `pts_ns` is exact."""
        return None if self.pts_ns is None else self.pts_ns / 1e9

    def resample(self, rate: int, *, quality: str | None = None) -> Audio:
        """The same sound at another rate, by `nodes.AudioResample`, whose qualities are "fast", "high" and "best"."""
        with FIRST_USE:
            from ._files.audio_values import resampled

        return resampled(self, rate, quality)

    def mono(self) -> Audio:
        """All channels mixed into one, by `nodes.AudioMix`."""
        with FIRST_USE:
            from ._files.audio_values import mixed

        return mixed(self, 1)

    def gain(self, gain_db: float) -> Audio:
        """Louder or quieter by so many decibels, by `nodes.AudioGain`. Nothing limits it."""
        with FIRST_USE:
            from ._files.audio_values import amplified

        return amplified(self, gain_db)

    def numpy(self, dtype: Literal["float32", "int16"] = "float32") -> Any:
        """The samples as an array of numpy of shape (channels, frames), with the same memory.

        With `dtype="int16"` it is a copy: full scale is 32768, rounded to nearest, and what is out of range saturates.
        Raises `InvalidArgumentError` for other types, and `ImportError` without numpy.
        """
        with FIRST_USE:
            from ._codec.array_libraries import int16_array, to_numpy

        if dtype not in ("float32", "int16"):
            raise InvalidArgumentError(
                f"dtype must be 'float32' or 'int16', got {dtype!r}; for others: audio.numpy().astype({dtype!r})"
            )
        return to_numpy(self.samples, "Audio.numpy") if dtype == "float32" else int16_array(self, "Audio.numpy")

    def torch(self) -> Any:
        """The samples as a tensor of torch of shape (channels, frames), by DLPack.

        It has the same memory, or a copy if that may only be read: torch has no tensors that refuse to be written to.
        Raises `ImportError` without torch.
        """
        with FIRST_USE:
            from ._codec.array_libraries import to_torch

        return to_torch(self.samples, "Audio.torch")

    def jax(self) -> Any:
        """The samples as an array of jax of shape (channels, frames), by DLPack.

        It has the same memory where jax can have it, else a copy: jax wants writable memory without gaps at an address
        that 64 divides. Raises `ImportError` without jax.
        """
        with FIRST_USE:
            from ._codec.array_libraries import to_jax

        return to_jax(self.samples, "Audio.jax")

    def save(self, path: str | os.PathLike[str], *, sample_format: str | None = None) -> None:
        """Writes it to a file, as `remotemedia.write` does; the suffix says the format."""
        with FIRST_USE:
            from ._files.audio_values import save

        save(self, path, sample_format)

    def play(self) -> None:
        """Plays it through the default device by the package sounddevice, and waits until it is over.

        In a notebook a player begins in the browser instead. Raises `InvalidArgumentError` without sounddevice.
        """
        with FIRST_USE:
            from ._files.audio_values import play

        play(self)

    def plot(self, axes: Any = None) -> Any:
        """Draws the waveform: into `axes` of matplotlib, or new ones; without matplotlib as an SVG for notebooks."""
        with FIRST_USE:
            from ._files.audio_values import plot

        return plot(self, axes)

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from ._files.audio_values import page

        return page(self)

    def __len__(self) -> int:
        """The number of frames."""
        return self.frames

    def __getitem__(self, span: slice) -> Audio:
        """The part between two times in seconds: `audio[0.5:2.0]`, `audio[-1.0:]` for the last second.

        Times are counted from the first frame and rounded to the nearest one; beyond the ends there is nothing. The
        part has its place in time, and shares the memory where the samples are a numpy array.
        """
        if not isinstance(span, slice):
            raise TypeError(
                f"an Audio is cut by times in seconds, such as audio[0.5:2.0], not by {span!r}; "
                "single samples are audio.samples[channel, frame]"
            )
        if span.step is not None:
            raise TypeError("an Audio is cut without a step; audio.resample(rate) changes the rate")
        begin = self._frame_at(span.start, 0)
        end = max(begin, self._frame_at(span.stop, self.frames))
        part = object.__new__(Audio)
        part.samples = _frames_of(self.samples, begin, end)
        part.rate, part.layout = self.rate, self.layout
        part.pts_ns = None if self.pts_ns is None else self.pts_ns + _nanoseconds_of(begin, self.rate)
        return part

    # Without this, Python would try audio[0], audio[1] and so on.
    __iter__ = None

    def _frame_at(self, seconds: Any, default: int) -> int:
        if seconds is None:
            return default
        try:
            frame = round(seconds * self.rate)
        except (TypeError, ValueError, OverflowError):
            raise TypeError(
                f"an Audio is cut by times in seconds, such as audio[0.5:2.0], not by {seconds!r}"
            ) from None
        return int(min(max(frame + self.frames if seconds < 0 else frame, 0), self.frames))

    def __eq__(self, other: object) -> bool:
        """Whether rate, layout, start and every sample are equal. NaN equals nothing, as everywhere."""
        if not isinstance(other, Audio):
            return NotImplemented
        ours, theirs = self.samples, other.samples
        if (self.rate, self.layout, self.pts_ns) != (other.rate, other.layout, other.pts_ns):
            return False
        if tuple(ours.shape) != tuple(theirs.shape):
            return False
        numpy = imported("numpy")
        if numpy is not None:
            return bool(numpy.array_equal(ours, theirs))
        return self.frames == 0 or memoryview(ours.__buffer__(0)) == memoryview(theirs.__buffer__(0))

    __hash__ = None  # type: ignore[assignment]  # What it holds can be written to.

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The samples as a numpy array of shape (channels, frames), which shares their memory unless `copy` is true."""
        import numpy

        samples = numpy.asarray(self.samples)
        if dtype is not None and samples.dtype != dtype:
            if copy is False:
                raise ValueError(f"the samples are float32; as {dtype} they have to be copied")
            return samples.astype(dtype)
        return samples.copy() if copy else samples

    def __repr__(self) -> str:
        channels, frames = self.channels, self.frames
        name = self.layout if self.layout and self.layout.isprintable() else f"{channels} channels"
        start = "" if self.pts_ns is None else f", pts {self.pts:.3f} s"
        return f"Audio({name}, {frames} frames, {self.rate} Hz, {self.duration:.3f} s{start})"


def at_home(path: str) -> str:
    """The path with the user's folder in place of `~`, unless a file is called that."""
    return os.path.expanduser(path) if path.startswith("~") and not os.path.lexists(path) else path


class File:
    """A file, by path or by content. Nothing is opened here.

    `source` is a path (`str` or `os.PathLike`), which may begin with `~`, or the bytes themselves; `mime` a media type
    such as "audio/flac".
    """

    __slots__ = ("__weakref__", "data", "mime", "path")

    def __init__(
        self, source: str | os.PathLike[str] | bytes | bytearray | memoryview, mime: str | None = None
    ) -> None:
        self.path: str | None = None
        self.data: bytes | bytearray | memoryview | None = None
        if isinstance(source, (bytes, bytearray, memoryview)):
            self.data = source
        elif isinstance(source, (str, os.PathLike)):
            path = os.fspath(source)
            self.path = at_home(os.fsdecode(path) if isinstance(path, bytes) else path)
        else:
            raise MarshalError(f"a File is made from a path or from bytes, not from {type(source).__name__}")
        if mime is not None and not isinstance(mime, str):
            raise InvalidArgumentError(f"mime must be a media type such as 'audio/flac', or None, got {mime!r}")
        self.mime = mime

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, File):
            return NotImplemented
        return (self.path, self.data, self.mime) == (other.path, other.data, other.mime)

    def __hash__(self) -> int:
        return hash((self.path, self.mime))

    def __repr__(self) -> str:
        what = repr(self.path) if self.data is None else f"<{memoryview(self.data).nbytes} bytes>"
        return f"File({what})" if self.mime is None else f"File({what}, mime={self.mime!r})"


def _layout(layout: Any, channels: int) -> str | None:
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


def _frames_of(samples: Any, begin: int, end: int) -> Any:
    """Frames `begin` to `end` of all channels: a view of a numpy array, of a Tensor with several channels a copy."""
    if not isinstance(samples, Tensor):
        return samples[:, begin:end]
    channels, frames = samples.shape
    size = SIZES[samples.dtype]
    rows = [samples.data[(row * frames + begin) * size : (row * frames + end) * size] for row in range(channels)]
    return Tensor(rows[0] if channels == 1 else b"".join(rows), samples.dtype, (channels, end - begin))


def _nanoseconds_of(frames: int, rate: int) -> int:
    # To nearest, as the runtime counts.
    return (frames * 1_000_000_000 + rate // 2) // rate


def _exact(pts_ns: Any) -> int | None:
    whole = pts_ns.__index__() if hasattr(pts_ns, "__index__") and not isinstance(pts_ns, bool) else None
    if pts_ns is not None and (whole is None or not -(2**63) <= whole < 2**63):
        raise InvalidArgumentError(f"pts_ns must be a whole number of nanoseconds within 64 bits, got {pts_ns!r}")
    return whole


def nanoseconds(name: str, seconds: float) -> int:
    """Seconds as exact nanoseconds; `name` is the argument's."""
    try:
        exact: int | None = None if isinstance(seconds, bool) else round(seconds * 1e9)
    except (TypeError, ValueError, OverflowError):
        exact = None
    if exact is None or not -(2**63) <= exact < 2**63:
        raise InvalidArgumentError(f"{name} must be a number of seconds between -9.2e9 and 9.2e9, got {seconds!r}")
    return exact


def _planar(samples: Any) -> Any:
    """`samples` as something with `shape` (channels, frames) whose channels lie contiguous."""
    numpy = imported("numpy")
    if isinstance(samples, Tensor):
        array: Any = samples
    elif hasattr(samples, "__array_interface__") and numpy is not None:
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


def _tensor_of(samples: Any) -> Tensor:
    interface: Mapping[str, Any] | None = getattr(samples, "__array_interface__", None)
    if interface is not None:
        raise MarshalError("import numpy before you pass arrays of another library")
    try:
        view = memoryview(samples)
    except TypeError:
        raise MarshalError(
            f"samples must be a float32 array of shape (channels, frames), got {type(samples).__name__}; "
            'write numpy.asarray(samples, dtype="float32") or array.array("f", samples)'
        ) from None
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
    if dtype.startswith("float"):
        return 'write samples.astype("float32")'
    if dtype == "uint8":
        return 'write Audio.from_pcm(data, "s16", rate=..., channels=...) for bytes of PCM, or convert them to floats'
    return "convert them to floats of full scale 1.0 first"


def _empty(shape: Sequence[int]) -> list[Any]:
    return [] if not shape or shape[0] == 0 else [_empty(shape[1:]) for _ in range(shape[0])]
