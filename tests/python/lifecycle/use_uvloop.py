"""The loop of uvloop, twice, with work cancelled in flight."""

import asyncio

import remotemedia as rm
import uvloop
from work import LEVEL, a_bit_of_everything, hang, hours, node


async def main() -> None:
    await a_bit_of_everything()
    for execution in (rm.execute(node(hang), [1]), rm.execute(LEVEL, hours())):
        try:
            await asyncio.wait_for(execution, 0.02)
        except asyncio.TimeoutError:
            continue
        raise SystemExit("the work should not have ended")
    await a_bit_of_everything()


for _ in range(2):
    loop = uvloop.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
