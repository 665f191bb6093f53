"""The bridge to asyncio: every kind of loop, any number of them, and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
import uvloop
from conftest import ADD_5, PASS_TEXT, chain, eventually, live_objects
from remotemedia._engine import port_registry


class Blind(asyncio.SelectorEventLoop):
    """A loop that can't watch descriptors, like those of Windows."""

    def add_reader(self, *arguments: Any) -> None:
        raise NotImplementedError


LOOPS = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop, "blind": Blind}
loops = pytest.mark.parametrize("new_loop", LOOPS.values(), ids=LOOPS.keys())


def run_in(new_loop: Callable[[], asyncio.AbstractEventLoop], work: Any) -> Any:
    loop = new_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def through_a_thread(value: int) -> int:
    """A node that waits keeps the work off the calling thread, so that the completion comes as an event."""
    (result,) = await rm.execute(chain(("a", lambda number: number + 1, {})), [value])
    return result


@loops
def test_inline_and_pending_work_on_every_loop(new_loop: Any) -> None:
    async def main() -> None:
        assert await rm.execute(PASS_TEXT, [1]) == [1]
        assert await rm.execute(ADD_5, [1]) == [6]
        assert await through_a_thread(1) == 2
        assert await asyncio.gather(*map(through_a_thread, range(50))) == list(range(1, 51))

    run_in(new_loop, main())


@loops
def test_several_loops_after_each_other_in_one_thread(new_loop: Any) -> None:
    for number in range(5):
        assert run_in(new_loop, through_a_thread(number)) == number + 1


def test_asyncio_run_twice() -> None:
    assert asyncio.run(through_a_thread(1)) == 2
    assert asyncio.run(through_a_thread(2)) == 3


def test_loops_in_several_threads_at_once() -> None:
    results: list[list[int]] = []

    def work() -> None:
        async def main() -> list[int]:
            return [await through_a_thread(number) for number in range(20)]

        results.append(asyncio.run(main()))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [list(range(1, 21))] * 8


def test_two_loops_alternate_in_one_thread() -> None:
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        for number in range(5):
            assert first.run_until_complete(through_a_thread(number)) == number + 1
            assert second.run_until_complete(through_a_thread(number)) == number + 1
    finally:
        first.close()
        second.close()


