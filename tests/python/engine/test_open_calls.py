"""The calls of a port: cancelled once, wherever they are."""

from __future__ import annotations

import pytest
from remotemedia._engine.open_calls import OpenCalls


def test_a_call_that_is_cancelled_on_its_way_never_begins() -> None:
    calls = OpenCalls()
    calls.open(1, job=5)
    calls.reply_begins(1, 5)
    calls.reply_begins(7, 6)
    # Call 2 is inside the reply to call 1. Call 3 is none of this port's any more.
    calls.cancel(2)
    calls.cancel(3)
    assert calls.reply_brought(1, 5, 2).is_over
    calls.reply_ends(7)
    assert not calls.reply_brought(1, 5, 3).is_over, "what no reply can bring any more is forgotten"


def test_a_call_is_cancelled_once_wherever_it_is() -> None:
    calls, log = OpenCalls(), []
    calls.reply_begins(1, 5)
    brought = calls.reply_brought(1, 5, 2)
    calls.cancel(2)
    assert not brought.attach(lambda: log.append("cancelled"), lambda: log.append("room"))
    served = calls.open(3, job=5)
    assert served.attach(lambda: log.append("cancelled"), lambda: log.append("room"))
    calls.resume(3)
    calls.cancel(3)
    calls.cancel_all(5)
    served.resume()
    assert log == ["room", "cancelled"]


def test_calls_of_a_run_are_cancelled_together_and_others_go_on() -> None:
    calls = OpenCalls()
    first, other, last = (calls.open(number, job=job) for number, job in ((1, 5), (2, 6), (3, 5)))
    calls.end(3)
    calls.cancel_all(5)
    assert (first.is_over, other.is_over, last.is_over) == (True, False, False)


def test_a_call_whose_end_was_interrupted_is_cancelled_with_its_run() -> None:
    calls, log = OpenCalls(), []
    first, second = calls.open(1, job=5), calls.open(2, job=5)

    def struck() -> None:
        log.append("struck")
        if len(log) == 1:
            raise KeyboardInterrupt

    first.attach(struck)
    second.attach(lambda: log.append("cancelled"))
    # As an exception in the middle of `end` leaves it.
    del calls._open[2]
    with pytest.raises(KeyboardInterrupt):
        calls.cancel_all(5)
    calls.cancel_all(5)
    calls.cancel_all(5)
    assert log == ["struck", "struck", "cancelled"]
    assert (calls._open, calls._of_run) == ({}, {})


def test_a_run_waits_for_a_thread_if_all_of_its_own_calls_do_and_nothing_stays_of_those_that_ended() -> None:
    calls = OpenCalls()
    for number in range(1, 7):
        calls.open(number, job=number % 2).waits_for_thread = number % 2 == 1
    assert calls.wait_for_thread(1), "whatever those of another run do"
    assert not calls.wait_for_thread(0)
    calls.end(1)
    calls.cancel(3)
    calls.cancel_all(1)
    assert not calls.wait_for_thread(1)
    for number in (2, 4, 6):
        calls.end(number)
    assert not calls._of_run
    assert not calls._open
