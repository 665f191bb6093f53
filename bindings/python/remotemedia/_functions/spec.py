"""What a function or class that is a node declares, and how one is called with a value.

Whatever the engine: it knows no threads, no loops and no calls of the runtime.
"""

from __future__ import annotations

import functools
import inspect
import re
import weakref
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .._problem.whole_number import require_whole
from ..errors import InvalidArgumentError
from .arguments import SCALARS, Convert, converter, deep_copy
from .ports import Out, output_of

if TYPE_CHECKING:
    from ..errors import Problem

LARGEST_BATCH = 1024
MOST_PORTS = 64
PORT_NAME = "[A-Za-z0-9_-]{1,64}"
LONGEST_WAIT_MS = 3_600_000
"""An hour."""


class CallSpec(NamedTuple):
    """How a function is called: the arguments of `@node(...)`."""

    batch: int | None = None
    """The most values in a list; None where values come one by one."""
    max_wait_ms: float = 0.0
    """How long a batch that is not full waits for more values."""
    inplace: bool = False
    """Whether it changes what it gets."""
    inputs: tuple[str, ...] = ()
    """The names of its inputs, if it names any: then it gets the name of the input beside the value."""
    outputs: tuple[str, ...] = ()
    """The names of its outputs, if it names any."""


SINGLE = CallSpec()
"""Value by value, read-only, one input and one output."""


def call_spec(batch: Any, max_wait_ms: Any, inplace: Any, inputs: Any, outputs: Any) -> CallSpec:
    """The specification that these arguments of `@node` make. Raises `InvalidArgumentError` for wrong ones."""
    if batch is not None:
        batch = require_whole("batch", batch, 1, LARGEST_BATCH)
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
    """The names of inputs or outputs that `@node` was given; none for None. `what` is the argument's name.

    Raises `InvalidArgumentError` for anything else than valid names.
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
    """The specification of a node type of a manifest that is a function: `SINGLE` if it was not decorated."""
    return function.spec if isinstance(function, NodeSpec) else SINGLE


InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs work on a thread and returns its value. What the work raises comes as a `Failure`."""

METHODS = ("initialize", "process", "flush", "cleanup")
"""The methods of a class that are called. All but `process` may be missing."""


class NodeSpec(ABC):
    """What `@node` makes of a function or class: the base of `NodeFunction`, for rooms that don't know graphs."""

    fn: Callable[..., Any]
    """The plain function or class."""
    spec: CallSpec

    @abstractmethod
    def problems(self, params: Mapping[str, Any], path: str) -> list[Problem]:
        """All that is wrong with the params of a node at `path` in its manifest, worded as for built-in nodes."""


class HostFunction:
    """A Python function that is a node: the function, its params, and the name that the runtime has for it."""

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
        traits = traits_of(function)
        self.function = function
        self.node_type = node_type
        self.params = params
        self.spec = spec
        self.convert = preparation(traits.convert, spec)
        """Gives a value the form that the function asks for; None if it asks for none."""
        self.is_async = traits.is_async
        self.gives_many = traits.gives_many
        self.on_loop = traits.is_async
        """Whether it belongs on an event loop: also if only another method of its class is async."""
        self.streams = traits.gives_many
        """Whether its values are sent on one by one, as they are made."""
        self.in_parts = self.streams or spec.batch is not None or bool(spec.inputs or spec.outputs)
        """Whether a call to it is more than one call of the function for each value."""
        self.method = ""
        """The method of a class that it is; empty for functions and for `process`."""

    def invoke(self, value: Any, port: int = 0) -> Any:
        """Calls it with a value in the form that it asks for, and with the name of the input if it names any.

        `port` is the number of that input. Of an async function and of a generator this only begins the work.
        """
        named = self.spec.inputs[port : port + 1]
        return self.function(value if self.convert is None else self.convert(value), *named, **self.params)

    def call(self, value: Any, port: int = 0) -> Any:
        """The result of a sync function for a value that came at this input."""
        result = self.invoke(value, port)
        if type(result) not in SCALARS:
            self.check(result)
        return result

    async def call_async(self, value: Any, in_thread: InThread, port: int = 0) -> Any:
        """The result of a function for a value: an async one runs on this loop, a sync one by `in_thread`."""
        if not self.is_async:
            return await in_thread(functools.partial(self.call, value, port))
        result = await self.invoke(value, port)
        if type(result) is Out:
            output_of(self, result)
        return result

    def check(self, result: Any) -> None:
        """Raises `TypeError` for an awaitable that a sync function returned, and `ValueError` for an unknown output."""
        if type(result) is Out:
            output_of(self, result)
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise TypeError(f"{self.node_type} returned an awaitable; define it with async def")


class HostClass(HostFunction):
    """A Python class that is a node: each run makes an instance of its own."""

    __slots__ = ()

    def __init__(self, kind: type, node_type: str, params: Mapping[str, Any], spec: CallSpec = SINGLE) -> None:
        super().__init__(kind, node_type, params, spec)
        methods = [method for name in METHODS if (method := getattr(kind, name, None)) is not None]
        self.on_loop = any(is_async(method) for method in methods)
        self.streams = any(gives_many(method) for method in methods)
        self.in_parts = True


class Traits(NamedTuple):
    """What a function's definition says of it."""

    is_async: bool
    gives_many: bool
    convert: Convert | None


_traits: weakref.WeakKeyDictionary[Any, Traits] = weakref.WeakKeyDictionary()


def traits_of(function: Callable[..., Any]) -> Traits:
    """The traits of a function, looked up once: a manifest may be compiled for each run, with a new `HostFunction`."""
    try:
        return _traits[function]
    except KeyError:
        found = _traits[function] = Traits(is_async(function), gives_many(function), converter(function))
        return found
    except TypeError:
        # It can't be remembered: an instance without weak references, or without a hash.
        return Traits(is_async(function), gives_many(function), converter(function))


def preparation(convert: Convert | None, spec: CallSpec) -> Convert | None:
    """What is done to a value before a function gets it: copied for it alone, and given the form that it asks for."""
    if not spec.inplace:
        return convert
    return deep_copy if convert is None else lambda value: convert(deep_copy(value))


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
