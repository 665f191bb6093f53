"""Classes as nodes that raise in each method of their life, in executions and sessions: told once, all cleaned up."""

import asyncio
import logging

import remotemedia as rm
from work import a_bit_of_everything, nothing_is_left

METHODS = ("__init__", "initialize", "process", "flush", "cleanup")
logging.getLogger("remotemedia").setLevel(logging.CRITICAL)


class Fails:
    """Raises in one method, and counts instances that were initialized and not cleaned up."""

    opened = 0

    def __init__(self, *, method: str) -> None:
        self.method = method
        self.fail("__init__")

    def fail(self, here: str) -> None:
        if self.method == here:
            raise ValueError(here)

    def initialize(self) -> None:
        self.fail("initialize")
        Fails.opened += 1

    def process(self, value: int) -> int:
        self.fail("process")
        return value

    def flush(self) -> None:
        self.fail("flush")

    def cleanup(self) -> None:
        Fails.opened -= 1
        self.fail("cleanup")


class FailsLater(Fails):
    """The same on the event loop."""

    async def process(self, value: int) -> int:
        await asyncio.sleep(0)
        return super().process(value)


def pipeline(kind: type[Fails], method: str) -> rm.Pipeline:
    return rm.Pipeline("fails") >> rm.nodes.PassThrough() >> rm.node(kind)(method=method, name="it")


def check(error: rm.NodeError, method: str) -> None:
    assert error.node_id == "it", error
    assert isinstance(error.__cause__, ValueError), error
    assert str(error.__cause__) == method, error


async def execute(kind: type[Fails], method: str) -> None:
    try:
        await pipeline(kind, method).run([1, 2, 3])
    except rm.NodeError as error:
        check(error, method)
        return
    raise AssertionError(f"{method} of {kind.__name__} did not fail it")


async def stream(kind: type[Fails], method: str) -> None:
    try:
        async with pipeline(kind, method).session() as session:
            for value in range(3):
                await session.send(value)
            await session.finish()
            async for _ in session:
                pass
    except rm.NodeError as error:
        check(error, method)
        return
    raise AssertionError(f"{method} of {kind.__name__} did not fail the session")


async def main() -> None:
    for kind in (Fails, FailsLater):
        for method in METHODS:
            await execute(kind, method)
            await stream(kind, method)
            assert Fails.opened == 0, (kind, method)
    await a_bit_of_everything()


asyncio.run(main())
for each in METHODS:
    try:
        pipeline(Fails, each).run_sync([1, 2, 3])
    except rm.NodeError as error:
        check(error, each)
        continue
    raise AssertionError(each)
assert Fails.opened == 0
nothing_is_left()
