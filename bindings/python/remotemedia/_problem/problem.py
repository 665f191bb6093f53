"""Problems of a manifest, and one error for all of them, worded like those of the native library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..errors import ManifestError
from .outside_text import brief

__all__ = ["ENOUGH", "Problem", "line_of", "refusal"]


class Problem(NamedTuple):
    """One thing that is wrong with a manifest.

    `path` names the place in the document, such as `nodes[1].params.rate`; `line` and `column` count from 1 and are
    there for manifests that came as text.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None
    expected: str | None = None
    got: str | None = None
    suggestion: str | None = None


ENOUGH = 100
"""The number of problems at which the search for more ends."""

LISTED = 50
"""The number of problems that a message shows; it counts the others."""


def refusal(problems: Sequence[Problem]) -> ManifestError:
    """One error for all problems, the first 100 of them."""
    problems = [_bounded(problem) for problem in problems[:ENOUGH]]
    lines = [line_of(problem) for problem in problems]
    if len(lines) == 1:
        return ManifestError(lines[0], problems)
    listed = "".join(f"\n  {line}" for line in lines[:LISTED])
    more = f"\n  and {len(lines) - LISTED} more" if len(lines) > LISTED else ""
    count = f"{len(lines)}{' or more' if len(lines) == ENOUGH else ''}"
    return ManifestError(f"the manifest has {count} problems:{listed}{more}", problems)


def _bounded(problem: Problem) -> Problem:
    """The same problem, with bounded quotes from the manifest."""

    def bounded(text: str | None) -> str | None:
        return None if text is None else brief(text)

    return problem._replace(
        path=brief(problem.path),
        message=brief(problem.message),
        expected=bounded(problem.expected),
        got=bounded(problem.got),
        suggestion=bounded(problem.suggestion),
    )


def line_of(problem: Problem) -> str:
    """A problem in one line: its place, what is wrong, and what to do about it."""
    place = "" if problem.line is None else f"line {problem.line}, column {problem.column}: "
    where = f"{problem.path}: " if problem.path else ""
    cure = "" if problem.suggestion is None else f"; {problem.suggestion}"
    return f"{place}{where}{problem.message}{cure}"
