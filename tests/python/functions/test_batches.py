"""Nodes that take batches: how long the lists are, what waits for them, and whose error it is when one raises."""

from __future__ import annotations

import asyncio
import enum
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain
from face_functions import ranked
from ways import everywhere, native

HOUR = 3_600_000


@rm.node(batch=4, max_wait_ms=HOUR)
def odd_doubled(values: list[int]) -> list[int | None]:
    return [value * 2 if value % 2 else None for value in values]


@rm.node(batch=4, max_wait_ms=HOUR)
async def negative(values: list[int]) -> list[int]:
    await asyncio.sleep(0)
    return [-value for value in values]


@rm.node(batch=4)
def inverse(values: list[float]) -> list[float]:
    return [1 / value for value in values]


@rm.node(batch=4)
async def inverse_later(values: list[float]) -> list[float]:
    return [1 / value for value in values]


@everywhere
@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([odd_doubled], [2, 6, 10]),
        ([negative], [-1, -2, -3, -4, -5, -6]),
        ([odd_doubled, negative], [-2, -6, -10]),
        ([negative, odd_doubled], [-2, -6, -10]),
        ([negative, "PassThrough", odd_doubled], [-2, -6, -10]),
        ([lambda value: value + 1, odd_doubled, lambda value: value + 1], [7, 11, 15]),
    ],
)
def test_results_stand_for_their_values_in_order_and_none_is_left_out(
    execute: Any, nodes: list[Any], expected: list[int]
) -> None:
    manifest = chain(*((f"n{index}", node, {}) for index, node in enumerate(nodes)))
    outputs = execute(manifest, [1, 2, 3, 4, 5, 6])
    assert outputs == expected
    if nodes == [odd_doubled]:
        assert [packet.item for packet in outputs.packets] == [0, 2, 4]


def test_lists_are_as_long_as_batch_says_and_the_last_one_waits_for_no_more() -> None:
    seen: list[list[int]] = []

    @rm.node(batch=4, max_wait_ms=HOUR)
    def keep(values: list[int]) -> list[int]:
        seen.append(values)
        return values

    assert (rm.Pipeline() >> keep()).run_sync(list(range(10))) == list(range(10))
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_a_batch_of_a_thousand() -> None:
    lengths = []

    @rm.node(batch=1024, max_wait_ms=HOUR)
    def count(values: list[int]) -> list[int]:
        lengths.append(len(values))
        return values

    (rm.Pipeline() >> count()).run_sync(list(range(1025)))
    assert lengths == [1024, 1]


async def test_in_a_session_a_full_list_goes_at_once_and_the_rest_at_the_end() -> None:
    async with (rm.Pipeline() >> negative()).session() as session:
        for value in range(5):
            await session.send(value)
        assert [(await anext(aiter(session))).value for _ in range(4)] == [0, -1, -2, -3]
        await session.finish()
        assert [packet.value async for packet in session] == [-4]


async def test_in_a_session_what_is_alone_goes_when_its_wait_is_over() -> None:
    async with (rm.Pipeline() >> ranked()).session() as session:
        await session.send(7)
        assert (await anext(aiter(session))).value == 1


async def test_map_gives_each_source_its_own_lists() -> None:
    pipeline = rm.Pipeline() >> negative()
    assert [result.outputs async for result in pipeline.map(range(3), ordered=True)] == [[0], [-1], [-2]]


def test_map_sync_gives_each_source_its_own_lists() -> None:
    pipeline = rm.Pipeline() >> negative()
    assert [result.outputs for result in pipeline.map_sync(range(3), ordered=True)] == [[0], [-1], [-2]]


@everywhere
def test_a_manifest_names_it_as_any_function(execute: Any) -> None:
    text = (rm.Pipeline() >> ranked(best=10)).to_json()
    assert '"node_type": "python:face_functions:ranked"' in text
    assert execute(text, [3], python=["face_functions"]) == [10]


