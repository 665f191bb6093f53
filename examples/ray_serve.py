"""Serves a level meter by Ray Serve on this machine, and lets some clients call it at once: a session for each.

python examples/ray_serve.py [CLIENTS]

Needs `pip install 'remotemedia[ray-serve]' websockets`. Each client sends the recording in frames of 20 ms, and prints
the loudest second that the server has heard.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

# Before Ray is imported: it reports nothing of this program.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import remotemedia as rm
import websockets
from ray import serve
from remotemedia.integrations import ray_serve
from remotemedia.nodes import AudioLevel

HOST, PORT = "127.0.0.1", 8765
INPUT = rm.PCM("s16", 16_000, 1)


async def call(speech: rm.Audio) -> float:
    """Sends the recording and returns the level of its loudest second, in dBFS."""
    async with websockets.connect(f"ws://{HOST}:{PORT}/") as socket:

        async def send() -> None:
            for frame in rm.testing.frames(speech, frame_ms=20):
                await socket.send(frame.to_pcm("s16"))
            await socket.send("finish")

        sending = asyncio.create_task(send())
        levels: list[float] = [json.loads(message)["value"]["rms_db"] async for message in socket]
        await sending
        return max(levels)


async def main(clients: int) -> None:
    """All clients at once."""
    speech = rm.testing.speech()
    for number, level in enumerate(await asyncio.gather(*(call(speech) for _ in range(clients)))):
        print(f"client {number}: the loudest second has {level:.1f} dBFS")


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 << 20, log_to_driver=False)
    try:
        serve.start(http_options={"host": HOST, "port": PORT})
        meter = ray_serve.deployment(rm.Pipeline("meter") >> AudioLevel(window_ms=1000), input=INPUT)
        serve.run(meter.options(max_ongoing_requests=100).bind())
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
    finally:
        serve.shutdown()
        ray.shutdown()
