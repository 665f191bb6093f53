"""Event loops that nobody closes are collected as garbage, at any moment, while other loops are used."""

import asyncio
import gc

import remotemedia as rm
from work import PASS, double, node, nothing_is_left


class Holder:
    """Part of a cycle, so that its loop goes when the garbage collector comes, and not before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.me = self


def run(holder: Holder) -> None:
    assert holder.loop.run_until_complete(rm.execute(PASS, [1])) == [1]


pipeline = rm.Pipeline.load(node(double))
for threshold in range(1, 101):
    gc.collect()
    gc.disable()
    for _ in range(10):
        run(Holder(asyncio.new_event_loop()))
    holder = Holder(asyncio.new_event_loop())
    # So that the collector comes a little later each time, and so at every line of what follows.
    gc.set_threshold(threshold + gc.get_count()[0])
    gc.enable()
    run(holder)
    gc.set_threshold(700)
    assert holder.loop.run_until_complete(pipeline.run([2])) == [4]
gc.collect()
nothing_is_left()
