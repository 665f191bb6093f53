"""Exceptions that mean something to generators, coroutines and event loops: a function may raise them."""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._engine import port


class Own(BaseException):
    """One that is no `Exception`."""


class Nameless(type):
    """A metaclass that refuses the name of its classes."""

    @property
    def __name__(cls) -> str:
        raise Own


class Opaque(ValueError, metaclass=Nameless):
    """One whose own code raises, whatever it is asked."""

    def refuse(self, *_: Any) -> Any:
        raise Own

    __eq__ = __bool__ = __len__ = __str__ = __repr__ = with_traceback = refuse
    __hash__ = refuse  # type: ignore[assignment]
    __cause__ = __context__ = __suppress_context__ = __traceback__ = property(refuse)  # type: ignore[assignment]


class Empty(ValueError):
    """One that is false, as a list of problems may be."""

    def __len__(self) -> int:
        return 0


ODD = [asyncio.CancelledError, StopIteration, StopAsyncIteration, GeneratorExit, Own]


def nodes_that_raise(kind: type[BaseException]) -> dict[str, tuple[Any, str]]:
    """Nodes of every form that raise it, and the method that an error names."""

    def sync(_: Any) -> None:
        raise kind("odd")

    async def on_loop(_: Any) -> None:
        raise kind("odd")

    def several(value: Any) -> Iterator[Any]:
        yield value
        raise kind("odd")

    async def several_on_loop(value: Any) -> AsyncIterator[Any]:
        yield value
        raise kind("odd")

    class Sync:
        def process(self, value: Any) -> None:
            sync(value)

    class OnLoop:
        async def process(self, value: Any) -> None:
            await on_loop(value)

    class Prepared:
        def initialize(self) -> None:
            sync(None)

        def process(self, value: Any) -> Any:
            return value

    class PreparedOnLoop(Prepared):
        async def initialize(self) -> None:  # type: ignore[override]
            await on_loop(None)

    class Flushed:
        async def process(self, value: Any) -> Any:
            return value

        async def flush(self) -> None:
            await on_loop(None)

    class Cleaned:
        def process(self, value: Any) -> Any:
            return value

        def cleanup(self) -> None:
            sync(None)

    functions = {each.__name__: (rm.node(each), "") for each in (sync, on_loop, several, several_on_loop, Sync, OnLoop)}
    batches = {f"{each.__name__} batch": (rm.node(batch=2)(each), "") for each in (sync, on_loop)}
    prepared = {each.__name__: (rm.node(each), "in initialize: ") for each in (Prepared, PreparedOnLoop)}
    return {
        **functions,
        **batches,
        **prepared,
        "Flushed": (rm.node(Flushed), "in flush: "),
        "Cleaned": (rm.node(Cleaned), "in cleanup: "),
    }


def awaited(pipeline: rm.Pipeline, engine: Any) -> rm.Outputs:
    return asyncio.run(pipeline.run([1], engine=engine))


def awaited_in_time(pipeline: rm.Pipeline, engine: Any) -> rm.Outputs:
    return asyncio.run(pipeline.run([1], engine=engine, timeout=60))


def at_once(pipeline: rm.Pipeline, engine: Any) -> rm.Outputs:
    return pipeline.run_sync([1], engine=engine)


def made_by_python(kind: type[BaseException], form: str) -> bool:
    """Whether Python itself makes a RuntimeError of the exception, where it leaves the function."""
    if kind is StopIteration:
        return form in ("on_loop", "several", "several_on_loop", "OnLoop", "PreparedOnLoop", "Flushed", "on_loop batch")
    return kind is StopAsyncIteration and form == "several_on_loop"


