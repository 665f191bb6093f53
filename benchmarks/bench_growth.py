"""B10: how much memory 200 pictures of 1280 x 720 take, 553 MB in all, pushed into a consumer that needs 5 ms for
each.

Beside asyncio.Queue(4), pipecat and remotemedia-ffi. Each round is a process of its own, whose first run is the one
that counts; the figure is the median. That all do the same work: the consumer has seen all pictures.
"""

from __future__ import annotations

import statistics

from benchmarks.contest import FOLDER, OURS, Row, Side, contestants, installed, run, show
from benchmarks.sides.growth import FRAMES
from tools.machine import Problem

SIDES = [
    Side(OURS.name, "ours_live"),
    Side("asyncio.Queue(4)", "plain_asyncio"),
    Side("pipecat", "pipecat", "pipecat"),
    Side("remotemedia-ffi", "remotemedia_ffi", "remotemedia-ffi"),
]
BAR_MB = 20.0
ROUNDS = 5


def main() -> None:
    """Print the table."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    present, missing = installed(SIDES)
    measured: dict[str, list[float]] = {side.name: [] for side in present}
    for _ in range(ROUNDS):
        for side in present:
            with contestants([side], "growth", FOLDER) as (contestant,):
                answer = contestant.result()
            if answer["frames"] != FRAMES:
                raise Problem(f"{side.name} has shown {answer['frames']} of {FRAMES} pictures.")
            measured[side.name].append(answer["growth_mb"])
    typical = {name: statistics.median(values) for name, values in measured.items()}
    ours = typical.pop(OURS.name)
    verdict = f"{'met' if ours <= BAR_MB else 'NOT MET'}: at most {BAR_MB:.0f} MB"
    show(
        [
            Row(
                f"{FRAMES} pictures, 5 ms each",
                f"{ours:.1f} MB",
                f"{name} {theirs:.1f} MB",
                ours / theirs,
                None,
                verdict,
            )
            for name, theirs in typical.items()
        ]
    )
    for line in missing:
        print(line)


if __name__ == "__main__":
    run(main)
