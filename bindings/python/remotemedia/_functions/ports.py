"""Ports of Python functions and classes: at which input a value came, and at which output one leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import handed_on, read_only, snapshot
from .places_in_time import timed

if TYPE_CHECKING:
    from .failures import Cursor
    from .spec import HostFunction


class Out(NamedTuple):
    """A value for one of several outputs: `return rm.Out("speech", sound)`, or `yield` it.

    A value by itself goes to the first output that `@node(outputs=[...])` names.
    """

    port: str
    value: Any


def input_of(entry: Sequence[Any]) -> tuple[Any, int]:
    """What the first function of a call gets of an entry: its value, and the number of the input at which it came.

    Functions behind it in the call have one input each.
    """
    return read_only(entry[1]), entry[4] if len(entry) > 4 else 0


def onward(functions: Sequence[HostFunction], node: int, found: Any) -> Any:
    """What the function with this number gave, as it goes on: to the next function, or into the reply."""
    if node + 1 == len(functions):
        return snapshot(found)
    if type(found) is Out:
        output_of(functions[node], found)
        found = found.value
    return handed_on(found)


Keep = Callable[[Any], Any]
"""Makes of a value that the last function of a call returned what is kept of it until its reply leaves, and can cross.

Raises where it can't, and so before more is called: the engine does all again that comes behind a failure."""


def output_row(function: HostFunction, cursor: Cursor, value: Any, keep: Keep) -> list[Any]:
    """A value of the last function of a call, where that stands, as the reply has it."""
    if type(value) is not Out:
        return timed([cursor.entry, keep(value)], cursor.place)
    row = timed([cursor.entry, keep(value.value)], cursor.place or (None, None))
    return [*row, output_of(function, value)]


def output_of(function: HostFunction, out: Out) -> int:
    """The output of its function at which a value leaves, counted from 0. Raises `ValueError` if it has no such one."""
    outputs = function.spec.outputs
    if out.port in outputs:
        return outputs.index(out.port)
    if outputs:
        raise ValueError(f"there is no output {out.port!r}; the outputs are {', '.join(map(repr, outputs))}")
    raise ValueError(f"there is no output {out.port!r}; name the outputs: @node(outputs=[{out.port!r}, ...])")
