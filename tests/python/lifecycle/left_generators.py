"""Sync generators that are at work until the program ends: each is closed before it has ended, however it was left."""

import asyncio
import atexit
import os
import threading
import time

begun, closed = [], []


def check() -> None:
    if not begun or sorted(closed) != sorted(begun):
        print(begun, closed, flush=True)
        os._exit(1)


# Runs after all that the package does at exit, and what is registered below before that.
atexit.register(check)

import remotemedia as rm  # noqa: E402

is_ending, is_busy = threading.Event(), threading.Event()
atexit.register(is_ending.set)


@rm.node
def busy(name: str):
    begun.append(name)
    try:
        yield name
        is_busy.set()
        is_ending.wait(60)
        yield name
    finally:
        # Longer than the program takes to end if it does not wait.
        time.sleep(0.1)
        closed.append(name)


@rm.node
async def later(value: str) -> str:
    return value


def timed_out(pipeline: rm.Pipeline, engine: str) -> None:
    try:
        pipeline.run_sync([f"timed out, {engine}"], timeout=0.5, engine=engine)
    except rm.TimedOut:
        return
    raise AssertionError("it has ended")


async def cancelled(pipeline: rm.Pipeline, name: str) -> None:
    is_busy.clear()
    task = asyncio.create_task(pipeline.run([name]))
    await asyncio.to_thread(is_busy.wait, 60)
    task.cancel()
    await asyncio.wait([task])


async def left_stream(pipeline: rm.Pipeline) -> None:
    async for _ in pipeline.stream(["left stream"]):
        break


async def left_session(pipeline: rm.Pipeline) -> None:
    async with pipeline.session() as session:
        await session.send("left session")
        async for _ in session:
            session.cancel()


alone, behind = rm.Pipeline() >> busy(), rm.Pipeline() >> later() >> busy()
timed_out(alone, "native")
timed_out(alone, "python")
for each in (alone, behind):
    asyncio.run(cancelled(each, "cancelled"))
    asyncio.run(left_stream(each))
    asyncio.run(left_session(each))
