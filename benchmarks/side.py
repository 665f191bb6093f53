"""The process of one side of a comparison: prepares one task, does it on each order, and returns how long it took.

    python -m benchmarks.side MODULE TASK FOLDER [DETAIL]

`benchmarks/sides/MODULE.py` has a function `TASK(folder)`, or `TASK(folder, detail)`, that reads its input from the
folder and returns the work: a function without arguments. It runs in the environment of its peer, so nothing of this
project is imported here. Orders come as lines of JSON on stdin: `{"times": 3}` times the work, `{"save": "path.npy"}`
returns its result, `{"given": value}` calls it with a value and returns what it returns. Replies go to stdout.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path


def main(module: str, task: str, folder: str, *detail: str) -> None:
    """Serve until stdin ends."""
    # What a peer prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    work = getattr(importlib.import_module(f"benchmarks.sides.{module}"), task)(Path(folder), *detail)
    print(json.dumps({"ready": True}), file=answers)
    for line in sys.stdin:
        order = json.loads(line)
        answer: Mapping[str, object]
        if "save" in order:
            answer = _save(work(), order["save"])
        elif "given" in order:
            answer = {"value": work(order["given"])}
        else:
            answer = _timed(work, order["times"])
        print(json.dumps(answer), file=answers)


def _save(result: object, path: str) -> dict[str, object]:
    """Numbers go to the file, as numpy writes it; what else there is goes into the answer."""
    if type(result).__module__ == "numpy":
        import numpy

        numpy.save(path, result)
        return {"saved": path}
    return {"value": result}


def _timed(work, times: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """The times of the work, or what it answers itself where it has a clock of its own."""
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(times):
        result = work()
    taken = {"seconds": (time.perf_counter() - clock) / times, "processor": (time.process_time() - processor) / times}
    return result if isinstance(result, dict) else taken


if __name__ == "__main__":
    main(*sys.argv[1:])
