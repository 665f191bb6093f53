"""PCM bytes to `Audio` and back. The conversion is native."""

from __future__ import annotations

from typing import Any

from ._library import check, ffi, lib
from ._marshal import give_back, lane
from .errors import InvalidArgumentError
from .media import MAX_CHANNELS, MAX_RATE, Audio


def from_pcm(data: Any, format: str, rate: int, channels: int) -> Audio:  # noqa: A002
    """See `Audio.from_pcm`."""
    rate, channels = _whole("rate", rate, MAX_RATE), _whole("channels", channels, MAX_CHANNELS)
    view = memoryview(data)
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    view = view.cast("B") if view.nbytes else memoryview(b"")
    used = lane()
    try:
        used.ready()
        status = lib.rm_audio_from_pcm(
            ffi.from_buffer("uint8_t[]", view), view.nbytes, _name(format), rate, channels, used.output, used.error
        )
        used.output.discard_count = 0
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        give_back(used)


def to_pcm(audio: Audio, format: str) -> bytes:  # noqa: A002
    """See `Audio.to_pcm`."""
    used = lane()
    try:
        document = used.pack(audio, "audio")
        used.ready()
        table, length = used.buffers()
        status = lib.rm_audio_to_pcm(document, len(document), table, length, _name(format), used.output, used.error)
        used.output.discard_count = 0
        # Nothing native keeps the samples after this call.
        used.forget()
        check(status, used.error)
        return used.unpack()  # type: ignore[no-any-return]
    finally:
        give_back(used)


def _whole(name: str, value: Any, most: int) -> int:
    whole = value.__index__() if hasattr(value, "__index__") and not isinstance(value, bool) else 0
    if not 1 <= whole <= most:
        raise InvalidArgumentError(f"{name} must be a whole number between 1 and {most}, got {value!r}")
    return int(whole)


def _name(format: str) -> bytes:  # noqa: A002
    if not isinstance(format, str) or "\0" in format:
        raise InvalidArgumentError(f"format must be a name such as 's16', got {format!r}")
    return format.encode("utf-8", "replace")
