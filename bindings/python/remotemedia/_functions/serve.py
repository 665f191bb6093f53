"""Python functions as nodes: a call of the runtime in, the functions run, a reply out.

A call carries a batch of packets for a chain of functions. A value passes them all; None ends its way and emits
nothing. The first exception ends the call: what came before it is in the reply too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from time import monotonic
from typing import Any, NamedTuple

from .access import SCALARS, read_only, snapshot
from .calls import InThread, call_async, refuse_wrong
from .failures import without_our_frames
from .spec import HostFunction


class Backpressure(Enum):
    """What the engine has room for after a part of a reply."""

    READY = 1
    """Another part."""
    FULL = 2
    """Nothing, until the call is resumed."""
    GONE = 3
    """Nothing any more: the reply was final, or its execution has ended."""


READY, FULL, GONE = Backpressure


class Call(NamedTuple):
    """Packets for a chain of functions; `entries` are [item, value, pts, duration], and [..., port] for another input
    of the first function than its first one.

    Where instances of classes are among the functions, [item] is the end of an item, and [] the end of all.
    """

    id: int
    job: int
    functions: Sequence[HostFunction]
    entries: Sequence[Sequence[Any]]


class Raised(NamedTuple):
    """An exception of a function: with which entry of the call, in which function of the chain, in which method."""

    entry: int
    node: int
    error: BaseException
    method: str = ""


class Answer(NamedTuple):
    """What the functions gave: [entry, value], or [entry, value, None, None, port] for another output than the first
    one, and the exception that ended the call, if one did.

    More comes for the call if it is not final.
    """

    outputs: list[list[Any]]
    raised: Raised | None
    is_final: bool = True


SendPart = Callable[[Answer], Backpressure]
"""Sends a part of a reply, and returns what there is room for."""

PART_SECONDS = 0.005
"""How long what a call has given waits for the rest of it: a slow function must not hold up what is done."""


class Given:
    """What a call has given and is still to be sent: in parts, where it takes long."""

    __slots__ = ("_due", "_send", "outputs")

    def __init__(self, send: SendPart | None) -> None:
        self.outputs: list[list[Any]] = []
        self._send = send
        self._due = monotonic() + PART_SECONDS

    def goes_on_with(self, entry: int, value: Any) -> bool:
        """Takes a value. Answers whether anybody waits for more."""
        self.outputs.append([entry, value if type(value) in SCALARS else snapshot(value)])
        if self._send is None or monotonic() < self._due:
            return True
        status, self.outputs = self._send(Answer(self.outputs, None, is_final=False)), []
        # Without room the rest comes with the last part.
        self._send, self._due = (self._send if status is READY else None), monotonic() + PART_SECONDS
        return status is not GONE


def answer(call: Call, send: SendPart | None = None) -> Answer:
    """Runs the functions of a call, all of them sync, on this thread. Answers what is still to be sent."""
    given = Given(send)
    # What `call` in `calls.py` does, written out: this loop is most of what a small function costs.
    steps = [(each.function, each.convert, each.params, each) for each in call.functions]
    for index, (_, value, _, _) in enumerate(call.entries):
        node = 0
        try:
            if type(value) not in SCALARS:
                value = read_only(value)
            for function, convert, params, each in steps:
                if convert is not None:
                    value = convert(value)
                value = function(value, **params)
                if value is None:
                    break
                if type(value) not in SCALARS:
                    refuse_wrong(each, value)
                node += 1
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Answer(given.outputs, Raised(index, node, without_our_frames(error)))
        if value is not None and not given.goes_on_with(index, value):
            break
    return Answer(given.outputs, None)


async def answer_async(
    call: Call, in_thread: InThread, ended: Callable[[], bool], send: SendPart | None = None
) -> Answer:
    """Runs the functions of a call, async ones on this loop, sync ones by `in_thread`.

    Answers what is still to be sent. `ended` says whether the execution has ended, so that a cancellation comes from
    there and not from a function.
    """
    from asyncio import CancelledError

    given = Given(send)
    for index, (_, value, _, _) in enumerate(call.entries):
        node = 0
        try:
            value = read_only(value)
            for each in call.functions:
                value, thrown = await call_async(each, value, in_thread)
                if thrown is not None:
                    return Answer(given.outputs, Raised(index, node, without_our_frames(thrown)))
                if value is None:
                    break
                node += 1
        except CancelledError as error:
            if ended():
                raise
            # The function cancelled itself.
            return Answer(given.outputs, Raised(index, node, without_our_frames(error)))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Answer(given.outputs, Raised(index, node, without_our_frames(error)))
        if value is not None and not given.goes_on_with(index, value):
            break
    return Answer(given.outputs, None)
