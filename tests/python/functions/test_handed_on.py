"""What a function returned is what the next one gets, and what comes out, whatever either of them does to it later."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import pytest
import remotemedia as rm
from remotemedia._functions import threads
from ways import everywhere, native, reference

numpy = pytest.importorskip("numpy")

FORMS = ["function", "async function", "generator", "async generator", "class", "async class"]


def node(form: str, work: Callable[[Any], Any], **options: Any) -> Any:
    """A node of some form that does this work."""

    async def later(value: Any) -> Any:
        return work(value)

    def each(value: Any) -> Iterator[Any]:
        yield work(value)

    async def each_later(value: Any) -> AsyncIterator[Any]:
        yield work(value)

    class Process:
        def process(self, value: Any) -> Any:
            return work(value)

    class ProcessLater:
        async def process(self, value: Any) -> Any:
            return work(value)

    made: list[Any] = [lambda value: work(value), later, each, each_later, Process, ProcessLater]
    return rm.node(**options)(made[FORMS.index(form)])


def batch(work: Callable[[Any], Any], **options: Any) -> Any:
    """A node that takes batches and does this work with each value."""

    def together(values: list[Any]) -> list[Any]:
        return [work(value) for value in values]

    return rm.node(batch=4, max_wait_ms=3_600_000, **options)(together)


def manifest(*nodes: Any) -> Any:
    pipeline = rm.Pipeline()
    for each in nodes:
        pipeline = pipeline >> each()
    return pipeline.manifest()


@everywhere
@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", FORMS)
def test_a_list_is_the_own_one_of_the_next_function(execute: Any, first: str, second: str) -> None:
    window: list[Any] = []
    kept: list[Any] = []

    def grow(value: int) -> dict[str, Any]:
        window.append(value)
        return {"last": (window, value)}

    def change(value: dict[str, Any]) -> None:
        kept.append(value["last"][0])
        value["last"][0].append("seen")

    execute(manifest(node(first, grow), node(second, change)), [1, 2, 3])
    assert kept == [[1, "seen"], [1, 2, "seen"], [1, 2, 3, "seen"]]
    assert window == [1, 2, 3]


@everywhere
def test_each_value_of_a_batch_is_an_own_one_of_the_next_function(execute: Any) -> None:
    window: list[Any] = []
    kept: list[Any] = []

    def change(value: list[Any]) -> None:
        value.append("seen")
        kept.append(value)

    execute(manifest(batch(lambda _: window), batch(change)), [1, 2, 3])
    assert (kept, window) == ([["seen"]] * 3, [])


@dataclasses.dataclass(frozen=True)
class Record:
    """Values with names."""

    first: Any


class Row(NamedTuple):
    """Values with names, which can't cross."""

    first: Any


def in_audio(array: Any) -> rm.Audio:
    return rm.Audio(array.reshape(1, -1), 8000)


def samples_of(value: Any) -> Any:
    return value.samples[0] if isinstance(value, rm.Audio) else value


HOLDERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "array": (lambda array: array, lambda value: value),
    "audio": (in_audio, samples_of),
    "list": (lambda array: [array], lambda value: value[0]),
    "dict": (lambda array: {"a": array}, lambda value: value["a"]),
    "tuple": (lambda array: (array,), lambda value: value[0]),
}


@everywhere
@pytest.mark.parametrize("form", ["function", "async function", "class", "batch"])
@pytest.mark.parametrize("holder", HOLDERS)
def test_an_array_of_one_function_is_not_written_to_by_the_next_one(execute: Any, holder: str, form: str) -> None:
    hold, array_in = HOLDERS[holder]
    array = numpy.ones(3, numpy.float32)

    def write(value: Any) -> list[float]:
        array_in(value)[0] = 99
        return array_in(value).tolist()  # type: ignore[no-any-return]

    def made(work: Callable[[Any], Any], **options: Any) -> Any:
        return batch(work, **options) if form == "batch" else node(form, work, **options)

    give = made(lambda _: hold(array))
    with pytest.raises(rm.NodeError, match="read-only"):
        execute(manifest(give, made(write)), [1])
    assert execute(manifest(give, made(write, inplace=True)), [1]) == [[99, 1, 1]]
    assert array.tolist() == [1, 1, 1]


@everywhere
@pytest.mark.parametrize("given", [{1, 2}, Record([1]), Row([1])])
def test_an_object_that_has_an_identity_passes_to_the_next_function(execute: Any, given: Any) -> None:
    assert execute(manifest(rm.node(lambda _: given), rm.node(lambda value: value is given)), [1]) == [True]


@everywhere
@pytest.mark.parametrize("form", FORMS)
def test_what_came_out_does_not_change_any_more(execute: Any, form: str) -> None:
    rows: list[bytes] = []
    memory, sound = bytearray(), rm.Audio(numpy.zeros((1, 1), numpy.float32), 8000)

    def collect(value: bytes) -> dict[str, Any]:
        rows.append(value)
        memory.extend(value)
        sound.pts_ns = len(rows)
        return {"t": (rows,), "d": Record(rows), "bytes": memory, "view": memoryview(memory), "sound": sound}

    def last(value: bytes) -> rm.Audio:
        sound.pts_ns = int(value)
        return sound

    expected = [
        (
            [[b"1", b"2", b"3"][:count]],
            {"first": [b"1", b"2", b"3"][:count]},
            b"123"[:count],
            b"123"[:count],
            count,
        )
        for count in (1, 2, 3)
    ]
    found = execute(manifest(node(form, collect)), [b"1", b"2", b"3"])
    assert [(*(each[key] for key in list(each)[:4]), each["sound"].pts_ns) for each in found] == expected
    assert [each.pts_ns for each in execute(manifest(node(form, last)), [b"1", b"2", b"3"])] == [1, 2, 3]


@pytest.mark.parametrize("execute", [native, reference])
def test_a_thread_that_is_done_keeps_nothing_of_what_its_function_returned(
    execute: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, over = bytearray(), threading.Event()
    submit = threads.submit

    def collect(value: bytes) -> memoryview:
        # Raises BufferError while a view of it is left.
        memory.extend(value)
        return memoryview(memory)

    def stay(work: Callable[[], None]) -> None:
        work()
        over.wait(30)

    monkeypatch.setattr(threads, "submit", lambda work: submit(lambda: stay(work)))
    try:
        found = execute(manifest(node("function", collect), node("async function", bytes)), [b"1", b"2"])
    finally:
        over.set()
    assert found == [b"1", b"12"]


@everywhere
def test_what_contains_itself_is_refused(execute: Any) -> None:
    loop: list[Any] = []
    loop.append(loop)
    give, take = rm.node(lambda _: loop), rm.node(lambda value: len(value))
    for nodes in ([give], [give, take], [batch(lambda _: loop)], [batch(lambda _: loop), batch(len)]):
        with pytest.raises(rm.NodeError, match="contains itself") as caught:
            execute(manifest(*nodes), [1])
        assert type(caught.value.__cause__) is rm.MarshalError
