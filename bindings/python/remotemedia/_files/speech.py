"""`speech_segments`: finds speech in one call. It is a short pipeline of native nodes."""

from __future__ import annotations

import math
from typing import Any

from .._graph.pipeline import Pipeline
from ..media import Audio, File
from ..nodes import AudioDecode, SpeechSegments
from .decoding import CHUNK_MS
from .places import Source, afile_of, file_of
from .words import in_words_of

__all__ = ["aspeech_segments", "speech_segments"]


def speech_segments(source: Source | Audio, **params: Any) -> list[dict[str, Any]]:
    """Finds the segments in which somebody speaks: a list of `{"type": "segment", "start_s", "end_s", "audio"}`.

        for segment in rm.speech_segments("call.flac", min_silence_duration_ms=300):
            print(segment["start_s"], segment["audio"])

    `source` is an `Audio`, or a file as for `read`, of any rate and layout; the audio of a segment has
    the same. `params` are those of `remotemedia.nodes.SpeechSegments`: `threshold`, `neg_threshold`,
    `min_speech_duration_ms`, `min_silence_duration_ms`, `speech_pad_ms` and `max_speech_duration_s`, with the defaults
    of silero-vad. Raises `InvalidArgumentError` for params out of range, `FileNotFoundError`, `NodeError` for a file
    that can't be decoded. It blocks; `await aspeech_segments(...)` does the same beside an event loop.
    """
    pipeline, item = _pipeline(source if isinstance(source, Audio) else file_of(source, "speech_segments"), params)
    with in_words_of("speech_segments"):
        return list(pipeline.run_sync([item]))


async def aspeech_segments(source: Source | Audio, **params: Any) -> list[dict[str, Any]]:
    """Does what `speech_segments` does, beside the event loop. Cancelling the await cancels the work."""
    item = source if isinstance(source, Audio) else await afile_of(source, "aspeech_segments")
    pipeline, item = _pipeline(item, params)
    with in_words_of("aspeech_segments"):
        pipeline.validate()
        return list(await pipeline.run([item]))


def _pipeline(source: File | Audio, params: dict[str, Any]) -> tuple[Pipeline, Audio | File]:
    if params.get("max_speech_duration_s") == math.inf:
        # In silero-vad this means no limit.
        params = {**params, "max_speech_duration_s": None}
    segments = SpeechSegments(**params)
    if isinstance(source, Audio):
        return Pipeline() >> segments, source
    return Pipeline() >> AudioDecode(chunk_ms=CHUNK_MS) >> segments, source
