"""What the garbage collector must not end before its time, by functions in C; see `lifetimes.h`.

An async generator that is garbage lives on until its loop has closed it, and so does all that it refers to: sessions,
ports, pipelines, memory. The collector has called their finalizers by then, of which `ffi.gc` makes one.
"""

from __future__ import annotations

from asyncio import _get_running_loop
from collections import deque
from collections.abc import Callable
from typing import Any

from .library import lib

_functions: dict[str, Callable[..., Any]] = {}
if lib.rmpy_add_lifetimes(id(_functions)) != 0:
    raise MemoryError("no memory for the functions of the library")

hidden: Callable[[Any], object] = _functions["hidden"]
"""A reference that the collector does not see. Who has what `ffi.gc` made keeps one to it beside it."""

memory: Callable[[int, int, bool, Any], Any] = _functions["memory"]
"""Memory at an address, of a length, as a buffer of bytes, read-only or not, that keeps its owner."""

adopt: Callable[[int], Any] = _functions["adopt"]
"""The memory of the `rm_buffer` at an address, as a buffer of bytes that frees it when it ends."""

pending_frees: deque[int] = deque()
"""Handles of small memory that was adopted, by their addresses: they are freed with the next call."""

_functions["free_by"](pending_frees, _get_running_loop)