def test_two_functions_alike_but_for_their_batches_are_not_mixed_up() -> None:
    lengths: list[int] = []

    def made(batch: int) -> Any:
        @rm.node(batch=batch, max_wait_ms=HOUR)
        def count(values: list[int]) -> list[int]:
            lengths.append(len(values))
            return values

        return count

    for batch in (2, 3):
        (rm.Pipeline() >> made(batch)()).run_sync([1, 2, 3, 4])
    assert lengths == [2, 2, 3, 1]


@everywhere
@pytest.mark.parametrize("function", [inverse, inverse_later])
def test_an_error_is_that_of_the_one_value_and_what_came_before_it_is_kept(execute: Any, function: Any) -> None:
    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("f", function, {})), [1, 2, 0, 4])
    error = caught.value
    assert (error.node_id, error.item, error.cause) == ("f", 2, "ZeroDivisionError: division by zero")
    assert error.outputs == [1.0, 0.5]
    assert traceback.extract_tb(error.__cause__.__traceback__)[0].name == function.__name__


@everywhere
@pytest.mark.parametrize("function", [inverse, inverse_later])
@pytest.mark.parametrize("on_error", ["skip", {"retry": {"times": 1, "backoff_ms": 0, "then": "skip"}}])
def test_what_is_skipped_is_the_bad_values_alone(execute: Any, function: Any, on_error: Any) -> None:
    manifest = chain(("f", function, {}))
    manifest["nodes"][0]["on_error"] = on_error
    outputs = execute(manifest, [0, 1, 2, 0, 4, 0])
    assert outputs == [1.0, 0.5, 0.25]
    assert [error.item for error in outputs.skipped] == [0, 3, 5]


class Own(BaseException):
    """One that is no `Exception`."""


@everywhere
@pytest.mark.parametrize("asynchronous", [False, True], ids=["function", "async function"])
@pytest.mark.parametrize("kind", [Own, asyncio.CancelledError])
def test_whatever_a_batch_raises_is_the_error_of_the_bad_value_alone(
    execute: Any, kind: type[BaseException], asynchronous: bool
) -> None:
    if kind is asyncio.CancelledError and sys.version_info < (3, 11):
        pytest.skip("this Python does not tell whose cancellation it is")

    def no_threes(values: list[int]) -> list[int]:
        if 3 in values:
            raise kind("a three")
        return values

    async def no_threes_later(values: list[int]) -> list[int]:
        await asyncio.sleep(0)
        return no_threes(values)

    manifest = chain(("f", rm.node(batch=4)(no_threes_later if asynchronous else no_threes), {}))
    with pytest.raises(rm.NodeError) as caught:
        execute(manifest, [1, 2, 3, 4])
    assert (caught.value.item, type(caught.value.__cause__), caught.value.outputs) == (2, kind, [1, 2])
    manifest["nodes"][0]["on_error"] = "skip"
    outputs = execute(manifest, [1, 2, 3, 4])
    assert (outputs, [error.item for error in outputs.skipped]) == ([1, 2, 4], [2])


@everywhere
def test_in_a_chain_the_error_of_the_first_bad_value_is_told_whichever_function_it_is(execute: Any) -> None:
    @rm.node(batch=4)
    def no_threes(values: list[int]) -> list[int]:
        if 3 in values:
            raise ValueError("a three")
        return values

    manifest = chain(("threes", no_threes, {}), ("zeros", inverse, {}))
    for inputs, node, outputs in (([1, 0, 3], "zeros", [1.0]), ([1, 3, 0], "threes", [1.0])):
        with pytest.raises(rm.NodeError) as caught:
            execute(manifest, inputs)
        assert (caught.value.node_id, caught.value.item, caught.value.outputs) == (node, 1, outputs)


