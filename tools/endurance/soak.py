"""Whether memory stays flat: every kind of execution again and again, with a look at what is alive and resident.

    .build/venv/bin/python tools/endurance/soak.py --seconds 3600

The first fifth warms up: pools fill, caches grow to their bounds. After it, no native object and no borrowed array
may be left between rounds, and the resident size may grow by `GROWTH_BYTES` at most. Exits with 1 if it does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import check, lib
from remotemedia._abi.ownership import borrowed_count
from remotemedia._codec.call_buffers import acquire, release
from remotemedia._engine.port_registry import give_back_port, sync_port

GROWTH_BYTES = 24 << 20
"""What fragmentation of the heap and of threads' arenas may add; a leak of a 4 MB array a round is past it at once."""

LEFT = ("documents", "errors", "host_buffers", "memories", "nodes", "runs")
"""The native objects of which none is left between rounds. Ports and pipelines are cached."""


def chain(*nodes: tuple[str, Any, dict[str, Any]]) -> dict[str, Any]:
    """A manifest whose nodes follow each other."""
    names = [name for name, _, _ in nodes]
    return {
        "version": "v1",
        "metadata": {"name": "soak"},
        "nodes": [{"id": name, "node_type": kind, "params": params} for name, kind, params in nodes],
        "connections": [{"from": a, "to": b} for a, b in itertools.pairwise(names)],
    }


PASS = json.dumps(chain(("p", "PassThrough", {})))
ADD = json.dumps(chain(("c", "Calculator", {"operation": "add", "operand": 1})))


def fails(_: Any) -> None:
    """A node that fails."""
    raise ValueError("as it should")


async def waits(value: Any) -> Any:
    """A node that takes its time."""
    await asyncio.sleep(0.01)
    return value


async def round_of_work() -> None:
    """Successes, errors, cancelled and expired executions, small values and arrays of 4 MB."""
    array = np.ones(500_000)
    values: list[Any] = [1, "text", {"list": [1.5] * 100}, array, rm.Audio(np.zeros((2, 48_000), "float32"), 48_000)]
    assert len(await rm.execute(PASS, values)) == len(values)
    (more,) = await rm.execute(ADD, [array])
    assert more[0] == 2
    assert len(await rm.execute(chain(("f", lambda value: value, {}), ("p", "PassThrough", {})), values)) == len(values)
    with contextlib.suppress(rm.NodeError):
        await rm.execute(chain(("f", fails, {})), [array])
    with contextlib.suppress(TimeoutError, rm.TimedOut):
        await rm.execute(chain(("w", waits, {})), [array] * 3, timeout=0.015)
    task = asyncio.ensure_future(rm.execute(chain(("w", waits, {})), [array] * 3))
    await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    with contextlib.suppress(rm.MarshalError):
        await rm.execute(PASS, [array, object()])


async def abandoned() -> None:
    """Work that is in flight when its loop is closed."""
    execution = rm.execute(chain(("w", waits, {})), [np.ones(500_000)])
    execution.send(None)
    execution.close()


def left() -> dict[str, int]:
    """What is alive, once everything has been let go of that will be."""
    deadline = time.monotonic() + 20
    while True:
        gc.collect()
        rm.execute_sync(PASS, [1])
        port = sync_port()
        port.drain()
        give_back_port(port)
        used = acquire()
        check(lib.rm_live_objects(used.output, used.error), used.error)
        live = used.unpack()
        release(used)
        counts = {name: live[name] for name in LEFT if live[name]} | (
            {"kept": borrowed_count()} if borrowed_count() else {}
        )
        if not counts or time.monotonic() > deadline:
            return counts
        time.sleep(0.01)


def resident() -> int:
    """The bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> int:
    """Runs for a while; answers 1 if memory is not flat."""
    parser = argparse.ArgumentParser(description="Run every kind of execution for a while and watch the memory.")
    parser.add_argument("--seconds", type=float, default=5.0, help="default: %(default)s")
    seconds = parser.parse_args().seconds
    begun = time.monotonic()
    rounds, base, most = 0, 0, 0
    while (passed := time.monotonic() - begun) < seconds or rounds < 10:
        asyncio.run(round_of_work())
        asyncio.run(abandoned())
        counts = left()
        if counts:
            print(f"round {rounds}: left over: {counts}")
            return 1
        rounds += 1
        size = resident()
        if passed < seconds / 5 or rounds <= 5:
            base = max(base, size)
        most = max(most, size)
    print(f"{rounds} rounds in {time.monotonic() - begun:.0f} s: {base >> 20} MB warm, {most >> 20} MB at most")
    if most - base > GROWTH_BYTES:
        print(f"memory grew by {(most - base) >> 20} MB, more than {GROWTH_BYTES >> 20} MB")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
