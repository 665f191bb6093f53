"""Shows the level of sound as it arrives on standard input: 16-bit PCM at 16 kHz, mono.

arecord -q -t raw -f S16_LE -r 16000 -c 1 | python examples/live.py
"""

from __future__ import annotations

import asyncio
import os
import sys

import remotemedia as rm

SOURCE = rm.PCM("s16", 16_000, 1)
PIECE_BYTES = 640  # 20 ms


async def feed(session: rm.Session) -> None:
    """Send what arrives, in pieces of any length. `send` waits while the pipeline has no room."""
    while piece := await asyncio.to_thread(os.read, sys.stdin.fileno(), PIECE_BYTES):
        await session.send(piece)
    await session.finish()


async def show(session: rm.Session) -> None:
    """Print a bar for each window, as soon as it is measured."""
    async for packet in session:
        db = packet.value["rms_db"]
        print(f"{packet.pts:7.2f} s {db:6.1f} dBFS {'#' * max(0, round(60 + db))}", flush=True)


async def main() -> None:
    """Measure windows of 250 ms while sound arrives."""
    pipeline = rm.Pipeline("meter") >> rm.nodes.AudioLevel(window_ms=250)
    async with pipeline.session(input=SOURCE) as session:
        await asyncio.gather(feed(session), show(session))


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        raise SystemExit(130) from None
