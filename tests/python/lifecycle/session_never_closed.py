"""Sessions that are opened and never left, with memory that they borrow, in a loop that is closed at once."""

import asyncio

from work import HANGS, HANGS_LATER, a_bit_of_everything, at_work, pipelines, session_of

kept = []


async def main() -> None:
    for pipeline in pipelines():
        session = await session_of(pipeline).__aenter__()
        session.try_send(bytes(100_000))
        session.try_send(1)
        kept.append(session)
    await at_work(HANGS, HANGS_LATER)


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
for task in asyncio.all_tasks(loop):
    # A loop complains of tasks that it leaves behind; that is not what is looked at here.
    task._log_destroy_pending = False
loop.close()
asyncio.run(a_bit_of_everything())
del kept[2:]
asyncio.run(a_bit_of_everything())
