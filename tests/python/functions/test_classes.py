"""Classes as nodes: an instance for each run, flushed at the end of each item and cleaned up once."""

from __future__ import annotations

import asyncio
import copy
import logging
import pathlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from conftest import chain, eventually
from face_functions import Pairs, up_to
from remotemedia._functions import late_cleanups
from remotemedia._functions.instances import InstancePool
from ways import everywhere


def told_class(log: list[str], fails_in: str = "") -> Any:
    """A node that notes which of its methods are called, and raises in one of them."""

    def note(method: str) -> None:
        log.append(method)
        if method == fails_in:
            raise ValueError(f"no {method}")

    @rm.node
    class Told:
        def __init__(self) -> None:
            note("__init__")

        def initialize(self) -> None:
            note("initialize")

        def process(self, value: Any) -> Any:
            note("process")
            return value

        def flush(self) -> str:
            note("flush")
            return "tail"

        def cleanup(self) -> None:
            note("cleanup")

    return Told


def async_class(log: list[str], fails_in: str = "") -> Any:
    """The same, with async methods."""

    async def note(method: str) -> None:
        await asyncio.sleep(0)
        log.append(method)
        if method == fails_in:
            raise ValueError(f"no {method}")

    @rm.node
    class Told:
        def __init__(self) -> None:
            log.append("__init__")
            if fails_in == "__init__":
                raise ValueError("no __init__")

        async def initialize(self) -> None:
            await note("initialize")

        async def process(self, value: Any) -> AsyncIterator[Any]:
            await note("process")
            yield value

        async def flush(self) -> AsyncIterator[str]:
            await note("flush")
            yield "tail"

        async def cleanup(self) -> None:
            await note("cleanup")

    return Told


kinds = pytest.mark.parametrize("make", [told_class, async_class], ids=["sync", "async"])


@everywhere
@kinds
def test_an_instance_is_flushed_after_each_item_and_cleaned_up_once(execute: Any, make: Callable[..., Any]) -> None:
    log: list[str] = []
    outputs = execute(chain(("told", make(log), {})), [1, 2])
    assert outputs == [1, "tail", 2, "tail"]
    assert [packet.item for packet in outputs.packets] == [0, 0, 1, 1]
    assert log == ["__init__", "initialize", "process", "flush", "process", "flush", "cleanup"]


@everywhere
@kinds
@pytest.mark.parametrize(
    ("method", "outputs", "log"),
    [
        ("__init__", [], ["__init__"]),
        ("initialize", [], ["__init__", "initialize"]),
        ("process", [], ["__init__", "initialize", "process", "cleanup"]),
        ("flush", [1], ["__init__", "initialize", "process", "flush", "cleanup"]),
        ("cleanup", [1, "tail"], ["__init__", "initialize", "process", "flush", "cleanup"]),
    ],
)
def test_an_exception_in_every_method_names_it(
    execute: Any, make: Callable[..., Any], method: str, outputs: list[Any], log: list[str]
) -> None:
    told: list[str] = []
    with pytest.raises(rm.NodeError) as caught:
        execute(chain(("p", "PassThrough", {}), ("told", make(told, method), {})), [1])
    error = caught.value
    assert (error.node_id, error.item, error.outputs) == ("told", 0, outputs)
    place = "" if method == "process" else f"in {method}: "
    assert error.cause == f"{place}ValueError: no {method}"
    assert repr(error.__cause__) == f"ValueError('no {method}')"
    assert told == log


@everywhere
def test_what_an_instance_holds_back_passes_the_nodes_behind_it(execute: Any) -> None:
    text = (rm.Pipeline() >> up_to >> Pairs(joined="-") >> Pairs(name="outer")).to_json()
    assert execute(text, [5, 2], python=["face_functions"]) == ["0-1+2-3", "4", "0-1"]


@everywhere
def test_every_run_has_an_instance_of_its_own(execute: Any) -> None:
    @rm.node
    class Count:
        def initialize(self) -> None:
            self.count = 0

        def process(self, value: Any) -> int:
            self.count += 1
            return self.count

    manifest = chain(("count", Count, {}), ("again", Count, {}))
    assert [execute(manifest, ["a", "b"]) for _ in range(2)] == [[1, 2], [1, 2]]


