"""The options of a session, as the runtime takes them, checked where it would not know the argument's name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._problem.seconds import microseconds
from .._problem.whole_number import require_whole
from ..errors import InvalidArgumentError
from .edge_buffer import Buffer

NO_BOUND = 1 << 62
"""What no queue will ever hold; larger numbers don't fit into a document."""


def session_options(
    input: Any,  # noqa: A002
    buffer: Mapping[str, int] | Buffer | None,
    deadline: float | None,
    packet_deadline: float | None,
    watchdog: float | None,
    clock: str,
    trace: Any,
) -> dict[str, Any]:
    """The options of `Pipeline.session`. Raises `InvalidArgumentError` for one that is none."""
    if clock not in ("real", "virtual"):
        raise InvalidArgumentError(f"clock must be 'real' or 'virtual', got {clock!r}")
    if input is not None and (isinstance(input, type) or not hasattr(input, "reader")):
        raise InvalidArgumentError(
            f"input must be the format of raw bytes, such as remotemedia.PCM('s16', 16000, 1), got {input!r}"
        )
    if watchdog is not None:
        microseconds("watchdog", watchdog)
    options: dict[str, Any] = {"buffer": _bounds(buffer), "clock": clock}
    if trace is not None:
        if not isinstance(trace, (str, os.PathLike)):
            raise InvalidArgumentError(
                f"trace must be the path of a file to write, such as 'trace.json', got {trace!r}"
            )
        options["trace"] = True
    for name, span in (("deadline", deadline), ("packet_deadline", packet_deadline)):
        span_us = -1 if span is None else microseconds(name, span)
        if span_us >= 0:
            options[f"{name}_us"] = span_us
    return options


def _bounds(buffer: Any) -> dict[str, int]:
    """The bounds of what waits at the inputs and outputs of a session, of a map or a `Buffer` without a policy."""
    given = buffer.manifest() if isinstance(buffer, Buffer) else {} if buffer is None else buffer
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"buffer must be a map, such as {{'packets': 64}}, got {buffer!r}")
    for name in given:
        if name not in ("packets", "bytes", "ms"):
            also = "; put a Buffer with a policy between two nodes" if name == "policy" else ""
            raise InvalidArgumentError(f"buffer has no {name!r} here; it has 'packets', 'bytes' and 'ms'{also}")
    bounds = {name: each for name, each in given.items() if each is not None}
    return {name: min(require_whole(f"buffer[{name!r}]", each, 1), NO_BOUND) for name, each in bounds.items()}
