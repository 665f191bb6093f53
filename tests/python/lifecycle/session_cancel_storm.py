"""Sessions that are cancelled, left and failed at every moment of their life."""

import asyncio
import contextlib
import random

from work import a_bit_of_everything, pipelines, session_of, stay


async def leave_early(session) -> None:
    await session.send(1)
    async for _ in session:
        break


async def fail(session) -> None:
    await session.send("x" * 100_000)
    raise KeyError


async def one(pipeline, do) -> None:
    async with session_of(pipeline) as session:
        await do(session)


async def main() -> None:
    chance = random.Random(1)
    *pipes, _, hanging = pipelines()
    pipes.append(hanging)
    for _ in range(10):
        tasks = []
        for number in range(40):
            do = (stay, fail, leave_early)[number % 3]
            # The one that hangs gives nothing to read.
            pipeline = pipes[number % 3 if do is leave_early else number % 4]
            tasks.append(asyncio.ensure_future(one(pipeline, do)))
        for task in chance.sample(tasks, len(tasks)):
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 1000)
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError, KeyError):
                await task
    await a_bit_of_everything()


asyncio.run(main())
