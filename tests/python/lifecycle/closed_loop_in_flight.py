"""A loop is closed while work is in flight; another one goes on."""

import asyncio

import remotemedia as rm
from work import HANGS, HANGS_LATER, LEVEL, a_bit_of_everything, at_work, hang, hang_later, hours, node

IN_FLIGHT = [(LEVEL, hours(), ()), (node(hang), [1], (HANGS,)), (node(hang_later), [1], (HANGS_LATER,))]

for manifest, inputs, events in IN_FLIGHT:
    loop = asyncio.new_event_loop()
    execution = rm.execute(manifest, inputs)

    async def start(execution=execution, events=events) -> None:
        execution.send(None)
        await at_work(*events)

    loop.run_until_complete(start())
    for task in asyncio.all_tasks(loop):
        # A loop complains of tasks that it leaves behind; that is not what is looked at here.
        task._log_destroy_pending = False
    loop.close()
    asyncio.run(a_bit_of_everything())
    execution.close()
    asyncio.run(a_bit_of_everything())
