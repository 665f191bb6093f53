"""A process forks with sessions open: the parent's go on, the child can't use them and makes its own."""

import asyncio
import os

import remotemedia as rm
from work import PASS, a_bit_of_everything, double, node


def child(sessions) -> None:
    for session in sessions:
        try:
            session.try_send(1)
        except rm.ForkedError:
            continue
        raise AssertionError("a session of the parent took a packet")
    sessions.clear()
    import threading

    # The loop belongs to the parent: the child has another one, in another thread.
    ended = []

    def run() -> None:
        asyncio.run(a_bit_of_everything())
        ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    os._exit(0 if ended else 1)


async def main() -> None:
    async with rm.Pipeline.load(PASS).session() as one, rm.Pipeline.load(node(double)).session() as two:
        for session in (one, two):
            await session.send(1)
        pid = os.fork()
        if pid == 0:
            try:
                child([one, two])
            finally:
                os._exit(1)
        for session, expected in ((one, [1, 2]), (two, [2, 4])):
            await session.send(2)
            await session.finish()
            assert [packet.value async for packet in session] == expected
    children.append(pid)


children: list[int] = []
asyncio.run(main())
_, status = os.waitpid(children[0], 0)
assert os.waitstatus_to_exitcode(status) == 0, status
