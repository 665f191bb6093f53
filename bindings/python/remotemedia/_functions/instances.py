"""Classes as nodes: an instance for each run, which is initialized before its first value and cleaned up once.

An instance is used by one thread at a time. What it does at which moment is told here; who calls it, and where, is not.
How far it has come is noted as its methods return, where they run: whoever called them may have been cancelled since,
while a thread went on with them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from .calls import refuse_wrong
from .spec import METHODS, HostFunction, gives_many, is_async, prepared


class Stage(Enum):
    """How far the life of an instance has come."""

    NEW = 1
    """It is not initialized, or that has failed."""
    OPEN = 2
    CLOSING = 3
    """It is being cleaned up."""
    CLOSED = 4


class Instance(HostFunction):
    """One instance of a class, in one run: the function that it is for values, and what is to be called beside."""

    __slots__ = ("_kind", "_object", "_options", "_previous", "_stage", "epoch", "flush")

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
        self.spec = node.spec
        self.method = ""
        self.flush: HostFunction | None = None
        """What is to be called at the end of an item."""
        self.epoch = epoch
        self._options = node.params
        self._object: Any = None
        self._previous = previous
        self._stage = Stage.NEW

    def opening(self) -> Iterator[HostFunction]:
        """What is to be called before a value comes, one after the other, as long as nothing raises."""
        yield from self._closing_previous()
        if self._stage is not Stage.NEW:
            return
        yield self._called("__init__", self._make, False)
        if self._stage is Stage.NEW:
            yield self._called("initialize", self._object.initialize, then=Stage.OPEN)

    def closing(self) -> Iterator[HostFunction]:
        """What is to be called when nothing more comes: nothing if it was not initialized, or called before."""
        yield from self._closing_previous()
        if self._stage is Stage.OPEN and hasattr(self._object, "cleanup"):
            self._stage = Stage.CLOSING
            yield self._called("cleanup", self._object.cleanup, then=Stage.CLOSED)
        elif self._stage is not Stage.CLOSING:
            self._stage = Stage.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether it is still to be cleaned up, or that goes on."""
        own = self._stage in (Stage.OPEN, Stage.CLOSING)
        return own or (self._previous is not None and self._previous.is_open)

    def _closing_previous(self) -> Iterator[HostFunction]:
        if self._previous is not None:
            yield from self._previous.closing()
            # Not before: what is left here by an exception is closed later.
            self._previous = None

    def _make(self) -> None:
        self._object = made = self._kind(**self._options)
        self.function = made.process
        self.convert = prepared(made.process, self.spec)
        if hasattr(made, "flush"):
            self.flush = self._called("flush", made.flush)
        if not hasattr(made, "initialize"):
            self._stage = Stage.OPEN

    def _called(
        self, name: str, method: Callable[[], Any], on_loop: bool | None = None, then: Stage | None = None
    ) -> HostFunction:
        """A method without arguments, as a function of a value that it does not look at.

        When it has returned, the instance has come to the stage `then`; to its end also if it raised.
        """
        belongs_on_loop = is_async(method) if on_loop is None else on_loop
        called = HostFunction(self._noting(method, then, belongs_on_loop), self.node_type, {})
        called.is_async = belongs_on_loop
        called.gives_many = gives_many(method)
        called.method = name
        return called

    def _noting(self, method: Callable[[], Any], then: Stage | None, on_loop: bool) -> Callable[[Any], Any]:
        if then is None:
            return lambda _: method()

        @contextmanager
        def stage() -> Iterator[None]:
            try:
                yield
            except BaseException:
                if then is Stage.CLOSED:
                    self._stage = then
                raise
            self._stage = then

        if on_loop:

            async def noting_async(_: Any) -> Any:
                with stage():
                    return await method()

            return noting_async

        def noting(_: Any) -> Any:
            with stage():
                # What is to be awaited, and is not, has initialized nothing.
                refuse_wrong(self, found := method())
                return found

        return noting


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
