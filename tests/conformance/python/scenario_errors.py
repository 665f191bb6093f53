"""Errors of a scenario: the exceptions of the package, compared with what `expect_error` says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import remotemedia as rm

from .cases import Failed, same


def status_of(error: BaseException) -> str:
    """The name of the status that an exception stands for."""
    if isinstance(error, asyncio.CancelledError):
        return "RM_CANCELLED"
    if isinstance(error, rm.Error) and error.status:
        return error.status
    return repr(error)


def check_error(error: BaseException, expected: Mapping[str, Any], exceptions: Mapping[int, Exception]) -> None:
    """Raises `Failed` if a field is not as expected."""
    for name, value in expected.items():
        if name == "status":
            allowed = value if isinstance(value, list) else [value]
            if status_of(error) not in allowed:
                raise Failed(f"expected {value}, got {status_of(error)}: {error}")
        elif name == "message":
            same(value, str(error), name)
        elif name == "message_has":
            for part in value:
                if part not in str(error):
                    raise Failed(f"{part!r} is not in {str(error)!r}")
        elif name == "exception":
            if error.__cause__ is not exceptions[value]:
                raise Failed(f"the cause is {error.__cause__!r}, another object")
        elif name == "problems":
            found = [problem._asdict() for problem in error.problems]  # type: ignore[attr-defined]
            same(len(value), len(found), "number of problems")
            for index, problem in enumerate(value):
                for field, text in problem.items():
                    same(text, found[index][field], f"{field} of problem {index}")
        elif name == "errors":
            same(value, len(error.errors), "number of errors")  # type: ignore[attr-defined]
        else:
            same(value, getattr(error, name), name)
