"""A process forks while it uses the runtime; parent and child go on, each with its own."""

import array
import asyncio
import io
import os

import remotemedia as rm
from work import (
    HANGS,
    LEVEL,
    PASS,
    a_bit_of_everything,
    a_bit_of_everything_sync,
    at_work,
    hang,
    hours,
    live_objects,
    node,
)


def child() -> None:
    assert back.tolist()[-1] == 9999.0
    assert TWICE.run_sync([2]) == [4]
    if LATER:
        assert next(LATER.pop()).error is None
    let_go_of_much_memory()
    a_bit_of_everything_sync()
    asyncio.run(a_bit_of_everything())


@rm.node
def twice(value: int) -> int:
    return 2 * value


def let_go_of_much_memory() -> None:
    """On a loop it is freed by a thread of the library, which a child does not have from its parent."""

    async def main() -> None:
        pieces = await rm.execute(LOUDER, [rm.Audio(array.array("f", bytes(1 << 24)), 48_000)])
        assert live_objects()["memories"] >= len(pieces) > 0
        assert all(piece.samples.nbytes >= 1 << 16 for piece in pieces)
        del pieces
        await rm.execute(PASS, [1])

    asyncio.run(main())


def fork() -> int:
    pid = os.fork()
    if pid == 0:
        child()
        raise SystemExit(0)
    return pid


TWICE = rm.Pipeline() >> twice
"""What it was compiled to belongs to the parent."""
WAV = io.BytesIO()
rm.write(WAV, rm.Audio(array.array("f", bytes(400)), 8000), format="wav")
LATER = [rm.iter_many([WAV.getvalue()])]
"""Made by the parent, asked by its children."""
LOUDER = {"version": "v1", "nodes": [{"id": "gain", "node_type": "AudioGain", "params": {"gain_db": 6}}]}

(back,) = rm.execute_sync(PASS, [array.array("d", range(10000))])
assert TWICE.run_sync([1]) == [2]
let_go_of_much_memory()
a_bit_of_everything_sync()
children = [fork()]


async def main() -> None:
    await a_bit_of_everything()
    tasks = [asyncio.ensure_future(rm.execute(LEVEL, hours())), asyncio.ensure_future(rm.execute(node(hang), [1]))]
    await at_work(HANGS)
    pid = os.fork()
    if pid == 0:
        # The loop belongs to the parent, and so do its tasks: the child goes on without them.
        try:
            import threading

            thread = threading.Thread(target=child)
            thread.start()
            thread.join()
        finally:
            os._exit(0 if not thread.is_alive() else 1)
    children.append(pid)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await a_bit_of_everything()


asyncio.run(main())
a_bit_of_everything_sync()
for pid in children:
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, status
