"""How a Python function that is a node is called: whether it is to be awaited, and what it may do with arrays."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from .media import Audio


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling `function` gives an awaitable."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def read_only(value: Any) -> Any:
    """The same value, with arrays that can't be written to: their memory may be in use elsewhere."""
    kind = type(value)
    if kind is Audio:
        audio = Audio.__new__(Audio)
        audio.samples, audio.rate = read_only(value.samples), value.rate
        audio.layout, audio.pts_ns = value.layout, value.pts_ns
        return audio
    if kind is list:
        return [read_only(entry) for entry in value]
    if kind is dict:
        return {key: read_only(entry) for key, entry in value.items()}
    numpy = sys.modules.get("numpy")
    if numpy is not None and kind is numpy.ndarray:
        view = value.view()
        view.flags.writeable = False
        return view
    return value