def test_a_list_that_fails_though_each_of_its_values_passes_is_no_error() -> None:
    @rm.node(batch=4, max_wait_ms=HOUR)
    def narrow(values: list[int]) -> list[int]:
        if len(values) > 1:
            raise MemoryError("too much at a time")
        return values

    assert (rm.Pipeline() >> narrow()).run_sync([1, 2, 3]) == [1, 2, 3]


@everywhere
def test_what_a_list_that_raised_did_to_its_values_is_undone(execute: Any) -> None:
    @rm.node(batch=4)
    def spoken(requests: list[dict[str, Any]]) -> list[str]:
        made = []
        for request in requests:
            voice = request.pop("voice")
            if request["text"] is None:
                raise ValueError("no text")
            made.append(f"{voice}: {request['text']}")
        return made

    manifest = chain(("same", rm.node(batch=4)(lambda values: values), {}), ("spoken", spoken, {}))
    requests = [{"voice": "a", "text": text} for text in ("one", None, "three")]
    with pytest.raises(rm.NodeError) as caught:
        execute(manifest, requests)
    assert (caught.value.item, caught.value.cause, caught.value.outputs) == (1, "ValueError: no text", ["a: one"])
    manifest["nodes"][1]["on_error"] = "skip"
    assert execute(manifest, requests) == ["a: one", "a: three"]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(("function", "factor"), [(odd_doubled, 2), (negative, -1)])
async def test_a_flush_ends_the_wait_for_more_values(function: Any, factor: int, is_late: bool) -> None:
    async with rm.Pipeline.load(chain(("pass", "PassThrough", {}), ("f", function, {}))).session() as session:
        reader = aiter(session)
        for value in (1, 3):
            await session.send(value)
            if is_late:
                # The batch waits already, or will soon: both must do.
                await asyncio.sleep(0.01)
            await session.flush()
            assert (await asyncio.wait_for(anext(reader), 20)).value == factor * value


@rm.node(batch=3, max_wait_ms=HOUR)
def shorter(values: list[int]) -> list[int]:
    return values[1:]


@rm.node(batch=3, max_wait_ms=HOUR)
def tuples(values: list[int]) -> Any:
    return tuple(values)


@rm.node(batch=3, max_wait_ms=HOUR)
async def forgets(values: list[int]) -> Any:
    return None


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (shorter, "ValueError: python:test_batches:shorter took a batch of 3 values and returned a list of 2"),
        (tuples, "TypeError: python:test_batches:tuples took a batch of 3 values and returned a value of type tuple"),
        (forgets, "TypeError: python:test_batches:forgets took a batch of 3 values and returned None"),
    ],
)
def test_an_answer_that_is_no_list_of_that_length(function: Any, said: str) -> None:
    with pytest.raises(rm.NodeError) as caught:
        native(chain(("f", function, {})), [1, 2, 3])
    assert caught.value.cause == f"{said}; return a list of 3, with None where nothing is to come out"
    assert caught.value.item == 0


@everywhere
def test_the_answer_to_one_value(execute: Any) -> None:
    with pytest.raises(rm.NodeError, match=re.escape("took a batch of 1 value and returned a list of 0; return a")):
        execute(chain(("f", shorter, {})), [1])


class Grade(enum.Enum):
    GOOD = "good"


@everywhere
def test_entries_have_the_form_that_the_annotation_of_the_list_asks_for(execute: Any) -> None:
    @rm.node(batch=2)
    def members(values: list[Grade]) -> list[str]:
        return [value.name for value in values]

    assert execute(chain(("members", members, {})), ["good", "good"]) == ["GOOD", "GOOD"]