@pytest.mark.parametrize("run", [at_once, awaited, awaited_in_time])
@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("form", nodes_that_raise(Own))
@pytest.mark.parametrize("kind", ODD)
def test_what_a_function_raises_is_its_error_whatever_it_is(
    kind: type[BaseException], form: str, engine: Any, run: Callable[..., rm.Outputs]
) -> None:
    if kind is asyncio.CancelledError and engine == "python" and sys.version_info < (3, 11):
        pytest.skip("this Python does not tell whose cancellation it is")
    node, method = nodes_that_raise(kind)[form]
    with pytest.raises(rm.NodeError) as caught:
        run(rm.Pipeline() >> node(), engine)
    error = caught.value
    assert error.node_type == f"python:{__name__}:{node.fn.__name__}"
    if made_by_python(kind, form):
        assert type(error.__cause__) is RuntimeError
    else:
        assert type(error.__cause__) is kind
        assert error.cause == f"{method}{kind.__name__}: odd"


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("form", ["sync", "on_loop", "Sync", "OnLoop", "sync batch"])
def test_it_is_skipped_where_that_is_asked_for(form: str, kind: type[BaseException], engine: Any) -> None:
    if kind is asyncio.CancelledError and engine == "python" and sys.version_info < (3, 11):
        pytest.skip("this Python does not tell whose cancellation it is")
    node, _ = nodes_that_raise(kind)[form]
    assert (rm.Pipeline() >> node(on_error="skip")).run_sync([1, 2], engine=engine).skips == 2


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("form", ["sync", "on_loop"])
def test_what_ends_the_program_does(form: str, kind: type[BaseException], engine: Any) -> None:
    node, _ = nodes_that_raise(kind)[form]
    with pytest.raises(kind):
        (rm.Pipeline() >> node(on_error="skip")).run_sync([1], engine=engine)


def in_a_session(pipeline: rm.Pipeline, values: list[int]) -> rm.Outputs:
    async def main() -> rm.Outputs:
        got: list[int] = []
        try:
            async with pipeline.session() as session:
                await session.send_many(values)
                await session.finish()
                async for packet in session:
                    got.append(packet.value)
            return rm.Outputs(got)
        except rm.NodeError as error:
            error.outputs = rm.Outputs(got)
            raise

    return asyncio.run(main())


ON_THREADS: dict[str, Callable[[rm.Pipeline, list[int]], rm.Outputs]] = {
    f"{name} {engine}": functools.partial(call, engine=engine)
    for engine in ("native", "python")
    for name, call in {
        "run": lambda pipeline, values, engine: asyncio.run(pipeline.run(values, engine=engine)),
        "run_sync in time": lambda pipeline, values, engine: pipeline.run_sync(values, engine=engine, timeout=60),
    }.items()
} | {"session": in_a_session}


@pytest.mark.parametrize("run", ON_THREADS.values(), ids=ON_THREADS)
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("form", ["function", "generator", "class", "batch"])
def test_on_a_serving_thread_it_is_an_error_of_its_input(
    form: str, kind: type[BaseException], run: Callable[[rm.Pipeline, list[int]], rm.Outputs]
) -> None:
    def check(value: int) -> int:
        if value == 3:
            raise kind("odd")
        return value

    def several(value: int) -> Iterator[int]:
        yield check(value)

    class Checks:
        def process(self, value: int) -> int:
            return check(value)

    nodes: dict[str, Any] = {
        "function": rm.node(check),
        "generator": rm.node(several),
        "class": rm.node(Checks),
        "batch": rm.node(batch=8)(lambda values: [check(value) for value in values]),
    }
    node = nodes[form]
    with pytest.raises(rm.NodeError, match=f"input 3: {kind.__name__}: odd$") as caught:
        run(rm.Pipeline() >> node(), list(range(6)))
    assert (caught.value.item, caught.value.outputs) == (3, [0, 1, 2])
    assert run(rm.Pipeline() >> node(on_error="skip"), list(range(6))) == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("timeout", [None, 60])
def test_a_cancelled_await_is_cancelled_though_its_node_skips_errors(engine: Any, timeout: float | None) -> None:
    async def main() -> list[int]:
        begun, seen = asyncio.Event(), list[int]()

        @rm.node
        async def wait(value: int) -> None:
            seen.append(value)
            begun.set()
            await asyncio.Event().wait()

        pipeline = rm.Pipeline() >> wait(on_error="skip")
        task = asyncio.create_task(pipeline.run([1, 2], engine=engine, timeout=timeout))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen

    assert asyncio.run(main()) == [1]


