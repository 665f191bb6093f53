"""The exceptions of remotemedia, and which status of the C ABI becomes which.

Catch `Error` for all of them; a file that can't be opened is Python's own `OSError`. Each class is also what Python
programs expect: a wrong manifest or input is a `ValueError`, a failed execution a `RuntimeError`, an expired deadline a
`TimeoutError`.
"""

from __future__ import annotations

from ._problem.outside_text import message
from ._process import FIRST_USE

# Every program that imports remotemedia would wait for typing; checkers take this name for true.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import CancelledError as Cancelled
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ._problem.problem import Problem
    from ._results.outputs import Outputs

__all__ = [
    "Cancelled",
    "Error",
    "ExecutionError",
    "ForkedError",
    "GoneError",
    "InvalidArgumentError",
    "LibraryError",
    "LimitExceededError",
    "ManifestError",
    "MarshalError",
    "NodeError",
    "OutOfResourcesError",
    "PanicError",
    "PoisonedError",
    "Problem",
    "ShutDownError",
    "StalledError",
    "TimedOut",
    "UnsupportedError",
]


class Error(Exception):
    """The base of all errors of remotemedia."""

    status: str = ""
    """The name of the status of the C ABI that this class stands for; empty if it comes from Python alone."""

    def __init__(self, *args: object) -> None:
        # Quotes in a message stay short, and have no commands for the terminal that shows it.
        super().__init__(*(message(each) if isinstance(each, str) else each for each in args))


class LibraryError(Error, ImportError):
    """The native library can't be loaded or is of another version, or a call needs a package that is not installed."""


class InvalidArgumentError(Error, ValueError):
    """An argument is outside its range."""

    status = "RM_INVALID_ARGUMENT"


class ManifestError(Error, ValueError):
    """A manifest is refused. `problems` lists its mistakes, the first 100 of them."""

    status = "RM_INVALID_MANIFEST"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems: list[Problem] = list(problems)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.problems)


class MarshalError(Error, ValueError):
    """A value can't cross between Python and the runtime. The message names its place and the cure."""

    status = "RM_INVALID_DOCUMENT"


class ExecutionError(Error, RuntimeError):
    """An execution failed.

    `errors` holds every error of a node, the first one first; `outputs` what had come out of the pipeline until then,
    in the form that `execute` returns, or None if nothing is known. What nodes had still to pass on is not in it.
    """

    status = "RM_EXECUTION_FAILED"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.outputs: Outputs | None = None
        self._others: list[NodeError] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self),), self._luggage()

    def _luggage(self) -> dict[str, Any]:
        """The attributes that are pickled beside the message: exceptions and outputs only if they can be pickled."""
        taken = {"outputs": self.outputs, "__cause__": self.__cause__}
        return {"_others": self._others, **{name: each for name, each in taken.items() if _pickles(each)}}

    @property
    def errors(self) -> list[NodeError]:
        """The errors of the nodes, in the order in which they happened."""
        return list(self._others)


