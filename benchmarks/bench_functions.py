"""What Python functions as nodes cost: three trivial sync ones in a chain, for each item that passes them all.

Two ways: one `execute` of 10,000 inputs, which has the bar, and one session that 10,000 values are streamed through. By
themselves, and beside a thread of pure Python that is always busy: who gives up the interpreter lock waits for it to
come back. Two busy threads take twice as long as one in any case. Beside them, the three functions called in a row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import remotemedia as rm

from benchmarks.busy_thread import busy_thread
from benchmarks.measure import interleaved, machine, row

if TYPE_CHECKING:
    pass

ITEMS, ROUNDS, BUSY_ROUNDS = 10_000, 15, 7
BAR_US = 3.0


@rm.node
def one(value: int) -> int:
    """The same value."""
    return value


@rm.node
def two(value: int) -> int:
    """The same value."""
    return value


@rm.node
def three(value: int) -> int:
    """The same value."""
    return value


def pipeline() -> rm.Pipeline:
    """The three nodes in a chain."""
    return rm.Pipeline("functions") >> one() >> two() >> three()


async def called(items: int) -> None:
    """The functions without a pipeline."""
    _ = [three.fn(two.fn(one.fn(value))) for value in range(items)]


async def execute(items: int) -> None:
    """All items as inputs of one run."""
    outputs = await CHAIN.run(list(range(items)))
    assert len(outputs) == items


async def stream(items: int) -> None:
    """All items through one session."""
    count = 0
    async for _ in CHAIN.stream(range(items)):
        count += 1
    assert count == items


CHAIN = pipeline()
SIDES: dict[str, Callable[[int], Awaitable[None]]] = {"calls alone": called, "execute": execute, "stream": stream}


async def main() -> None:
    """Print each way, by itself and beside the busy thread, and whether the bar is met."""
    print(f"functions: medians of {ROUNDS} rounds of {ITEMS} items through three functions; {machine()}")
    idle = await interleaved(SIDES, calls=ITEMS, rounds=ROUNDS)
    for name, timing in idle.items():
        print(row(name, timing))
    spent = await interleaved(SIDES, calls=ITEMS, rounds=ROUNDS, clock=time.process_time)
    for name, timing in spent.items():
        print(row(f"{name}, processor time", timing))
    with busy_thread():
        beside = await interleaved(SIDES, calls=ITEMS, rounds=BUSY_ROUNDS)
    for name, timing in beside.items():
        print(row(f"{name}, beside a busy thread", timing))
    for name in ("execute", "stream"):
        print(f"{name}: beside a busy thread {beside[name].median / idle[name].median:.1f} times")
    taken = idle["execute"].median * 1e6
    print(f"execute {taken:.2f} us an item, bar {BAR_US:.0f} us: {'met' if taken <= BAR_US else 'NOT met'}")


if __name__ == "__main__":
    asyncio.run(main())
