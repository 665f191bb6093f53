"""Decodes audio for vLLM, as its audio backend "remotemedia".

vLLM calls `register` in each of its processes, by the entry point `vllm.general_plugins` of this package. It has none
itself for adding a backend: `register` enters one into the table in which vLLM 0.33 looks them up.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from .._files.audio_files import decoder
from .._files.concat import concatenate
from .._files.places import file_of
from .._files.words import in_words_of
from .._graph.function_node import node
from .._problem.missing_library import require
from ..errors import InvalidArgumentError, MarshalError, NodeError
from ..media import Audio
from ._batches import take_share

__all__ = ["NAME", "load_audio", "register"]

NAME = "remotemedia"
"""What `--media-io-kwargs '{"audio": {"audio_backend": "remotemedia"}}'` calls it."""

AUTO = "REMOTEMEDIA_VLLM_AUTO"
"""The environment variable with which vLLM's backend "auto" tries this one first."""

_log = logging.getLogger("remotemedia")


def register() -> None:
    """Adds the audio backend "remotemedia" to vLLM. Registering twice changes nothing.

        vllm serve MODEL --media-io-kwargs '{"audio": {"audio_backend": "remotemedia"}}'

    The endpoints for transcription take no such setting, they use "auto". With `REMOTEMEDIA_VLLM_AUTO=1` in the
    environment that tries this backend first, and what it can't decode goes to those that vLLM has.

    It raises nothing, since that would end vLLM: a vLLM that looks up its backends otherwise gets a warning in the log.
    """
    try:
        backends = require("vllm.multimodal.media.audio", "register", "vllm")
        loaders, names = backends._AUDIO_LOADERS, tuple(backends.AUDIO_BACKENDS)
        first = backends.load_audio_torchcodec
    except (ImportError, AttributeError) as error:
        _log.warning("the audio backend %r is not registered: this vLLM has other tables than 0.33: %s", NAME, error)
        return
    loaders[NAME] = load_audio
    if NAME not in names:
        backends.AUDIO_BACKENDS = (*names, NAME)
    if os.environ.get(AUTO) == "1" and not isinstance(first, _ThisFirst):
        # "auto" calls this by its name in the module; "torchcodec" takes it from the table and stays what it was.
        backends.load_audio_torchcodec = _ThisFirst(first)


def load_audio(
    path: Any,
    *,
    sr: float | None = 22050,
    mono: bool = True,
    max_duration_s: float | None = None,
    max_decode_bytes: int | None = None,
) -> tuple[Any, int]:
    """The samples of a file and their rate, as loaders of vLLM give them.

    `path` is a path or a `BytesIO`. The samples are a float32 array of shape (frames,), or with `mono=False` (channels,
    frames) unless the file is mono. `sr` is the rate to resample to; None keeps that of the file. Decoding, mixing and
    resampling hold no GIL, and end as soon as there is more than `max_duration_s` or `max_decode_bytes` allows.

    Raises `ValueError`, which vLLM reports to the client, for a file that can't be decoded or is too long.
    """
    if sr is not None and sr != int(sr):
        raise InvalidArgumentError(f"sr must be a whole number of frames per second, got {sr}")
    sound = _Sound(max_duration_s, max_decode_bytes)
    take_share()

    @node
    def take(chunk: Audio) -> None:
        sound.take(chunk)

    pipeline = decoder(None if sr is None else int(sr), 1 if mono else None, 0.0, None) >> take
    try:
        with in_words_of(NAME):
            pipeline.run_sync([file_of(path, NAME)])
        audio = sound.whole()
    except NodeError as error:
        if sound.refusal is not None:
            raise sound.refusal from None
        raise ValueError(str(error)) from error
    samples = audio.numpy()
    return (samples[0] if audio.channels == 1 else samples), audio.rate


class _Sound:
    """The chunks of a file so far, within the limits that vLLM sets."""

    def __init__(self, max_duration_s: float | None, max_decode_bytes: int | None) -> None:
        self.refusal: ValueError | None = None
        self._max_duration_s, self._max_decode_bytes = max_duration_s, max_decode_bytes
        self._chunks: list[Audio] = []
        self._frames = self._bytes = 0

    def take(self, chunk: Audio) -> None:
        """Adds a chunk. Raises `ValueError` when there is too much, which ends the decoding."""
        self._frames += chunk.frames
        self._bytes += chunk.frames * chunk.channels * 4
        # vLLM looks for the names of its settings in these texts.
        if self._max_duration_s is not None and self._frames > int(self._max_duration_s * chunk.rate):
            self.refusal = ValueError(
                f"the audio is longer than {self._max_duration_s} s; VLLM_MAX_AUDIO_DECODE_DURATION_S sets this limit"
            )
        elif self._max_decode_bytes is not None and self._bytes > self._max_decode_bytes:
            self.refusal = ValueError(
                f"the audio takes more than {self._max_decode_bytes} bytes; VLLM_MAX_AUDIO_DECODE_BYTES sets this limit"
            )
        if self.refusal is not None:
            raise self.refusal
        self._chunks.append(chunk)

    def whole(self) -> Audio:
        """All of it. Raises `MarshalError`, a `ValueError`, if there is nothing."""
        if not self._chunks:
            raise MarshalError("the file holds no sound, not one frame")
        return concatenate(self._chunks, "the audio")


class _ThisFirst:
    """A loader that tries `load_audio` first, and another one for what that can't decode."""

    def __init__(self, other: Any) -> None:
        self._other = other

    def __call__(self, path: Any, **given: Any) -> Any:
        try:
            return load_audio(path, **given)
        except ValueError as error:
            if "VLLM_MAX_AUDIO_DECODE" in str(error):
                raise
            if hasattr(path, "seek"):
                path.seek(0)
            return self._other(path, **given)
