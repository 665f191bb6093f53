"""`SessionLoans`: the Python objects that the outputs of a session may name, until native code has let go of them."""

from __future__ import annotations

from .._abi import ownership
from .._abi.ownership import Borrowed
from .run import Run


class SessionLoans:
    """What a session has lent to native code, by its numbers."""

    def __init__(self) -> None:
        self.held: dict[int, Borrowed] = {}

    def add(self, borrowed: dict[int, Borrowed] | None) -> None:
        """Remembers objects that a thread has sent."""
        if borrowed:
            self.held.update(borrowed)

    def resolve(self, token: int) -> Borrowed | None:
        """The Python object that a number in a document stands for."""
        return self.held.get(token) or ownership.borrowed(token)

    def hold(self, borrowed: dict[int, Borrowed] | None, run: Run | None) -> None:
        """Remembers objects that are sent now, and forgets those that native code has released before this call."""
        held = self.held
        if held and not (run is not None and run.taking):
            # Released before this call: nothing that it hands out can name them, nor what a thread takes meanwhile.
            # Of a copy: a thread that sends may add others meanwhile.
            for token in list(held):
                if ownership.borrowed(token) is None:
                    held.pop(token, None)
        if borrowed:
            held.update(borrowed)
