"""Which outputs may be written to: memory of the runtime that no other output refers to."""

from __future__ import annotations

import numpy as np
import remotemedia as rm

SECOND = np.zeros((2, 48_000), dtype=np.float32)


def manifest(*sinks: str) -> dict[str, object]:
    return {
        "version": "v1",
        "nodes": [{"id": "mono", "node_type": "AudioMix", "params": {"channels": 1}}]
        + [{"id": sink, "node_type": "PassThrough"} for sink in sinks],
        "connections": [{"from": "mono", "to": sink} for sink in sinks],
    }


def test_an_output_of_its_own_memory_is_writable() -> None:
    (audio,) = rm.execute_sync(manifest("only"), [rm.Audio(SECOND, rate=48_000)])
    audio.samples[0, 0] = 0.5
    assert audio.samples[0, 0] == 0.5


def test_outputs_that_share_memory_are_not_writable() -> None:
    outputs = rm.execute_sync(manifest("a", "b"), [rm.Audio(SECOND, rate=48_000)])
    (first,), (second,) = outputs["a"], outputs["b"]
    assert np.shares_memory(first.samples, second.samples)
    assert not first.samples.flags.writeable
    assert not second.samples.flags.writeable
