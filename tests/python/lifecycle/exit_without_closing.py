"""The program ends with loops that were never closed, and results that are still referred to."""

import array
import asyncio

import remotemedia as rm
from work import PASS, a_bit_of_everything

loops = [asyncio.new_event_loop() for _ in range(3)]
kept = []
for loop in loops:
    loop.run_until_complete(a_bit_of_everything())
    kept.append(loop.run_until_complete(rm.execute(PASS, [array.array("d", range(10000))])))
