"""The five figures of Python: `python -m python.bench SUITE`, in the folder of the suite."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import lib

LARGE = 2_764_800
ROUNDS = 5
ROUND_NS = 200_000_000


def own(value: Any) -> Any:
    """The node of the host."""
    return value


def median_of(call: Callable[[], object]) -> float:
    """The median of the means of rounds, each of which takes at least so long."""

    def round_of() -> float:
        begun, calls, step, taken = time.perf_counter_ns(), 0, 1, 0
        while taken < ROUND_NS:
            for _ in range(step):
                call()
            calls += step
            step = min(2 * step, 1 << 16)
            taken = time.perf_counter_ns() - begun
        return taken / calls

    round_of()
    return statistics.median(round_of() for _ in range(ROUNDS))


async def median_of_awaits(call: Callable[[], Awaitable[object]]) -> float:
    """The same for a call that is awaited."""

    async def round_of() -> float:
        begun, calls, step, taken = time.perf_counter_ns(), 0, 1, 0
        while taken < ROUND_NS:
            for _ in range(step):
                await call()
            calls += step
            step = min(2 * step, 1 << 16)
            taken = time.perf_counter_ns() - begun
        return taken / calls

    await round_of()
    return statistics.median([await round_of() for _ in range(ROUNDS)])


def main(suite: Path) -> None:
    """Prints the figures."""
    three, one = ((suite / "bench" / f"{name}.json").read_text("ascii") for name in ("three", "one"))
    with_own = json.loads((suite / "bench" / "own.json").read_text("ascii"))
    with_own["nodes"][0]["node_type"] = own
    large = np.zeros(LARGE, "uint8")
    figures = {
        "bare": median_of(lib.rm_abi_version),
        "execute": median_of(lambda: rm.execute_sync(three, [1, 2, 3])),
        "submit": asyncio.run(median_of_awaits(lambda: rm.execute(three, [1, 2, 3]))),
        "large": median_of(lambda: rm.execute_sync(one, [large])),
        "node": median_of(lambda: rm.execute_sync(with_own, [1])),
    }
    print(json.dumps({name: round(figure, 1) for name, figure in figures.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
