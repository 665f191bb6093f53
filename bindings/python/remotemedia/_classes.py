"""Classes as nodes: an instance for each run, which is initialized before its first value and cleaned up once.

An instance is used by one thread at a time. What it does at which moment is told here; who calls it, and where, is not.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from ._calls import METHODS, HostFunction, gives_many, is_async, prepared


class Instance(HostFunction):
    """One instance of a class, in one run: the function that it is for values, and what is to be called beside."""

    __slots__ = ("_is_open", "_is_over", "_kind", "_object", "_options", "_previous", "epoch", "flush")

    def __init__(self, node: HostFunction, epoch: int, previous: Instance | None) -> None:
        self.node_type = node.node_type
        self.params: dict[str, Any] = {}
        kind: Any = node.function
        self.is_async = is_async(kind.process)
        self.gives_many = gives_many(kind.process)
        self._kind = kind
        self.on_loop = node.on_loop
        self.streams = node.streams
        self.in_parts = node.in_parts
        self.shape = node.shape
        self.method = ""
        self.flush: HostFunction | None = None
        """What is to be called at the end of an item."""
        self.epoch = epoch
        self._options = node.params
        self._object: Any = None
        self._previous = previous
        self._is_open = False
        self._is_over = False

    def opening(self) -> Iterator[HostFunction]:
        """What is to be called before a value comes, one after the other, as long as nothing raises."""
        previous, self._previous = self._previous, None
        if previous is not None:
            yield from previous.closing()
        if self._is_open or self._is_over:
            return
        yield self._called("__init__", self._make, False)
        if hasattr(self._object, "initialize"):
            yield self._called("initialize", self._object.initialize)
        self._is_open = True

    def closing(self) -> Iterator[HostFunction]:
        """What is to be called when nothing more comes: nothing if it was not initialized, or called before."""
        previous, self._previous = self._previous, None
        if previous is not None:
            yield from previous.closing()
        was_open, self._is_open, self._is_over = self._is_open, False, True
        if was_open and hasattr(self._object, "cleanup"):
            yield self._called("cleanup", self._object.cleanup)

    @property
    def is_open(self) -> bool:
        """Whether it is still to be cleaned up."""
        return self._is_open or (self._previous is not None and self._previous.is_open)

    def _make(self) -> None:
        self._object = made = self._kind(**self._options)
        self.function = made.process
        self.convert = prepared(made.process, self.shape)
        if hasattr(made, "flush"):
            self.flush = self._called("flush", made.flush)

    def _called(self, name: str, method: Callable[[], Any], belongs_on_loop: bool | None = None) -> HostFunction:
        """A method without arguments, as a function of a value that it does not look at."""
        called = HostFunction(lambda _: method(), self.node_type, {})
        called.is_async = is_async(method) if belongs_on_loop is None else belongs_on_loop
        called.gives_many = gives_many(method)
        called.method = name
        return called


def wrong_with(kind: Any, takes_port: bool) -> str | None:
    """Why a class can't be a node, if so; `takes_port` if it names its inputs."""
    title = kind.__name__
    if not inspect.isfunction(getattr(kind, "process", None)):
        return f"{title} has no method process; write def process(self, value{', port' if takes_port else ''})"
    if takes_port and len(_arguments(kind.process)) != 3:
        return f"{title}.process takes a value and the input at which it came; write def process(self, value, port)"
    if not takes_port and len(_arguments(kind.process)) != 2:
        return f"{title}.process takes one value; write def process(self, value)"
    for name in METHODS:
        method = getattr(kind, name, None)
        if name == "process" or method is None:
            continue
        if not inspect.isfunction(method) or len(_arguments(method)) != 1:
            return f"{title}.{name} takes nothing; write def {name}(self)"
        if name != "flush" and gives_many(method):
            return f"{title}.{name} is a generator, and nobody takes what it yields; only process and flush may yield"
    return None


def _arguments(method: Callable[..., Any]) -> list[str]:
    return [name for name, each in inspect.signature(method).parameters.items() if each.default is each.empty]
