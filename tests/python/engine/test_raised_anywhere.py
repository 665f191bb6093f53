"""A signal handler may raise before any line: the work ends then, and what it had borrowed is let go of."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually

ENGINE = "/remotemedia/_engine/"


class Struck(KeyboardInterrupt):
    """What the handler raises, as that of Ctrl-C does."""


def struck_at(number: int, work: Callable[[], object]) -> bool:
    """Does some work and raises before this line of the engine. Returns whether it had so many lines."""
    left = number

    def at_line(_: FrameType, event: str, __: object) -> Any:
        nonlocal left
        left -= event == "line"
        if left == 0:
            sys.settrace(None)
            raise Struck
        return at_line

    def at_call(frame: FrameType, _: str, __: object) -> Any:
        return at_line if ENGINE in frame.f_code.co_filename else None

    before = sys.gettrace()
    # Python swallows what is raised in the finalizers that the collector calls.
    gc.disable()
    sys.settrace(at_call)
    try:
        work()
    except Struck:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    return False


@rm.node
def first(value: Any) -> float:
    return float(value[0])


@rm.node
def twice(value: Any) -> Iterator[float]:
    yield float(value[0])
    yield float(value[1])


SEVERAL: dict[str, Callable[[Any], object]] = {
    "native": (rm.Pipeline() >> rm.nodes.PassThrough()).run_sync,
    "function": (rm.Pipeline() >> first()).run_sync,
    "map": lambda inputs: list((rm.Pipeline() >> first()).map_sync(inputs * 2)),
    "generator": lambda inputs: list((rm.Pipeline() >> twice()).map_sync(inputs)),
}


@pytest.mark.parametrize("work", SEVERAL.values(), ids=SEVERAL)
def test_work_that_is_struck_before_any_line_leaves_nothing_behind(work: Callable[[Any], object]) -> None:
    work([np.zeros(5000)])
    inputs: list[weakref.ref[Any]] = []
    is_struck = True
    while is_struck:
        value = np.zeros(5000)
        inputs.append(weakref.ref(value))
        is_struck = struck_at(len(inputs), lambda value=value: work([value]))
        del value
    assert len(inputs) > 20
    assert eventually(lambda: all(gone() is None for gone in inputs))
    assert work([np.zeros(5000)])
