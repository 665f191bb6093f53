"""Replies to calls of the runtime, as documents."""

from __future__ import annotations

from typing import Any

from .._abi.ownership import Borrowed
from .._codec.call_buffers import CallBuffers, acquire, release
from .._functions.failures import Failure
from .._functions.serve import Call, Reply
from ..errors import MarshalError


def pack_reply(used: CallBuffers, call: Call, reply: Reply) -> tuple[bytes, bool]:
    """The document of a reply, whose memory `used` holds until the call is made.

    Also whether it ends the call, which it does too if a value can't cross. Raises what ends the program.
    """
    try:
        return _pack(used, reply), reply.is_final
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        used.forget()
        # Code of the value's own, such as `__fspath__`, may raise anything.
        refused = _first_that_fails(used, call, reply) or refused_as_a_whole(call, reply, error)
    return _pack(used, refused), True


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
    used.release_table()
    if failure is not None:
        content["error"] = {
            "entry": failure.entry,
            "node": failure.node,
            "message": failure.message,
            "chain": failure.chain,
            "token": used.lend(Borrowed(failure.error, 0, 0, True, None)),
            "ends_run": failure.ends_run,
        }
        if failure.place is not None:
            content["error"]["pts"] = failure.place[0]
    document = used.pack_with(content, "reply")
    _give(used)
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


def refused_as_a_whole(call: Call, reply: Reply, error: BaseException) -> Reply:
    """The reply in place of one that can't be packed though each of its values can, such as when that changes."""
    failure = reply.failure
    if failure is not None:
        return Reply([], Failure(error, failure.entry, failure.node, place=failure.place))
    return Reply([], _refused(call, reply.outputs[-1] if reply.outputs else [0], error))


def _refused(call: Call, output: list[Any], error: BaseException) -> Failure:
    """The failure of the last function of a call, of whose outputs this one can't cross."""
    return Failure(error, output[0], len(call.chain.functions) - 1, place=(*output[2:4], None, None)[:2])
