"""Encoders behind results that are audio: the runtime encodes, this module says where its bytes go."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..._graph.node import Node
from ..._graph.pipeline import Pipeline
from ..._media.file import to_native
from ...media import Audio
from ..files.whole_file import is_device, write_whole

AUDIO = (".wav", ".flac", ".opus")
"""The endings of files that `AudioEncode` writes."""
STDOUT = "-"
STDOUT_PATH = "/dev/stdout"


def encoder_params(path: str, ending: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The params of an `AudioEncode` for a file.

    It writes the file itself where the path is text. Else it gives bytes, and so it does for a stdout that is a file:
    the header of audio that is written behind other bytes could not tell its length.
    """
    if path == STDOUT:
        where = {"path": STDOUT_PATH, "format": ending[1:]} if _streams() else {"format": ending[1:]}
    else:
        # A device has no ending.
        named = {} if path.lower().endswith(ending) else {"format": ending[1:]}
        native = to_native(path)
        where = {"format": ending[1:]} if native is None else {"path": native, **named}
    return {**where, **options}


async def encode(chunks: Sequence[Audio], path: str, ending: str, options: Mapping[str, Any]) -> None:
    """Encodes audio that came out as values into one file. An earlier one is replaced."""
    pipeline = Pipeline() >> Node("AudioEncode", encoder_params(path, ending, options))
    async for made in pipeline.stream(chunks):
        if isinstance(made, bytes):
            write(path, made)


def write(path: str, data: Any) -> None:
    """Writes a file that appears when it is whole, or the bytes to stdout."""
    if path != STDOUT:
        write_whole(path, data)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _streams() -> bool:
    """Whether stdout takes bytes as they come, under a path of its own."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return is_device(mode) and os.path.exists(STDOUT_PATH)
