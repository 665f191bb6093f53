"""Where a call to Python functions stands, and what one of them raised there on a thread."""

from __future__ import annotations

from .spec import HostFunction


class Cursor:
    """Where a call stands: with which of its entries, in which function of the chain, in which method of a class."""

    __slots__ = ("entry", "method", "node")

    def __init__(self) -> None:
        self.entry = 0
        self.node = 0
        self.method = ""

    def at(self, node: int, function: HostFunction) -> None:
        """Notes which function is called."""
        self.node = node
        self.method = function.method


class ThrownError(Exception):
    """What a function raised on a thread. As it is, it might end the loop."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
