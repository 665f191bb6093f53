"""Replies to calls of the runtime, as documents."""

from __future__ import annotations

from typing import Any

from .._abi import ownership
from .._abi.ownership import Borrowed
from .._codec.call_buffers import CallBuffers, acquire, release
from .._functions.failures import behind, text_of, told_of
from .._functions.serve import Answer, Call, Raised
from ..errors import MarshalError


def pack_reply(call: Call, given: Answer) -> tuple[CallBuffers, bytes, bool]:
    """The reply as a document, and the lane that holds its buffers: give it back after the call.

    Also whether it ends the call, as it does too if a value can't cross.
    """
    used = acquire()
    try:
        return used, _pack(used, given), given.is_final
    except MarshalError:
        pass
    except BaseException:
        release(used)
        raise
    try:
        return used, _pack(used, _first_that_fails(used, call, given)), True
    except BaseException:
        release(used)
        raise


def refused_reply(call: Call, given: Answer, refusal: MarshalError) -> Answer:
    """The answer in place of one that native code refused: it names the value at fault, if a second look finds it."""
    last = len(call.functions) - 1
    used = acquire()
    try:
        for index, (entry, value, *_) in enumerate(given.outputs):
            error = used.explained(value, "the returned value", refusal)
            if error is not refusal:
                return Answer(given.outputs[:index], Raised(entry, last, error))
    finally:
        release(used)
    return Answer([], Raised(0, last, MarshalError(f"the returned value: {refusal}")))


def _pack(used: CallBuffers, given: Answer) -> bytes:
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
    borrowed = Borrowed(raised.error, 0, 0, True, None)
    token = ownership.borrow(borrowed)
    reply["error"]["token"] = token
    try:
        document = used.pack(reply, "reply")
    except BaseException:
        ownership.release([token])
        raise
    used.hold(token, borrowed)
    return document


def _first_that_fails(used: CallBuffers, call: Call, given: Answer) -> Answer:
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
