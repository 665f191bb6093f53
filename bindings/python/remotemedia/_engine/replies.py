"""Replies to calls of the runtime, as documents."""

from __future__ import annotations

from typing import Any

from .._abi import ownership
from .._abi.ownership import Borrowed
from .._codec.call_buffers import CallBuffers, acquire, release
from .._functions.failures import Failure
from .._functions.serve import Call, Reply
from ..errors import MarshalError


def pack_reply(call: Call, reply: Reply) -> tuple[CallBuffers, bytes, bool]:
    """The document of a reply, and the buffers that hold its memory, to be released after the call.

    Also whether it ends the call, which it does too if a value can't cross. Raises what ends the program.
    """
    used = acquire()
    try:
        try:
            return used, _pack(used, reply), reply.is_final
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            # Code of the value's own, such as `__fspath__`, may raise anything.
            refused = _first_that_fails(used, call, reply) or _refused_as_a_whole(call, reply, error)
        return used, _pack(used, refused), True
    except BaseException:
        used.take_back()
        release(used)
        raise


def refused_reply(call: Call, reply: Reply, refusal: MarshalError) -> Reply:
    """The reply in place of one that native code refused: it names the value at fault, if a second look finds it."""
    used = acquire()
    try:
        for index, output in enumerate(reply.outputs):
            error = used.explained(output[1], "the returned value", refusal)
            if error is not refusal:
                return Reply(reply.outputs[:index], _refused(call, output, error))
    finally:
        release(used)
    return Reply([], _refused(call, [0], MarshalError(f"the returned value: {refusal}")))


def _pack(used: CallBuffers, reply: Reply) -> bytes:
    content: dict[str, Any] = {"outputs": reply.outputs, "final": reply.is_final}
    failure = reply.failure
    if failure is None:
        document = used.pack(content, "reply")
        _give(used)
        return document
    borrowed = Borrowed(failure.error, 0, 0, True, None)
    token = ownership.borrow(borrowed)
    content["error"] = {
        "entry": failure.entry,
        "node": failure.node,
        "message": failure.message,
        "chain": failure.chain,
        "token": token,
        "ends_run": failure.ends_run,
    }
    if failure.place is not None:
        content["error"]["pts"] = failure.place[0]
    try:
        document = used.pack(content, "reply")
    except BaseException:
        ownership.release([token])
        raise
    _give(used)
    used.hold(token, borrowed)
    return document


def _give(used: CallBuffers) -> None:
    """Marks the memory of the document packed last as that of its results, which the functions do not keep."""
    if used.borrowed is not None:
        for borrowed in used.borrowed.values():
            borrowed.give()


def _first_that_fails(used: CallBuffers, call: Call, reply: Reply) -> Reply | None:
    """The reply up to the value that can't cross; None if all of them can."""
    good: list[list[Any]] = []
    for output in reply.outputs:
        try:
            used.pack(output[1], "the returned value")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return Reply(good, _refused(call, output, error))
        finally:
            used.forget()
        good.append(output)
    return None


def _refused_as_a_whole(call: Call, reply: Reply, error: BaseException) -> Reply:
    """The reply in place of one that can't be packed though each of its values can, such as when that changes."""
    failure = reply.failure
    if failure is not None:
        return Reply([], Failure(error, failure.entry, failure.node, place=failure.place))
    return Reply([], _refused(call, reply.outputs[-1] if reply.outputs else [0], error))


def _refused(call: Call, output: list[Any], error: BaseException) -> Failure:
    """The failure of the last function of a call, of whose outputs this one can't cross."""
    return Failure(error, output[0], len(call.chain.functions) - 1, place=(*output[2:4], None, None)[:2])
