"""The functions in C that a session calls for each message."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia._abi.direct_calls import audio_from_pcm, make_packets, next_events, receive, reply, send, submit
from remotemedia._engine import session_handle
from remotemedia._engine.port_registry import loop_port
from remotemedia._results.outputs import Packet


def row(value: Any, output: Any = 0) -> list[Any]:
    return [value, 10, None, 3, 0, output, 7]


def test_rows_become_packets_as_the_class_itself_makes_them() -> None:
    value = object()
    rows: list[Any] = [row(value, 1), row([1, {"a": [2]}])]
    make_packets(rows, Packet, ("left", "right"))
    expected = [Packet(value, 10, None, 3, 0, "right", 7), Packet([1, {"a": [2]}], 10, None, 3, 0, "left", 7)]
    assert rows == expected
    assert [type(packet) for packet in rows] == [Packet, Packet]
    assert rows[0].value is value
    assert hash(rows[0]) == hash(expected[0])
    assert all(map(gc.is_tracked, rows))


def test_packets_hold_what_is_in_them_once_and_let_it_go() -> None:
    value, names = object(), ("".join(["lef", "t"]),)
    before = sys.getrefcount(value), sys.getrefcount(names[0])
    rows: list[Any] = [row(value) for _ in range(3)]
    make_packets(rows, Packet, names)
    assert (sys.getrefcount(value), sys.getrefcount(names[0])) == (before[0] + 3, before[1] + 3)
    rows.clear()
    assert (sys.getrefcount(value), sys.getrefcount(names[0])) == before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([[1, 2]], Packet, ("a",)), ValueError),
        (([(1, 2, 3, 4, 5, 0, 7)], Packet, ("a",)), ValueError),
        (([row(1, 1)], Packet, ("a",)), IndexError),
        (([row(1, -1)], Packet, ("a",)), IndexError),
        (([row(1, "a")], Packet, ("a",)), TypeError),
        (([row(1)], list, ("a",)), TypeError),
        (((), Packet, ("a",)), TypeError),
        (([],), TypeError),
    ],
)
def test_what_is_no_row_is_refused(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        make_packets(*arguments)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        *((send, arguments) for arguments in [(), (0, "text", 1), ("0", b"", 1), (0, b"", -1)]),
        *((submit, (*arguments, 0)) for arguments in [("0", 0, 0, b"", 0), (0, None, 0, b"", 0), (0, 0, "0", b"", 0)]),
        *((submit, (*arguments, 0)) for arguments in [(0, 0, 0, "", 0), (0, 0, 0, b"", 2**63), (0, 0, 0, b"", None)]),
        *((submit, arguments) for arguments in [(0,), (0, 0, 0, b"", 0, -1), (0, 0, 0, b"", 0, None)]),
        *((receive, arguments) for arguments in [(), ("0", 0, 1), (0, 2**63, 1), (0, 0, -1)]),
        *((next_events, arguments) for arguments in [(0, 0), ("0", 0, 0), (0, "0", 0), (0, 0, 2**63)]),
        *((reply, arguments) for arguments in [(), ("0", 0, 1, b"", True), (0, "0", 1, b"", True)]),
        *((reply, (0, 0, *arguments)) for arguments in [(-1, b"", True), (2**64, b"", True), (1, "", True)]),
        *((audio_from_pcm, arguments) for arguments in [(), ("0", b"", b"", 1, 1), (0, bytearray(2), b"s16", 1, 1)]),
        *((audio_from_pcm, (0, b"", b"s16", *numbers)) for numbers in [(-1, 1), (1, -1), (2**32, 1), (1, 2**32)]),
        (audio_from_pcm, (0, b"", "s16", 1, 1)),
    ],
)
def test_a_call_checks_what_it_is_given_before_it_calls(call: Callable[..., int], arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        call(*arguments)


async def test_short_calls_keep_the_interpreter_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another thread waits for the lock, CPython gives it that thread as soon as it is let go of."""
    turns, is_over = 0, False
    received = asyncio.Event()
    calls: dict[Callable[..., int], tuple[Any, ...]] = {}

    def take_turns() -> None:
        nonlocal turns
        while not is_over:
            turns += 1
            time.sleep(0)

    def noting(call: Callable[..., int]) -> Callable[..., int]:
        def noted(*arguments: Any) -> int:
            calls[call] = arguments
            if call is receive:
                received.set()
            return call(*arguments)

        return noted

    monkeypatch.setattr(session_handle, "send", noting(send))
    monkeypatch.setattr(session_handle, "receive", noting(receive))
    resampler = {"id": "r", "node_type": "AudioResample", "params": {"rate": 16000}}
    pipeline = rm.Pipeline.load({"version": "v1", "nodes": [resampler]})
    port = loop_port(asyncio.get_running_loop())
    thread = threading.Thread(target=take_turns)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        async with pipeline.session() as session:
            assert session.try_send(rm.Audio(numpy.zeros((1, 960), numpy.float32), 48000))
            reading = asyncio.create_task(all_of(session))
            await received.wait()
            calls[next_events] = calls[receive][0], port.address, 0
            thread.start()
            fewest = {
                call.__name__: min(turns_in_c(call, calls[call], 5000, lambda: turns) for _ in range(15))
                for call in (send, receive, next_events)
            }
            session.cancel()
            reading.cancel()
    finally:
        is_over = True
        sys.setswitchinterval(interval)
        thread.join()
    # Before and after the calls the interpreter lets go of it by itself.
    assert all(found < 5 for found in fewest.values()), fewest


async def all_of(session: rm.Session) -> list[Any]:
    return [packet async for packet in session]


def turns_in_c(call: Callable[..., int], arguments: tuple[Any, ...], count: int, turns: Callable[[], int]) -> int:
    """Calls again and again without a step of the interpreter between; how many turns another thread had meanwhile."""
    before = turns()
    deque(map(call, repeat(arguments[0], count), *map(repeat, arguments[1:])), maxlen=0)
    return turns() - before
