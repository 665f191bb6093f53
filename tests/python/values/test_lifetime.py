"""Who keeps what alive: inputs while native code may read them, results while Python looks at them, then nobody."""

from __future__ import annotations

import asyncio
import gc
import itertools
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, chain, eventually, live_objects
from remotemedia._abi.ownership import borrowed_count
from remotemedia._codec.call_buffers import BUFFER_ROOM, CallBuffers
from remotemedia._engine.port import EventPort

LARGE = 50_000
CALCULATE = chain(("c", "Calculator", {"operation": "add", "operand": 1}))


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    def left() -> tuple[int, ...]:
        live = live_objects()
        return borrowed_count(), live["host_buffers"], live["documents"], live["errors"], live["runs"], live["nodes"]

    yield
    assert eventually(lambda: left() == (0, 0, 0, 0, 0, 0)), (borrowed_count(), live_objects())


def source() -> tuple[np.ndarray, weakref.ref[np.ndarray]]:
    array = np.arange(float(LARGE))
    return array, weakref.ref(array)


def run(*arguments: Any, **keywords: Any) -> Any:
    return asyncio.run(rm.execute(*arguments, **keywords))


both = pytest.mark.parametrize("execute", [run, rm.execute_sync], ids=["await", "sync"])


@both
def test_an_input_is_free_once_its_execution_returned(execute: Any) -> None:
    array, gone = source()
    execute(CALCULATE, [array])
    del array
    assert eventually(lambda: gone() is None)


@both
def test_a_result_keeps_the_input_that_it_is_a_view_of(execute: Any) -> None:
    array, gone = source()
    (back,) = execute(PASS_TEXT, [array])
    del array
    gc.collect()
    assert gone() is not None
    assert back[-1] == LARGE - 1
    del back
    assert eventually(lambda: gone() is None)


@both
def test_native_memory_lives_as_long_as_a_view_of_it(execute: Any) -> None:
    before = live_objects()["memories"]
    array, _ = source()
    (back,) = execute(CALCULATE, [array])
    part = back[10:20]
    del back, array
    gc.collect()
    assert live_objects()["memories"] == before + 1
    assert part.tolist() == [float(number) for number in range(11, 21)]
    del part
    gc.collect()
    execute(PASS_TEXT, [1])
    assert live_objects()["memories"] == before


@both
def test_a_result_too_large_for_a_lane_frees_its_memory_too(execute: Any) -> None:
    before = live_objects()["memories"]
    outputs = execute(CALCULATE, [np.full(5000, float(number)) for number in range(50)])
    assert live_objects()["memories"] == before + 50
    del outputs
    gc.collect()
    execute(PASS_TEXT, [1])
    assert live_objects()["memories"] == before


@both
def test_an_input_is_free_after_an_error(execute: Any) -> None:
    array, gone = source()
    with pytest.raises(rm.NodeError):
        execute(chain(("c", "Calculator", {"operation": "add", "operand": 1})), [array, "text"])
    del array
    assert eventually(lambda: gone() is None)


def test_an_input_is_free_after_a_cancelled_await_but_not_before_native_code_let_go() -> None:
    stop = threading.Event()
    array, gone = source()

    def use(array: np.ndarray) -> None:
        @rm.node(batch=1)
        def work(values: list[int]) -> list[int]:
            stop.wait(60)
            return values

        loop = asyncio.new_event_loop()
        # The array waits in the runtime behind the first value, at which the function works.
        execution = rm.execute(chain(("w", work, {})), [1, array])

        async def start() -> None:
            execution.send(None)

        loop.run_until_complete(start())
        # The loop runs no more, so that the release record which native code makes now is not read.
        with pytest.raises(asyncio.CancelledError):
            execution.throw(asyncio.CancelledError())
        loop.close()

    use(array)
    del array
    gc.collect()
    assert (borrowed_count(), gone() is None) == (1, False)
    stop.set()
    assert eventually(lambda: gone() is None)
    assert borrowed_count() == 0


def test_an_input_is_free_after_its_loop_was_closed_with_work_in_flight() -> None:
    stop = threading.Event()
    array, gone = source()

    def use(array: np.ndarray) -> None:
        loop = asyncio.new_event_loop()
        execution = rm.execute(chain(("w", lambda value: stop.wait(10), {})), [array])

        async def start() -> None:
            execution.send(None)

        loop.run_until_complete(start())
        loop.close()
        execution.close()

    use(array)
    stop.set()
    del array
    asyncio.run(rm.execute(PASS_TEXT, [1]))
    assert eventually(lambda: gone() is None)


