"""A forked child leaves its parent's session by `sys.exit`: its code is that of the exit."""

import asyncio
import os
import sys

import remotemedia as rm
from work import PASS


async def main() -> None:
    async with rm.Pipeline.load(PASS).session() as session:
        await session.send(1)
        pid = os.fork()
        if pid == 0:
            sys.exit(7)
        children.append(pid)
        await session.send(2)
        await session.finish()
        assert [packet.value async for packet in session] == [1, 2]


children: list[int] = []
asyncio.run(main())
_, status = os.waitpid(children[0], 0)
assert os.waitstatus_to_exitcode(status) == 7, status
