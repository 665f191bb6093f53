"""Errors of the short pipelines in the words of the call that the user made, who has seen no node and no input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InvalidArgumentError, ManifestError, NodeError

_PLACE = re.compile(r"^node '[^']*' \([^)]*\), input 0")

_TWICE = re.compile(r"^(\w+) ('[^']*'): (?=\2)")
"""The name of a file where the sentence begins with it too."""


@contextmanager
def in_words_of(call: str) -> Iterator[None]:
    """Names `call` in errors instead of a node. What is wrong with params is what is wrong with its arguments."""
    try:
        yield
    except ManifestError as error:
        problem = error.problems[0]
        message = re.sub(r"^\w+ has no param", f"{call} has no param", problem.message)
        cure = f"; {problem.suggestion}" if problem.suggestion and problem.suggestion not in message else ""
        name = problem.path.rpartition(".")[2]
        raise InvalidArgumentError(f"{name}: {message}{cure}") from None
    except NodeError as error:
        message = _TWICE.sub(r"\1: ", _PLACE.sub(call, str(error))).replace(" before this node.", ".")
        error.args = (message, *error.args[1:])
        raise
