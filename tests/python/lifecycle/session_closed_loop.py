"""A loop is closed while sessions are fed and read; another loop goes on, and nothing stays alive."""

import asyncio
import gc

from work import a_bit_of_everything, nothing_is_left, pipelines, session_of

reading = []


async def one(pipeline, opened) -> None:
    async with session_of(pipeline) as session:
        reading.append(asyncio.ensure_future(read(session)))
        for value in range(1_000_000):
            await session.send(bytes(100_000) if value % 10 == 0 else value)
            opened.set()


async def read(session) -> None:
    async for _ in session:
        pass


async def main(tasks) -> None:
    opened = [asyncio.Event() for _ in pipelines()]
    tasks.extend(asyncio.ensure_future(one(*each)) for each in zip(pipelines(), opened, strict=True))
    for event in opened:
        await event.wait()
    assert not any(task.done() for task in tasks)


for _ in range(3):
    loop = asyncio.new_event_loop()
    left = []
    loop.run_until_complete(main(left))
    for task in asyncio.all_tasks(loop):
        # A loop complains of tasks that it leaves behind; that is not what is looked at here.
        task._log_destroy_pending = False
    loop.close()
    asyncio.run(a_bit_of_everything())
    del task, left, loop
    reading.clear()
    gc.collect()
asyncio.run(a_bit_of_everything())
nothing_is_left()
