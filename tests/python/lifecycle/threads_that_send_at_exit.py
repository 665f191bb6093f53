"""Threads send to sessions while these are left, while their loop ends, and while the program exits."""

import asyncio
import sys
import threading

import remotemedia as rm

PIPELINE = rm.Pipeline() >> rm.nodes.PassThrough()
PACKETS = 200


def pump(session: rm.Session) -> None:
    try:
        while session.send_from_thread(bytes(1 << 15), timeout=None):
            pass
    except (rm.GoneError, rm.InvalidArgumentError):
        pass


async def read(session: rm.Session) -> None:
    for _ in range(3):
        threading.Thread(target=pump, args=(session,), daemon=True).start()
    count = 0
    async for _ in session:
        count += 1
        if count == PACKETS:
            break


async def main(is_left: bool) -> rm.Session:
    session = PIPELINE.session()
    await session.__aenter__()
    await read(session)
    if is_left:
        session.cancel()
        await session.__aexit__(None, None, None)
    return session


kept = [asyncio.run(main(is_left=True)), asyncio.run(main(is_left=False))]


async def exit_in_the_middle() -> None:
    async with PIPELINE.session() as session:
        await read(session)
        sys.exit(7)


asyncio.run(exit_in_the_middle())
