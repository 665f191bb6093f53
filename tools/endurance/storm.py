"""Random graphs under random use, against an oracle: functions, generators, classes and batches, sync and async, beside
built-in nodes; small buffers, loops, errors that are skipped or tried again, flushes, interruptions of all and parts,
cancels and timeouts.

    .build/venv/bin/python tools/endurance/storm.py --seconds 3600

Each round has a seed, which a failure names with the graph and, where it hangs, the stacks of all threads and tasks:
`--seed N --rounds 1` plays it again. Exits with 1 after the first failure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import itertools
import logging
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import remotemedia as rm

EPOCH = 1_000_000
"""Values count from this in each epoch, so that a value says in which one it was sent."""

HANGS_SECONDS = 60
"""What a round may take that takes milliseconds on a machine at rest."""

ON_TIME_SECONDS = 1.1
"""A wait of one second that takes no longer than this was not kept from a processor."""

AT_A_TIME = 4


class TripError(Exception):
    """What nodes raise that are to fail."""


def trips(value: int) -> bool:
    """Whether nodes that fail do so at this value."""
    return value % 7 == 3


@dataclass
class Kind:
    """A node: how it is made, what it makes of a value, and what its manifest entry has beside its type."""

    make: Callable[[random.Random], Any]
    makes: Callable[[int], list[int]] = lambda value: [value]
    entry: dict[str, Any] = field(default_factory=dict)


def pause(dice: random.Random) -> None:
    """What a node of a user takes: mostly nothing."""
    if dice.random() < 0.2:
        time.sleep(dice.random() * 3e-4)


async def pause_later(dice: random.Random) -> None:
    """The same on the event loop."""
    if dice.random() < 0.3:
        await asyncio.sleep(dice.choice([0, 0, 1e-4]))


def plain(dice: random.Random) -> Any:
    def node(value: int) -> int:
        pause(dice)
        return value

    return node


def plain_later(dice: random.Random) -> Any:
    async def node(value: int) -> int:
        await pause_later(dice)
        return value

    return node


def twice(dice: random.Random) -> Any:
    def node(value: int) -> Iterator[int]:
        yield value
        pause(dice)
        yield value

    return node


def twice_later(dice: random.Random) -> Any:
    async def node(value: int) -> AsyncIterator[int]:
        yield value
        await pause_later(dice)
        yield value

    return node


def delay_line(dice: random.Random) -> Any:
    @rm.node
    class DelayLine:
        def __init__(self) -> None:
            self.kept: list[int] = []

        def initialize(self) -> None:
            pause(dice)

        def process(self, value: int) -> int | None:
            pause(dice)
            self.kept.append(value)
            return self.kept.pop(0) if len(self.kept) > 2 else None

        def flush(self) -> Iterator[int]:
            while self.kept:
                yield self.kept.pop(0)

    return DelayLine


def delay_line_later(dice: random.Random) -> Any:
    @rm.node
    class DelayLine:
        def __init__(self) -> None:
            self.kept: list[int] = []

        async def initialize(self) -> None:
            await pause_later(dice)

        async def process(self, value: int) -> int | None:
            await pause_later(dice)
            self.kept.append(value)
            return self.kept.pop(0) if len(self.kept) > 2 else None

        async def flush(self) -> AsyncIterator[int]:
            while self.kept:
                yield self.kept.pop(0)

    return DelayLine


def batched(dice: random.Random) -> Any:
    @rm.node(batch=4, max_wait_ms=1)
    def node(values: list[int]) -> list[int]:
        pause(dice)
        return list(values)

    return node


def batched_later(dice: random.Random) -> Any:
    @rm.node(batch=3)
    async def node(values: list[int]) -> list[int]:
        await pause_later(dice)
        return list(values)

    return node


def fails(dice: random.Random) -> Any:
    def node(value: int) -> int:
        pause(dice)
        if trips(value):
            raise TripError(value)
        return value

    return node


def fails_once(dice: random.Random) -> Any:
    tried: set[int] = set()

    def node(value: int) -> Iterator[int]:
        yield value
        if trips(value) and value not in tried:
            tried.add(value)
            raise TripError(value)
        pause(dice)
        yield value

    return node


def fails_once_later(dice: random.Random) -> Any:
    tried: set[int] = set()

    async def node(value: int) -> int:
        await pause_later(dice)
        if trips(value) and value not in tried:
            tried.add(value)
            raise TripError(value)
        return value

    return node


def listens(dice: random.Random) -> Any:
    @rm.node(inputs=["in", "back"])
    def node(value: int, port: str) -> int | None:
        pause(dice)
        # What comes back was seen before.
        return value if port == "in" else None

    return node


def both(value: int) -> list[int]:
    return [value, value]


RETRY = {"on_error": {"retry": {"times": 1, "backoff_ms": 0}}}
KINDS = [
    Kind(lambda dice: "PassThrough"),
    Kind(plain),
    Kind(plain_later),
    Kind(twice, both),
    Kind(twice_later, both),
    Kind(delay_line),
    Kind(delay_line_later),
    Kind(batched),
    Kind(batched_later),
    Kind(fails, lambda value: [] if trips(value) else [value], {"on_error": "skip"}),
    Kind(fails_once, both, RETRY),
    Kind(fails_once_later, entry=RETRY),
    Kind(listens),
]


class Graph:
    """A random graph with one sink, and what comes out of it."""

    def __init__(self, dice: random.Random) -> None:
        count = dice.randint(1, 5)
        self.kinds = [dice.choice(KINDS) for _ in range(count)]
        edges = {
            (dice.randrange(to), to): dice.random() < 0.4
            for to in range(1, count)
            for _ in range(dice.choice([1, 1, 1, 2]))
        }
        ends = [index for index in range(count - 1) if not any(edge[0] == index for edge in edges)]
        edges.update({(end, count - 1): False for end in ends})
        self.edges = list(edges)
        self.feedback = [
            (source, target)
            for target, kind in enumerate(self.kinds)
            if kind.make is listens
            for source in sorted(self.behind(target))
            if dice.random() < 0.5
        ]
        self.manifest: dict[str, Any] = {
            "version": "v1",
            "nodes": [
                {"id": f"n{index}", "node_type": kind.make(random.Random(dice.random())), **kind.entry}
                for index, kind in enumerate(self.kinds)
            ],
            "connections": [
                {"from": f"n{a}", "to": f"n{b}", **({"buffer": {"packets": dice.randint(1, 4)}} if bounded else {})}
                for (a, b), bounded in edges.items()
            ]
            + [
                {
                    "from": f"n{a}",
                    "to": f"n{b}.back",
                    "delay_ms": dice.randint(1, 4),
                    "buffer": {"packets": dice.randint(1, 4)},
                }
                for a, b in self.feedback
            ],
        }

    def behind(self, node: int) -> set[int]:
        """A node, and all that it leads to."""
        found = {node}
        for other in range(node + 1, len(self.kinds)):
            if any(a in found and b == other for a, b in self.edges):
                found.add(other)
        return found

    def expected(self, sent: list[int]) -> Counter[int]:
        """What comes to the sink."""
        given: list[list[int]] = []
        for index, kind in enumerate(self.kinds):
            sources = [given[a] for a, b in self.edges if b == index]
            taken = itertools.chain(*sources) if sources else sent
            given.append([made for value in taken for made in kind.makes(value)])
        return Counter(given[-1])

    def __str__(self) -> str:
        names = [getattr(kind.make, "__name__", "?") for kind in self.kinds]
        return f"{names}, {self.manifest['connections']}"


class Live:
    """A session in use: one task sends and interrupts, one reads."""

    def __init__(self, dice: random.Random, graph: Graph) -> None:
        self.dice = dice
        self.graph = graph
        self.epoch = 0
        self.sent: list[int] = []
        self.got: list[int] = []
        self.certain_from = 0
        """How many values had been sent at the last interruption of a part: of those before, any may be missing."""
        self.void_until = 0
        """How many had been sent when every node was interrupted as a part: they come out no more."""
        self.is_cancelled = False
        self.session: Any = None

    async def play(self) -> None:
        """From its beginning to its end."""
        buffer = {"packets": self.dice.randint(1, 6)}
        pipeline = rm.Pipeline.load(self.graph.manifest)
        # That it is slow where a hundred threads share a core is no stall.
        async with pipeline.session(buffer=buffer, watchdog=None) as self.session:
            reader = asyncio.create_task(self.read())
            try:
                await self.feed()
                if not self.is_cancelled:
                    await self.session.finish()
                await reader
            finally:
                reader.cancel()
        if not self.is_cancelled:
            expected, got = self.graph.expected(self.sent), Counter(self.got)
            assert got <= expected, (sorted(self.got), self.sent)
            missing = [value for value in expected - got if value % EPOCH >= self.certain_from]
            assert not missing, (sorted(self.got), self.sent, self.certain_from)
        self.session.interrupt()

    async def feed(self) -> None:
        for _ in range(self.dice.randint(3, 30)):
            chance = self.dice.random()
            if chance < 0.12:
                self.session.interrupt()
                self.epoch += 1
                self.sent.clear()
                self.got.clear()
                self.certain_from = self.void_until = 0
            elif chance < 0.2:
                await self.session.flush()
            elif chance < 0.32:
                self.interrupt_part()
            elif chance < 0.34:
                self.is_cancelled = True
                self.session.cancel()
                return
            else:
                first = self.epoch * EPOCH + len(self.sent)
                values = list(range(first, first + self.dice.randint(1, 6)))
                self.sent += values
                await self.session.send_many(values)
            await pause_later(self.dice)

    def interrupt_part(self) -> None:
        at = self.dice.randrange(len(self.graph.kinds))
        # Functions that share a call are refused.
        with contextlib.suppress(rm.InvalidArgumentError):
            self.session.interrupt(at=f"n{at}")
            # All nodes lead to the one sink, so every part has it.
            self.certain_from = len(self.sent)
            if at == 0:
                self.void_until = len(self.sent)

    async def read(self) -> None:
        async for packet in self.session:
            assert packet.value % EPOCH >= self.void_until, f"{packet.value} came out after an interruption"
            assert packet.value // EPOCH == self.epoch, f"{packet.value} came out in epoch {self.epoch}"
            self.got.append(packet.value)
            await pause_later(self.dice)


async def one_shot(dice: random.Random, graph: Graph) -> None:
    """An execution, which may be cancelled or time out."""
    inputs = list(range(dice.randint(0, 40)))
    timeout = dice.random() * 2e-3 if dice.random() < 0.15 else None
    task = asyncio.create_task(rm.execute(graph.manifest, inputs, timeout=timeout))
    if is_cancelled := dice.random() < 0.15:
        await asyncio.sleep(dice.random() * 1e-3)
        task.cancel()
    try:
        outputs = await task
    except asyncio.CancelledError:
        assert is_cancelled
    except rm.TimedOut:
        assert timeout is not None
    else:
        assert Counter(outputs) == graph.expected(inputs), (outputs, inputs)


async def play(seed: int) -> str | None:
    """A round; what went wrong, if anything did."""
    dice = random.Random(seed)
    graph = Graph(dice)
    live = Live(dice, graph) if dice.random() < 0.75 else None
    task = asyncio.create_task(one_shot(dice, graph) if live is None else live.play())
    if not await _ends(task):
        state = "a one-shot"
        if live is not None:
            state = f"sent {live.sent}, got {live.got}, {live.session.metrics()}"
        faulthandler.dump_traceback()
        for other in asyncio.all_tasks():
            other.print_stack()
        return f"seed {seed} hangs: {graph}: {state}"
    if task.exception() is not None:
        what = "".join(traceback.format_exception(task.exception()))
        return f"seed {seed} failed: {graph}\n{what}"
    return None


async def _ends(task: asyncio.Task[None]) -> bool:
    """Whether the round ends before it hangs for `HANGS_SECONDS`.

    Seconds count in which this process was given a processor: on a machine that is busy with other work the loop's own
    timers come late, and so does everything else.
    """
    hangs = 0
    while hangs < HANGS_SECONDS:
        begun = time.monotonic()
        done, _ = await asyncio.wait([task], timeout=1)
        if done:
            return True
        hangs += time.monotonic() - begun < ON_TIME_SECONDS
    return False


async def storm(seconds: float, first: int, rounds: int | None) -> str | None:
    """Rounds, several at a time, until the time is up; the first failure."""
    begun, failures, seeds = time.monotonic(), [], itertools.count(first)
    played = 0

    async def worker() -> None:
        nonlocal played
        while not failures and (time.monotonic() - begun < seconds if rounds is None else played < rounds):
            played += 1
            if failure := await play(next(seeds)):
                failures.append(failure)

    await asyncio.gather(*(worker() for _ in range(AT_A_TIME if rounds is None else min(rounds, AT_A_TIME))))
    print(f"{played} rounds, {played / (time.monotonic() - begun):.1f} a second", flush=True)
    return failures[0] if failures else None


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1, help="that of the first round")
    parser.add_argument("--rounds", type=int, help="how many, whatever time they take")
    chosen = parser.parse_args()
    logging.getLogger("remotemedia").setLevel(logging.CRITICAL)
    faulthandler.enable()
    # An event loop that hangs itself shows nothing else.
    with contextlib.suppress(KeyboardInterrupt):
        faulthandler.dump_traceback_later(chosen.seconds + 5 * HANGS_SECONDS, exit=True)
        failure = asyncio.run(storm(chosen.seconds, chosen.seed, chosen.rounds))
        if failure is not None:
            print(failure, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
