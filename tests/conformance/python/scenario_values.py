"""Values of a scenario: JSON twins, and the three objects that stand for what is large."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import remotemedia as rm

from .cases import Failed
from .codec import decoded
from .library import from_json
from .values import plainly

PERIOD = 251


class Values:
    """Builds values, and keeps the memory that is lent."""

    def __init__(self) -> None:
        self.lent: dict[str, np.ndarray[Any, Any]] = {}

    def lend(self, name: str, length: int) -> None:
        """Makes memory."""
        # What can't be written to is lent and not copied, also by sessions.
        self.lent[name] = np.frombuffer(ramp(length), "uint8")

    def built(self, value: Any) -> Any:
        """The value of a JSON twin."""
        if isinstance(value, list):
            return [self.built(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$rm" in value:
            return decoded(*from_json(json.dumps(value).encode()))
        if "$ramp" in value:
            return ramp(value["$ramp"])
        if "$audio" in value:
            return audio(**value["$audio"])
        if "$lent" in value:
            return self.lent[value["$lent"]]
        return {key: self.built(item) for key, item in value.items()}

    def same(self, expected: Any, found: Any, where: str) -> None:
        """Raises `Failed` unless both values are the same to the last bit."""
        if plainly(expected) != plainly(found):
            raise Failed(f"{where}: expected {expected!r:.150}, got {found!r:.150}")


def ramp(length: int) -> bytes:
    """Bytes that count to 250, again and again."""
    return (bytes(range(PERIOD)) * (length // PERIOD + 1))[:length]


def audio(rate: int, channels: int, frames: int, pts: int | None = None) -> rm.Audio:
    """Audio whose samples are a ramp."""
    samples = (np.arange(channels * frames) % PERIOD / 256).astype("float32").reshape(channels, frames)
    made = rm.Audio.__new__(rm.Audio)
    made.samples, made.rate, made.layout, made.pts_ns = samples, rate, None, pts
    return made
