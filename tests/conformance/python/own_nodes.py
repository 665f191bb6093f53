"""Nodes of the host with the behaviours that the suite defines, as functions and classes for `rm.node`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import remotemedia as rm

WAIT_SECONDS = 10.0


class OwnNode:
    """One node type of a scenario: what it has seen, and what it waits for."""

    def __init__(self, options: Mapping[str, Any], exceptions: Mapping[int, Exception]) -> None:
        self.options = options
        self.exceptions = exceptions
        self.called = 0
        self.sizes: list[int] = []
        self.closed = 0
        self.failures = 0
        self.permits = threading.Semaphore(0)

    def node_type(self) -> Any:
        """What stands in the manifest in place of the type."""
        function = getattr(self, f"_{self.options['behaviour']}")()
        known = {"batch", "max_wait_ms", "inputs", "outputs"}
        options = {name: value for name, value in self.options.items() if name in known}
        return rm.node(**options)(function) if options else rm.node(function)

    def _count(self) -> int:
        self.called += 1
        return self.called - 1

    def _echo(self) -> Any:
        if "batch" not in self.options:
            return lambda value: (self._count(), value)[1]

        def echo(values: list[Any]) -> list[Any]:
            self.sizes.append(len(values))
            self.called += len(values)
            return values

        return echo

    def _double(self) -> Any:
        def double(value: Any) -> Iterator[Any]:
            self._count()
            yield value
            yield value

        return double

    def _nothing(self) -> Any:
        return lambda value: (self._count(), None)[1]

    def _fail(self) -> Any:
        at, times = self.options.get("at"), self.options.get("times")

        def is_at(number: int) -> bool:
            is_next = at is None or number == at or (self.failures > 0 and times is not None)
            return is_next and (times is None or self.failures < times)

        def fail(value: Any) -> Any:
            if is_at(self._count()):
                self.failures += 1
                raise self.exceptions[self.options["exception"]]
            return value

        def fail_together(values: list[Any]) -> list[Any]:
            if len(values) > 1 and any(is_at(self.called + index) for index in range(len(values))):
                raise self.exceptions[self.options["exception"]]
            return [fail(value) for value in values]

        return fail_together if "batch" in self.options else fail

    def _stall(self) -> Any:
        def stall(value: Any) -> Any:
            self._count()
            if not self.permits.acquire(timeout=WAIT_SECONDS):
                raise TimeoutError("no reply came")
            return value

        return stall

    def _stream(self) -> Any:
        def stream(value: Any) -> Iterator[Any]:
            self._count()
            part = 0
            try:
                while part != self.options.get("parts"):
                    yield [value, part]
                    part += 1
            except GeneratorExit:
                self.closed += 1
                raise

        return stream

    def _ends(self) -> Any:
        own = self

        class Ends:
            """Counts the packets of each item."""

            def initialize(self) -> None:
                self.packets = 0

            def process(self, value: Any) -> Any:
                own._count()
                self.packets += 1
                return value

            def flush(self) -> Any:
                packets, self.packets = self.packets, 0
                return {"packets": packets}

        return Ends

    def _route(self) -> Any:
        outputs = self.options["outputs"]
        return lambda value: (self._count(), rm.Out(outputs[value % len(outputs)], value))[1]

    def _merge(self) -> Any:
        def merge(value: Any, port: str) -> Any:
            self._count()
            return [port, value]

        return merge
