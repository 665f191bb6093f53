"""Classes as nodes: an instance for each run, initialized before its first value and cleaned up once.

An instance is used by one call at a time, also after an interruption, and cleaned up once none works with it. Its
methods share a context: what one sets, such as the precision of `decimal`, the next one finds.

How far an instance has come is noted as its methods return, where they run: the caller may have been cancelled since,
while a thread went on with them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from enum import Enum
from typing import Any

from . import late_cleanups
from .active_calls import ActiveCalls
from .arguments import converter
from .contexts import in_context
from .event_loop import to_the_end
from .failures import Cursor, Failure, cause_of, repr_of
from .spec import HostClass, HostFunction, InThread, gives_many, is_async, preparation, traits_of

_log = logging.getLogger("remotemedia")


class Stage(Enum):
    """How far an instance has come."""

    NEW = 1
    """It is not initialized, or that has failed."""
    OPEN = 2
    CLOSING = 3
    """It is being cleaned up."""
    CLOSED = 4


class Instance(HostFunction):
    """One instance of a class, in one run: the function that it is for values, and its other methods."""

    __slots__ = ("_context", "_kind", "_object", "_options", "_previous", "_stage", "epoch", "flush")

    def __init__(self, node: HostFunction, epoch: int, previous: Instance | None, context: Context) -> None:
        """`context` is its own from now on."""
        self.node_type = node.node_type
        self.params: dict[str, Any] = {}
        kind: Any = node.function
        traits = traits_of(kind.process)
        self.is_async = traits.is_async
        self.gives_many = traits.gives_many
        self._kind = kind
        self.on_loop = node.on_loop
        self.streams = node.streams
        self.in_parts = node.in_parts
        self.spec = node.spec
        self.method = ""
        self.flush: HostFunction | None = None
        """The method for the end of an item, if the class has one."""
        self.epoch = epoch
        """How many interruptions came before it was made."""
        self._options = node.params
        self._object: Any = None
        self._previous = previous
        self._context = context
        self._stage = Stage.NEW

    def opening(self) -> Iterator[HostFunction]:
        """The methods to call before a value comes, one after the other, as long as none raises."""
        yield from self._closing_previous()
        if self._stage is not Stage.NEW:
            return
        yield self._called("__init__", self._make, False)
        if self._stage is Stage.NEW:
            yield self._called("initialize", self._object.initialize, then=Stage.OPEN)

    def closing(self) -> Iterator[HostFunction]:
        """The methods to call when nothing more comes: none if it was not initialized, or if this was done before."""
        yield from self._closing_previous()
        if self._stage is Stage.OPEN and hasattr(self._object, "cleanup"):
            self._stage = Stage.CLOSING
            yield self._called("cleanup", self._object.cleanup, then=Stage.CLOSED)
        elif self._stage is not Stage.CLOSING:
            self._stage = Stage.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether it has still to be cleaned up, or is being cleaned up."""
        own = self._stage in (Stage.OPEN, Stage.CLOSING)
        return own or (self._previous is not None and self._previous.is_open)

    def uncleaned(self) -> bool:
        """Whether it is initialized, and nothing has begun to clean it up."""
        return self._stage is Stage.OPEN or (self._previous is not None and self._previous.uncleaned())

    def _closing_previous(self) -> Iterator[HostFunction]:
        if self._previous is not None:
            yield from self._previous.closing()
            # Not before: what an exception leaves undone here is done later.
            self._previous = None

    def _make(self) -> None:
        self._object = made = self._kind(**self._options)
        self.function = in_context(self._context, made.process, self.is_async, self.gives_many)
        self.convert = preparation(converter(made.process), self.spec)
        if hasattr(made, "flush"):
            self.flush = self._called("flush", made.flush)
        if not hasattr(made, "initialize"):
            self._stage = Stage.OPEN

    def _called(
        self, name: str, method: Callable[[], Any], on_loop: bool | None = None, then: Stage | None = None
    ) -> HostFunction:
        """A method without arguments, as a function that ignores its value.

        When it has returned, the instance has come to the stage `then`; to its end also if it raised.
        """
        belongs_on_loop = is_async(method) if on_loop is None else on_loop
        many = gives_many(method)
        noting = in_context(self._context, self._noting(method, then, belongs_on_loop), belongs_on_loop, many)
        called = HostFunction(noting, self.node_type, {})
        called.is_async = belongs_on_loop
        called.gives_many = many
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
                # An awaitable that is not awaited has initialized nothing.
                self.check(found := method())
                return found

        return noting


