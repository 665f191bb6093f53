"""Converts PCM bytes to `Audio` and back, whole or as they arrive. The conversion itself is native."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

from .._abi.constants import AUDIO
from .._abi.direct_calls import audio_from_pcm
from .._abi.library import check, ffi, lib
from .._abi.msgpack import ExtType, msgpack
from .._media.audio_samples import MAX_CHANNELS
from .._media.element_types import NAMES_OF_FORMATS
from .._problem.whole_number import require_whole
from ..errors import InvalidArgumentError
from ..media import MAX_RATE, Audio
from .call_buffers import acquire, release

FRAME_BYTES = {"u8": 1, "s16": 2, "s24": 3, "s32": 4, "f32": 4, "mulaw": 1, "alaw": 1}
"""The size of one sample, by the name of its format."""

SHORT_BYTES = 16 * 1024
"""What a call sends at a time: converting it takes a few microseconds."""

_pack = msgpack.Packer(strict_types=True).pack

ELEMENTS = {"uint8": "u8", "int16": "s16", "int32": "s32", "float32": "f32"}
"""The formats that arrays have, by the names of their element types."""

OTHER_NAMES = {
    "8": "u8",
    "uint8": "u8",
    "16": "s16",
    "int16": "s16",
    "i16": "s16",
    "linear16": "s16",
    "24": "s24",
    "int24": "s24",
    "i24": "s24",
    "32": "s32",
    "int32": "s32",
    "i32": "s32",
    "float": "f32",
    "float32": "f32",
    "flt": "f32",
    "ulaw": "mulaw",
    "g711u": "mulaw",
    "g711a": "alaw",
}
"""What numpy, FFmpeg, ALSA and soundfile call them, in lower case and without `pcm`, `le` and hyphens."""


class PCM:
    """The format of raw bytes that a session is fed with: interleaved little-endian samples.

    An array of such samples is taken as its bytes: int16 for s16, of shape (frames, channels) if it has two axes.
    `sample_format` is u8, s16, s24, s32, f32, mulaw or alaw, `rate` in frames per second. `format` is the old name of
    `sample_format`. Raises `InvalidArgumentError` for others.
    """

    __slots__ = ("channels", "rate", "sample_format")

    @overload
    def __init__(self, sample_format: str, rate: int, channels: int) -> None: ...

    @overload
    def __init__(self, *, rate: int, channels: int, format: str) -> None: ...

    def __init__(
        self,
        sample_format: str | None = None,
        rate: int | None = None,
        channels: int | None = None,
        *,
        format: str | None = None,  # noqa: A002
    ) -> None:
        self.sample_format = named_format(sample_format, format)
        self.rate, self.channels = _rate_and_channels(rate, channels, f"PCM({self.sample_format!r}")

    @property
    def format(self) -> str:
        """The old name of `sample_format`."""
        return self.sample_format

    def reader(self) -> PCMReader:
        """A reader that makes `Audio` of bytes that arrive in pieces."""
        return PCMReader(self)

    def __repr__(self) -> str:
        return f"PCM({self.sample_format!r}, {self.rate}, {self.channels})"


class PCMReader:
    """Makes `Audio` of bytes that may be split anywhere; an incomplete frame waits for the next piece."""

    def __init__(self, pcm: PCM) -> None:
        self._pcm = pcm
        self._size = FRAME_BYTES[pcm.sample_format] * pcm.channels
        self.state = (b"", 0)
        """The bytes of an incomplete frame, and the count of frames before it. It may be set back."""
        self._name = pcm.sample_format.encode()
        self._start = b""
        """How the payload of its audio begins, up to the time; empty until some was made."""

    def take_packed(self, data: Any) -> Any:
        """What `take` returns, or the same as an ext value: short frames of a call need no `Audio` on their way."""
        rest, frames = self.state
        if type(data) is not bytes or rest or not 0 < len(data) <= SHORT_BYTES or len(data) % self._size:
            return self.take(data)
        used = acquire()
        try:
            used.ready()
            length = audio_from_pcm(used.address, data, self._name, self._pcm.rate, self._pcm.channels)
            check(used.native.status, used.error)
            start = self._start
            payload = used.unpack_payload(length) if start and length > 0 else b""
            audio = None if payload else used.unpack()
        finally:
            release(used)
        self.state = b"", frames + len(data) // self._size
        time = self._time_of(frames)
        if audio is not None:
            # The first, or one that is too large for the room of the call.
            self._start = b"\x98" + _pack([audio.rate, audio.layout])[1:]
            audio.pts_ns = time
            return audio
        # The time is the one nil behind that beginning.
        return ExtType(AUDIO, start + _pack(time) + payload[len(start) + 1 :])

    def take(self, data: Any) -> Audio | None:
        """The complete frames so far as `Audio`, with its place in time; None if there are none."""
        view = self._view(data)
        rest, frames = self.state
        if rest:
            view = memoryview(rest + view)
        whole = len(view) - len(view) % self._size
        self.state = bytes(view[whole:]), frames + whole // self._size
        if not whole:
            return None
        pcm = self._pcm
        audio = from_pcm(view[:whole], pcm.sample_format, pcm.rate, pcm.channels)
        audio.pts_ns = self._time_of(frames)
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
                size += len(view)
                if size >= second:
                    sounds.append(self.take(b"".join(held)))
                    held, size = [], 0
            sounds.append(self.take(b"".join(held)))
        except BaseException:
            self.state = before
            raise
        return [sound for sound in sounds if sound is not None]

    def all_or_nothing(self, attempt: Callable[[], bool]) -> bool:
        """What `attempt` returns, which sends what it takes: if it does not, neither bytes nor time were taken."""
        before, is_sent = self.state, False
        try:
            is_sent = attempt()
        finally:
            if not is_sent:
                self.state = before
        return is_sent

    def behind(self, state: tuple[bytes, int], taken: Sequence[Audio]) -> tuple[bytes, int]:
        """The state once these sounds were taken, which were made of bytes behind `state`; none behind them were."""
        return (b"", state[1] + sum(sound.frames for sound in taken)) if taken else state

    def _time_of(self, frames: int) -> int:
        """When a frame sounds, in nanoseconds: from the count, not a sum of durations, so that it does not drift."""
        return (frames * 1_000_000_000 + self._pcm.rate // 2) // self._pcm.rate

    def _view(self, data: Any) -> memoryview:
        pcm = self._pcm
        view = _bytes_of(data, pcm.sample_format, pcm.channels)
        if view is None:
            raise InvalidArgumentError(
                f"with input={pcm!r} send takes bytes, got {type(data).__name__}; leave input= out to send values"
            )
        return view

    def flush(self) -> None:
        """Ends a stream of them. Raises `InvalidArgumentError` if a frame is incomplete, and keeps its bytes."""
        if problem := self._incomplete():
            raise InvalidArgumentError(f"{problem}; send the rest of that frame first")

    def finish(self) -> None:
        """Ends the bytes. Raises `InvalidArgumentError` if a frame is incomplete, and drops its bytes."""
        problem = self._incomplete()
        self.state = b"", self.state[1]
        if problem:
            raise InvalidArgumentError(problem)

    def _incomplete(self) -> str:
        """What is wrong with a stream that ends here; empty if nothing is."""
        count = len(self.state[0])
        left = "1 byte is" if count == 1 else f"{count} bytes are"
        return f"the stream ends in the middle of a frame: {left} left, a frame has {self._size}" if count else ""


def named_format(sample_format: Any, old_name: Any = None) -> str:
    """The name of a format of samples that was given as `sample_format` or by the old name of that argument, `format`.

    Raises `InvalidArgumentError` for what is none, with the name that was meant if it is one of another library.
    """
    if sample_format is not None and old_name is not None:
        raise InvalidArgumentError("format is the old name of sample_format; leave one of them out")
    name = old_name if sample_format is None else sample_format
    if isinstance(name, str) and name in FRAME_BYTES:
        return name
    if name is None:
        raise InvalidArgumentError(f"sample_format is missing; it is one of {', '.join(FRAME_BYTES)}")
    meant = _meant(name)
    cure = "" if meant is None else f"; did you mean {meant!r}?"
    raise InvalidArgumentError(f"sample_format must be one of {', '.join(FRAME_BYTES)}, got {name!r}{cure}")


def from_pcm(data: Any, sample_format: str, rate: Any, channels: Any) -> Audio:
    """See `Audio.from_pcm`."""
    rate, channels = _rate_and_channels(rate, channels, f"Audio.from_pcm(data, {sample_format!r}")
    view = _bytes_of(data, sample_format, channels)
    if view is None:
        raise InvalidArgumentError(f"data must be bytes of PCM, got {type(data).__name__}")
    name = sample_format.encode()
    used = acquire()
    try:
        used.ready()
        status = lib.rm_audio_from_pcm(
            ffi.from_buffer("uint8_t[]", view),
            len(view),
            name,
            len(name),
            rate,
            channels,
            used.output,
            used.error,
        )
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        release(used)


def to_pcm(audio: Audio, sample_format: str) -> bytes:
    """See `Audio.to_pcm`."""
    used = acquire()
    try:
        document = used.pack(audio, "audio")
        used.ready()
        table, length = used.buffers()
        name = sample_format.encode()
        status = lib.rm_audio_to_pcm(document, len(document), table, length, name, len(name), used.output, used.error)
        # Native code has read the samples, and keeps nothing.
        used.forget()
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        release(used)


def _rate_and_channels(rate: Any, channels: Any, call: str) -> tuple[int, int]:
    """Rate and channels as whole numbers. `call` is the beginning of what the user writes, for where one is missing."""
    if rate is None or channels is None:
        name = "rate" if rate is None else "channels"
        cure = f"{call}, {16000 if rate is None else rate!r}, {1 if channels is None else channels!r})"
        raise InvalidArgumentError(f"{name} is missing; write {cure}")
    return require_whole("rate", rate, 1, MAX_RATE), require_whole("channels", channels, 1, MAX_CHANNELS)


def _bytes_of(data: Any, sample_format: str, channels: int) -> memoryview | None:
    """The bytes of `data`, in the order of its elements; None if it has no memory.

    Raises `InvalidArgumentError` for an array whose elements are no samples of the format, or are not interleaved.
    """
    try:
        view = memoryview(data)
    except TypeError:
        return None
    if view.itemsize > 1 or view.format == "?":
        name = NAMES_OF_FORMATS.get(view.format.lstrip("@=<"), view.format)
        fitting = ELEMENTS.get(name)
        if fitting != sample_format:
            cure = "convert them" if fitting is None else f"convert them, or write {fitting!r} for these"
            raise InvalidArgumentError(f"elements of {name} are no samples of the format {sample_format!r}; {cure}")
    shape = view.shape or ()
    if len(shape) > 1 and view.itemsize == FRAME_BYTES[sample_format]:
        _check_shape(shape, channels)
    if not view.nbytes:
        return memoryview(b"")
    # A cast takes neither strides nor formats that name their byte order.
    is_plain = view.c_contiguous and len(view.format) == 1
    return view.cast("B") if is_plain else memoryview(view.tobytes())


def _check_shape(shape: tuple[int, ...], channels: int) -> None:
    """Raises `InvalidArgumentError` for an array of several axes whose bytes are not interleaved channels."""
    # The bytes of one channel are the same whichever axis it is along.
    is_right = shape[-1] == channels if channels > 1 else sum(length != 1 for length in shape) <= 1
    if is_right:
        return
    if len(shape) == 2 and shape[0] == channels:
        raise InvalidArgumentError(
            f"an array of shape {shape} is not interleaved, which is (frames, {channels}); transpose it: samples.T"
        )
    raise InvalidArgumentError(
        f"an array of shape {shape} is not of {channels} channel{'s' * (channels > 1)}, which is (frames, {channels}); "
        "send one of that shape, or write in PCM how many channels there are"
    )


def _meant(name: Any) -> str | None:
    """The format that a wrong name stands for: one of another library, a dtype, a number of bits, or misspelled."""
    text = str(getattr(name, "__name__", name)).lower()
    for part in ("pcm", "-", "_"):
        text = text.replace(part, "")
    text = text.removesuffix("le")
    if text in FRAME_BYTES:
        return text
    near = difflib.get_close_matches(text, FRAME_BYTES, 1, 0.7) if 3 <= len(text) <= 20 else []
    return OTHER_NAMES.get(text) or (near[0] if near else None)
