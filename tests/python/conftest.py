"""What the Python tests share: manifests, and the count of objects that are alive."""

from __future__ import annotations

import gc
import itertools
import json
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import remotemedia as rm

if TYPE_CHECKING:
    import pytest

# A shell has Ctrl-C ignored by what runs in its background, and nohup a hang-up; the commands that tests interrupt
# would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Leaves all that was imported and collected out of garbage collections, of which tests make hundreds."""
    gc.collect()
    gc.freeze()


def chain(*nodes: tuple[str, Any, dict[str, Any]]) -> dict[str, Any]:
    """A manifest whose nodes follow each other: (id, node_type, params) each."""
    ids = [node[0] for node in nodes]
    return {
        "version": "v1",
        "metadata": {"name": "test"},
        "nodes": [{"id": name, "node_type": kind, "params": params} for name, kind, params in nodes],
        "connections": [{"from": first, "to": second} for first, second in itertools.pairwise(ids)],
    }


PASS = chain(("pass1", "PassThrough", {}))
PASS_TEXT = json.dumps(PASS)
ADD_5 = chain(
    ("p1", "PassThrough", {}), ("add", "Calculator", {"operation": "add", "operand": 5}), ("p2", "PassThrough", {})
)
FAN_OUT = {
    "version": "v1",
    "metadata": {"name": "test"},
    "nodes": [
        {"id": "in", "node_type": "PassThrough"},
        {"id": "left", "node_type": "PassThrough"},
        {"id": "right", "node_type": "Calculator", "params": {"operation": "multiply", "operand": 10}},
    ],
    "connections": [{"from": "in", "to": "left"}, {"from": "in", "to": "right"}],
}


def sum_of(first: str, second: str) -> dict[str, Any]:
    """A manifest with two inputs of these names, sound files, and one output, their sum."""
    return {
        "version": "v1",
        "inputs": {first: "one", second: "two"},
        "outputs": {"sum": "sum"},
        "nodes": [
            {"id": "one", "node_type": "AudioDecode"},
            {"id": "two", "node_type": "AudioDecode"},
            {"id": "sum", "node_type": "AudioSum"},
        ],
        "connections": [{"from": "one", "to": "sum.in1"}, {"from": "two", "to": "sum.in2"}],
    }


def through(*values: Any) -> list[Any]:
    """The values after a way through the runtime."""
    return rm.execute_sync(PASS_TEXT, list(values))


def live_objects() -> dict[str, int]:
    """How many native objects of each kind exist in this process."""
    from remotemedia._abi.library import check, lib
    from remotemedia._codec.call_buffers import acquire, release

    used = acquire()
    try:
        check(lib.rm_live_objects(used.output, used.error), used.error)
        return used.unpack()
    finally:
        release(used)


def eventually(is_true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Waits for something that another thread brings about; drains release records meanwhile."""
    from remotemedia._engine.port_registry import give_back_port, sync_port

    deadline = time.monotonic() + seconds
    port = sync_port()
    try:
        while time.monotonic() < deadline:
            gc.collect()
            if is_true():
                return True
            port.advance(10_000)
    finally:
        give_back_port(port)
    return is_true()


def few_threads(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Has only so many sync functions run at the same time, on threads of their own: those that idle are not used."""
    # The scripts of `lifecycle` import this module before anything of the package.
    from remotemedia._functions import threads

    monkeypatch.setattr(threads, "_levels", threads.Levels("remotemedia-node"))
    threads.limit(count)
