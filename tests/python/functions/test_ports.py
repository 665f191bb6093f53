"""Python nodes with several inputs and outputs: functions, generators, classes, in both executors and in sessions."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import chain


@rm.node(outputs=["even", "odd"])
def split(value: int) -> rm.Out | int:
    return rm.Out("odd", value) if value % 2 else value


@rm.node(outputs=["even", "odd"])
async def split_later(value: int) -> rm.Out:
    await asyncio.sleep(0)
    return rm.Out("odd" if value % 2 else "even", value)


@rm.node(outputs=["even", "odd"])
def split_twice(value: int) -> Iterator[rm.Out]:
    yield rm.Out("even", value)
    yield rm.Out("odd", -value)


@rm.node(outputs=["even", "odd"])
async def split_twice_later(value: int) -> AsyncIterator[rm.Out]:
    yield rm.Out("even", value)
    yield rm.Out("odd", -value)


@rm.node(inputs=["left", "right"])
def join(value: int, port: str) -> str:
    return f"{port} {value}"


@rm.node(inputs=["left", "right"])
class Join:
    """Counts what comes at each input, and tells at the end of an item."""

    def __init__(self) -> None:
        self.seen = {"left": 0, "right": 0}

    def process(self, value: int, port: str) -> str:
        self.seen[port] += 1
        return f"{port} {value}"

    def flush(self) -> dict[str, int]:
        return self.seen


Run = Callable[..., Any]


def native(pipeline: rm.Pipeline, inputs: list[Any]) -> Any:
    return asyncio.run(pipeline.run(inputs))


def blocking(pipeline: rm.Pipeline, inputs: list[Any]) -> Any:
    return pipeline.run_sync(inputs)


def reference(pipeline: rm.Pipeline, inputs: list[Any]) -> Any:
    return asyncio.run(pipeline.run(inputs, engine="python"))


ways = pytest.mark.parametrize("run", [native, blocking, reference])


def apart(node: rm.Node) -> rm.Pipeline:
    """Both outputs of a node, each to a sink of its own."""
    pipeline = rm.Pipeline()
    pipeline.add_node(node)
    pipeline.add_node(rm.nodes.PassThrough(name="evens"), after=node["even"])
    pipeline.add_node(rm.nodes.PassThrough(name="odds"), after=node["odd"])
    return pipeline


@ways
@pytest.mark.parametrize("node", [split, split_later], ids=["function", "async function"])
def test_a_value_leaves_at_the_output_that_it_is_for(run: Run, node: Any) -> None:
    outputs = run(apart(node()), list(range(5)))
    assert outputs == {"evens": [0, 2, 4], "odds": [1, 3]}


@ways
@pytest.mark.parametrize("node", [split_twice, split_twice_later], ids=["generator", "async generator"])
def test_a_generator_gives_values_for_several_outputs(run: Run, node: Any) -> None:
    assert run(apart(node()), [1, 2]) == {"evens": [1, 2], "odds": [-1, -2]}


@ways
@pytest.mark.parametrize("node", [join, Join], ids=["function", "class"])
def test_a_node_is_told_at_which_input_a_value_came(run: Run, node: Any) -> None:
    joined = node()
    start = rm.nodes.PassThrough()
    negative = rm.nodes.Calculator(operation="multiply", operand=-1)
    outputs = run(start >> [joined["left"], negative >> joined["right"]], [3, 4])
    tail = [] if node is join else [{"left": 1, "right": 1}, {"left": 2, "right": 2}]
    assert sorted(map(str, outputs)) == sorted(map(str, ["left 3", "right -3", "left 4", "right -4", *tail]))


@ways
def test_the_first_output_and_input_are_meant_where_none_is_named(run: Run) -> None:
    pipeline = rm.Pipeline() >> split() >> join()
    assert run(pipeline, list(range(4))) == ["left 0", "left 2"]


@ways
def test_a_node_in_a_chain_gives_to_its_only_output_by_name(run: Run) -> None:
    @rm.node(outputs=["doubled"])
    def double(value: int) -> rm.Out:
        return rm.Out("doubled", 2 * value)

    assert run(rm.Pipeline() >> double() >> double() >> rm.nodes.PassThrough(), [1, 2]) == [4, 8]


@rm.node(inputs=["in"])
def named(value: Any, port: str) -> list[Any]:
    return [port, value]


@rm.node(inputs=["in"])
async def named_later(value: Any, port: str) -> list[Any]:
    return [port, value]


@rm.node(inputs=["in"])
def named_generator(value: Any, port: str) -> Iterator[list[Any]]:
    yield [port, value]


@rm.node(inputs=["in"])
async def named_generator_later(value: Any, port: str) -> AsyncIterator[list[Any]]:
    yield [port, value]


@rm.node(inputs=["in"])
class Named:
    def process(self, value: Any, port: str) -> list[Any]:
        return [port, value]


@rm.node
class AtTheEnd:
    """Holds a value back to the end of its item."""

    def process(self, value: Any) -> None:
        self.held = value

    def flush(self) -> Any:
        return self.held


@ways
@pytest.mark.parametrize("node", [named, named_later, named_generator, named_generator_later, Named])
def test_a_node_with_one_named_input_is_told_its_name_wherever_it_stands(run: Run, node: Any) -> None:
    for value in (["x", "y"], "ab", 5):
        assert run(rm.Pipeline() >> node() >> node(), [value]) == [["in", ["in", value]]]
        assert run(rm.Pipeline() >> AtTheEnd() >> node(), [value]) == [["in", value]]


@ways
@pytest.mark.parametrize("asynchronous", [False, True], ids=["function", "async function"])
def test_an_output_that_is_not_there_is_an_error_of_the_node(run: Run, asynchronous: bool) -> None:
    def wrong(value: int) -> rm.Out:
        return rm.Out("up", value)

    async def wrong_later(value: int) -> rm.Out:
        return rm.Out("up", value)

    function = wrong_later if asynchronous else wrong
    with pytest.raises(rm.NodeError, match=r"there is no output 'up'; the outputs are 'even', 'odd'"):
        run(rm.Pipeline() >> rm.node(outputs=["even", "odd"])(function), [1])
    with pytest.raises(
        rm.NodeError, match=r"there is no output 'up'; name the outputs: @node\(outputs=\['up', ...\]\)"
    ):
        run(rm.Pipeline() >> rm.node(function), [1])
    with pytest.raises(rm.NodeError, match=r"there is no output 'up'; name the outputs"):
        run(rm.Pipeline() >> rm.node(function) >> split, [1])


def test_a_port_that_is_not_there_is_an_error_of_the_manifest() -> None:
    node = split()
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> node["up"] >> rm.nodes.PassThrough()).validate()
    (problem,) = caught.value.problems
    assert problem.path == "connections[0].from"
    assert problem.message == "'split' (python:test_ports:split) has no output 'up'"


def test_arrays_go_through_ports_without_a_copy() -> None:
    @rm.node(outputs=["large", "small"])
    def by_size(value: Any) -> rm.Out:
        return rm.Out("large" if value.size > 100 else "small", value)

    node = by_size()
    pipeline = rm.Pipeline()
    pipeline.add_node(node)
    pipeline.add_node(rm.nodes.PassThrough(name="kept"), after=node["large"])
    source = np.arange(10_000.0)
    (back,) = pipeline.run_sync([source, np.zeros(5)])
    assert np.shares_memory(back, source)


async def test_ports_in_a_session() -> None:
    node = split()
    pipeline = apart(node)
    seen: dict[str, list[int]] = {"evens": [], "odds": []}
    async with pipeline.session() as session:
        readers = {sink: session.output(sink) for sink in seen}
        await session.send_many(range(200))
        await session.finish()

        async def read(sink: str) -> None:
            async for packet in readers[sink]:
                seen[sink].append(packet.value)

        await asyncio.gather(*map(read, seen))
    assert seen == {"evens": list(range(0, 200, 2)), "odds": list(range(1, 200, 2))}


def test_ports_are_kept_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("ported")
    function = rm.node(outputs=["even", "odd"])(_named_split)
    function.fn.__module__, function.fn.__qualname__ = "ported", "split"
    module.split = function  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ported", module)
    text = apart(function()).to_yaml()
    assert rm.Pipeline.load(text, python=["ported"]).run_sync([1, 2]) == {"evens": [2], "odds": [1]}


def _named_split(value: int) -> rm.Out:
    return rm.Out("odd" if value % 2 else "even", value)


def test_an_error_that_is_skipped_or_tried_again_keeps_the_port() -> None:
    tries = []

    @rm.node(inputs=["left", "right"])
    def fails_once(value: int, port: str) -> str:
        tries.append(port)
        if len(tries) == 1:
            raise ValueError("once")
        return port

    node = fails_once(on_error={"retry": {"times": 1, "backoff_ms": 0}})
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> node["right"]
    assert pipeline.run_sync([1]) == ["right"]
    assert tries == ["right", "right"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": "audio"}, "inputs must be a list of names, 1 to 64 of them and each once, got 'audio'"),
        ({"outputs": []}, "outputs must be a list of names, 1 to 64 of them and each once, got []"),
        ({"outputs": ["a", "a"]}, "outputs must be a list of names, 1 to 64 of them and each once, got ['a', 'a']"),
        ({"outputs": ["a b"]}, "outputs: 'a b' is no name of a port; use up to 64 letters, digits, '_' and '-'"),
        ({"outputs": [3]}, "outputs: 3 is no name of a port; use up to 64 letters, digits, '_' and '-'"),
        (
            {"inputs": ["a", "b"]},
            "_named_split names its inputs, so it is told at which of them a value came; "
            "write def _named_split(value, port, ...)",
        ),
        (
            {"batch": 4, "outputs": ["a"]},
            "what takes batches has one input and one output; leave inputs and outputs out",
        ),
    ],
)
def test_what_is_wrong_with_ports_is_said(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(**arguments)(_named_split)
    assert str(caught.value) == message


def test_a_class_that_names_its_inputs_takes_them() -> None:
    class Deaf:
        def process(self, value: int) -> int:
            return value

    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(inputs=["a", "b"])(Deaf)
    expected = "Deaf.process takes a value and the input at which it came; write def process(self, value, port)"
    assert str(caught.value) == expected


def test_a_plain_function_in_a_manifest_that_returns_an_out_is_told_to_name_it() -> None:
    with pytest.raises(rm.NodeError, match=r"name the outputs: @node\(outputs=\['odd', ...\]\)"):
        rm.execute_sync(chain(("a", _named_split, {})), [1])
