"""Errors of the short pipelines in the words of the call that the user made, who has seen no node and no input."""

from __future__ import annotations

import os
import re

from ..errors import InvalidArgumentError, ManifestError, NodeError

_PLACE = re.compile(r"^node '[^']*' \([^)]*\), input 0")

_GAINS = re.compile(
    r"Give the param 'gains': (\d+) rows \(outputs\) of \d+ numbers \(inputs\)(?:, such as (\[\[.*?\]\]))?"
)
"""The cure of the node that mixes, whose params these calls do not have."""

_NUMBER = re.compile(r"'(/dev/fd/\d+)'")

_TWICE = re.compile(r"^(\w+) ('[^']*'): (?=\2)")
"""The name of a file where the sentence begins with it too."""

numbered: dict[str, str] = {}
"""The paths of files that are open and go by their number, `/dev/fd/7`, since a path of theirs can't travel as text."""


class in_words_of:  # noqa: N801
    """A context that names `call` in errors instead of a node. What is wrong with params is what is wrong with its
    arguments."""

    __slots__ = ("call",)

    def __init__(self, call: str) -> None:
        self.call = call

    def __enter__(self) -> None:
        """Nothing is there to be renamed yet."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ManifestError):
            raise _argument_error(self.call, error) from None
        if isinstance(error, NodeError):
            _rename(self.call, error)


def _argument_error(call: str, error: ManifestError) -> InvalidArgumentError:
    problem = error.problems[0]
    message = re.sub(r"^\w+ has no param", f"{call} has no param", problem.message)
    cure = f"; {problem.suggestion}" if problem.suggestion and problem.suggestion not in message else ""
    return InvalidArgumentError(f"{problem.path.rpartition('.')[2]}: {message}{cure}")


def _rename(call: str, error: NodeError) -> None:
    message = _PLACE.sub(call, str(error))
    message = _NUMBER.sub(lambda found: repr(numbered.get(found[1], found[1])), message)
    path = numbered.get(f"/dev/fd/{error.input}")
    if path is not None:
        number, error.input = error.input, os.path.basename(path)
        message = message.replace(f"{call} '{number}'", f"{call} {error.input!r}", 1)
    message = _TWICE.sub(r"\1: ", message).replace(" before this node.", ".")
    error.args = (_GAINS.sub(_mixed_after, message), *error.args[1:])
    if error.cure is not None:
        error.cure = _GAINS.sub(_mixed_after, error.cure)


def _mixed_after(cure: re.Match[str]) -> str:
    node = f"AudioMix(channels={cure[1]}, gains={cure[2] or '...'})"
    return f"Leave channels out and mix with {node}, or pass channels=1"
