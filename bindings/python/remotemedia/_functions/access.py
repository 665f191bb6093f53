"""Who may write to the arrays of a value that a function gets: nobody, or the function alone.

Both ways rebuild the value around other arrays; what holds none is the same object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..media import Audio, Tensor
from ..video import Video

SCALARS: frozenset[type] = frozenset({bool, bytes, float, int, str})
"""Types of values that nobody can change and nobody awaits. Most checks of a value end with a look here."""

Change = Callable[[Any], Any]
"""Makes another array or memory of one."""


def read_only(value: Any) -> Any:
    """The same value, with arrays that can't be written to: their memory may be in use elsewhere."""
    return value if type(value) in SCALARS else _rebuilt(value, _view, memoryview.toreadonly)


def deep_copy(value: Any) -> Any:
    """A copy of a value, with all arrays in it copied too, so that they can be written to and nobody else sees it."""
    return value if type(value) in SCALARS else _rebuilt(value, _copy, bytearray)


def snapshot(value: Any) -> Any:
    """The same value in lists and dicts of its own, so that what is done to the given ones later is not seen in it."""
    return _rebuilt(value, _same, _same) if type(value) in (list, dict) else value


def _rebuilt(value: Any, array: Change, memory: Change) -> Any:
    kind = type(value)
    if kind is Audio:
        audio = Audio.__new__(Audio)
        audio.samples, audio.rate = _rebuilt(value.samples, array, memory), value.rate
        audio.layout, audio.pts_ns = value.layout, value.pts_ns
        return audio
    if kind is list:
        return [_rebuilt(entry, array, memory) for entry in value]
    if kind is dict:
        return {key: _rebuilt(entry, array, memory) for key, entry in value.items()}
    if kind is Tensor:
        return Tensor(memory(value.data), value.dtype, value.shape)
    if kind is Video:
        video = Video.__new__(Video)
        video.format, video.width, video.height, video.pts_ns = value.format, value.width, value.height, value.pts_ns
        video.planes = [_rebuilt(plane, array, memory) for plane in value.planes]
        return video
    numpy = sys.modules.get("numpy")
    return array(value) if numpy is not None and kind is numpy.ndarray else value


def _view(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


def _same(memory: Any) -> Any:
    return memory


def _copy(array: Any) -> Any:
    return array.copy()
