"""Values of a node's own, for functions that change what they get."""

from __future__ import annotations

import sys
from typing import Any

from .media import Audio, Tensor
from .video import Video


def private(value: Any) -> Any:
    """A copy of a value, with all arrays in it copied too, so that they can be written to and nobody else sees it."""
    kind = type(value)
    if kind is Audio:
        audio = Audio.__new__(Audio)
        audio.samples, audio.rate = private(value.samples), value.rate
        audio.layout, audio.pts_ns = value.layout, value.pts_ns
        return audio
    if kind is list:
        return [private(entry) for entry in value]
    if kind is dict:
        return {key: private(entry) for key, entry in value.items()}
    if kind is Tensor:
        return Tensor(bytearray(value.data), value.dtype, value.shape)
    if kind is Video:
        video = Video.__new__(Video)
        video.format, video.width, video.height, video.pts_ns = value.format, value.width, value.height, value.pts_ns
        video.planes = [private(plane) for plane in value.planes]
        return video
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        return value.copy()
    return value
