"""The main thread ends while daemon threads wait for native work and run functions, on loops and without."""

import asyncio
import atexit
import threading
import time

# Runs after the library has shut down: for so long these threads could tell that it has.
atexit.register(time.sleep, 0.3)

import remotemedia as rm  # noqa: E402
from work import LEVEL, PASS, double, hang, hang_later, hours, node, running, session_of  # noqa: E402


async def in_a_session() -> None:
    async with session_of(rm.Pipeline.load(node(hang))) as session:
        await session.send(1)
        async for _ in session:
            pass


def again_and_again() -> None:
    while True:
        rm.execute_sync(PASS, [1])


async def again_and_again_later() -> None:
    while True:
        await rm.execute(node(double), [1])


inputs = hours()
work = [again_and_again, lambda: asyncio.run(in_a_session()), lambda: asyncio.run(again_and_again_later())]
for manifest in (LEVEL, node(hang), node(hang_later), node(lambda value: time.sleep(60))):
    work += [
        lambda manifest=manifest: rm.execute_sync(manifest, inputs[:1] if manifest is not LEVEL else inputs),
        lambda manifest=manifest: asyncio.run(rm.execute(manifest, inputs[:1] if manifest is not LEVEL else inputs)),
    ]
for each in work:
    threading.Thread(target=each, daemon=True).start()
# All but those that begin again and again.
running(len(work) - 2)
