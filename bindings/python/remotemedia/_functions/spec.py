"""How a function that is a node wants its values: by themselves or in batches, shared or its own, at which ports."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import InvalidArgumentError
from .access import deep_copy
from .typed import converter

if TYPE_CHECKING:
    from ..errors import Problem

LARGEST_BATCH = 1024
MOST_PORTS = 64
PORT_NAME = "[A-Za-z0-9_-]{1,64}"
LONGEST_WAIT_MS = 3_600_000
"""An hour."""


class CallSpec(NamedTuple):
    """What `@node(...)` was told. `batch` is the most values of a list; None where values come by themselves."""

    batch: int | None = None
    max_wait_ms: float = 0.0
    """How long a batch that is not full waits for more values."""
    inplace: bool = False
    """Whether it changes what it gets."""
    inputs: tuple[str, ...] = ()
    """The names of its inputs, if it names any: then it is told where a value came."""
    outputs: tuple[str, ...] = ()


SINGLE = CallSpec()


def call_spec(batch: Any, max_wait_ms: Any, inplace: Any, inputs: Any, outputs: Any) -> CallSpec:
    """The shape of these arguments of `@node`. Raises `InvalidArgumentError` for wrong ones."""
    if batch is not None and (type(batch) is not int or not 1 <= batch <= LARGEST_BATCH):
        raise InvalidArgumentError(f"batch must be a number of values from 1 to {LARGEST_BATCH}, got {batch!r}")
    if type(inplace) is not bool:
        raise InvalidArgumentError(f"inplace must be True or False, got {inplace!r}")
    ports = port_names("inputs", inputs), port_names("outputs", outputs)
    if batch is not None and any(ports):
        raise InvalidArgumentError("what takes batches has one input and one output; leave inputs and outputs out")
    if max_wait_ms is None:
        return CallSpec(batch, 0.0, inplace, *ports)
    if batch is None:
        raise InvalidArgumentError(
            "max_wait_ms is how long a batch waits for more values; say too how large it gets: "
            f"@node(batch=32, max_wait_ms={max_wait_ms!r})"
        )
    if type(max_wait_ms) not in (int, float) or not 0 <= max_wait_ms <= LONGEST_WAIT_MS:
        raise InvalidArgumentError(
            f"max_wait_ms must be a number of milliseconds from 0 to {LONGEST_WAIT_MS}, got {max_wait_ms!r}"
        )
    return CallSpec(batch, float(max_wait_ms), inplace)


def port_names(what: str, names: Any) -> tuple[str, ...]:
    """The names that `@node` was given for its inputs or outputs; none for None.

    Raises `InvalidArgumentError` for what are no names of ports.
    """
    if names is None:
        return ()
    wrong = f"{what} must be a list of names, 1 to {MOST_PORTS} of them and each once, got {names!r}"
    if not isinstance(names, (list, tuple)) or not 1 <= len(names) <= MOST_PORTS:
        raise InvalidArgumentError(wrong)
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(PORT_NAME, name):
            raise InvalidArgumentError(
                f"{what}: {name!r} is no name of a port; use up to 64 letters, digits, '_' and '-'"
            )
    if len(set(names)) < len(names):
        raise InvalidArgumentError(wrong)
    return tuple(names)


def spec_of(function: Callable[..., Any]) -> CallSpec:
    """The shape that a node type of a manifest wants; plain functions say nothing of it."""
    found = getattr(function, "spec", None)
    return found if type(found) is CallSpec else SINGLE


class NodeSpec:
    """What `@node` makes of a function or class: the base of `NodeFunction`, for rooms that don't know graphs."""

    fn: Callable[..., Any]
    """The plain function or class."""
    spec: CallSpec

    def problems(self, params: Mapping[str, Any], path: str) -> list[Problem]:
        """All that is wrong with the params of a node at `path` in its manifest, worded as for built-in nodes."""
        raise NotImplementedError


METHODS = ("initialize", "process", "flush", "cleanup")
"""The methods of a class that the library calls. All but `process` may be missing."""


class HostFunction:
    """A Python function that is a node: the function, its params, and the name that the runtime knows it by."""

    __slots__ = (
        "convert",
        "function",
        "gives_many",
        "in_parts",
        "is_async",
        "method",
        "node_type",
        "on_loop",
        "params",
        "spec",
        "streams",
    )

    def __init__(
        self, function: Callable[..., Any], node_type: str, params: Mapping[str, Any], spec: CallSpec = SINGLE
    ) -> None:
        self.function = function
        self.node_type = node_type
        self.params = params
        self.spec = spec
        """Whether it takes values in batches."""
        self.convert = prepared(function, spec)
        """What gives a value the form that the function asks for, if it asks for one."""
        self.is_async = is_async(function)
        self.gives_many = gives_many(function)
        self.on_loop = self.is_async
        """Whether it belongs on an event loop: also if only another method of its class is async."""
        self.streams = self.gives_many
        """Whether what it gives is sent on value by value."""
        self.in_parts = self.streams or spec.batch is not None or bool(spec.inputs or spec.outputs)
        """Whether calls to it are more than one call of the function for each value."""
        self.method = ""
        """Which method of a class it is, if not the one for values."""

    def invoke(self, value: Any) -> Any:
        """Calls it with a value, in the form that it asks for; one with several inputs also with the input's name."""
        port: tuple[str, ...] = ()
        if self.spec.inputs:
            value, *port = value
        return self.function(value if self.convert is None else self.convert(value), *port, **self.params)


class HostClass(HostFunction):
    """A Python class that is a node: each run makes an instance of its own."""

    __slots__ = ()

    def __init__(self, kind: type, node_type: str, params: Mapping[str, Any], spec: CallSpec = SINGLE) -> None:
        super().__init__(kind, node_type, params, spec)
        methods = [method for name in METHODS if (method := getattr(kind, name, None)) is not None]
        self.on_loop = any(is_async(method) for method in methods)
        self.streams = any(gives_many(method) for method in methods)
        self.in_parts = True


def is_async(function: Callable[..., Any]) -> bool:
    """Whether `function` belongs on an event loop: it is async, or an async generator."""
    called = _called(function)
    return any(inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each) for each in called)


def gives_many(function: Callable[..., Any]) -> bool:
    """Whether `function` gives several values, one after the other: it is a generator, sync or async."""
    called = _called(function)
    return any(inspect.isgeneratorfunction(each) or inspect.isasyncgenfunction(each) for each in called)


def _called(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    while isinstance(function, functools.partial):
        function = function.func
    return function, type(function).__call__


def prepared(function: Callable[..., Any], spec: CallSpec) -> Callable[[Any], Any] | None:
    """What is done to a value before a function gets it: made its own, and given the form that it asks for."""
    convert = converter(function)
    if not spec.inplace:
        return convert
    return deep_copy if convert is None else lambda value: convert(deep_copy(value))
