"""How a function that is a node wants its values: by themselves or in batches, shared or its own, at which ports."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import InvalidArgumentError

LARGEST_BATCH = 1024
MOST_PORTS = 64
PORT_NAME = "[A-Za-z0-9_-]{1,64}"
LONGEST_WAIT_MS = 3_600_000
"""An hour."""


class Shape(NamedTuple):
    """What `@node(...)` was told. `batch` is the most values of a list; None where values come by themselves."""

    batch: int | None = None
    max_wait_ms: float = 0.0
    """How long a batch that is not full waits for more values."""
    inplace: bool = False
    """Whether it changes what it gets."""
    inputs: tuple[str, ...] = ()
    """The names of its inputs, if it names any: then it is told where a value came."""
    outputs: tuple[str, ...] = ()


ONE_BY_ONE = Shape()


def shape_of(batch: Any, max_wait_ms: Any, inplace: Any, inputs: Any, outputs: Any) -> Shape:
    """The shape of these arguments of `@node`. Raises `InvalidArgumentError` for wrong ones."""
    if batch is not None and (type(batch) is not int or not 1 <= batch <= LARGEST_BATCH):
        raise InvalidArgumentError(f"batch must be a number of values from 1 to {LARGEST_BATCH}, got {batch!r}")
    if type(inplace) is not bool:
        raise InvalidArgumentError(f"inplace must be True or False, got {inplace!r}")
    ports = port_names("inputs", inputs), port_names("outputs", outputs)
    if batch is not None and any(ports):
        raise InvalidArgumentError("what takes batches has one input and one output; leave inputs and outputs out")
    if max_wait_ms is None:
        return Shape(batch, 0.0, inplace, *ports)
    if batch is None:
        raise InvalidArgumentError(
            "max_wait_ms is how long a batch waits for more values; say too how large it gets: "
            f"@node(batch=32, max_wait_ms={max_wait_ms!r})"
        )
    if type(max_wait_ms) not in (int, float) or not 0 <= max_wait_ms <= LONGEST_WAIT_MS:
        raise InvalidArgumentError(
            f"max_wait_ms must be a number of milliseconds from 0 to {LONGEST_WAIT_MS}, got {max_wait_ms!r}"
        )
    return Shape(batch, float(max_wait_ms), inplace)


def port_names(what: str, names: Any) -> tuple[str, ...]:
    """The names that `@node` was given for its inputs or outputs; none for None.

    Raises `InvalidArgumentError` for what are no names of ports.
    """
    if names is None:
        return ()
    wrong = f"{what} must be a list of names, 1 to {MOST_PORTS} of them and each once, got {names!r}"
    if not isinstance(names, (list, tuple)) or not 1 <= len(names) <= MOST_PORTS:
        raise InvalidArgumentError(wrong)
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(PORT_NAME, name):
            raise InvalidArgumentError(
                f"{what}: {name!r} is no name of a port; use up to 64 letters, digits, '_' and '-'"
            )
    if len(set(names)) < len(names):
        raise InvalidArgumentError(wrong)
    return tuple(names)


def taken_as(function: Callable[..., Any]) -> Shape:
    """The shape that a node type of a manifest wants; plain functions say nothing of it."""
    found = getattr(function, "shape", None)
    return found if type(found) is Shape else ONE_BY_ONE
