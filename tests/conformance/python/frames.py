"""Frames through one session, and the memory of the process on the way: `python -m python.frames SUITE [COUNT]`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import numpy as np
import remotemedia as rm
from remotemedia._abi.ownership import borrowed_count

TENTHS = 10
FRAME = rm.Audio(np.full((8, 960), 0.25, "float32"), 48_000)


def resident_kib() -> int:
    """The memory of this process that is resident."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") // 1024


async def main(suite: Path, frames: int) -> None:
    """Sends the frames, and prints what came of them."""
    resident: list[int] = []
    pipeline = rm.Pipeline.load(suite / "bench" / "frames.json")
    async with pipeline.session() as session:

        async def send() -> None:
            for number in range(1, frames + 1):
                await session.send(FRAME)
                if number == frames * (len(resident) + 1) // TENTHS:
                    resident.append(resident_kib())
            await session.finish()

        sender = asyncio.ensure_future(send())
        received = 0
        async for _ in session:
            received += 1
        await sender
    # What the last frames lent comes back by the port.
    for _ in range(5000):
        if borrowed_count() == 0:
            break
        await asyncio.sleep(0.001)
    print(json.dumps({"sent": frames, "resident_kib": resident, "received": received, "lent": borrowed_count()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000))
