"""Who keeps which memory alive: Python's while native code may read it, and native memory while Python sees it.

A Python object that crosses without a copy gets a number and stays in a process-wide table until a release record of
the runtime names it. Native memory that comes out is freed when the last view of it is gone; its handle then rides on
the next call, so that freeing costs no crossing of its own.
"""

from __future__ import annotations

import itertools
from asyncio import _get_running_loop
from collections import deque
from collections.abc import Iterable
from typing import Any

from .._process import after_fork, at_exit
from .library import NULL, ffi, lib

FREE_AT_ONCE_BYTES = 1 << 20
"""Native memory of this size and more is freed at once: it can't wait for a next call that may never come."""

_numbers = itertools.count(1)
_borrowed: dict[int, Borrowed] = {}
pending_frees: deque[Any] = deque()
"""Handles that wait to be freed with the next call."""
_exited = False


class Borrowed:
    """A Python object whose memory native code may read, and where that memory is.

    `signature` is there for a numpy array: address, name of the dtype, shape and strides, to know it again. `payload`
    and `index` are what it is in a document, and its place in the table: the same ones are the same array.
    """

    __slots__ = ("address", "index", "length", "payload", "readonly", "signature", "source")

    def __init__(
        self, source: Any, address: int, length: int, readonly: bool, signature: tuple[Any, ...] | None
    ) -> None:
        self.source = source
        self.address = address
        self.length = length
        self.readonly = readonly
        self.signature = signature
        self.payload: bytes | None = None
        self.index = -1


def number() -> int:
    """A number that this process never used before."""
    return next(_numbers)


def borrow(borrowed: Borrowed) -> int:
    """Keeps an object alive until its number is released."""
    token = next(_numbers)
    _borrowed[token] = borrowed
    return token


def borrowed(token: int) -> Borrowed | None:
    """What a number stands for, if it is not released yet."""
    return _borrowed.get(token)


def is_borrowed(tokens: Iterable[int]) -> bool:
    """Whether native code still reads what one of these numbers stands for."""
    return any(token in _borrowed for token in tokens)


def release(tokens: Iterable[int]) -> None:
    """Lets go of what native code no longer reads."""
    for token in tokens:
        _borrowed.pop(token, None)


def borrowed_count() -> int:
    """How many objects are kept alive for native code."""
    return len(_borrowed)


def adopt(entry: Any) -> memoryview:
    """The memory of an `rm_buffer` that is now ours: a view of bytes that frees it when nobody sees it any more."""
    length, handle = entry.len, entry.memory
    if length == 0:
        free_later(handle, 0)
        return memoryview(bytearray())
    owner = ffi.gc(entry.data, lambda _, handle=handle, length=length: free_later(handle, length))
    view = memoryview(ffi.buffer(owner, length))
    return view if entry.writable else view.toreadonly()


def free_later(handle: Any, length: int) -> None:
    """Frees native memory: a big one at once, but not by an event loop; a small one with the next call."""
    if handle == NULL or _exited:
        return
    if length < FREE_AT_ONCE_BYTES:
        pending_frees.append(handle)
    elif _get_running_loop() is None:
        lib.rm_memory_free(handle)
    else:
        lib.rm_memory_discard(handle)


def take_pending_frees(room: Any, most: int) -> int:
    """Moves up to `most` handles into the C array `room`; answers how many."""
    count = 0
    while count < most:
        try:
            room[count] = pending_frees.popleft()
        except IndexError:
            break
        count += 1
    return count


def _child() -> None:
    # No native thread of the parent runs here, so nobody reads the kept memory; handles of the parent are dropped.
    _borrowed.clear()
    pending_frees.clear()


def _leak() -> None:
    # A native thread that did not stop in time may still read these; they must outlive the interpreter.
    global _exited
    _exited = True
    if _borrowed:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_borrowed))


after_fork(_child)
at_exit(_leak)