@loops
def test_a_cancelled_await_ends_its_native_work(new_loop: Any) -> None:
    at_work, stop = threading.Event(), threading.Event()

    def work(value: int) -> None:
        at_work.set()
        stop.wait(60)

    async def main() -> None:
        task = asyncio.ensure_future(rm.execute(chain(("w", work, {})), [1]))
        await asyncio.to_thread(at_work.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await through_a_thread(1) == 2

    try:
        run_in(new_loop, main())
        # Also while the function is still at work.
        assert eventually(lambda: live_objects()["runs"] == 0)
    finally:
        stop.set()


@loops
def test_wait_for_gives_up_and_the_loop_goes_on(new_loop: Any) -> None:
    stop = threading.Event()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(rm.execute(chain(("w", lambda value: stop.wait(60), {})), [1]), 0.02)
        stop.set()
        assert await through_a_thread(1) == 2

    run_in(new_loop, main())


def test_ports_of_closed_loops_do_not_pile_up() -> None:
    for _ in range(20):
        asyncio.run(through_a_thread(1))
    gc.collect()
    assert len(port_registry._loops) <= 1


def test_a_loop_that_nobody_closed_takes_its_port_with_it() -> None:
    def use() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(through_a_thread(1))
        # What `close` would do but for marking the loop: else the loop itself complains.
        loop.close()

    use()
    gc.collect()
    asyncio.run(through_a_thread(1))
    gc.collect()
    assert len(port_registry._loops) <= 1


def test_a_loop_closed_with_work_in_flight_lets_go_of_everything() -> None:
    stop = threading.Event()
    loop = asyncio.new_event_loop()
    coroutine = rm.execute(chain(("w", lambda value: stop.wait(10), {})), [1])

    async def main() -> None:
        coroutine.send(None)

    loop.run_until_complete(main())
    loop.close()
    coroutine.close()
    stop.set()
    asyncio.run(through_a_thread(1))
    assert eventually(lambda: live_objects()["runs"] == 0)


def test_inline_executions_give_other_tasks_a_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.ensure_future(other())
        for number in range(1000):
            await rm.execute(PASS_TEXT, [number])
        task.cancel()

    asyncio.run(main())
    assert turns > 1


def test_a_call_within_a_call_gets_a_lane_of_its_own() -> None:
    class Nested:
        # Asked for by the packer, in the middle of packing.
        @property
        def __dict__(self) -> Any:
            return {}

        def __fspath__(self) -> str:
            return rm.execute_sync(PASS_TEXT, ["inner.wav"])[0]

    import os

    os.PathLike.register(Nested)
    assert rm.execute_sync(PASS_TEXT, [1, Nested()]) == [1, rm.File("inner.wav")]


def test_execute_sync_leaves_the_loop_of_the_thread_alone() -> None:
    async def later(value: int) -> int:
        return value

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert rm.execute_sync(chain(("a", later, {})), [1]) == [1]
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@loops
def test_a_long_result_is_unpacked_while_the_loop_goes_on(new_loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from remotemedia._codec.call_buffers import CallBuffers

    loop_ran = threading.Event()
    threads: list[threading.Thread] = []
    begun: list[Any] = []
    unpack = CallBuffers._unpack_large

    def waiting(self: CallBuffers, resolve: Any) -> Any:
        if self.is_long():
            threads.append(threading.current_thread())
            begun[0].call_soon_threadsafe(begun[1].set)
            # On the loop itself this would wait for itself.
            assert loop_ran.wait(30)
        return unpack(self, resolve)

    monkeypatch.setattr(CallBuffers, "_unpack_large", waiting)
    count = 2000

    async def main() -> None:
        begun[:] = [asyncio.get_running_loop(), asyncio.Event()]

        def split(value: int) -> list[int]:
            return [value] * 200

        long = asyncio.ensure_future(rm.execute(chain(("s", split, {}), ("p", "PassThrough", {})), list(range(count))))
        await begun[1].wait()
        # Others come and go meanwhile.
        assert await rm.execute(PASS_TEXT, [1]) == [1]
        loop_ran.set()
        outputs = await long
        assert [output[0] for output in outputs] == list(range(count))
        assert await rm.execute(chain(("s", split, {})), [5]) == [[5] * 200]

    run_in(new_loop, main())
    assert threads
    assert threading.main_thread() not in threads


async def test_the_garbage_collector_takes_out_ports_while_stale_ones_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ports: dict[int, Any] = {}

    class Stale:
        is_closed = True

        @property
        def driver(self) -> Any:
            return self

        def loop(self) -> None:
            pass

        @property
        def is_gone(self) -> bool:
            # What happens when the loop of another port is collected at this moment.
            port_registry._forget(2, other)
            return True

        def close(self) -> None:
            pass

    other: Any = Stale()
    one = Stale()
    ports.update({1: weakref.ref(one), 2: weakref.ref(other)})
    monkeypatch.setattr(port_registry, "_loops", ports)
    monkeypatch.setattr(port_registry.thread_ports, "last", port_registry._none)
    loop = asyncio.get_running_loop()
    port = port_registry.loop_port(loop)
    assert ports == {id(loop): weakref.ref(port)}
    port.close()


@pytest.mark.filterwarnings("ignore:unclosed event loop")
def test_a_loop_that_is_dropped_in_the_middle_of_work_is_collected_with_it() -> None:
    async def waits(_: Any) -> None:
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    value = np.zeros(5000)
    loop = asyncio.new_event_loop()
    task = loop.create_task(rm.execute(chain(("w", waits, {})), [value]))
    loop.run_forever()
    gone = weakref.ref(loop), weakref.ref(value)
    del loop, value, task
    assert eventually(lambda: all(each() is None for each in gone))
