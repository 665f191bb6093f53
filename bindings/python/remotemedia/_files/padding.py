"""`pad_batch`: sounds of different lengths in one array, as models take them, with how long each is."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from .._codec.samples import copy_into, fill, uncleared
from .._problem.own_results import cure_for_audio
from .._problem.whole_number import require_whole
from .._results.inputs import require_several
from ..errors import InvalidArgumentError, MarshalError
from ..media import Audio, Tensor

__all__ = ["pad_batch"]

MOST_FRAMES = 1 << 40
"""More than any machine has room for, and few enough to count their bytes."""


def pad_batch(audios: Iterable[Audio], *, value: float = 0.0, length: int | None = None) -> tuple[Tensor, list[int]]:
    """Packs sounds of different lengths into one float32 tensor, padded at their ends; returns it and the lengths.

        batch, lengths = rm.pad_batch([clip.audio for clip in clips])
        model(batch.torch(), lengths)

    The tensor has shape (batch, frames) where all are mono, else (batch, channels, frames); `lengths` are the frames of
    each before padding. `frames` is the length of the longest, or `length`. `value` is what stands behind the shorter
    ones. Each sample is copied once, while other threads of Python continue.

    Raises `InvalidArgumentError` for no sounds at all or a single one that stands in no list, for rates or numbers of
    channels that differ, and for a sound that is longer than `length`; `MarshalError` for what is no `Audio`.
    """
    require_several(audios, "pad_batch", "sounds", "rm.pad_batch([sound async for sound in sounds])")
    sounds = list(audios)
    if not sounds:
        raise InvalidArgumentError("pad_batch takes one Audio or more, got none")
    for place, sound in enumerate(sounds):
        _check(place, sound, sounds[0])
    lengths = [sound.frames for sound in sounds]
    frames = max(lengths) if length is None else require_whole("length", length, 0, MOST_FRAMES)
    _require_room(sounds, frames)
    channels = sounds[0].channels
    memory, address = uncleared(len(sounds) * channels, frames)
    padding = _element(value)
    size = channels * frames * 4
    for place, sound in enumerate(sounds):
        begin = address + place * size
        copy_into(sound, begin, frames, 0)
        if sound.frames < frames:
            for channel in range(channels):
                fill(begin + (channel * frames + sound.frames) * 4, frames - sound.frames, padding)
    shape = (len(sounds), frames) if channels == 1 else (len(sounds), channels, frames)
    return Tensor(memory.data if isinstance(memory, Tensor) else memory, "float32", shape), lengths


def _check(place: int, sound: Any, first: Audio) -> None:
    if not isinstance(sound, Audio):
        own = cure_for_audio(sound)
        cure = "" if own is None else f"; {own}"
        raise MarshalError(f"audios[{place}] is {_described(sound)}, and pad_batch takes Audio{cure}")
    if sound.rate != first.rate:
        raise InvalidArgumentError(
            f"audios[{place}] has {sound.rate} Hz, and those before it have {first.rate}; read all with the same rate="
            f", or resample it: audio.resample({first.rate})"
        )
    if sound.channels != first.channels:
        raise InvalidArgumentError(
            f"audios[{place}] has {_channels(sound)}, and those before it have {_channels(first)}; "
            "read all with the same channels=, or mix each to one: audio.mono()"
        )


def _require_room(sounds: list[Audio], frames: int) -> None:
    for place, sound in enumerate(sounds):
        if sound.frames > frames:
            raise InvalidArgumentError(
                f"audios[{place}] has {sound.frames} frames, more than length={frames}; cut it first, such as "
                f"audio[:{frames / sound.rate!r}], or leave length out"
            )


def _element(value: Any) -> bytes:
    try:
        return struct.pack("=f", value)
    except (struct.error, OverflowError, TypeError):
        raise InvalidArgumentError(f"value must be a number that a float32 holds, got {value!r}") from None


def _channels(sound: Audio) -> str:
    return f"{sound.channels} channel{'s' * (sound.channels != 1)}"


def _described(value: Any) -> str:
    return "None, the sound of a file that could not be read" if value is None else f"of type {type(value).__name__}"
