"""Finds the node that makes a graph slow: runs the graph up to each node in turn and prints what each one adds.

python examples/slow_graph.py [RECORDING]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioLevel, AudioMix

ROUNDS = 5


@rm.node
def smooth(sound: rm.Audio) -> rm.Audio:
    """A moving average over four frames, written in the slowest way there is."""
    mono = sound.samples[0].tolist()
    smoothed = [sum(mono[max(0, i - 3) : i + 1]) / 4 for i in range(len(mono))]
    return rm.Audio(np.array([smoothed], "float32"), sound.rate, pts=sound.pts)


def main(recording: Path) -> None:
    """Print the plan, then the best time up to each node."""
    nodes = [AudioDecode(), AudioMix(channels=1), smooth(), AudioLevel()]
    pipeline = rm.Pipeline("slow")
    before = 0.0
    rows = []
    for node in nodes:
        pipeline = pipeline >> node
        best = min(seconds(pipeline, recording) for _ in range(ROUNDS))
        rows.append((pipeline.plan().nodes[-1]["id"], best - before))
        before = best
    print(pipeline)
    for name, adds in rows:
        print(f"{name:12} {adds * 1000:+8.1f} ms")
    print(f"slowest: {max(rows, key=lambda row: row[1])[0]}")


def seconds(pipeline: rm.Pipeline, recording: Path) -> float:
    """How long one run takes."""
    begun = time.perf_counter()
    pipeline.run_sync([rm.File(recording)])
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("speech.flac"))
