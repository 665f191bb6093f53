"""The values that plain Python has no type for: `Audio`, `File` and `Tensor`.

They describe memory and never look at its content; converting samples is native work. numpy is used where it is
imported already, and never imported here.
"""

from __future__ import annotations

import math
import os
from typing import Any, Literal, overload

from ._media.audio_samples import checked_layout, frames_of, planar
from ._media.file import File
from ._media.tensor import Tensor
from ._media.times import exact, nanoseconds, nanoseconds_of
from ._process import FIRST_USE, imported
from .errors import InvalidArgumentError

__all__ = ["Audio", "File", "Tensor"]

MAX_RATE = 2**32 - 1


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
        self.samples: Any = planar(samples)
        try:
            whole = int(rate) if isinstance(rate, (int, float)) or hasattr(rate, "__index__") else 0
        except (TypeError, ValueError, OverflowError):  # arrays, NaN and the infinities
            whole = 0
        if not 1 <= whole <= MAX_RATE or whole != rate or isinstance(rate, bool):
            raise InvalidArgumentError(
                f"rate must be a whole number of frames per second from 1 to {MAX_RATE}, got {rate!r}"
            )
        self.rate = whole
        self.layout = checked_layout(layout, self.channels)
        self.pts_ns = exact(pts_ns) if pts_ns is not None or pts is None else nanoseconds("pts", pts)

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
        old name. `data` is bytes, or an array of such samples: int16 for s16, of shape (frames, channels) if it has two
        axes. Raises `InvalidArgumentError` for other formats and other arrays, and if the bytes don't divide into whole
        frames.
        """
        with FIRST_USE:
            from ._codec.pcm import from_pcm, named_format

        return from_pcm(data, named_format(sample_format, format), rate, channels)

    @overload
    def to_pcm(self, sample_format: str) -> bytes: ...

    @overload
    def to_pcm(self, *, format: str) -> bytes: ...

    def to_pcm(self, sample_format: str | None = None, *, format: str | None = None) -> bytes:  # noqa: A002
        """The samples as interleaved PCM bytes, out-of-range ones saturated. Formats as for `from_pcm`.

        Raises `InvalidArgumentError` for NaN and infinity, but with f32.
        """
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
        Raises `InvalidArgumentError` for other types, and for NaN and infinity as 16-bit integers, and `ImportError`
        without numpy.
        """
        with FIRST_USE:
            from ._codec.array_libraries import described_dtype, int16_array, to_numpy

        if dtype not in ("float32", "int16"):
            raise InvalidArgumentError(f"dtype must be 'float32' or 'int16', got {described_dtype(dtype)}")
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

        Times are counted from the first frame and rounded to the nearest one, halves up, as `remotemedia.read` does;
        beyond the ends there is nothing. The part has its place in time, and shares the memory where the samples are a
        numpy array.
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
        part.samples = frames_of(self.samples, begin, end)
        part.rate, part.layout = self.rate, self.layout
        part.pts_ns = None if self.pts_ns is None else self.pts_ns + nanoseconds_of(begin, self.rate)
        return part

    # Without this, Python would try audio[0], audio[1] and so on.
    __iter__ = None

    def _frame_at(self, seconds: Any, default: int) -> int:
        if seconds is None:
            return default
        try:
            if isinstance(seconds, (str, bytes, bytearray)):
                raise TypeError  # of which float would make a number
            # Before the product: that of a numpy.float32 has 24 bits.
            place = float(seconds) * self.rate
            frame = math.floor(place)
            frame += place - frame >= 0.5
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