def test_ctrl_c_in_a_batch_is_no_error_of_a_value() -> None:
    @rm.node(batch=4)
    def pressed(values: list[int]) -> list[int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rm.execute_sync(chain(("pressed", pressed, {})), [1, 2])


async def test_a_cancelled_execution_cancels_the_function() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    given: list[list[int]] = []

    @rm.node(batch=4)
    async def endless(values: list[int]) -> list[int]:
        given.append(values)
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return values

    work = asyncio.create_task(rm.execute(chain(("endless", endless, {})), [1, 2]))
    await begun.wait()
    work.cancel()
    await ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert given == [[1, 2]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"batch": 0}, "batch must be a whole number from 1 to 1024, got 0"),
        ({"batch": 1025}, "batch must be a whole number from 1 to 1024, got 1025"),
        ({"batch": True}, "batch must be a whole number from 1 to 1024, got True"),
        ({"batch": "32"}, "batch must be a whole number from 1 to 1024, got '32'"),
        (
            {"batch": 2, "max_wait_ms": -1},
            "max_wait_ms must be a number of milliseconds from 0 to 3600000, got -1",
        ),
        (
            {"batch": 2, "max_wait_ms": float("nan")},
            "max_wait_ms must be a number of milliseconds from 0 to 3600000, got nan",
        ),
        (
            {"max_wait_ms": 5},
            "max_wait_ms is how long a batch waits for more values; say too how large it gets: "
            "@node(batch=32, max_wait_ms=5)",
        ),
    ],
)
def test_wrong_arguments_are_told_where_they_stand(arguments: Any, said: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(**arguments)
    assert str(caught.value) == said


def _each(values: list[int]) -> Iterator[int]:
    yield from values


class _Each:
    def process(self, values: list[int]) -> Iterator[int]:
        yield from values


@pytest.mark.parametrize("generator", [_each, _Each])
def test_a_generator_takes_no_batches(generator: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(batch=2)(generator)

    assert str(caught.value) == (
        f"{generator.__name__} is a generator, and what takes a batch returns a list; leave batch out, or return a list"
    )


def test_the_function_itself_is_called_with_a_list() -> None:
    assert ranked.fn([5, 3]) == [2, 1]


@rm.node(batch=8)
class Rank:
    """Numbers the values of an item, list by list; its flush tells how many there were."""

    def __init__(self, *, first: int = 0) -> None:
        self.first, self.lists = first, 0

    def initialize(self) -> None:
        self.next = self.first

    def process(self, values: list[int]) -> list[tuple[int, int]]:
        self.lists += 1
        begin, self.next = self.next, self.next + len(values)
        return list(zip(range(begin, self.next), values, strict=True))

    def flush(self) -> str:
        count, self.next = self.next - self.first, self.first
        return f"{count} values"


@pytest.mark.parametrize("engine", ["native", "python"])
def test_a_class_takes_batches_and_gives_at_the_end_of_an_item_what_it_holds(engine: Any) -> None:
    pipeline = rm.Pipeline() >> Rank(first=10)
    assert asyncio.run(pipeline.run([5, 6], engine=engine)) == [[10, 5], "1 values", [10, 6], "1 values"]


async def test_a_class_in_a_session_takes_many_values_in_a_list_and_a_function_behind_it_what_its_flush_gives() -> None:
    @rm.node(batch=8)
    def shown(values: list[Any]) -> list[str]:
        return [f"{len(values)}: {value}" for value in values]

    async with (rm.Pipeline() >> Rank() >> shown).session() as session:
        await session.send_many(range(20))
        await session.finish()
        seen = [packet.value async for packet in session]
    assert [text.partition(": ")[2] for text in seen] == [*(str((n, n)) for n in range(20)), "20 values"]
    assert max(int(text.partition(":")[0]) for text in seen) == 8
    assert seen[-1].startswith("1: ")


def test_a_class_that_gives_a_list_of_another_length_is_told() -> None:
    @rm.node(batch=4)
    class Loses:
        def process(self, values: list[int]) -> list[int]:
            return values[1:]

    with pytest.raises(rm.NodeError, match="took a batch of 1 value and returned a list of 0; return a list of 1"):
        (rm.Pipeline() >> Loses()).run_sync([1])
