"""A port by itself, with a driver that only takes notes: each event goes to the run or the call that it is for."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._abi import ownership
from remotemedia._abi.ownership import Borrowed
from remotemedia._codec.call_buffers import CallBuffers
from remotemedia._engine import port_registry
from remotemedia._engine.open_calls import OpenCall
from remotemedia._engine.port import EventPort
from remotemedia._engine.port_registry import free_ports, give_back_port, sync_port
from remotemedia._engine.run import Run
from remotemedia._engine.sync_port import SyncDriver, SyncPort
from remotemedia._functions.spec import HostFunction

COMPLETION: dict[str, Any] = {"status": 0, "outputs": {"sink": {"values": [], "items": []}}, "errors": []}


class Notes:
    """A driver."""

    budget_us = 0
    options = b"{}"

    def __init__(self) -> None:
        self.log: list[Any] = []

    def serve(self, port: EventPort[Any], run: Run, call: OpenCall, on_this_thread: bool) -> None:
        self.log.append(("serve", call.id, call.entries, on_this_thread))

    def clean(self, run: Run) -> None:
        self.log.append(("clean", run.token))

    def decode(self, port: EventPort[Any], used: CallBuffers) -> list[Any]:
        events: list[Any] = used.unpack(port.resolve)
        return events

    def stop(self) -> None:
        self.log.append("stop")


def port_with(*tokens: int) -> tuple[EventPort[Notes], list[Run]]:
    """A port where these runs go on, each with one function, 9."""
    port = EventPort(Notes())
    function = HostFunction("nine", lambda value: value, {})
    runs = [Run(token, {9: function}, 1, None) for token in tokens]
    port.runs.update((run.token, run) for run in runs)
    return port, runs


def call(number: int, job: int) -> list[Any]:
    return [2, number, {"job": job, "nodes": [[9, "nine"]], "entries": [[0, "value", None, None]]}]


def test_a_completion_ends_its_run_alone() -> None:
    port, (first, second) = port_with(1, 2)
    port.dispatch([[1, 2, COMPLETION], [1, 3, COMPLETION]])
    assert (first.completion, second.completion, list(port.runs)) == (None, COMPLETION, [1])


def test_a_call_is_served_and_cancelled_with_its_run() -> None:
    port, _ = port_with(1)
    port.dispatch([call(5, job=1), call(6, job=1)])
    assert port.driver.log == [("serve", each, [[0, "value", None, None]], False) for each in (5, 6)]
    cancelled: list[int] = []
    for number, opened in list(port.calls._open.items()):
        opened.attach(lambda number=number: cancelled.append(number))
    port.dispatch([[8, 5]])
    assert cancelled == [5]
    port.dispatch([[1, 1, COMPLETION]])
    assert cancelled == [5, 6]


def test_a_call_for_a_run_that_has_ended_is_not_served() -> None:
    port, _ = port_with(1)
    port.dispatch([[1, 1, COMPLETION], call(5, job=1)])
    assert port.driver.log == []
    assert port.calls._open == {}


def test_room_and_outputs_are_told_to_the_session_and_skipped_errors_kept() -> None:
    port, (run,) = port_with(1)
    kinds: list[int] = []
    run.notify, run.skipped = kinds.append, []
    detail = {"status": -4, "message": "node 'a': no", "cause": "no", "node_id": "a"}
    port.dispatch([[5, 1], [6, 1], [6, 2], [9, 1, detail, False]])
    assert kinds == [5, 6]
    assert [str(error) for error in run.skipped] == ["node 'a': no"]


def test_released_objects_are_let_go_of() -> None:
    port, _ = port_with()
    token = ownership.borrow(Borrowed(object(), 0, 0, True, None))
    port.dispatch([[3, [token]]])
    assert ownership.borrowed(token) is None


def test_a_shut_down_stops_the_driver_and_ends_all_runs() -> None:
    port, runs = port_with(1, 2)
    port.dispatch([[4]])
    assert port.driver.log == ["stop"]
    for run in runs:
        with pytest.raises(rm.ShutDownError, match="the runtime was shut down while this execution went on"):
            run.settle(run.completion)


def test_a_paused_port_leaves_its_events_where_they_are() -> None:
    port, _ = port_with()
    port.is_paused = True
    port._fetch = None  # type: ignore[assignment, method-assign]
    port.drain()


def test_a_closed_port_abandons_its_runs_and_replies_to_no_call() -> None:
    from remotemedia._functions.serve import GONE, Reply

    port, _ = port_with(1)
    port.dispatch([call(5, job=1)])
    opened = port.calls._open[5]
    port.close()
    assert (port.runs, opened.is_over, port.driver.log[-1]) == ({}, True, "stop")
    assert port.reply(opened, Reply([[0, 1]])) is GONE
    port.drain()


def test_what_is_raised_between_events_ends_all_runs_since_the_other_events_are_lost() -> None:
    port, runs = port_with(1, 2)
    raised = OSError("a signal handler raises")

    def serve(*_: Any) -> None:
        raise raised

    port.driver.serve = serve  # type: ignore[method-assign]
    with pytest.raises(OSError, match="a signal handler raises"):
        port.dispatch([call(5, job=1), [1, 2, COMPLETION]])
    assert [run.completion for run in runs] == [raised, raised]
    assert (port.runs, port.calls._open) == ({}, {})


def test_what_events_release_is_released_though_one_before_them_raises() -> None:
    port, (run,) = port_with(1)
    token = ownership.borrow(Borrowed(object(), 0, 0, True, None))

    def serve(*_: Any) -> None:
        raise KeyboardInterrupt

    port.driver.serve = serve  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        port.dispatch([call(5, job=1), [3, [token]]])
    assert ownership.borrowed(token) is None
    with pytest.raises(asyncio.CancelledError, match="KeyboardInterrupt"):
        run.settle(run.completion)


@pytest.mark.parametrize("step", ["complete", "_deliver"])
def test_who_waits_for_a_run_is_told_of_its_end_though_that_was_interrupted(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, (run,) = port_with(1)
    told: list[int] = []
    run.notify = told.append

    def struck(*_: Any) -> None:
        monkeypatch.undo()
        raise OSError("a signal handler raises")

    monkeypatch.setattr(Run, step, struck)
    with pytest.raises(OSError, match="a signal handler raises"):
        port.dispatch([[1, 1, COMPLETION]])
    assert told == [1]
    with pytest.raises(OSError, match="a signal handler raises"):
        run.settle(run.completion)


@pytest.mark.parametrize("is_released", [True, False])
def test_a_port_that_is_given_back_keeps_no_loans_for_a_thread_that_may_never_look_again(is_released: bool) -> None:
    port = EventPort(SyncDriver())
    token = ownership.borrow(Borrowed(b"", 0, 0, True, None))
    run = Run(1, None, 1, {token: Borrowed(b"", 0, 0, True, None)})
    port.runs[1] = run
    if is_released:
        ownership.release([token])
    port.abandon(run)
    before = list(free_ports)
    give_back_port(port)
    assert port.is_closed != is_released
    assert free_ports == [*before, port] if is_released else free_ports == before
    ownership.release([token])
    free_ports[:] = before


def test_a_thread_that_ends_leaves_its_port_to_the_next_one_and_few_ports_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_registry, "free_ports", [])
    monkeypatch.setattr(port_registry, "MOST_FREE", 2)
    taken: list[SyncPort] = []

    def call() -> None:
        port = sync_port()
        taken.append(port)
        give_back_port(port)

    for _ in range(2):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    assert taken[0] is taken[1]
    ports = [sync_port() for _ in range(3)]
    for port in ports:
        give_back_port(port)
    assert [port.is_closed for port in ports] == [False, False, True]
    assert port_registry.free_ports == ports[:2]
    for port in ports[:2]:
        port.close()
