"""Ctrl-C in a blocking call with an event loop of its own ends the call wherever it is pressed, and leaves nothing
behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._functions import event_loop

FAR = 60.0
"""Seconds that nothing here waits: Ctrl-C comes before."""


def press() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def _nothing_is_ignored(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Python ignores what is raised in finalizers, and asyncio logs what it was not told of."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: ignored.append((each.object, each.exc_value)))
    yield
    gc.collect()
    assert ignored == []
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@rm.node
async def doubled(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


def run(pipeline: rm.Pipeline) -> object:
    return pipeline.run_sync([1])


def run_each(pipeline: rm.Pipeline) -> object:
    return list(pipeline.map_sync([1, 2]))


class StruckInTheMaking(asyncio.SelectorEventLoop):
    def _make_self_pipe(self) -> None:
        press()
        super()._make_self_pipe()  # type: ignore[misc]


class StruckWhenClosed(asyncio.SelectorEventLoop):
    def close(self) -> None:
        press()
        super().close()


class StruckWhenCollected(asyncio.SelectorEventLoop):
    def __del__(self) -> None:
        press()


class StruckAtWork(asyncio.SelectorEventLoop):
    turns = 0

    def _run_once(self) -> None:
        self.turns += 1
        if self.turns == 2:
            press()
        super()._run_once()  # type: ignore[misc]


@pytest.mark.parametrize("call", [run, run_each])
@pytest.mark.parametrize("loop", [StruckInTheMaking, StruckWhenClosed, StruckWhenCollected, StruckAtWork])
def test_it_ends_the_call_wherever_it_strikes(
    loop: Callable[[], asyncio.AbstractEventLoop],
    call: Callable[[rm.Pipeline], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = rm.Pipeline() >> doubled()
    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", loop)
        with pytest.raises(KeyboardInterrupt):
            call(pipeline)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert pipeline.run_sync([1]) == [2]


@pytest.mark.parametrize("call", [run, run_each])
def test_pressed_again_it_ends_a_cleaning_up_that_hangs(
    call: Callable[[rm.Pipeline], object], caplog: pytest.LogCaptureFixture
) -> None:
    @rm.node
    class Hangs:
        async def process(self, value: int) -> None:
            press()
            await asyncio.sleep(FAR)

        async def cleanup(self) -> None:
            press()
            await asyncio.sleep(FAR)

    with pytest.raises(KeyboardInterrupt):
        call(rm.Pipeline() >> Hangs())
    gc.collect()
    assert caplog.messages
    assert all(said.endswith("Hangs has not ended: its event loop ends before it") for said in caplog.messages)


def test_pressed_again_it_strikes_a_function_that_blocks_the_loop() -> None:
    went_on = []

    @rm.node
    async def blocks(value: int) -> None:
        press()
        went_on.append(1)
        press()
        went_on.append(2)

    with pytest.raises(KeyboardInterrupt):
        (rm.Pipeline() >> blocks()).run_sync([1])
    assert went_on == [1]


def test_between_the_results_of_map_sync_it_strikes_at_once() -> None:
    results = (rm.Pipeline() >> doubled()).map_sync([1, 2, 3])
    assert next(results).outputs == [2]
    with pytest.raises(KeyboardInterrupt):
        press()
    assert [result.outputs for result in results] == [[4], [6]]


def test_a_handler_of_the_program_is_left_alone() -> None:
    def own(_: int, __: object) -> None:
        raise LookupError

    seen: list[Any] = []

    @rm.node
    async def looks(value: int) -> None:
        seen.append(signal.getsignal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    before = signal.signal(signal.SIGINT, own)
    try:
        (rm.Pipeline() >> looks()).run_sync([1])
        assert seen == [own]
        # What a function sets stays, too.
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_cleans_up_when_its_loop_is_closed_ends_quietly() -> None:
    hangs = asyncio.Event()

    @rm.node
    class Hangs:
        async def process(self, value: int) -> None:
            await asyncio.sleep(FAR)

        async def cleanup(self) -> None:
            hangs.set()
            await asyncio.sleep(FAR)

    async def left() -> None:
        task = asyncio.ensure_future((rm.Pipeline() >> Hangs()).run([1], timeout=0.01))
        await hangs.wait()
        # asyncio would complain of those that are pending.
        for each in asyncio.all_tasks() | event_loop.unlisted_tasks(task.get_loop()):
            each._log_destroy_pending = False  # type: ignore[attr-defined]

    loop = asyncio.new_event_loop()
    loop.run_until_complete(left())
    loop.close()
    del loop
    gc.collect()
