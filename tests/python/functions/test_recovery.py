"""Chains of Python functions that fail, skip and try again: what one node does over is seen by no other one.

The oracle is the reference executor, which takes each node by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import pytest
import remotemedia as rm
from conftest import chain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from remotemedia._functions import serve
from remotemedia._reference.deadline import Deadline
from remotemedia._reference.graph import graph_of
from remotemedia._reference.run import run


class Fault(Exception):
    """What the nodes of these tests raise."""


class Odd(int):
    """A number that can't cross, though the next function of the same call may work with it."""


class Faulty:
    """One node: it fails at each value whose sum of digits is a multiple of `every`, so many times in a row.

    With `fault` it returns instead what that makes of the value.
    """

    def __init__(self, every: int, times: int, fault: Callable[[int], int] | None = None) -> None:
        self.every = every
        self.times = times
        self.fault = fault
        self.failed: dict[int, int] = {}
        self.seen: list[Any] = []

    def check(self, value: int, gives: int | None = None) -> int:
        """What the node gives for a value: that itself, without another one."""
        gives = value if gives is None else gives
        failed = self.failed.get(value, 0)
        if self.every and sum(map(int, str(value))) % self.every == 0 and failed < self.times:
            self.failed[value] = failed + 1
            if self.fault is None:
                raise Fault(f"at {value}")
            return self.fault(gives)
        return gives


def plain(faulty: Faulty) -> Any:
    def node(value: int) -> int:
        faulty.seen.append(value)
        return faulty.check(value)

    return node


def plain_later(faulty: Faulty) -> Any:
    async def node(value: int) -> int:
        faulty.seen.append(value)
        await asyncio.sleep(0)
        return faulty.check(value)

    return node


def generator(faulty: Faulty) -> Any:
    def node(value: int) -> Iterator[int]:
        faulty.seen.append(value)
        yield value
        yield faulty.check(value, value + 1)

    return node


def generator_later(faulty: Faulty) -> Any:
    async def node(value: int) -> AsyncIterator[int]:
        faulty.seen.append(value)
        yield value
        await asyncio.sleep(0)
        yield faulty.check(value, value + 1)

    return node


def instance(faulty: Faulty) -> Any:
    @rm.node
    class Node:
        def process(self, value: int) -> Iterator[int]:
            faulty.seen.append(value)
            yield faulty.check(value)
            yield value + 2

        def flush(self) -> int:
            faulty.seen.append("flush")
            return faulty.check(1000)

    return Node


def instance_later(faulty: Faulty) -> Any:
    @rm.node
    class Node:
        async def process(self, value: int) -> int:
            faulty.seen.append(value)
            return faulty.check(value)

        async def flush(self) -> AsyncIterator[int]:
            faulty.seen.append("flush")
            yield 2000
            yield faulty.check(2001)

    return Node


def batched(faulty: Faulty) -> Any:
    @rm.node(batch=3)
    def node(values: list[int]) -> list[int]:
        # Always, since a batch that fails is given once more value by value.
        faulty.times, faulty.failed = 1, {}
        return [faulty.check(value) for value in values]

    return node


def native(faulty: Faulty) -> Any:
    return "PassThrough"


KINDS = [plain, plain_later, generator, generator_later, instance, instance_later, batched, native]


class Link(NamedTuple):
    """A node of a chain, before it is made for one run."""

    kind: Callable[[Faulty], Any]
    every: int
    times: int
    on_error: Any
    fault: Callable[[int], int] | None = None


def retry(times: int, then: str) -> dict[str, Any]:
    return {"retry": {"times": times, "backoff_ms": 0, "then": then}}


ON_ERROR = st.just("fail") | st.just("skip") | st.builds(retry, st.integers(1, 3), st.sampled_from(["fail", "skip"]))
FAULTS = st.sampled_from([None, Odd, lambda value: value + 10**30])
LINKS = st.builds(Link, st.sampled_from(KINDS), st.integers(0, 4), st.integers(1, 4), ON_ERROR, FAULTS)


def made(links: list[Link]) -> tuple[dict[str, Any], list[Faulty]]:
    """The manifest of a chain, and what its nodes will have seen."""
    nodes = [Faulty(link.every, link.times, link.fault) for link in links]
    kinds = [link.kind(node) for link, node in zip(links, nodes, strict=True)]
    manifest = chain(*((f"n{index}", kind, {}) for index, kind in enumerate(kinds)))
    for entry, link in zip(manifest["nodes"], links, strict=True):
        entry["on_error"] = link.on_error
    return manifest, nodes


def done_by(engine: Any, links: list[Link], inputs: list[int]) -> tuple[Any, ...]:
    """What came of it, and what each node saw; of work that failed what it failed at."""
    manifest, nodes = made(links)
    try:
        outputs = rm.execute_sync(manifest, inputs, engine=engine)
    except rm.NodeError as error:
        # How far the nodes before it are by then is not said.
        return told(error)
    return (
        outputs.by_item,
        outputs.skips,
        outputs.retries,
        sorted(map(told, outputs.skipped)),
        [each.seen for each in nodes],
    )


def told(error: rm.NodeError) -> tuple[Any, ...]:
    return error.node_id, error.item, error.cause


def all_errors(links: list[Link], inputs: list[int]) -> list[tuple[Any, ...]]:
    """Every error that the nodes would make if none ended the run: of several, any may come first."""

    async def in_thread(work: Any) -> Any:
        return work()

    async def pause(seconds: float) -> None:
        pass

    try:
        asyncio.run(run(graph_of(made(links)[0], ()), [inputs], in_thread, Deadline(None), pause, stop=False))
    except rm.NodeError as error:
        return [told(each) for each in error.errors]
    return []


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINKS, min_size=1, max_size=5), st.lists(st.integers(0, 30), min_size=1, max_size=5), st.booleans())
def test_what_a_node_does_over_is_seen_by_no_other(links: list[Link], inputs: list[int], in_parts: bool) -> None:
    errors = all_errors(links, inputs)
    with pytest.MonkeyPatch.context() as patch:
        if in_parts:
            patch.setattr(serve, "PART_SECONDS", 0.0)
        native, python = (done_by(engine, links, inputs) for engine in ("native", "python"))
    if errors:
        assert python == errors[0]
        assert native in errors
    else:
        assert native == python


@pytest.mark.parametrize("after", KINDS[:-1])
@pytest.mark.parametrize("before", [generator, generator_later])
def test_who_comes_behind_a_generator_that_tries_again_sees_each_value_once(before: Any, after: Any) -> None:
    links = [Link(before, 2, 1, retry(2, "fail")), Link(after, 0, 0, "fail")]
    outputs, _, retries, _, seen = done_by("native", links, [11])
    assert retries == 1
    assert outputs[0][:2] in ([11, 12], [11, 13])
    assert seen[1][:2] in ([11, 12], [])