class InstancePool(ActiveCalls):
    """The instances of a run, and which calls work with them."""

    def __init__(self) -> None:
        super().__init__()
        self._instances: dict[int, Instance] = {}
        self._is_idle = False
        """Whether its run has ended, and no call is at work any more."""

    def functions(
        self, declared: Mapping[int, HostFunction], tokens: Sequence[int], epoch: int, context: Context
    ) -> list[HostFunction] | None:
        """The functions with these numbers, classes as their instances, which are made anew after an interruption.

        Each instance gets a copy of `context`.
        None if the instances have been through a later interruption than `epoch`: calls from before it are over.
        """
        found: list[HostFunction] = []
        with self._lock:
            instances = [self._instances.get(token) for token in tokens]
            if any(instance is not None and instance.epoch > epoch for instance in instances):
                return None
            for token, instance in zip(tokens, instances, strict=True):
                function = declared[token]
                if isinstance(function, HostClass):
                    if instance is None or instance.epoch != epoch:
                        instance = self._instances[token] = Instance(function, epoch, instance, context.copy())
                    function = instance
                found.append(function)
        return found

    @property
    def belong_on_loop(self) -> bool:
        """Whether some methods are async."""
        return any(instance.on_loop for instance in self._instances.values())

    def end(self, when_idle: Callable[[], None]) -> bool:
        """Ends the run. `when_idle` is to clean up; to wait for it is worth it if there is something to clean up."""

        def idle() -> None:
            self._is_idle = True
            when_idle()

        is_open = any(each.is_open for each in self._instances.values())
        late_cleanups.add(self)
        return super().end(idle) and is_open

    def clean(self) -> None:
        """Cleans up the instances that are open. Raises `KeyboardInterrupt`, once all of them are cleaned up.

        Where async methods can't run, since their loop has ended, they are named in the log.
        """
        interrupted: KeyboardInterrupt | None = None
        for part in closing(self._instances.values(), Cursor()):
            if part.is_async:
                _log.warning(
                    "%s of %s is not called: it is async, and its event loop has ended", part.method, part.node_type
                )
                continue
            try:
                part.call(None)
            except KeyboardInterrupt as error:
                interrupted = error
            except BaseException as error:
                # Also what would end a program: the work has ended, and so it is logged like others.
                complain(part, error)
        late_cleanups.discard(self)
        if interrupted is not None:
            raise interrupted

    async def clean_async(self, in_thread: InThread) -> None:
        """Does what `clean` does on a loop."""
        try:
            await clean_up(self._instances.values(), in_thread)
        finally:
            late_cleanups.discard(self)

    @property
    def is_in_thread(self) -> bool:
        """Whether a thread is at work with an instance, or some are about to be cleaned up."""
        # Ctrl-C may have come before it was noted that none are.
        return self._threads > 0 or (self._is_idle and any(each.is_open for each in list(self._instances.values())))

    def uncleaned(self) -> list[str]:
        """What to say of the instances that are initialized, and that nothing has begun to clean up."""
        left = [each.node_type for each in list(self._instances.values()) if each.uncleaned()]
        return [f"cleanup of {name} is not called" for name in left]


def opening(functions: Sequence[HostFunction], cursor: Cursor) -> Generator[HostFunction, None, None]:
    """The methods to call before the first value, of the instances that are new."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance):
            for part in function.opening():
                cursor.at(node, part)
                yield part


def flushing(functions: Sequence[HostFunction]) -> Generator[tuple[int, HostFunction], None, None]:
    """The methods to call at the end of an item: `flush` of each instance in turn, with its number in the chain."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance) and function.flush is not None:
            yield node, function.flush


def call_part_now(part: HostFunction) -> None:
    """Calls a method of an instance that takes no value, a sync one."""
    try:
        part.call(None)
    except StopIteration as error:
        # As it is, the generators that it passes through would make another error of it.
        raise Failure(error) from None


async def call_part(part: HostFunction, in_thread: InThread) -> None:
    """Calls a method of an instance that takes no value.

    A `cleanup` that has begun comes to its end, also if this is cancelled meanwhile.
    """
    work = part.call_async(None, in_thread)
    try:
        await (to_the_end(work, lambda error: complain(part, error)) if part.method == "cleanup" else work)
    except StopAsyncIteration as error:
        # As it is, the generators that it passes through would make another error of it.
        raise Failure(error) from None


async def clean_up(functions: Iterable[HostFunction], in_thread: InThread) -> None:
    """Cleans up the instances that are open. What they raise is logged: the work has failed already.

    A cancellation that comes meanwhile is raised when all of them are cleaned up.
    """
    await to_the_end(_clean_up(functions, in_thread), _complain_at_all)


async def _clean_up(functions: Iterable[HostFunction], in_thread: InThread) -> None:
    interrupted: KeyboardInterrupt | None = None
    for part in closing(functions, Cursor()):
        try:
            await call_part(part, in_thread)
        except KeyboardInterrupt as error:
            interrupted = error
        except BaseException as error:
            if isinstance(error, GeneratorExit) and asyncio._get_running_loop() is None:
                # Nothing can be awaited any more.
                _log.warning("%s of %s has not ended: its event loop ends before it", part.method, part.node_type)
                raise
            # Also what would end the loop: the work has ended, and so it is logged like others.
            complain(part, error)
    if interrupted is not None:
        raise interrupted


def complain(part: HostFunction, error: BaseException) -> None:
    """Logs what a method raised that was called after the end of the work."""
    _log.warning("%s of %s raised: %s", part.method, part.node_type, repr_of(cause_of(error)))


def _complain_at_all(error: BaseException) -> None:
    _log.warning("what cleans up raised: %s", repr_of(error))


def closing(functions: Iterable[HostFunction], cursor: Cursor) -> Generator[HostFunction, None, None]:
    """The methods to call when nothing more comes."""
    for node, function in enumerate(functions):
        if isinstance(function, Instance):
            for part in function.closing():
                cursor.at(node, part)
                yield part