@both
def test_what_a_function_returned_is_free_after_the_result_is(execute: Any) -> None:
    made: list[weakref.ref[np.ndarray]] = []

    def make(value: int) -> np.ndarray:
        array = np.full(LARGE, float(value))
        made.append(weakref.ref(array))
        return array

    outputs = execute(chain(("m", make, {}), ("p", "PassThrough", {})), [1, 2])
    assert [output[-1] for output in outputs] == [1, 2]
    del outputs
    assert eventually(lambda: all(gone() is None for gone in made))


def test_a_bytearray_cannot_be_resized_while_it_is_borrowed() -> None:
    data = bytearray(LARGE)
    seen: list[bool] = []

    def resize(value: Any) -> None:
        try:
            data.append(1)
        except BufferError:
            seen.append(True)

    rm.execute_sync(chain(("r", resize, {})), [rm.File(data)])
    assert seen == [True]
    assert eventually(lambda: borrowed_count() == 0)
    data.append(1)


def test_an_input_that_comes_back_at_once_is_released_in_the_same_crossing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_other(self: Any, used: Any, timeout_us: int) -> Any:
        raise AssertionError("there was another crossing")

    monkeypatch.setattr(EventPort, "_fetch", no_other)
    array, gone = source()
    outputs = rm.execute_sync(PASS_TEXT, [array, 1, array[:5]])
    assert borrowed_count() == 0
    assert outputs[0].__array_interface__["data"][0] == array.__array_interface__["data"][0]
    assert outputs.by_item[0][0] is outputs.packets[0].value is outputs[0]
    del outputs, array
    assert gone() is None


def test_an_input_is_free_after_a_timeout() -> None:
    stop = threading.Event()
    array, gone = source()
    with pytest.raises(TimeoutError):
        run(chain(("w", lambda value: stop.wait(10), {})), [array], timeout=0.05)
    stop.set()
    del array
    assert eventually(lambda: gone() is None)


def test_everything_may_be_collected_in_any_order() -> None:
    for order in itertools.permutations(["input", "outputs", "result", "part"]):
        array, gone = source()
        outputs = rm.execute_sync(PASS_TEXT, [array])
        alive: dict[str, Any] = {
            "input": array, "outputs": outputs, "result": outputs[0], "part": outputs[0][5:9]
        }  # fmt: skip
        del array, outputs
        for name in order:
            if "part" in alive:
                assert alive["part"].tolist() == [5, 6, 7, 8]
            del alive[name]
        gc.collect()
        assert gone() is None, order


def test_a_bytearray_cannot_be_resized_while_a_result_looks_at_it() -> None:
    data = bytearray(8 * LARGE)
    (back,) = rm.execute_sync(PASS_TEXT, [rm.Tensor(data, "float64", (LARGE,))])
    assert eventually(lambda: borrowed_count() == 0)
    with pytest.raises(BufferError):
        data.append(1)
    data[0:8] = np.float64(3).tobytes()
    assert back[0] == 3
    del back
    gc.collect()
    data.append(1)


def test_functions_get_views_that_they_cannot_write_to() -> None:
    seen: list[bool] = []

    def look(value: dict[str, Any]) -> None:
        array, audio, video = value["array"], value["audio"][0], value["video"]
        seen.extend(each.flags.writeable for each in (array, audio.samples, *video.planes))

    array = np.zeros(LARGE)
    audio = rm.Audio(np.zeros((2, LARGE), "float32"), 48_000)
    video = rm.Video([np.zeros((100, 960), "uint8")], "rgb24", 320, 100)
    rm.execute_sync(chain(("l", look, {})), [{"array": array, "audio": [audio], "video": video}])
    assert seen == [False, False, False]
    assert array.flags.writeable
    assert audio.samples.flags.writeable


def test_memory_stays_flat() -> None:
    program = Path(__file__).resolve().parents[3] / "tools" / "endurance" / "soak.py"
    done = subprocess.run(
        [sys.executable, program, "--seconds", "3"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_long_buffer_table_lives_as_long_as_its_call() -> None:
    used = CallBuffers()
    used.pack([np.full(3000, index) for index in range(BUFFER_ROOM + 1)], "values")
    table, count = used.buffers()
    assert count == BUFFER_ROOM + 1
    # C has its address alone.
    address = weakref.ref(table)
    del table
    assert address() is not None
    used.forget()
    assert address() is None
