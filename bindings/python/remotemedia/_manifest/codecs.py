"""`codecs`: what can be decoded, by the built-in decoders and by the FFmpeg of the machine."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, TypedDict

from .._abi.library import lib, made, runtime
from .._codec.documents import ask

__all__ = ["Codecs", "FFmpeg", "codecs"]


class FFmpeg(TypedDict, total=False):
    """The FFmpeg of the machine. Of one that can't be used there is only `absent`, a sentence that says what to do.

    `version`, `license`, the `path` of its libavformat, the versions of its `libraries`, and its `decoders` of audio
    with a description each.
    """

    absent: str
    version: str
    license: str
    path: str
    libraries: dict[str, str]
    decoders: dict[str, str]


class Codecs(TypedDict):
    """What can be decoded: the names of codecs that are `built_in` with a description each, and what `ffmpeg` adds."""

    built_in: dict[str, str]
    ffmpeg: FFmpeg


def codecs() -> Codecs:
    """Lists the codecs that `AudioDecode`, `read` and the others decode on this machine.

        rm.codecs()["ffmpeg"]["decoders"]["wmav2"]

    FFmpeg's libraries are loaded for it, if they are there and `REMOTEMEDIA_FFMPEG` is not `off`.
    """
    runtime()
    settings = json.dumps({"codecs": True, "workers": 1}).encode()
    other = made("rm_runtime **", lib.rmpy_clear_runtime, partial(lib.rm_runtime_new, settings, len(settings)))
    document: dict[str, Any] = ask(lambda output, error: lib.rm_runtime_describe(other, output, error))
    found: Codecs = document["codecs"]
    return found
