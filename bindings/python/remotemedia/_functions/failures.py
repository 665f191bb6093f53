"""What an exception of a Python function says, in a message: bounded, and always text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST = 2000
"""How many characters of an exception's message are told. The exception itself has them all."""


def text_of(error: BaseException) -> str:
    """`ValueError: negative gain`; the type alone if there is no message."""
    name, message = type(error).__name__, _message(error)
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}... ({len(message) - LONGEST} more characters)"
    return f"{name}: {message}" if message else name


def told_of(error: BaseException, method: str) -> str:
    """What a failure says: the method of a class, unless it is the one for values, and the exception."""
    text = text_of(error)
    return f"in {method}: {text}" if method else text


def behind(error: BaseException) -> list[BaseException]:
    """What lies behind an exception, nearest first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 16:
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        if current is None or current is error or current in chain:
            break
        chain.append(current)
    return chain


def without_our_frames(error: BaseException) -> BaseException:
    """The exception, with a traceback that begins in the function."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_ours(trace.tb_frame.f_globals):
        trace = trace.tb_next
    return error.with_traceback(trace)


def _is_ours(names: Mapping[str, Any]) -> bool:
    return str(names.get("__name__")).partition(".")[0] == __name__.partition(".")[0]


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:
        text = f"its message can't be made: {type(broken).__name__}"
    return text.encode("utf-8", "replace").decode("utf-8")