class NodeError(ExecutionError):
    """A node failed: this is what a failed execution raises whenever the node is known.

    `node_id` and `node_type` name the node, `item` is the index of the input, `input` its file name if it has one,
    `position` the place in its media time in seconds (`position_ns`: exact), `cause` and `cure` the two halves of
    the message, `chain` what lies behind the cause. If the node is a Python function, the exception that it raised
    is the `__cause__`, with its traceback.
    """

    def __init__(self, message: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        detail = detail or {}
        self.node_id: str | None = detail.get("node_id")
        self.node_type: str | None = detail.get("node_type")
        self.item: int | None = detail.get("item")
        self.input: str | None = detail.get("input")
        self.position_ns: int | None = detail.get("position_ns")
        self.cause: str | None = detail.get("cause")
        self.cure: str | None = detail.get("cure")
        self.chain: list[str] = list(detail.get("chain") or ())

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("node_id", "node_type", "item", "input", "position_ns", "cause", "cure", "chain")
        return type(self), (str(self), {name: getattr(self, name) for name in names}), self._luggage()

    @property
    def position(self) -> float | None:
        """The place in the item's media time, in seconds."""
        return None if self.position_ns is None else self.position_ns / 1e9

    @property
    def errors(self) -> list[NodeError]:
        """This error, and those of other nodes that came after it."""
        return [self, *self._others]


class TimedOut(Error, TimeoutError):
    """An execution did not end within its `timeout`. `outputs` holds what had come out until then."""

    status = "RM_TIMED_OUT"
    outputs: Outputs | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        kept = {name: each for name, each in vars(self).items() if name != "outputs" or _pickles(each)}
        return type(self), self.args, kept


class ShutDownError(Error, RuntimeError):
    """The runtime has been shut down, as it is when the interpreter exits."""

    status = "RM_SHUT_DOWN"


class StalledError(Error, RuntimeError):
    """A `send` waits for room that can't come, since the outputs of the session are not read."""


class GoneError(Error, LookupError):
    """The work or the call that a number names has already ended."""

    status = "RM_GONE"


class PoisonedError(ExecutionError):
    """The pipeline panicked earlier and takes no more work."""

    status = "RM_POISONED"


class PanicError(ExecutionError):
    """There is a defect in the native library: it panicked, and only this execution is lost. Please report it."""

    status = "RM_PANIC"


class ForkedError(Error, RuntimeError):
    """A handle of the parent process was used after `fork`."""

    status = "RM_FORKED"


class OutOfResourcesError(Error, RuntimeError):
    """The operating system refused memory, threads or file descriptors."""

    status = "RM_OUT_OF_RESOURCES"


class LimitExceededError(Error, ValueError):
    """Something is larger than a limit of the runtime."""

    status = "RM_LIMIT_EXCEEDED"


class UnsupportedError(Error, RuntimeError):
    """This system does not have what was asked for."""

    status = "RM_UNSUPPORTED"


CLASSES: dict[str, type[Error]] = {
    kind.status: kind
    for kind in (
        InvalidArgumentError,
        ManifestError,
        MarshalError,
        ExecutionError,
        TimedOut,
        ShutDownError,
        GoneError,
        PoisonedError,
        PanicError,
        ForkedError,
        OutOfResourcesError,
        LimitExceededError,
        UnsupportedError,
    )
}
"""The class of each failing status by its name; `RM_CANCELLED` alone is asyncio's own `CancelledError`."""


def class_of(status: str) -> type[BaseException]:
    """The exception class of a failing status of the C ABI, by the name of the status."""
    if status == "RM_CANCELLED":
        from asyncio import CancelledError

        return CancelledError
    return CLASSES.get(status, Error)


def from_status(status: str, message: str, detail: Mapping[str, Any]) -> BaseException:
    """The exception for a status, its message and its detail."""
    kind = class_of(status)
    if issubclass(kind, ManifestError):
        return kind(message, [_problem(entry) for entry in detail.get("problems") or ()])
    if kind is ExecutionError and detail.get("node_id") is not None:
        return NodeError(message, detail)
    return kind(message)


def _pickles(value: Any) -> bool:
    import pickle

    try:
        # Exceptions that are made of more than one argument often fail only here.
        pickle.loads(pickle.dumps(value))
    except Exception:
        return False
    return True


def _problem(entry: Mapping[str, Any]) -> Problem:
    with FIRST_USE:
        from ._problem.problem import Problem

    def text(name: str) -> str | None:
        value = entry.get(name)
        return None if value is None else str(value)

    return Problem(
        path=str(entry.get("path", "")),
        message=str(entry.get("message", "")),
        line=entry.get("line"),
        column=entry.get("column"),
        expected=text("expected"),
        got=text("got"),
        suggestion=text("suggestion"),
    )


if not TYPE_CHECKING:
    # asyncio and typing take longer to import than everything else here together.
    def __getattr__(name: str) -> Any:
        if name == "Cancelled":
            from asyncio import CancelledError

            return CancelledError
        if name == "Problem":
            from ._problem.problem import Problem

            return Problem
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
