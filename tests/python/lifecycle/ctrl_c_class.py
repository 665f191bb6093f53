"""Ctrl-C while a class is at work in a session: it returns when the program is ending, and is still cleaned up."""

import asyncio
import sys

from busy_class import Busy, rm


async def main() -> None:
    async with (rm.Pipeline() >> Busy()).session() as session:
        await session.send(1)
        async for _ in session:
            pass


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
