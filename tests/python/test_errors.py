"""The exceptions: one class for each status of the ABI, and what users may expect of them."""

from __future__ import annotations

import asyncio
import pickle

import pytest
import remotemedia as rm
from remotemedia import errors
from remotemedia._library import STATUS_NAMES

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


def test_a_manifest_error_survives_pickling() -> None:
    error = rm.ManifestError("two problems", [rm.Problem("nodes[0].id", "is missing", line=3)])
    copy = pickle.loads(pickle.dumps(error))
    assert copy.problems == error.problems
