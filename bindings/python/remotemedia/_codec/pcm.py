"""Converts PCM bytes to `Audio` and back, whole or as they arrive. The conversion itself is native."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._abi.library import check, ffi, lib
from ..errors import InvalidArgumentError
from ..media import MAX_CHANNELS, MAX_RATE, Audio
from .call_buffers import acquire, release

FRAME_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "mulaw": 1, "alaw": 1}
"""The size of one sample, by the name of its format."""


class PCM:
    """The format of raw bytes that a session is fed with: interleaved little-endian samples.

    `format` is u8, s16, s24, s32, f32, mulaw or alaw, `rate` in frames per second. Raises `InvalidArgumentError` for
    others.
    """

    __slots__ = ("channels", "format", "rate")

    def __init__(self, format: str, rate: int, channels: int) -> None:  # noqa: A002
        if format not in FRAME_BYTES:
            raise InvalidArgumentError(f"format must be one of {', '.join(FRAME_BYTES)}, got {format!r}")
        self.format = format
        self.rate, self.channels = _whole("rate", rate, MAX_RATE), _whole("channels", channels, MAX_CHANNELS)

    def reader(self) -> PCMReader:
        """A reader that makes `Audio` of bytes that arrive in pieces."""
        return PCMReader(self)

    def __repr__(self) -> str:
        return f"PCM({self.format!r}, {self.rate}, {self.channels})"


class PCMReader:
    """Makes `Audio` of bytes that may be split anywhere; an incomplete frame waits for the next piece."""

    def __init__(self, pcm: PCM) -> None:
        self._pcm = pcm
        self._size = FRAME_BYTES[pcm.format] * pcm.channels
        self.state = (b"", 0)
        """The bytes of an incomplete frame, and the count of frames before it. It may be set back."""

    def take(self, data: Any) -> Audio | None:
        """The complete frames so far as `Audio`, with its place in time; None if there are none."""
        view = self._view(data)
        rest, frames = self.state
        if rest:
            data = rest + bytes(view)
            view = memoryview(data)
        elif not view.c_contiguous:
            view = memoryview(view.tobytes())
        view = view.cast("B") if view.nbytes else memoryview(b"")
        whole = view.nbytes - view.nbytes % self._size
        self.state = bytes(view[whole:]), frames + whole // self._size
        if not whole:
            return None
        pcm = self._pcm
        audio = from_pcm(view[:whole], pcm.format, pcm.rate, pcm.channels)
        # From the count of frames, not a sum of durations: time does not drift.
        audio.pts_ns = (frames * 1_000_000_000 + pcm.rate // 2) // pcm.rate
        return audio

    def take_many(self, pieces: Iterable[Any]) -> list[Audio]:
        """The complete frames in all these pieces, as a few packets of about a second.

        Raises as `take` does, and has taken nothing then.
        """
        before, second = self.state, self._size * self._pcm.rate
        sounds, held, size = [], [], 0
        try:
            for piece in pieces:
                view = self._view(piece)
                held.append(view)
                size += view.nbytes
                if size >= second:
                    sounds.append(self.take(b"".join(held)))
                    held, size = [], 0
            sounds.append(self.take(b"".join(held)))
        except BaseException:
            self.state = before
            raise
        return [sound for sound in sounds if sound is not None]

    def _view(self, data: Any) -> memoryview:
        try:
            return memoryview(data)
        except TypeError:
            raise InvalidArgumentError(
                f"with input={self._pcm!r} send takes bytes, got {type(data).__name__}; leave input= out to send values"
            ) from None

    def finish(self) -> None:
        """Ends the bytes. Raises `InvalidArgumentError` if a frame is incomplete."""
        rest, frames = self.state
        self.state = b"", frames
        if rest:
            raise InvalidArgumentError(
                f"the stream ends in the middle of a frame: {len(rest)} bytes are left, a frame has {self._size}"
            )


def from_pcm(data: Any, format: str, rate: int, channels: int) -> Audio:  # noqa: A002
    """See `Audio.from_pcm`."""
    rate, channels = _whole("rate", rate, MAX_RATE), _whole("channels", channels, MAX_CHANNELS)
    view = memoryview(data)
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    view = view.cast("B") if view.nbytes else memoryview(b"")
    used = acquire()
    try:
        used.ready()
        status = lib.rm_audio_from_pcm(
            ffi.from_buffer("uint8_t[]", view), view.nbytes, _name(format), rate, channels, used.output, used.error
        )
        used.output.discard_count = 0
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        release(used)


def to_pcm(audio: Audio, format: str) -> bytes:  # noqa: A002
    """See `Audio.to_pcm`."""
    used = acquire()
    try:
        document = used.pack(audio, "audio")
        used.ready()
        table, length = used.buffers()
        status = lib.rm_audio_to_pcm(document, len(document), table, length, _name(format), used.output, used.error)
        used.output.discard_count = 0
        # Native code does not keep the samples after this call.
        used.forget()
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        release(used)


def _whole(name: str, value: Any, most: int) -> int:
    whole = value.__index__() if hasattr(value, "__index__") and not isinstance(value, bool) else 0
    if not 1 <= whole <= most:
        raise InvalidArgumentError(f"{name} must be a whole number between 1 and {most}, got {value!r}")
    return int(whole)


def _name(format: str) -> bytes:  # noqa: A002
    if not isinstance(format, str) or "\0" in format:
        raise InvalidArgumentError(f"format must be a name such as 's16', got {format!r}")
    return format.encode("utf-8", "replace")
