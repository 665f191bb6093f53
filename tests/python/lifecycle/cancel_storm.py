"""Hundreds of executions, cancelled at every moment of their life."""

import asyncio
import random

import remotemedia as rm
from work import LEVEL, a_bit_of_everything, double, double_later, hang_later, hours, node


async def main() -> None:
    chance = random.Random(1)
    inputs = hours(20)
    manifests = [(node(double), [1, 2]), (node(double_later), [1, 2]), (node(hang_later), [1]), (LEVEL, inputs)]
    for _ in range(10):
        tasks = [asyncio.ensure_future(rm.execute(*manifests[number % 4])) for number in range(60)]
        for task in chance.sample(tasks, len(tasks)):
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 1000)
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, (list, asyncio.CancelledError)), outcome
    await a_bit_of_everything()


asyncio.run(main())
