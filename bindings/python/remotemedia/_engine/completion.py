"""Completions of the runtime as Python values: outputs, or the exception of what failed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._abi import ownership
from .._abi.constants import RM_CANCELLED
from .._abi.library import STATUS_NAMES
from .._abi.ownership import Borrowed
from .._functions import threads
from .._functions.failures import text_of
from .._process import stay_at_exit
from .._results.outputs import Outputs, SkipReport, outputs_of, outputs_of_sinks
from ..errors import ExecutionError, NodeError, ShutDownError, TimedOut, class_of, from_status

WORKED = re.compile(
    r"(?P<nodes>timed out after .* ha(?:s|ve)) worked"
    r"(?: on (?P<inputs>inputs? [0-9 to]+))? for (?P<time>[0-9.]+ s)\..*",
    re.DOTALL,
)
"""The message of a timeout while a function is called."""


def settle(completion: Mapping[str, Any], count: int | None, borrowed: Mapping[int, Borrowed] | None) -> Outputs:
    """The outputs of a completion, or its exception raised.

    `count` is the number of inputs, if known; `borrowed` are the Python objects of this execution by their numbers.
    """
    released = completion.get("released")
    if completion["status"] == 0:
        columns = completion["outputs"]
        report = _skip_report(completion, borrowed)
        if released:
            ownership.release(released)
        if len(columns) == 1:
            for sink in columns:
                return outputs_of(sink, columns[sink], count, report)
        return outputs_of_sinks({sink: outputs_of(sink, columns[sink], count, report) for sink in columns}, report)
    error = _failure(completion, count, borrowed)
    if released:
        ownership.release(released)
    raise error


def failure_of(completion: Any, borrowed: Mapping[int, Borrowed] | None) -> BaseException | None:
    """The failure that ended a session; None if it finished."""
    if isinstance(completion, BaseException):
        stay_at_exit()
        return completion
    if completion["status"] == 0:
        return None
    error = _failure(completion, None, borrowed)
    if isinstance(error, (ExecutionError, TimedOut)):
        # The outputs were handed out as they came.
        error.outputs = None
    return error


def _failure(
    completion: Mapping[str, Any], count: int | None, borrowed: Mapping[int, Borrowed] | None
) -> BaseException:
    details = completion["errors"]
    name = STATUS_NAMES.get(completion["status"], "")
    nodes = [node_error(detail, borrowed) for detail in details if detail.get("node_id") is not None]
    error: BaseException
    if class_of(name) is ExecutionError and nodes:
        error = nodes[0]
        nodes[0]._others = nodes[1:]
    else:
        error = from_status(name, details[0]["message"] if details else name, {})
        if isinstance(error, ExecutionError):
            error._others = nodes
            if nodes:
                error.__cause__ = nodes[0].__cause__
    if isinstance(error, ShutDownError):
        stay_at_exit()
    if isinstance(error, (ExecutionError, TimedOut)):
        columns = completion["outputs"]
        report = _skip_report(completion, borrowed)
        outputs = {sink: outputs_of(sink, columns[sink], count, report) for sink in columns}
        error.outputs = outputs_of_sinks(outputs, report)
    return error


def _skip_report(completion: Mapping[str, Any], borrowed: Mapping[int, Borrowed] | None) -> SkipReport | None:
    skips, retries = completion.get("skips", 0), completion.get("retries", 0)
    if not (skips or retries):
        return None
    return SkipReport([node_error(detail, borrowed) for detail in completion.get("skipped", ())], skips, retries)


def keep_causes(completion: Any) -> None:
    """Puts the exceptions of Python into a completion that names them by number, before they are released."""
    if isinstance(completion, BaseException):
        return
    for detail in (*completion.get("errors", ()), *completion.get("skipped", ())):
        token = detail.get("host_token")
        if token is not None:
            detail["host_token"] = ownership.borrowed(token)


def blame_threads(completion: Any) -> None:
    """Corrects the message of a timeout whose functions never began: all threads were at work for others."""
    if isinstance(completion, BaseException):
        return
    for detail in completion.get("errors", ())[:1]:
        found = WORKED.fullmatch(detail["message"])
        if found is not None:
            inputs = "" if found["inputs"] is None else f" with {found['inputs']}"
            detail["message"] = (
                f"{found['nodes']} waited for a thread{inputs} for {found['time']}: {threads.all_at_work()}. "
                "Make them async, or raise function_threads with remotemedia.configure."
            )


def is_cancelled(completion: Any) -> bool:
    """Whether a completion is that of work that was cancelled."""
    return not isinstance(completion, BaseException) and completion["status"] == RM_CANCELLED


def unanswered(node_type: str, error: BaseException) -> ExecutionError:
    """The exception of work where no reply could be made to a call of the function of this type."""
    found = ExecutionError(f"{node_type}: no reply can be made of what it gave: {text_of(error)}")
    found.__cause__ = error
    return found


def node_error(detail: Mapping[str, Any], borrowed: Mapping[int, Borrowed] | None) -> NodeError:
    """The exception for the detail of a node's error. `borrowed` are the Python objects of its execution."""
    token = detail.get("host_token")
    error = NodeError(detail["message"], {key: entry for key, entry in detail.items() if key != "host_token"})
    if token is not None:
        cause = token if isinstance(token, Borrowed) else (borrowed or {}).get(token) or ownership.borrowed(token)
        if cause is not None and isinstance(cause.source, BaseException):
            error.__cause__ = cause.source
    return error
