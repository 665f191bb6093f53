"""Context variables in functions: the methods of an instance share them, and nobody else sees what they set."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import remotemedia as rm
from ways import everywhere

number: contextvars.ContextVar[int] = contextvars.ContextVar("number", default=0)
ended: list[int] = []
"""What `cleanup` found."""


@rm.node
class Sync:
    def initialize(self) -> None:
        self.token = number.set(number.get() + 10)

    def process(self, value: int) -> int:
        number.set(number.get() + value)
        return number.get()

    def flush(self) -> int:
        return -number.get()

    def cleanup(self) -> None:
        ended.append(number.get())
        # Only in the context where it was set.
        number.reset(self.token)


@rm.node
class Generators(Sync.fn):  # type: ignore[name-defined, misc]
    def process(self, value: int) -> Iterator[int]:  # type: ignore[override]
        number.set(number.get() + value)
        yield number.get()

    def flush(self) -> Iterator[int]:  # type: ignore[override]
        yield -number.get()


@rm.node(batch=2)
class Batches(Sync.fn):  # type: ignore[name-defined, misc]
    def process(self, values: list[int]) -> list[int]:  # type: ignore[override]
        return [super(Batches.fn, self).process(value) for value in values]


@rm.node
class Async:
    async def initialize(self) -> None:
        await asyncio.sleep(0)
        Sync.fn.initialize(self)

    async def process(self, value: int) -> int:
        number.set(number.get() + value)
        await asyncio.sleep(0)
        return number.get()

    async def flush(self) -> int:
        await asyncio.sleep(0)
        return -number.get()

    async def cleanup(self) -> None:
        await asyncio.sleep(0)
        Sync.fn.cleanup(self)


@rm.node
class AsyncGenerators(Async.fn):  # type: ignore[name-defined, misc]
    async def process(self, value: int) -> AsyncIterator[int]:  # type: ignore[override]
        number.set(number.get() + value)
        await asyncio.sleep(0)
        yield number.get()

    async def flush(self) -> AsyncIterator[int]:  # type: ignore[override]
        await asyncio.sleep(0)
        yield -number.get()


@rm.node
class Mixed(Async.fn):  # type: ignore[name-defined, misc]
    initialize = Sync.fn.initialize
    flush = Sync.fn.flush
    cleanup = Sync.fn.cleanup


KINDS = [Sync, Generators, Batches, Async, AsyncGenerators, Mixed]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.fn.__name__)


@everywhere
@kinds
def test_the_methods_of_an_instance_share_a_context_that_nobody_else_sees(execute: Any, kind: Any) -> None:
    ended.clear()
    # Two in a row, which share their calls.
    pipeline = rm.Pipeline() >> kind(name="one") >> kind(name="two")
    given = list(range(1, 100))

    def call() -> Any:
        number.set(5)
        return execute(pipeline.manifest(), given), number.get()

    found, after = contextvars.copy_context().run(call)
    expected, own, others = [], 15, 15
    for value in given:
        own += value
        others += own
        expected.append(others)
        others -= own
        expected += [others, -others]
    assert after == 5
    assert list(found) == expected
    assert ended == [own, others]


@kinds
def test_an_instance_of_a_session_keeps_its_context_until_an_interruption(kind: Any) -> None:
    async def main() -> None:
        number.set(5)
        async with (rm.Pipeline() >> kind()).session() as session:
            reader = aiter(session)
            for value, expected in ((1, 16), (2, 18)):
                await session.send(value)
                assert (await anext(reader)).value == expected
            session.interrupt()
            await session.send(3)
            assert (await anext(reader)).value == 18
        assert number.get() == 5

    asyncio.run(main())


@everywhere
@pytest.mark.parametrize("asynchronous", [False, True], ids=["function", "async function"])
def test_what_a_function_sets_stays_in_its_call(execute: Any, asynchronous: bool) -> None:
    def change(value: int) -> int:
        number.set(number.get() + value)
        return number.get()

    async def change_later(value: int) -> int:
        return change(value)

    def call() -> Any:
        number.set(5)
        node = rm.node(change_later if asynchronous else change)
        return execute((rm.Pipeline() >> node()).manifest(), [1]), number.get()

    assert contextvars.copy_context().run(call) == ([6], 5)


def test_a_cancellation_comes_to_a_method_in_its_context_and_to_what_it_raises_then() -> None:
    seen: list[Any] = []
    begun = asyncio.Event()

    @rm.node
    class Waits:
        async def initialize(self) -> None:
            number.set(7)

        async def process(self, value: int) -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append(number.get())
            # In no `except` block any more.
            try:
                raise ValueError("later")
            except ValueError as error:
                seen.append(error.__context__)
                await asyncio.sleep(0)
                seen.append(number.get())

    async def main() -> None:
        task = asyncio.ensure_future((rm.Pipeline() >> Waits()).run([1]))
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(main())
    assert seen == [7, None, 7]