@everywhere
def test_a_value_has_the_form_that_process_asks_for(execute: Any) -> None:
    @rm.node
    class Names:
        def process(self, value: pathlib.Path) -> str:
            return value.name

    assert execute(chain(("names", Names, {})), [rm.File("a/b.wav")]) == ["b.wav"]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ({}, "Wrong has no method process; write def process(self, value)"),
        ({"process": lambda self: None}, "Wrong.process takes one value; write def process(self, value)"),
        (
            {"process": lambda self, value: None, "flush": lambda self, item: None},
            "Wrong.flush takes nothing; write def flush(self)",
        ),
        (
            {"process": lambda self, value: None, "cleanup": lambda self: (yield)},
            "Wrong.cleanup is a generator, and nobody takes what it yields; only process and flush may yield",
        ),
        (
            {"process": lambda self, value: None, "__init__": lambda self, *windows: None},
            "Wrong has *windows, and a param has a name and is checked; write each of them out, such as db=0.0",
        ),
        (
            {"process": lambda self, value: None, "__init__": lambda self, *, name: None},
            "Wrong has the param 'name', which is the id of a node; call it otherwise",
        ),
        (
            {"process": lambda self, value: None, "__init__": lambda self, *, on_error="warn": None},
            "Wrong has the param 'on_error', which is what an error of a node means; call it otherwise",
        ),
    ],
)
def test_what_cannot_be_a_node(methods: dict[str, Any], message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        rm.node(type("Wrong", (), methods))
    assert str(caught.value) == message


def test_names_in_a_class_do_not_stand_for_those_of_its_node() -> None:
    class Spell:
        UNIT = "word"
        fn = spec = params = emits = _maker = node_type = "its own"

        def __init__(self, by: int = 2) -> None:
            self.by = by

        def process(self, value: int) -> int:
            return value * self.by

    def its_own(self: Any, *_: Any) -> Any:
        raise AssertionError("a method of instances was called at the node")

    for name in dir(rm.node(Spell)):
        if not name.startswith("__") and not hasattr(Spell, name):
            setattr(Spell, name, its_own)
    for name in ("__reduce_ex__", "__deepcopy__", "__copy__", "__call__", "__rshift__"):
        setattr(Spell, name, its_own)
    node = rm.node(Spell)
    assert (rm.Pipeline() >> node(by=3) >> copy.deepcopy(node)).run_sync([1]) == [6]
    with pytest.raises(rm.ManifestError, match="Spell has no param 'buy'"):
        (rm.Pipeline() >> node(buy=3)).validate()
    assert repr(node).startswith("<node function ")
    assert node.UNIT == "word"  # type: ignore[attr-defined]


def test_params_are_checked_before_anything_runs() -> None:
    pipeline = rm.Pipeline() >> Pairs(joined=3)
    with pytest.raises(rm.ManifestError) as caught:
        pipeline.validate()
    assert str(caught.value) == "nodes[0].params.joined: expected text, got the number 3"


@kinds
async def test_a_session_flushes_and_an_interruption_begins_anew(make: Callable[..., Any]) -> None:
    log: list[str] = []
    async with rm.Pipeline.load(chain(("told", make(log), {}))).session() as session:
        reader = aiter(session)
        await session.send(1)
        await session.flush()
        assert [(await anext(reader)).value for _ in range(2)] == [1, "tail"]
        session.interrupt()
        await session.send(2)
        await session.finish()
        assert [packet.value async for packet in reader] == [2, "tail"]
    begin = ["__init__", "initialize", "process", "flush"]
    assert log == [*begin, "cleanup", *begin, "cleanup"]


@kinds
async def test_a_session_that_is_left_cleans_up(make: Callable[..., Any]) -> None:
    log: list[str] = []

    async def leave() -> None:
        async with rm.Pipeline.load(chain(("told", make(log), {}))).session() as session:
            await session.send(1)
            assert (await anext(aiter(session))).value == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await leave()
    assert log == ["__init__", "initialize", "process", "cleanup"]


@kinds
async def test_cancelling_the_await_cleans_up_before_it_ends(make: Callable[..., Any]) -> None:
    log: list[str] = []
    has_come = asyncio.Event()

    async def never(value: Any) -> None:
        has_come.set()
        await asyncio.Event().wait()

    manifest = chain(("told", make(log), {}), ("p", "PassThrough", {}), ("never", never, {}))
    task = asyncio.create_task(rm.execute(manifest, [1, 2]))
    await has_come.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log[:2] == ["__init__", "initialize"]
    assert (log[-1], log.count("cleanup")) == ("cleanup", 1)


async def test_cleaning_up_waits_for_a_busy_function_but_the_caller_does_not() -> None:
    log: list[str] = []
    is_busy, may_end = threading.Event(), threading.Event()

    @rm.node
    class Slow:
        def process(self, value: Any) -> Any:
            is_busy.set()
            assert may_end.wait(20)
            log.append("processed")

        def cleanup(self) -> None:
            log.append("cleanup")

    task = asyncio.create_task((rm.Pipeline() >> Slow).run([1]))
    assert await asyncio.get_running_loop().run_in_executor(None, is_busy.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == []
    may_end.set()
    assert eventually(lambda: len(log) == 2)
    assert log == ["processed", "cleanup"]


def test_ctrl_c_cleans_up() -> None:
    log: list[str] = []

    @rm.node
    class Interrupted:
        def process(self, value: Any) -> Iterator[Any]:
            yield value
            raise KeyboardInterrupt

        def cleanup(self) -> None:
            log.append("cleanup")

    with pytest.raises(KeyboardInterrupt):
        (rm.Pipeline() >> Interrupted).run_sync([1])
    assert log == ["cleanup"]


def hold(log: list[str], is_busy: threading.Event, may_end: threading.Event) -> Any:
    """A function that is busy until it may end."""

    def held(value: Any) -> Any:
        is_busy.set()
        assert may_end.wait(20)
        log.append("held")
        return value

    return held


def test_what_outlives_its_loop_is_cleaned_up_by_the_thread_or_named(caplog: pytest.LogCaptureFixture) -> None:
    log: list[str] = []
    is_busy, may_end = threading.Event(), threading.Event()

    @rm.node
    class Async:
        async def process(self, value: Any) -> Any:
            return value

        async def cleanup(self) -> None:
            log.append("never")

    @rm.node
    class Sync:
        async def process(self, value: Any) -> Any:
            return value

        def cleanup(self) -> None:
            log.append("cleanup")

    async def main() -> None:
        held = hold(log, is_busy, may_end)
        task = asyncio.create_task(rm.execute(chain(("async", Async, {}), ("sync", Sync, {}), ("held", held, {})), [1]))
        assert await asyncio.to_thread(is_busy.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with caplog.at_level(logging.WARNING, "remotemedia"):
        asyncio.run(main())
        assert log == []
        may_end.set()
        assert eventually(lambda: len(log) == 2)
    assert log == ["held", "cleanup"]
    assert caplog.messages == [
        f"cleanup of python:{__name__}:Async is not called: it is async, and its event loop has ended"
    ]


async def test_the_end_of_the_program_waits_a_little_and_names_what_is_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []
    is_busy, may_end = threading.Event(), threading.Event()
    held = hold(log, is_busy, may_end)

    @rm.node
    class Slow:
        def process(self, value: Any) -> Any:
            return held(value)

        def cleanup(self) -> None:
            log.append("cleanup")

    task = asyncio.create_task((rm.Pipeline() >> Slow).run([1]))
    assert await asyncio.to_thread(is_busy.wait, 20)
    with caplog.at_level(logging.WARNING, "remotemedia"), monkeypatch.context() as patch:
        patch.setattr(late_cleanups, "PATIENCE_SECONDS", 0.001)
        # The run goes on: nothing is late.
        late_cleanups._wait()
        assert caplog.messages == []
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        late_cleanups._wait()
    (message,) = caplog.messages
    assert message.endswith("Slow is not called: the program ends while it is still at work")
    threading.Timer(0.01, may_end.set).start()
    monkeypatch.setattr(late_cleanups, "PATIENCE_SECONDS", 20.0)
    late_cleanups._wait()
    assert log == ["held", "cleanup"]


def test_the_end_of_the_program_waits_for_nothing_that_is_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def struck(_: InstancePool) -> None:
        raise KeyboardInterrupt

    log: list[str] = []
    monkeypatch.setattr(InstancePool, "clean", struck)
    with pytest.raises(KeyboardInterrupt):
        (rm.Pipeline() >> told_class(log)).run_sync([1], timeout=60)
    assert log[-1] == "cleanup"
    # Until here the exception has what it came through, as it does at the end of a program.
    assert not any(late.is_in_thread for late in late_cleanups._late.all)


@everywhere
def test_what_cleanup_raises_after_an_error_is_logged(execute: Any, caplog: pytest.LogCaptureFixture) -> None:
    @rm.node
    class Sorry:
        def process(self, value: Any) -> Any:
            raise ValueError("the first")

        def cleanup(self) -> None:
            raise OSError("the second")

    with caplog.at_level(logging.WARNING), pytest.raises(rm.NodeError, match="ValueError: the first"):
        execute(chain(("sorry", Sorry, {})), [1])
    assert len(caplog.messages) == 1
    assert caplog.messages[0].endswith("Sorry raised: OSError('the second')")
    assert caplog.messages[0].startswith("cleanup of python:")


@everywhere
def test_what_cleanup_raises_is_logged_though_its_text_cannot_be_made(
    execute: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise OSError("no words")

        __repr__ = __str__

    @rm.node
    class Sorry:
        def process(self, value: Any) -> Any:
            raise ValueError("the first")

        def cleanup(self) -> None:
            raise Mute

    with caplog.at_level(logging.WARNING), pytest.raises(rm.NodeError, match="ValueError: the first"):
        execute(chain(("sorry", Sorry, {})), [1])
    assert [message.partition(" raised: ")[2] for message in caplog.messages] == [
        "Mute: its message can't be made: OSError"
    ]


async def until(is_true: Callable[[], bool]) -> None:
    """Waits for something that a thread, or the loop after it, brings about."""
    while not is_true():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def slow_to_begin(log: list[str], is_busy: threading.Event, may_go_on: threading.Event, where: str) -> Any:
    """A class that belongs on the loop, but is made or initialized by a thread, which takes its time."""

    def begin(method: str) -> None:
        if method == where:
            is_busy.set()
            assert may_go_on.wait(20)
        log.append(method)

    class Slow:
        def __init__(self) -> None:
            begin("__init__")

        async def process(self, value: Any) -> Any:
            raise AssertionError("it was cancelled before")

        def cleanup(self) -> None:
            log.append("cleanup")

    class Initialized(Slow):
        def initialize(self) -> None:
            begin("initialize")

    return rm.node(Slow if where == "__init__" else Initialized)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("end", ["cancel", "timeout"])
@pytest.mark.parametrize("where", ["__init__", "initialize"])
async def test_what_was_initialized_while_its_run_ended_is_cleaned_up(engine: Any, end: str, where: str) -> None:
    log: list[str] = []
    is_busy, may_go_on = threading.Event(), threading.Event()
    pipeline = rm.Pipeline() >> slow_to_begin(log, is_busy, may_go_on, where)()
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(pipeline.run([1], engine=engine, timeout=0.05 if end == "timeout" else None))
    assert await asyncio.to_thread(is_busy.wait, 20)
    if end == "cancel":
        task.cancel()
    # The reference waits for its thread, the native runtime does not.
    loop.call_later(0.1, may_go_on.set)
    with pytest.raises(asyncio.CancelledError if end == "cancel" else rm.TimedOut):
        await task
    begin = ["__init__"] if where == "__init__" else ["__init__", "initialize"]
    await until(lambda: len(log) > len(begin))
    assert log == [*begin, "cleanup"]


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("at_the_end", [False, True], ids=["after a cancel", "at the end of the work"])
@pytest.mark.parametrize("is_async", [False, True], ids=["in a thread", "on the loop"])
async def test_a_cancel_does_not_interrupt_cleaning_up(engine: Any, at_the_end: bool, is_async: bool) -> None:
    log: list[str] = []
    has_come, may_go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    @rm.node
    class Slow:
        async def process(self, value: Any) -> Any:
            if not at_the_end:
                loop.call_soon(tasks[0].cancel)
                await asyncio.Event().wait()
            return value

        if is_async:

            async def cleanup(self) -> None:
                log.append("begins")
                has_come.set()
                await asyncio.to_thread(may_go_on.wait, 20)
                await asyncio.sleep(0)
                log.append("ends")

        else:

            def cleanup(self) -> None:
                log.append("begins")
                loop.call_soon_threadsafe(has_come.set)
                assert may_go_on.wait(20)
                log.append("ends")

    tasks = [asyncio.create_task((rm.Pipeline() >> Slow()).run([1], engine=engine))]
    await has_come.wait()
    for _ in range(3):
        tasks[0].cancel()
        await asyncio.sleep(0)
    loop.call_later(0.01, may_go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    await until(lambda: len(log) == 2)
    assert log == ["begins", "ends"]


def test_the_end_of_the_loop_does_not_interrupt_cleaning_up() -> None:
    log: list[str] = []

    @rm.node
    class Slow:
        async def process(self, value: Any) -> Any:
            return value

        async def cleanup(self) -> None:
            log.append("begins")
            # Longer than the loop has left, unless it waits.
            for _ in range(100):
                await asyncio.sleep(0)
            log.append("ends")

    async def main() -> None:
        async with rm.Pipeline.load(chain(("slow", Slow, {}))).session() as session:
            await session.send(1)
            assert (await anext(aiter(session))).value == 1
            left.append(asyncio.create_task((rm.Pipeline() >> Slow()).run([1])))
            await until(lambda: bool(log))
            left[0].cancel()
            raise ZeroDivisionError

    left: list[Any] = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    assert log.count("ends") == 2


def test_a_loop_of_ones_own_ends_after_a_cleaning_up_that_begins_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work that it waits for ends while the loop is being ended: once in some thousand runs that fail."""
    log: list[str] = []
    entered, is_over, is_cleaning = threading.Event(), threading.Event(), asyncio.Event()

    @rm.node
    class Held:
        async def initialize(self) -> None:
            log.append("initialize")

        def process(self, value: Any) -> Any:
            entered.set()
            assert is_over.wait(20)
            return value

        async def cleanup(self) -> None:
            is_cleaning.set()
            for _ in range(10):
                await asyncio.sleep(0)
            log.append("cleanup")

    def fails(value: Any) -> None:
        assert entered.wait(20)
        raise ZeroDivisionError

    shut_down = asyncio.BaseEventLoop.shutdown_asyncgens

    async def shut_down_late(loop: asyncio.BaseEventLoop) -> None:
        is_over.set()
        await asyncio.wait_for(is_cleaning.wait(), 20)
        await shut_down(loop)

    monkeypatch.setattr(asyncio.BaseEventLoop, "shutdown_asyncgens", shut_down_late)
    nodes = [{"id": "held", "node_type": Held}, {"id": "fails", "node_type": fails}]
    with pytest.raises(rm.NodeError, match="ZeroDivisionError"):
        rm.execute_sync({"version": "v1", "nodes": nodes}, [1])
    assert log == ["initialize", "cleanup"]


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError(), ValueError("no")])
@kinds
async def test_what_cleanup_raises_keeps_no_other_from_it(
    make: Callable[..., Any], error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    log: list[str] = []

    @rm.node
    class Sorry:
        if make is async_class:

            async def process(self, value: Any) -> Any:
                return value

            async def cleanup(self) -> None:
                raise error

        else:

            def process(self, value: Any) -> Any:
                return value

            def cleanup(self) -> None:
                raise error

    async def leave() -> None:
        async with rm.Pipeline.load(chain(("sorry", Sorry, {}), ("told", make(log), {}))).session() as session:
            await session.send(1)
            assert (await anext(aiter(session))).value == 1
            raise ZeroDivisionError

    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError):
        await leave()
    await until(lambda: "cleanup" in log)
    assert log.count("cleanup") == 1
    assert [message.partition(" raised: ")[2] for message in caplog.messages] == [repr(error)]
