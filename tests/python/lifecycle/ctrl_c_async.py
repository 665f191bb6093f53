"""Ctrl-C while a loop awaits native work and functions."""

import asyncio
import sys

import remotemedia as rm
from work import LEVEL, a_bit_of_everything, hang, hours, node


async def main() -> None:
    inputs = hours()
    print("ready", flush=True)
    await asyncio.gather(rm.execute(LEVEL, inputs), rm.execute(node(hang), [1]))


try:
    asyncio.run(main())
except KeyboardInterrupt:
    asyncio.run(a_bit_of_everything())
    sys.exit(130)
