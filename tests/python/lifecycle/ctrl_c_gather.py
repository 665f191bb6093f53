"""Ctrl-C while a session is fed and read as the documentation does it: `gather` ends both, and nothing is printed."""

import asyncio
import sys

from work import a_bit_of_everything, double_later, node, rm, session_of


async def main() -> None:
    async with session_of(rm.Pipeline.load(node(double_later))) as session:

        async def feed() -> None:
            value = 0
            while True:
                await session.send(value)
                value += 1

        async def read() -> None:
            async for _ in session:
                pass

        print("ready", flush=True)
        await asyncio.gather(feed(), read())


try:
    asyncio.run(main())
except KeyboardInterrupt:
    asyncio.run(a_bit_of_everything())
    sys.exit(130)
