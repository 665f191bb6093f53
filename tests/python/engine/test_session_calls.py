"""The functions in C that a session calls for each message."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from remotemedia._abi.session_calls import make_packets, send
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


@pytest.mark.parametrize("arguments", [(), (0, "text", 1), ("0", b"", 1), (0, b"", -1)])
def test_a_send_checks_what_it_is_given_before_it_calls(arguments: tuple[Any, ...]) -> None:
    with pytest.raises((TypeError, OverflowError)):
        send(*arguments)
