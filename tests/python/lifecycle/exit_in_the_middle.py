"""The program ends while native nodes, functions on threads and functions on the loop are at work."""

import asyncio
import sys

import remotemedia as rm
from work import HANGS, HANGS_LATER, LEVEL, at_work, hang, hang_later, hours, node


async def main() -> None:
    work = [rm.execute(LEVEL, hours()), rm.execute(node(hang), [1]), rm.execute(node(hang_later), [1])]
    tasks = [asyncio.ensure_future(each) for each in work]
    await at_work(HANGS, HANGS_LATER)
    assert not any(task.done() for task in tasks)
    sys.exit(7)


asyncio.run(main())
