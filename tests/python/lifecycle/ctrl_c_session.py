"""Ctrl-C while sessions are fed and read."""

import asyncio
import sys

from work import a_bit_of_everything, pipelines, session_of, stay


async def one(pipeline, opened) -> None:
    async with session_of(pipeline) as session:
        await stay(session, opened)


async def main() -> None:
    opened = [asyncio.Event() for _ in pipelines()]
    tasks = [one(*each) for each in zip(pipelines(), opened, strict=True)]
    print("ready", flush=True)
    await asyncio.gather(*tasks)


try:
    asyncio.run(main())
except KeyboardInterrupt:
    asyncio.run(a_bit_of_everything())
    sys.exit(130)
