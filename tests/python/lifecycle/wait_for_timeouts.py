"""Deadlines of asyncio and of ours, around work that would take far longer."""

import asyncio

import remotemedia as rm
from work import LEVEL, a_bit_of_everything, hang_later, hours, node


async def main() -> None:
    inputs = hours()
    for number in range(10):
        for manifest, values in ((LEVEL, inputs), (node(hang_later), [1])):
            try:
                await asyncio.wait_for(rm.execute(manifest, values), number / 1000)
            except asyncio.TimeoutError:
                pass
            else:
                raise SystemExit("the work should not have ended")
            try:
                await rm.execute(manifest, values, timeout=number / 1000)
            except TimeoutError:
                pass
            else:
                raise SystemExit("the work should not have ended")
    await a_bit_of_everything()


asyncio.run(main())
