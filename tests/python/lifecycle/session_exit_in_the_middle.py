"""The program ends while sessions of every kind are fed and read."""

import asyncio
import sys

from work import pipelines, session_of, stay


async def one(pipeline, opened) -> None:
    async with session_of(pipeline) as session:
        await stay(session, opened)


async def main() -> None:
    opened = [asyncio.Event() for _ in pipelines()]
    tasks = [asyncio.ensure_future(one(*each)) for each in zip(pipelines(), opened, strict=True)]
    for event in opened:
        await event.wait()
    assert not any(task.done() for task in tasks)
    sys.exit(7)


asyncio.run(main())
