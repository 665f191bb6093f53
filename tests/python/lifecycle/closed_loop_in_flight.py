"""A loop is closed while work is in flight; another one goes on."""

import asyncio

import remotemedia as rm
from work import LEVEL, a_bit_of_everything, hang, hang_later, hours, node

for manifest, inputs in ((LEVEL, hours()), (node(hang), [1]), (node(hang_later), [1])):
    loop = asyncio.new_event_loop()
    execution = rm.execute(manifest, inputs)

    async def start(execution=execution) -> None:
        execution.send(None)
        await asyncio.sleep(0.01)

    loop.run_until_complete(start())
    for task in asyncio.all_tasks(loop):
        # A loop complains of tasks that it leaves behind; that is not what is looked at here.
        task._log_destroy_pending = False
    loop.close()
    asyncio.run(a_bit_of_everything())
    execution.close()
    asyncio.run(a_bit_of_everything())
