"""The messages that go through three nodes which pass them on: 640 bytes, 20 ms of speech at 16 kHz, with a number."""

from __future__ import annotations

SIZE = 640


def messages(count: int) -> list[bytes]:
    """So many of them, numbered."""
    return [number.to_bytes(4, "little") + bytes(SIZE - 4) for number in range(count)]


class Receipt:
    """Counts the messages that arrive, and fails where one is lost or out of order."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, message: bytes) -> None:
        """The next message."""
        number = int.from_bytes(message[:4], "little")
        if number != self.count or len(message) != SIZE:
            raise ValueError(f"message {number} of {len(message)} bytes came where message {self.count} was expected")
        self.count += 1