@pytest.mark.parametrize("run", [at_once, awaited, awaited_in_time])
@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("is_async", [False, True])
def test_one_whose_own_code_raises_is_told_of_with_what_is_behind_it(
    is_async: bool, engine: Any, run: Callable[..., rm.Outputs]
) -> None:
    def fail(_: Any) -> None:
        try:
            raise Opaque from Empty("behind")
        except ValueError as error:
            raise Opaque from error

    async def fail_on_loop(value: Any) -> None:
        fail(value)

    with pytest.raises(rm.NodeError) as caught:
        run(rm.Pipeline() >> rm.node(fail_on_loop if is_async else fail)(), engine)
    assert type(caught.value.__cause__) is Opaque
    assert caught.value.cause == "Opaque: its message can't be made: Own"
    assert caught.value.chain == [caught.value.cause, "Empty: behind"]


@pytest.mark.parametrize("run", [at_once, awaited, awaited_in_time])
@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_value_whose_own_code_raises_is_an_error_of_its_function(
    is_async: bool, times: int, run: Callable[..., rm.Outputs]
) -> None:
    class Unreadable:
        """A path that can't be read so many times."""

        left = times

        def __fspath__(self) -> str:
            self.left -= 1
            if self.left >= 0:
                raise Own("unreadable")
            return "x"

    async def give_on_loop(_: Any) -> Any:
        return Unreadable()

    node = rm.node(give_on_loop if is_async else lambda _: Unreadable())
    with pytest.raises(rm.NodeError, match=r"Own: unreadable$"):
        run(rm.Pipeline() >> node(), "native")


class Problems(Exception):
    """What is wrong, as a list: false where that is empty. All are equal."""

    def __len__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problems)

    __hash__ = Exception.__hash__


@pytest.mark.parametrize("engine", ["native", "python"])
def test_an_exception_that_is_false_is_one_and_so_are_those_behind_it(engine: Any) -> None:
    @rm.node(batch=4)
    def check(values: list[int]) -> list[int]:
        if 2 in values:
            raise Problems("two") from Problems("cause")
        return values

    with pytest.raises(rm.NodeError) as caught:
        (rm.Pipeline() >> check()).run_sync([1, 2, 3], engine=engine)
    error = caught.value
    assert (error.item, error.cause, error.chain, error.outputs) == (1, "Problems: two", ["Problems: cause"], [1])


async def in_session(pipeline: rm.Pipeline) -> list[Any]:
    async with pipeline.session() as session:
        await session.send(1)
        await session.finish()
        return [packet.value async for packet in session]


@pytest.mark.parametrize(
    "call",
    [
        lambda pipeline: pipeline.run_sync([1]),
        lambda pipeline: pipeline.run_sync([1], timeout=60),
        lambda pipeline: asyncio.run(pipeline.run([1])),
        lambda pipeline: asyncio.run(in_session(pipeline)),
    ],
    ids=["run_sync", "with a timeout", "run", "session"],
)
@pytest.mark.parametrize("form", ["sync", "async"])
def test_work_without_a_reply_ends_by_an_error_and_not_as_if_it_was_cancelled(
    form: str, call: Callable[[rm.Pipeline], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Any:
        raise MemoryError("no room")

    def passed(value: Any) -> Any:
        return value

    async def passed_later(value: Any) -> Any:
        return value

    function = passed if form == "sync" else passed_later
    monkeypatch.setattr(port, "pack_reply", full)
    with pytest.raises(rm.ExecutionError) as caught:
        call(rm.Pipeline() >> rm.node(function)())
    assert type(caught.value.__cause__) is MemoryError
    assert str(caught.value).endswith(
        f"{function.__name__}: no reply can be made of what it gave: MemoryError: no room"
    )
