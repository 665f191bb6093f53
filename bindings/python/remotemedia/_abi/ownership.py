"""Ownership of memory that both sides see: Python's while native code may read it, native memory under Python's views.

A Python object that crosses without a copy gets a number and stays in a process-wide table until a release record of
the runtime names it. Native memory that comes out is freed when the last view of it is gone; its handle then rides on
the next call, so that freeing costs no crossing of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

from .._process import after_fork, at_exit
from . import lifetimes
from .lifetimes import pending_frees as pending_frees

_numbers = itertools.count(1)
_borrowed: dict[int, Borrowed] = {}


class Borrowed:
    """A Python object whose memory native code may read, and where that memory is.

    `signature` is there for a numpy array: address, name of the dtype, shape and strides, to know it again. `payload`
    and `index` are what it is in a document, and its place in the table: the same ones are the same array.

    Results in this memory are read-only, since somebody else has it too. That of memory which a function returned
    becomes writable once native code has released it, if there was no other result.
    """

    __slots__ = ("_unlocks", "address", "index", "length", "payload", "readonly", "signature", "source")

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
        self._unlocks: list[Callable[[], object]] | None = None

    @property
    def is_given(self) -> bool:
        """Whether a function returned it, and it may be written to by whoever has it alone."""
        return self._unlocks is not None

    def give(self) -> None:
        """Marks memory that a function returned: it keeps none of it."""
        if not self.readonly:
            self._unlocks = []

    def add_result(self, unlock: Callable[[], object]) -> None:
        """Notes one more read-only result; `unlock` makes it writable."""
        if self._unlocks is not None:
            self._unlocks.append(unlock)

    def released(self) -> None:
        """Unlocks the only result there is. Results that come later stay as they are."""
        unlocks, self._unlocks = self._unlocks, None
        if unlocks is not None and len(unlocks) == 1:
            unlocks[0]()


def number() -> int:
    """Returns a number that this process has never used before."""
    return next(_numbers)


def borrow(borrowed: Borrowed, holder: dict[int, Borrowed] | None = None) -> int:
    """Keeps an object alive until the number that this returns is released. It is put into `holder` too, first.

    So who is interrupted between the two knows what to release.
    """
    token = next(_numbers)
    if holder is not None:
        holder[token] = borrowed
    _borrowed[token] = borrowed
    return token


def borrowed(token: int) -> Borrowed | None:
    """The object with this number, or None if it was released."""
    return _borrowed.get(token)


def is_borrowed(tokens: Iterable[int]) -> bool:
    """Whether native code may still read one of the objects with these numbers."""
    return any(token in _borrowed for token in tokens)


def release(tokens: Iterable[int]) -> None:
    """Releases the objects with these numbers, which native code does not read any more."""
    for token in tokens:
        found = _borrowed.get(token)
        if found is not None:
            found.released()
            _borrowed.pop(token, None)


def borrowed_count() -> int:
    """The number of objects that are kept alive for native code."""
    return len(_borrowed)


def adopt(entry: int, length: int) -> memoryview:
    """Takes over the memory of the `rm_buffer` at an address: a view of its bytes. It is freed with the last view."""
    memory = lifetimes.adopt(entry)
    return memoryview(memory) if length else memoryview(bytearray())


def _child() -> None:
    # No native thread of the parent runs here to read the borrowed memory; handles of the parent are dropped.
    _borrowed.clear()
    pending_frees.clear()


def _leak() -> None:
    # A native thread that did not stop in time may still read these; they must outlive the interpreter.
    if _borrowed:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_borrowed))


after_fork(_child)
at_exit(_leak)
