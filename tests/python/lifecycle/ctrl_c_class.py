"""Ctrl-C while a class is at work in a session: it returns when the program is ending, and is still cleaned up."""

import asyncio
import atexit
import os
import sys
import threading

called = []


def check() -> None:
    if called != ["initialize", "process", "cleanup"]:
        print(called, flush=True)
        os._exit(1)


# Runs after all that the package does at exit, and what is registered below before that.
atexit.register(check)

import remotemedia as rm  # noqa: E402

is_ending = threading.Event()
atexit.register(is_ending.set)


@rm.node
class Busy:
    def initialize(self) -> None:
        called.append("initialize")

    def process(self, value: int) -> int:
        print("ready", flush=True)
        is_ending.wait(60)
        called.append("process")
        return value

    def cleanup(self) -> None:
        called.append("cleanup")


async def main() -> None:
    async with (rm.Pipeline() >> Busy()).session() as session:
        await session.send(1)
        async for _ in session:
            pass


try:
    asyncio.run(main())
except KeyboardInterrupt:
    sys.exit(130)
