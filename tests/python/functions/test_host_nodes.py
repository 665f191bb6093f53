"""Python functions as nodes: sync and async, alone and in chains, and their exceptions."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import gc
import signal
import threading
import traceback
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, chain, eventually
from remotemedia._engine.port import EventPort


def run(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


both = pytest.mark.parametrize("execute", [run, rm.execute_sync], ids=["await", "sync"])


def double(value: int) -> int:
    return value * 2


async def increment(value: int) -> int:
    await asyncio.sleep(0)
    return value + 1


class Gain:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def __call__(self, value: int) -> int:
        return value * self.factor

    async def later(self, value: int) -> int:
        return value * self.factor


@both
@pytest.mark.parametrize(
    ("functions", "expected"),
    [
        ([double], [2, 4, 6]),
        ([increment], [2, 3, 4]),
        ([double, increment], [3, 5, 7]),
        ([increment, double], [4, 6, 8]),
        ([increment, "PassThrough", double], [4, 6, 8]),
        ([Gain(3)], [3, 6, 9]),
        ([Gain(3).later], [3, 6, 9]),
        ([lambda value: value, lambda value: -value], [-1, -2, -3]),
    ],
)
def test_functions_run_in_their_place(execute: Any, functions: list[Any], expected: list[int]) -> None:
    manifest = chain(*((f"n{index}", function, {}) for index, function in enumerate(functions)))
    assert execute(manifest, [1, 2, 3]) == expected


class Scaled:
    """Has the names of what a decorated function has, and of what partial ones have."""

    def __init__(self, by: int) -> None:
        self.fn = self.func = double
        self.spec = self.emits = self.params = self.problems = "mine"
        self.by = by

    def __call__(self, value: int) -> int:
        return self.by * self.fn(value)


@pytest.mark.parametrize("engine", ["native", "python"])
def test_an_object_is_called_itself_whatever_its_attributes_are(engine: Any) -> None:
    manifest = chain(("scaled", Scaled(100), {}))
    assert rm.execute_sync(manifest, [1, 2], engine=engine) == [200, 400]
    pipeline = rm.Pipeline() >> rm.Node(Scaled(3))
    assert pipeline.run_sync([1], engine=engine) == pipeline.run_sync([1], engine=engine) == [6]
    assert pipeline.validate().nodes[0]["node_type"].endswith(":Scaled")


@pytest.mark.parametrize("engine", ["native", "python"])
def test_what_wraps_a_node_is_called_itself(engine: Any) -> None:
    @rm.node(batch=4)
    def negative(values: list[int]) -> list[int]:
        return [-value for value in values]

    @functools.wraps(negative)
    def logged(value: int) -> int:
        return negative.fn([value])[0] * 10

    assert rm.execute_sync(chain(("n", logged, {})), [1, 2], engine=engine) == [-10, -20]


@both
def test_params_are_keywords(execute: Any) -> None:
    def scale(value: int, *, by: int, plus: int = 0) -> int:
        return value * by + plus

    assert execute(chain(("s", scale, {"by": 3, "plus": 1})), [1, 2]) == [4, 7]


@both
def test_many_items_keep_their_order(execute: Any) -> None:
    assert execute(chain(("d", double, {}), ("i", increment, {})), list(range(1000))) == [
        value * 2 + 1 for value in range(1000)
    ]


@both
@pytest.mark.parametrize("asynchronous", [False, True], ids=["function", "async function"])
def test_an_exception_comes_back_as_the_cause(execute: Any, asynchronous: bool) -> None:
    class Broken(Exception):
        pass

    original = Broken("the needle is bent")

    def inner(value: int) -> None:
        raise original from KeyError("arm")

    def fail(value: int) -> None:
        inner(value)

    async def fail_later(value: int) -> None:
        inner(value)

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("p", "PassThrough", {}), ("needle", fail_later if asynchronous else fail, {})), [7])
    error = caught.value
    assert error.__cause__ is original
    assert (error.node_id, error.item) == ("needle", 0)
    assert error.cause == "Broken: the needle is bent"
    assert error.chain == ["KeyError: 'arm'"]
    assert str(error) == f"node 'needle' ({error.node_type}), input 0: Broken: the needle is bent"
    frames = [frame.name for frame in traceback.extract_tb(original.__traceback__)]
    assert frames == ["fail_later" if asynchronous else "fail", "inner"]


def test_the_type_of_a_function_node_is_its_name() -> None:
    def fail(value: int) -> None:
        raise ValueError

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fail, {})), [1])
    assert caught.value.node_type == f"python:{__name__}:fail"


@both
def test_the_second_function_of_a_chain_is_the_one_that_failed(execute: Any) -> None:
    def fail(value: int) -> None:
        raise ValueError(value)

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("a", double, {}), ("b", fail, {}), ("c", double, {})), [1, 2])
    assert caught.value.node_id == "b"


@both
def test_a_value_that_cannot_cross_is_an_error_of_the_node(execute: Any) -> None:
    def give(value: int) -> Any:
        return {"result": object()} if value == 2 else value

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("g", give, {})), [1, 2, 3])
    assert isinstance(caught.value.__cause__, rm.MarshalError)
    assert str(caught.value.__cause__).startswith("the returned value.result: an object can't cross; ")
    assert caught.value.item == 1


def test_a_function_that_returns_an_awaitable_is_told_to_be_async() -> None:
    def trick(value: int) -> Any:
        return increment(value)

    with pytest.raises(rm.NodeError, match=r"trick returned an awaitable; define it with async def$"):
        rm.execute_sync(chain(("t", trick, {})), [1])


@both
def test_a_function_that_calls_execute_sync_does_not_deadlock(execute: Any) -> None:
    inner = chain(("d", double, {}))

    def outer(value: int) -> int:
        (first,) = rm.execute_sync(inner, [value])
        (second,) = rm.execute_sync(PASS_TEXT, [first])
        return second

    assert execute(chain(("o", outer, {})), list(range(50))) == [value * 2 for value in range(50)]


def test_an_async_function_that_calls_execute_does_not_deadlock() -> None:
    async def outer(value: int) -> int:
        (inner,) = await rm.execute(chain(("i", increment, {})), [value])
        return inner

    assert run(chain(("o", outer, {})), [1, 2]) == [2, 3]


def test_sync_functions_never_run_on_the_loop_and_async_ones_do() -> None:
    threads: dict[str, int] = {}

    def sync(value: int) -> int:
        threads["sync"] = threading.get_ident()
        return value

    async def later(value: int) -> int:
        threads["async"] = threading.get_ident()
        return value

    async def main() -> None:
        await rm.execute(chain(("a", sync, {}), ("p", "PassThrough", {}), ("b", later, {})), [1])

    asyncio.run(main())
    assert threads["sync"] != threading.get_ident() == threads["async"]


def test_execute_sync_runs_functions_on_its_own_thread() -> None:
    seen: list[int] = []
    rm.execute_sync(chain(("a", lambda value: seen.append(threading.get_ident()), {})), [1])
    assert seen == [threading.get_ident()]


@both
@pytest.mark.parametrize("asynchronous", [False, True], ids=["function", "async function"])
def test_functions_see_the_context_of_the_caller(execute: Any, asynchronous: bool) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")

    def ask(value: int) -> str:
        return name.get()

    async def ask_later(value: int) -> str:
        return name.get()

    def call() -> Any:
        name.set("somebody")
        return execute(chain(("a", ask_later if asynchronous else ask, {})), [1])

    assert contextvars.copy_context().run(call) == ["somebody"]


@pytest.mark.parametrize("kind", ["function", "generator", "class"])
def test_the_thread_that_has_answered_takes_the_next_call_itself(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def function(value: int) -> int:
        return value + 1

    def generator(value: int) -> Iterator[int]:
        yield value + 1

    @rm.node
    class Adder:
        def process(self, value: int) -> int:
            return value + 1

    told = []
    serve_call = EventPort.serve

    def counting(port: EventPort[Any], call: int, content: Any, *, on_this_thread: bool = False) -> None:
        told.append(on_this_thread)
        serve_call(port, call, content, on_this_thread=on_this_thread)

    monkeypatch.setattr(EventPort, "serve", counting)
    node = {"function": function, "generator": generator, "class": Adder}[kind]
    count = 10 * 32
    assert run(chain(("a", node, {})), list(range(count))) == list(range(1, count + 1))
    assert len(told) >= 10
    assert told == [False] + [True] * (len(told) - 1), "the event loop hears of the first call alone"


@both
def test_arrays_given_to_functions_are_read_only(execute: Any) -> None:
    def write(value: Any) -> bool:
        samples = value.samples if isinstance(value, rm.Audio) else value
        return not samples.flags.writeable

    large, small = np.zeros(5000), np.zeros(5)
    audio = rm.Audio(np.zeros((1, 5000), "float32"), rate=8000)
    assert execute(chain(("w", write, {})), [large, small, audio]) == [True, True, True]
    assert large.flags.writeable


@both
def test_large_arrays_pass_functions_as_the_same_memory(execute: Any) -> None:
    source = np.arange(5000.0)
    (back,) = execute(chain(("a", lambda value: value[10:], {}), ("p", "PassThrough", {})), [source])
    assert np.shares_memory(back, source)
    assert back.tolist() == source[10:].tolist()


def test_what_a_function_captures_is_not_kept_by_the_cache() -> None:
    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    manifest = chain(("a", lambda value, thing=thing: value, {}))
    assert rm.execute_sync(manifest, [1]) == [1]
    del manifest, thing
    gc.collect()
    assert gone() is None


def test_an_exception_is_not_kept_after_it_was_handled() -> None:
    class Broken(Exception):
        pass

    def fail(value: int) -> None:
        raise Broken

    def call() -> weakref.ref[Broken]:
        with pytest.raises(rm.NodeError) as caught:
            rm.execute_sync(chain(("f", fail, {})), [1])
        cause = caught.value.__cause__
        assert isinstance(cause, Broken)
        return weakref.ref(cause)

    gone = call()
    assert eventually(lambda: gone() is None)


def test_system_exit_of_a_function_ends_the_program_in_sync_and_the_execution_in_async() -> None:
    def leave(value: int) -> None:
        raise SystemExit(3)

    manifest = chain(("f", leave, {}))
    with pytest.raises(SystemExit):
        rm.execute_sync(manifest, [1])
    with pytest.raises(rm.NodeError) as caught:
        run(manifest, [1])
    assert isinstance(caught.value.__cause__, SystemExit)


def test_the_same_function_twice_is_two_nodes() -> None:
    assert rm.execute_sync(chain(("a", double, {}), ("b", double, {})), [1]) == [4]


def test_cancelling_the_await_cancels_the_async_function() -> None:
    async def main() -> None:
        started, cancelled = asyncio.Event(), asyncio.Event()

        async def wait(value: int) -> None:
            started.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        task = asyncio.ensure_future(rm.execute(chain(("w", wait, {})), [1]))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(cancelled.wait(), 20)

    asyncio.run(main())


@both
def test_an_exception_whose_message_cannot_be_made_is_still_an_error(execute: Any) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

    def fail(value: int) -> None:
        raise Mute

    with pytest.raises(rm.NodeError, match=r"Mute: its message can't be made: ValueError$") as caught:
        execute(chain(("f", fail, {})), [1])
    assert isinstance(caught.value.__cause__, Mute)


@both
def test_an_exception_with_a_lone_surrogate_is_still_an_error(execute: Any) -> None:
    def fail(value: int) -> None:
        raise ValueError("a\ud800b")

    with pytest.raises(rm.NodeError, match=r"ValueError: a\?b$"):
        execute(chain(("f", fail, {})), [1])


@both
def test_a_function_that_stops_an_iteration_is_an_error(execute: Any) -> None:
    async def fail(value: int) -> None:
        next(iter([]))

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("f", lambda value: next(iter([])), {})), [1])
    assert isinstance(caught.value.__cause__, StopIteration)
    with pytest.raises(rm.NodeError):
        execute(chain(("f", fail, {})), [1])


@both
def test_an_async_function_that_cancels_itself_is_an_error(execute: Any) -> None:
    async def fail(value: int) -> None:
        raise asyncio.CancelledError

    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("f", fail, {})), [1])
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)


def test_functions_of_many_executions_run_at_the_same_time() -> None:
    meet = threading.Barrier(4, timeout=60)

    async def main() -> None:
        manifest = chain(("m", lambda value: meet.wait() * 0, {}))
        assert await asyncio.gather(*(rm.execute(manifest, [1]) for _ in range(4))) == [[0]] * 4

    asyncio.run(main())


def test_other_functions_of_the_same_name_share_a_pipeline_and_run_themselves() -> None:
    from remotemedia._manifest.compile import _cache

    def made(number: int) -> Any:
        def add(value: int) -> int:
            return value + number

        return chain(("a", add, {}))

    before = len(_cache)
    assert [rm.execute_sync(made(number), [1]) for number in range(5)] == [[1], [2], [3], [4], [5]]
    assert len(_cache) <= max(before, 1) + 1


def stops(value: int) -> int:
    raise asyncio.CancelledError("enough")


def leaves(value: int) -> int:
    raise SystemExit(3)


def exhausts(value: int) -> int:
    raise StopIteration(4)


@both
@pytest.mark.parametrize(
    ("function", "kind"), [(stops, asyncio.CancelledError), (leaves, SystemExit), (exhausts, StopIteration)]
)
def test_an_unusual_exception_of_a_sync_function_behind_an_async_one_names_its_node(
    execute: Any, function: Any, kind: type[BaseException]
) -> None:
    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("first", increment, {}), ("second", function, {})), [1])
    assert caught.value.node_id == "second"
    assert type(caught.value.__cause__) is kind


def forgets_to_wait(value: int) -> Any:
    return increment(value)


@both
def test_an_awaitable_is_refused_in_the_same_words_behind_an_async_function(execute: Any) -> None:
    with pytest.raises(rm.NodeError, match="forgets_to_wait returned an awaitable; define it with async def") as caught:
        execute(chain(("first", increment, {}), ("second", forgets_to_wait, {})), [1])
    assert caught.value.node_id == "second"
    # The coroutine was closed: nothing complains that it was never awaited.
    gc.collect()


async def endless(value: int) -> Any:
    yield value


def test_an_async_generator_that_is_returned_is_refused_with_a_cure_that_works() -> None:
    with pytest.raises(rm.NodeError, match=r"an async_generator can't cross; write \[entry async for entry in value\]"):
        rm.execute_sync(chain(("first", lambda value: endless(value), {})), [1])


def test_an_exception_without_a_message_is_its_type() -> None:
    def fail(value: Any) -> None:
        raise ValueError from KeyError()

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fail, {})), [1])
    name = caught.value.node_type
    assert (str(caught.value), caught.value.chain) == (f"node 'f' ({name}), input 0: ValueError", ["KeyError"])


def test_a_very_long_message_is_cut_and_says_so() -> None:
    def fail(value: Any) -> None:
        raise ValueError("x" * 100_000)

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fail, {})), [1])
    assert caught.value.cause == f"ValueError: {'x' * 2000}... (98000 more characters)"
    assert len(str(caught.value.__cause__)) == 100_000


@pytest.mark.parametrize("also_raises", [False, True])
def test_a_returned_key_that_is_no_text_is_named_with_its_input(also_raises: bool) -> None:
    def keyed(value: Any) -> Any:
        if value == 3 and also_raises:
            raise ValueError("three")
        return {"k": {value: 1}} if value == 2 else value

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", keyed, {}), ("p", "PassThrough", {})), [1, 2, 3], timeout=30)
    assert (caught.value.item, caught.value.cause) == (
        1,
        "MarshalError: the returned value.k: the key 2 is an int; keys of a dict must be str: write {str(key): value}",
    )


def test_map_sync_serves_every_call_of_a_source_that_brings_many() -> None:
    seen = []

    @rm.node
    def see(chunk: rm.Audio) -> int:
        seen.append(chunk.frames)
        return chunk.frames

    pipeline = rm.Pipeline() >> rm.nodes.AudioChunk(frames=10) >> see
    sound = rm.Audio(np.zeros((1, 10 * 32 * 9), "float32"), rate=8000)
    (mapped,) = pipeline.map_sync([sound])
    assert mapped.error is None
    assert sum(mapped.outputs or []) == sound.frames
    assert len(seen) == 32 * 9, "more calls than come in a row with the answers to those before"


@pytest.mark.parametrize("execute", [run, rm.execute_sync, lambda *given: run(*given, engine="python")])
@pytest.mark.parametrize("kind", ["function", "async function", "generator"])
def test_what_is_done_to_a_list_after_it_was_returned_is_not_seen(execute: Any, kind: str) -> None:
    history: list[Any] = [{"seen": []}]

    def function(value: int) -> list[Any]:
        history[0]["seen"].append(value)
        return history

    async def later(value: int) -> list[Any]:
        return function(value)

    def generator(value: int) -> Iterator[list[Any]]:
        yield function(value)

    node = {"function": function, "async function": later, "generator": generator}[kind]
    assert execute(chain(("a", node, {})), [1, 2]) == [[{"seen": [1]}], [{"seen": [1, 2]}]]


def test_a_function_that_ignores_its_cancellation_gets_no_more_values() -> None:
    seen = []

    async def later(value: int) -> int:
        seen.append(value)
        if value == 1:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(30)
        return value

    async def main() -> None:
        async with rm.Pipeline.load(chain(("a", later, {}))).session() as session:
            await session.send_many(range(4))
            while seen != [0, 1]:  # noqa: ASYNC110
                await asyncio.sleep(0)
            session.cancel()

    asyncio.run(main())
    assert seen == [0, 1]


@both
def test_callables_that_cannot_be_remembered_are_nodes_too(execute: Any) -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, value: int) -> int:
            return value + 1

    class WithoutWeakReferences:
        __slots__ = ()

        def __call__(self, value: int) -> int:
            return value * 2

    manifest = chain(("a", Unhashable(), {}), ("b", WithoutWeakReferences(), {}), ("c", functools.partial(pow, 2), {}))
    for _ in range(2):
        assert execute(manifest, [1, 2]) == [16, 64]


@both
def test_what_was_remembered_of_a_function_is_of_this_function_alone(execute: Any) -> None:
    def made(asynchronous: bool) -> Any:
        if not asynchronous:
            return lambda value: value

        async def later(value: int) -> int:
            return value

        return later

    # Each is collected before the next one, which may get its address.
    for number in range(20):
        assert execute(chain(("f", made(number % 2 == 1), {})), [number]) == [number]


def test_what_a_signal_handler_raises_between_two_calls_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    class OverTime(Exception):
        pass

    def handler(*_: Any) -> None:
        raise OverTime

    # Between a reply, and the next call that came with it.
    def take(*_: Any) -> None:
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    monkeypatch.setattr(EventPort, "_take_next", take)
    try:
        with pytest.raises(OverTime):
            rm.execute_sync(chain(("f", lambda value: value + 1, {})), [1] * 100)
    finally:
        signal.signal(signal.SIGUSR1, before)
    monkeypatch.undo()
    assert rm.execute_sync(chain(("f", lambda value: value + 1, {})), [1] * 100) == [2] * 100


@both
@pytest.mark.parametrize("asynchronous", [False, True])
def test_code_of_a_returned_value_may_raise_anything(execute: Any, asynchronous: bool) -> None:
    class Nowhere:
        def __fspath__(self) -> str:
            raise KeyError("nowhere")

    deep: list[Any] = []
    deep.append(deep)
    returned: dict[int, Any] = {1: 1, 2: Nowhere(), 3: deep}
    functions: list[Any] = [lambda value: value, returned.get]
    if asynchronous:

        async def get(value: int) -> Any:
            return returned[value]

        functions[1] = get
    for value, kind in ((2, KeyError), (3, rm.MarshalError)):
        with pytest.raises(rm.NodeError) as caught:
            execute(chain(("first", functions[0], {}), ("second", functions[1], {})), [1, value])
        error = caught.value
        assert (error.node_id, error.item, type(error.__cause__), error.outputs) == ("second", 1, kind, [1])


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return {"a": value}


def test_a_returned_value_that_is_too_deep_is_named_and_nothing_is_called_behind_it() -> None:
    seen = []

    def deep(value: int) -> Any:
        seen.append(value)
        return nested(value)

    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("deep", deep, {})), [124, 125, 1])
    assert seen == [124, 125]
    assert caught.value.outputs == [nested(124)]
    assert caught.value.cause.startswith("MarshalError: the returned value.a[0][0]")
    assert caught.value.cause.endswith(": nested deeper than 125 levels, or it contains itself")


def test_a_task_factory_that_raises_is_an_error_of_the_node() -> None:
    async def double(value: int) -> int:
        return value * 2

    def make(loop: Any, work: Any, **options: Any) -> Any:
        if "remotemedia" in work.cr_code.co_filename:
            raise OSError("no more tasks")
        return asyncio.Task(work, loop=loop, **options)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(make)
        with pytest.raises(rm.NodeError, match="OSError: no more tasks"):
            await rm.execute(chain(("f", double, {})), [1])

    asyncio.run(main())
