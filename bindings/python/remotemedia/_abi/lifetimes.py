"""What the garbage collector must not end before its time, by functions in C; see `lifetimes.h`.

An async generator that is garbage lives on until its loop has closed it, and so does all that it refers to: sessions,
ports, pipelines, memory. The collector has called their finalizers by then, of which `ffi.gc` makes one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .library import lib

_functions: dict[str, Callable[..., Any]] = {}
if lib.rmpy_add_lifetimes(id(_functions)) != 0:
    raise MemoryError("no memory for the functions of the library")

hidden: Callable[[Any], object] = _functions["hidden"]
"""A reference that the collector does not see. Who has what `ffi.gc` made keeps one to it beside it."""

memory: Callable[[int, int, bool, Any, Callable[[Any, int], None] | None], Any] = _functions["memory"]
"""Memory at an address, of a length, as a buffer of bytes, read-only or not, that keeps its owner. When it ends it
calls a function with the owner and the length, if there is one."""
