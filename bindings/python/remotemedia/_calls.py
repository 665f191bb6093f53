"""Python functions in a manifest: found and named, and the one way that both executors call one with a value."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ._access import SCALARS, private
from ._ports import Out, output_of
from ._shape import ONE_BY_ONE, Shape, taken_as
from ._typed import converter

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
        "shape",
        "streams",
    )

    def __init__(
        self, function: Callable[..., Any], node_type: str, params: Mapping[str, Any], shape: Shape = ONE_BY_ONE
    ) -> None:
        self.function = function
        self.node_type = node_type
        self.params = params
        self.shape = shape
        """Whether it takes values in batches."""
        self.convert = prepared(function, shape)
        """What gives a value the form that the function asks for, if it asks for one."""
        self.is_async = is_async(function)
        self.gives_many = gives_many(function)
        self.on_loop = self.is_async
        """Whether it belongs on an event loop: also if only another method of its class is async."""
        self.streams = self.gives_many
        """Whether what it gives is sent on value by value."""
        self.in_parts = self.streams or shape.batch is not None or bool(shape.inputs or shape.outputs)
        """Whether calls to it are more than one call of the function for each value."""
        self.method = ""
        """Which method of a class it is, if not the one for values."""

    def invoke(self, value: Any) -> Any:
        """Calls it with a value, in the form that it asks for; one with several inputs also with the input's name."""
        place: tuple[str, ...] = ()
        if self.shape.inputs:
            value, *place = value
        return self.function(value if self.convert is None else self.convert(value), *place, **self.params)


class HostClass(HostFunction):
    """A Python class that is a node: each run makes an instance of its own."""

    __slots__ = ()

    def __init__(self, kind: type, node_type: str, params: Mapping[str, Any], shape: Shape = ONE_BY_ONE) -> None:
        super().__init__(kind, node_type, params, shape)
        methods = [method for name in METHODS if (method := getattr(kind, name, None)) is not None]
        self.on_loop = any(is_async(method) for method in methods)
        self.streams = any(gives_many(method) for method in methods)
        self.in_parts = True


def take_functions(manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[HostFunction]]:
    """The manifest with names in place of functions, and the functions, one for each node that has one."""
    nodes = manifest.get("nodes")
    if not isinstance(nodes, (list, tuple)) or not any(
        isinstance(node, Mapping) and callable(node.get("node_type")) for node in nodes
    ):
        return manifest if type(manifest) is dict else dict(manifest), []
    functions: list[HostFunction] = []
    taken: set[str] = set()
    plain = []
    for node in nodes:
        if isinstance(node, Mapping) and callable(node.get("node_type")):
            function: Any = node["node_type"]
            name = _name_of(function)
            unique, count = name, 1
            while unique in taken:
                count += 1
                unique = f"{name}#{count}"
            taken.add(unique)
            params = node.get("params") or {}
            # What @node decorates makes nodes when it is called; the function itself is inside.
            kind = HostClass if inspect.isclass(getattr(function, "fn", None)) else HostFunction
            shape = taken_as(function)
            function = getattr(function, "fn", function)
            functions.append(kind(function, unique, dict(params) if isinstance(params, Mapping) else {}, shape))
            node = {**node, "node_type": unique}
        plain.append(node)
    return {**manifest, "nodes": plain}, functions


InThread = Callable[[Callable[[], Any]], Awaitable["tuple[Any, BaseException | None]"]]
"""Runs work on a thread; answers its value, or None and what it raised."""


def call(function: HostFunction, value: Any) -> Any:
    """What a sync function makes of a value, which it gets in the form that its annotation asks for."""
    result = function.invoke(value)
    if type(result) not in SCALARS:
        refuse_wrong(function, result)
    return result


def refuse_wrong(function: HostFunction, result: Any) -> None:
    """Raises `TypeError` for what is to be awaited, which a sync function returned, and `ValueError` for no output."""
    if type(result) is Out:
        output_of(function, result)
    if inspect.isawaitable(result):
        if inspect.iscoroutine(result):
            result.close()
        raise TypeError(f"{function.node_type} returned an awaitable; define it with async def")


async def call_async(function: HostFunction, value: Any, in_thread: InThread) -> tuple[Any, BaseException | None]:
    """What a function makes of a value: an async one on this loop, a sync one by `in_thread`.

    Raises what an async function raises. What a sync one raised is answered: even what would end a loop ends this
    execution alone if it was raised on a thread.
    """
    if function.is_async:
        found = await function.invoke(value)
        if type(found) is Out:
            output_of(function, found)
        return found, None
    return await in_thread(functools.partial(call, function, value))


def begin(function: HostFunction, value: Any) -> Any:
    """The generator that a function which gives several values makes of one, sync or async as it is."""
    return function.invoke(value)


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


def refuse_in_loop(name: str, instead: str) -> None:
    """Raises `RuntimeError` where a blocking call would block the running event loop."""
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(f"{name} would block the running event loop; write: {instead}")


def running_loop(instead: str) -> asyncio.AbstractEventLoop:
    """The event loop that runs on this thread.

    Raises `RuntimeError` where there is none, or one of trio; `instead` is what to write then.
    """
    loop = asyncio._get_running_loop()
    if loop is not None:
        return loop
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "this needs an event loop of asyncio, and here one of trio runs; "
            f"write: await trio.to_thread.run_sync({instead})"
        )
    raise RuntimeError("no running event loop of asyncio; write: asyncio.run(main())")


def prepared(function: Callable[..., Any], shape: Shape) -> Callable[[Any], Any] | None:
    """What is done to a value before a function gets it: made its own, and given the form that it asks for."""
    convert = converter(function)
    if not shape.inplace:
        return convert
    return private if convert is None else lambda value: convert(private(value))


def _name_of(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    return f"python:{getattr(inner, '__module__', None) or '?'}:{name.rpartition('<locals>.')[2]}"
