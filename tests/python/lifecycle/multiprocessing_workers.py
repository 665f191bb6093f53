"""Pipelines go to spawned and forked workers of a process that has used the runtime; outputs and errors come back."""

import multiprocessing
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import array

import remotemedia as rm
from face_functions import even, scale


def run(task: tuple[rm.Pipeline, Any]) -> Any:
    pipeline, value = task
    return pipeline.run_sync([value])


def samples(value: rm.Audio) -> list[float]:
    return value.samples.tolist()[0]


if __name__ == "__main__":
    pipeline = rm.Pipeline("scaled") >> even >> rm.nodes.PassThrough() >> scale(by=2)
    sound = rm.Audio(array.array("f", [0.5] * 10_000), 8000)
    same = rm.Pipeline() >> rm.nodes.PassThrough()
    failing = rm.Pipeline() >> rm.nodes.Calculator(operation="divide", operand=0, name="half")
    assert run((pipeline, 4)) == [8]
    for method in ("spawn", "fork"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(run, [(pipeline, 1), (pipeline, 2), (pipeline, 3), (pipeline, 4)]) == [[], [4], [], [8]]
            ((back,),) = pool.map(run, [(same, sound)])
            assert (back.rate, samples(back)) == (8000, samples(sound))
            errors: list[Any] = []
            pool.apply_async(run, ((failing, 1),), error_callback=errors.append)
            pool.close()
            pool.join()
        (error,) = errors
        assert (type(error), error.node_id, error.item, error.outputs) == (rm.NodeError, "half", 0, [])
    assert run((pipeline, 6)) == [12]
