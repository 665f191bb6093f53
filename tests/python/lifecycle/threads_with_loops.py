"""Eight threads, each with event loops of its own."""

import asyncio
import threading

from work import a_bit_of_everything, a_bit_of_everything_sync

done = []


async def main() -> None:
    await asyncio.gather(*(a_bit_of_everything() for _ in range(10)))


def work() -> None:
    for _ in range(3):
        asyncio.run(main())
        a_bit_of_everything_sync()
    done.append(1)


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(done) == 8
