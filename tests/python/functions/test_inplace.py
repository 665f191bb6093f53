"""Nodes that change what they get: it is theirs alone, whoever else has the value."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain

numpy = pytest.importorskip("numpy")


def native(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


def reference(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, engine="python", **keywords))


everywhere = pytest.mark.parametrize("execute", [native, rm.execute_sync, reference])


@rm.node(inplace=True)
def negate(array: Any) -> Any:
    array *= -1
    return array


@rm.node(inplace=True)
async def negate_later(array: Any) -> Any:
    array *= -1
    return array


@rm.node(inplace=True)
def negate_each(array: Any) -> Iterator[Any]:
    array *= -1
    yield array


@rm.node(batch=4, inplace=True)
def negate_all(arrays: list[Any]) -> list[Any]:
    for array in arrays:
        array *= -1
    return arrays


@rm.node(inplace=True)
class Negate:
    def process(self, array: Any) -> Any:
        array *= -1
        return array


@everywhere
@pytest.mark.parametrize("node", [negate, negate_later, negate_each, negate_all, Negate])
def test_it_writes_to_an_array_of_its_own(execute: Any, node: Any) -> None:
    given = numpy.arange(1000.0)
    (changed,) = execute(chain(("node", node, {})), [given])
    assert changed.tolist() == [-float(number) for number in range(1000)]
    assert given.tolist() == [float(number) for number in range(1000)]


@everywhere
def test_what_another_function_keeps_is_not_changed(execute: Any) -> None:
    kept = []

    def keep(array: Any) -> Any:
        kept.append(array)
        return array

    (changed,) = execute(chain(("keep", keep, {}), ("negate", negate, {}), ("again", keep, {})), [numpy.ones(3)])
    assert changed.tolist() == [-1, -1, -1]
    assert [array.tolist() for array in kept] == [[1, 1, 1], [-1, -1, -1]]


@everywhere
def test_what_another_branch_gets_is_not_changed(execute: Any) -> None:
    manifest = {
        "version": "v1",
        "nodes": [
            {"id": "in", "node_type": "PassThrough"},
            {"id": "changed", "node_type": negate},
            {"id": "same", "node_type": "PassThrough"},
        ],
        "connections": [{"from": "in", "to": "changed"}, {"from": "in", "to": "same"}],
    }
    outputs = execute(manifest, [numpy.ones(1000)])
    assert outputs["changed"][0].sum() == -1000
    assert outputs["same"][0].sum() == 1000


@everywhere
def test_sound_keeps_its_rate_its_layout_and_its_time(execute: Any) -> None:
    @rm.node(inplace=True)
    def silence_the_begin(sound: rm.Audio) -> rm.Audio:
        sound.samples[:, :2] = 0
        return sound

    given = rm.Audio(numpy.ones(4, numpy.float32), 8000, pts=2.0)
    (sound,) = execute(chain(("silence", silence_the_begin, {})), [given])
    assert sound.samples.ravel().tolist() == [0, 0, 1, 1]
    assert (sound.rate, sound.layout, sound.pts) == (8000, given.layout, 2.0)
    assert given.samples.sum() == 4


@everywhere
def test_pictures_and_what_lies_in_lists_and_dicts(execute: Any) -> None:
    @rm.node(inplace=True)
    def blacken(value: dict[str, Any]) -> dict[str, Any]:
        value["picture"].planes[0][:] = 0
        value["masks"][0][:] = 0
        value["count"] += 1
        return value

    picture = rm.Video([numpy.full((2, 4), 9, numpy.uint8)], "gray", 4, 2, pts=1.0)
    (found,) = execute(chain(("blacken", blacken, {})), [{"picture": picture, "masks": [numpy.ones(3)], "count": 1}])
    assert (found["picture"].planes[0].sum(), found["masks"][0].sum(), found["count"]) == (0, 0, 2)
    assert (found["picture"].format, found["picture"].width, found["picture"].pts) == ("gray", 4, 1.0)
    assert picture.planes[0].sum() == 72


@everywhere
def test_a_tensor_that_the_annotation_asks_for(execute: Any) -> None:
    @rm.node(inplace=True)
    def clear(value: rm.Tensor) -> rm.Tensor:
        value.data[0] = 0
        return value

    given = numpy.full(3, 7, numpy.uint8)
    (found,) = execute(chain(("clear", clear, {})), [given])
    assert numpy.asarray(found).tolist() == [0, 7, 7]
    assert given.tolist() == [7, 7, 7]


def test_inplace_is_true_or_false() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(inplace=1)  # type: ignore[call-overload]
    assert str(caught.value) == "inplace must be True or False, got 1"
