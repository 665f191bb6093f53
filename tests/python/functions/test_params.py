"""Which arguments of a function are its params, and what they may be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm

engines = pytest.mark.parametrize("engine", ["native", "python"])


@rm.node
def scale(value: float, by: float = 2.0, *, offset: int = 0) -> float:
    """A param without a star, and one behind it."""
    return value * by + offset


@rm.node
async def add(value: int, amount: int = 1) -> int:
    return value + amount


@rm.node
def repeat(value: int, times: int = 2) -> Iterator[int]:
    yield from [value] * times


@rm.node(batch=4)
def sums(values: list[int], start: int = 0) -> list[int]:
    return [start + value for value in values]


@rm.node(inputs=["left", "right"])
def named(value: int, port: str, suffix: str = "!") -> str:
    return f"{port}{value}{suffix}"


@rm.node
class Counter:
    """All arguments of `__init__` are params: the value is an argument of `process`."""

    def __init__(self, first: int, step: int = 1, *, sign: str = "") -> None:
        self.next, self.step, self.sign = first, step, sign

    def process(self, value: Any) -> str:
        self.next += self.step
        return f"{self.sign}{self.next - self.step}"


@engines
@pytest.mark.parametrize(
    ("node", "outputs"),
    [
        (lambda: scale, [2.0, 4.0]),
        (lambda: scale(by=3.0), [3.0, 6.0]),
        (lambda: scale(by=3, offset=1), [4, 7]),
        (lambda: add(amount=10), [11, 12]),
        (lambda: repeat(times=3), [1, 1, 1, 2, 2, 2]),
        (lambda: sums(start=5), [6, 7]),
        (lambda: Counter(first=7, step=2, sign="#"), ["#7", "#9"]),
        (lambda: Counter(first=7), ["7", "8"]),
    ],
)
def test_arguments_with_a_default_are_params(engine: Any, node: Any, outputs: list[Any]) -> None:
    manifest = (rm.Pipeline() >> node()).manifest()
    assert list(rm.execute_sync(manifest, [1, 2], engine=engine)) == outputs
    assert list(asyncio.run(rm.execute(manifest, [1, 2], engine=engine))) == outputs


def test_of_a_function_with_inputs_the_second_argument_is_the_input() -> None:
    node = named(suffix="?")
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough() >> node["right"]
    assert pipeline.run_sync([1]) == ["right1?"]
    assert list(named.params) == ["suffix"]


@pytest.mark.parametrize(
    ("node", "problem"),
    [
        (lambda: scale(by="much"), 'nodes[0].params.by: expected a number, got the text "much"'),
        (lambda: scale(bye=1), "nodes[0].params.bye: scale has no param 'bye'; did you mean 'by'?"),
        (lambda: scale(value=1), "nodes[0].params.value: scale has no param 'value'; it takes 'by', 'offset'"),
        (lambda: named(port="left"), "nodes[0].params.port: named has no param 'port'; it takes 'suffix'"),
        (lambda: Counter(step=2), "nodes[0].params: Counter needs the param 'first'"),
    ],
)
def test_they_are_checked_as_those_behind_a_star(node: Any, problem: str) -> None:
    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> node()).validate()
    assert str(caught.value) == problem


def test_a_call_without_names_is_refused_with_the_cure() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"takes params by name; to call the function write scale.fn"):
        scale(3.0)  # no checker can see it


def test_a_path_or_an_array_as_a_param_is_refused_with_what_to_write() -> None:
    numpy = pytest.importorskip("numpy")

    @rm.node
    def detect(value: Any, *, model: Any = None, bands: Any = None) -> Any:
        return value

    with pytest.raises(rm.ManifestError) as caught:
        (rm.Pipeline() >> detect(model=Path("m.onnx"), bands=[numpy.ones(3)])).validate()
    plain = "expected a number, text, true, false, null, a list or a map, got"
    assert str(caught.value) == (
        "the manifest has 2 problems:\n"
        f"  nodes[0].params.model: {plain} file; params are plain values; write str(path)\n"
        f"  nodes[0].params.bands[0]: {plain} tensor; params are plain values; write array.tolist()"
    )
    with pytest.raises(rm.ManifestError, match=r"got tensor; params are plain values; write array\.tolist\(\)"):
        (rm.Pipeline() >> rm.nodes.AudioConvolve(taps=numpy.ones((1, 4)))).validate()
    with pytest.raises(rm.ManifestError, match="got file; pass media and bytes as inputs"):
        (rm.Pipeline() >> detect(model=rm.File("m.onnx"))).validate()
