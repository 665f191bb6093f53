"""The exceptions: one class for each status of the ABI, and what users may expect of them."""

from __future__ import annotations

import asyncio
import pickle

import pytest
import remotemedia as rm
from conftest import chain
from remotemedia import errors
from remotemedia._abi.library import STATUS_NAMES

FAILING = sorted(name for value, name in STATUS_NAMES.items() if value < 0)


def test_the_header_has_statuses() -> None:
    assert len(FAILING) >= 13


@pytest.mark.parametrize("name", FAILING)
def test_each_failing_status_has_a_class_of_its_own(name: str) -> None:
    kind = errors.class_of(name)
    assert kind is not errors.Error
    assert name == "RM_CANCELLED" or kind.status == name  # type: ignore[attr-defined]


def test_no_class_stands_for_a_status_that_the_header_lacks() -> None:
    assert set(errors.CLASSES) | {"RM_CANCELLED"} == set(FAILING)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (rm.ManifestError, ValueError),
        (rm.MarshalError, ValueError),
        (rm.InvalidArgumentError, ValueError),
        (rm.LimitExceededError, ValueError),
        (rm.ExecutionError, RuntimeError),
        (rm.NodeError, rm.ExecutionError),
        (rm.PanicError, rm.ExecutionError),
        (rm.PoisonedError, rm.ExecutionError),
        (rm.TimedOut, TimeoutError),
        (rm.ShutDownError, RuntimeError),
        (rm.LibraryError, ImportError),
    ],
)
def test_each_class_is_what_python_programs_expect(kind: type[Exception], base: type[Exception]) -> None:
    assert issubclass(kind, base)
    assert issubclass(kind, rm.Error)


def test_cancelled_is_that_of_asyncio() -> None:
    assert rm.Cancelled is asyncio.CancelledError
    assert errors.class_of("RM_CANCELLED") is asyncio.CancelledError


def test_a_node_error_survives_pickling() -> None:
    error = rm.NodeError("node 'a': it broke", {"node_id": "a", "item": 3, "position_ns": 1_500_000_000})
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.node_id, copy.item, copy.position) == ("node 'a': it broke", "a", 3, 1.5)


class Picky(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def fails(value: object) -> object:
    if value == 3:
        raise ZeroDivisionError("three")
    if value == 4:
        raise Picky(1, 2)
    return value


def test_a_pickled_node_error_keeps_its_outputs_its_cause_and_the_other_errors() -> None:
    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fails, {})), [1, 2, 3])
    caught.value._others.append(rm.NodeError("node 'b': it broke too", {"node_id": "b"}))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert copy.outputs == [1, 2]
    assert type(copy.__cause__) is ZeroDivisionError
    assert str(copy.__cause__) == "three"
    assert [error.node_id for error in copy.errors] == ["f", "b"]


def test_a_cause_that_cannot_be_pickled_does_not_keep_its_error_from_it() -> None:
    with pytest.raises(rm.NodeError) as caught:
        rm.execute_sync(chain(("f", fails, {})), [1, 4])
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.outputs, copy.__cause__) == (str(caught.value), [1], None)
    assert copy.cause == "Picky: 1 and 2"


def test_a_timeout_survives_pickling_with_outputs_that_do() -> None:
    error = rm.TimedOut("it took too long")
    assert pickle.loads(pickle.dumps(error)).outputs is None
    error.outputs = rm.execute_sync(chain(("f", fails, {})), [1, 2])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.outputs, copy.outputs.sinks) == (str(error), [1, 2], ("f",))
    error.outputs.append(lambda: None)
    assert pickle.loads(pickle.dumps(error)).outputs is None


def test_a_manifest_error_survives_pickling() -> None:
    error = rm.ManifestError("two problems", [rm.Problem("nodes[0].id", "is missing", line=3)])
    copy = pickle.loads(pickle.dumps(error))
    assert copy.problems == error.problems
