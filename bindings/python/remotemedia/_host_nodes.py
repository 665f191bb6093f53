"""Python functions as nodes: a call of the runtime in, the functions run, a reply out.

A call carries a batch of packets for a chain of functions. A value passes them all; None ends its way and emits
nothing. The first exception ends the call: what came before it is in the reply too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, NamedTuple

from . import _memory
from ._access import SCALARS, read_only, settled
from ._calls import HostFunction, InThread, call_async, refuse_wrong
from ._library import lib
from ._marshal import Lane, give_back, lane
from ._memory import Kept
from ._raised import behind, text_of, told_of, without_our_frames
from .errors import MarshalError

RM_OK: int = lib.RM_OK
RM_GONE: int = lib.RM_GONE


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


SendPart = Callable[[Answer], int]
"""Sends a part of an answer: `RM_OK` if another one has room, `RM_GONE` if nobody waits for more."""

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
        self.outputs.append([entry, value if type(value) in SCALARS else settled(value)])
        if self._send is None or monotonic() < self._due:
            return True
        status, self.outputs = self._send(Answer(self.outputs, None, is_final=False)), []
        # Without room the rest comes with the last part.
        self._send, self._due = (self._send if status == RM_OK else None), monotonic() + PART_SECONDS
        return status != RM_GONE


def answer(call: Call, send: SendPart | None = None) -> Answer:
    """Runs the functions of a call, all of them sync, on this thread. Answers what is still to be sent."""
    given = Given(send)
    # What `_calls.call` does, written out: this loop is most of what a small function costs.
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


def pack_reply(call: Call, given: Answer) -> tuple[Lane, bytes, bool]:
    """The reply as a document, and the lane that holds its buffers: give it back after the call.

    Also whether it ends the call, as it does too if a value can't cross.
    """
    used = lane()
    try:
        return used, _pack(used, given), given.is_final
    except MarshalError:
        pass
    except BaseException:
        give_back(used)
        raise
    try:
        return used, _pack(used, _first_that_fails(used, call, given)), True
    except BaseException:
        give_back(used)
        raise


def refused_reply(call: Call, given: Answer, refusal: MarshalError) -> Answer:
    """The answer in place of one that native code refused: it names the value at fault, if a second look finds it."""
    last = len(call.functions) - 1
    used = lane()
    try:
        for index, (entry, value, *_) in enumerate(given.outputs):
            error = used.explained(value, "the returned value", refusal)
            if error is not refusal:
                return Answer(given.outputs[:index], Raised(entry, last, error))
    finally:
        give_back(used)
    return Answer([], Raised(0, last, MarshalError(f"the returned value: {refusal}")))


def _pack(used: Lane, given: Answer) -> bytes:
    reply: dict[str, Any] = {"outputs": given.outputs, "final": given.is_final}
    raised = given.raised
    if raised is None:
        return used.pack(reply, "reply")
    reply["error"] = {
        "entry": raised.entry,
        "node": raised.node,
        "message": told_of(raised.error, raised.method),
        "chain": [text_of(error) for error in behind(raised.error)],
    }
    kept = Kept(raised.error, 0, 0, True, None)
    token = _memory.keep(kept)
    reply["error"]["token"] = token
    try:
        document = used.pack(reply, "reply")
    except BaseException:
        _memory.release([token])
        raise
    used.hold(token, kept)
    return document


def _first_that_fails(used: Lane, call: Call, given: Answer) -> Answer:
    good: list[list[Any]] = []
    for output in given.outputs:
        index, value = output[:2]
        try:
            used.pack(value, "the returned value")
        except MarshalError as error:
            return Answer(good, Raised(index, len(call.functions) - 1, error))
        finally:
            used.forget()
        good.append(output)
    return Answer(good, given.raised)
