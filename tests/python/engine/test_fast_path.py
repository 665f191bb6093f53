"""The short way of a small execution: one call into C, of whose completion Python unpacks the values alone.

No result would show that it is no longer taken, so these tests count how completions are unpacked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import ADD_5, FAN_OUT, PASS
from remotemedia._abi import ownership
from remotemedia._abi.library import lib
from remotemedia._codec.call_buffers import CallBuffers
from remotemedia._engine.port import EventPort
from remotemedia._engine.run import Run
from remotemedia._engine.sync_port import SyncDriver
from remotemedia._manifest.compile import compile_manifest

BUDGET_US = 60_000_000
"""Enough that the thread which submits does all of the work, however busy the machine is."""

SOUND = rm.Audio(np.linspace(-1, 1, 8_000, dtype=np.float32).reshape(1, -1), 8_000)
LARGE = np.arange(10_000, dtype=np.float64)
SKIPPING = {**ADD_5, "nodes": [{**node, "on_error": "skip"} for node in ADD_5["nodes"]]}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a completion was unpacked in each way."""
    ways: Counter[str] = Counter()

    def count(name: str) -> None:
        original: Callable[..., Any] = getattr(CallBuffers, name)

        def counting(*arguments: Any) -> Any:
            ways[name] += 1
            return original(*arguments)

        monkeypatch.setattr(CallBuffers, name, counting)

    count("unpack")
    count("unpack_values")
    return ways


def executed(manifest: Any, inputs: list[Any] | None) -> Any:
    """The outputs of an execution that is done when its submit returns."""
    pipeline, functions = compile_manifest(json.dumps(manifest), ())
    outputs = EventPort(SyncDriver(BUDGET_US)).start(pipeline, functions, inputs, -1)
    assert not isinstance(outputs, Run)
    return outputs


@pytest.mark.parametrize(
    ("manifest", "inputs", "expected"),
    [
        (PASS, [], []),
        (PASS, [1], [1]),
        (ADD_5, [1, 2, 3], [6, 7, 8]),
        (PASS, list(range(1500)), list(range(1500))),
        (PASS, [{"a": [None, True, 1.5, "text", b"bytes"]}], [{"a": [None, True, 1.5, "text", b"bytes"]}]),
        (PASS, ["x" * 10_000], ["x" * 10_000]),
    ],
    ids=["nothing", "one", "three-nodes", "many", "nested", "long"],
)
def test_the_values_of_a_small_execution_are_unpacked_alone(
    counted: Counter[str], manifest: Any, inputs: list[Any], expected: list[Any]
) -> None:
    for _ in range(3):
        assert executed(manifest, inputs) == expected
    assert counted == {"unpack_values": 3}


def test_so_are_values_in_borrowed_memory_which_is_released_with_them(counted: Counter[str]) -> None:
    before = set(ownership._borrowed)
    (same,) = executed(PASS, [LARGE])
    assert np.shares_memory(same, LARGE)
    assert set(ownership._borrowed) <= before
    assert counted == {"unpack_values": 1}


def test_so_are_values_in_memory_of_the_runtime(counted: Counter[str]) -> None:
    manifest = {"version": "v1", "nodes": [{"id": "only", "node_type": "AudioResample", "params": {"rate": 48_000}}]}
    resampled = executed(manifest, [SOUND])
    assert sum(each.samples.shape[1] for each in resampled) == 48_000
    assert any(each.samples.nbytes >= 16_384 for each in resampled)
    assert counted == {"unpack_values": 1}


def test_a_completion_that_says_more_is_unpacked_whole(counted: Counter[str]) -> None:
    assert executed(FAN_OUT, [1]) == {"left": [1], "right": [10]}
    assert executed(SKIPPING, [1, "no number"]) == [6]
    with pytest.raises(rm.ExecutionError):
        executed(ADD_5, ["no number"])
    assert counted == {"unpack": 3}


def test_the_layout_of_a_completion_is_the_one_that_the_extension_reads() -> None:
    pipeline, _ = compile_manifest(json.dumps(PASS), ())
    port, call = EventPort(SyncDriver()), CallBuffers()
    call.native.budget_us = BUDGET_US
    inputs = b"\x93\x01\x02\x03"
    span = lib.rmpy_submit(call.native, pipeline.handle, port.handle, inputs, len(inputs), -1, call.native.budget_us)
    completion = bytes(call._view[: call.output.len])
    assert completion == (
        b"\x84\xa7offsets\x93\xce\0\0\0\x38\xce\0\0\0\x3c\xce\0\0\0\0"
        b"\xa6status\0\xa7outputs\x81\xa5pass1\x82\xa6values\x93\x01\x02\x03\xa5items\x93\0\x01\x02\xa6errors\x90"
    )
    assert span == 0x38 << 16 | 0x3C
    assert (call.native.length, call.native.released) == (len(completion), 0)
