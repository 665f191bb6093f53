"""Ends in the middle of work, in the way that its argument names; the README of the suite lists them."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import sys
import threading
import time
from typing import Any

import remotemedia as rm

TONE = rm.nodes.ToneSource(duration_s=86_400) >> rm.nodes.AudioLevel(window_ms=1000)
begun = threading.Event()
kept: list[Any] = []


def hold(value: Any) -> Any:
    """A node that is in a call until the process ends."""
    begun.set()
    time.sleep(30)
    return value


async def work() -> None:
    """A session whose packet is in a call, and ten runs."""
    own = rm.Pipeline() >> rm.node(hold)()
    async with own.session(watchdog=None) as session:
        await session.send(1)
        runs = [asyncio.ensure_future(TONE.run(None)) for _ in range(10)]
        await asyncio.gather(*runs)


def begin() -> threading.Thread:
    """Starts the work on a thread with a loop of its own; returns once the node is in its call."""
    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    begun.wait(5)
    return thread


def handler() -> None:
    """Uses the package while the interpreter exits: it works, or says that it is shut down."""
    try:
        rm.execute_sync({"version": "v1", "nodes": [{"id": "pass", "node_type": "PassThrough"}]}, [1])
    except rm.ShutDownError:
        pass


class Global:
    """A global object that frees what it holds while the interpreter exits."""

    def __init__(self) -> None:
        self.session = (rm.Pipeline() >> rm.nodes.PassThrough()).session()

    def __del__(self) -> None:
        del self.session


def main(way: str) -> None:
    """Ends in this way."""
    if way == "handler":
        atexit.register(handler)
    begin()
    if way == "quick":
        os._exit(4)
    if way == "exit":
        sys.exit(3)
    if way == "static":
        kept.append(Global())
    if way == "uncaught":
        raise RuntimeError("nothing catches this")
    if way == "signal":
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        TONE.run_sync(None)
    if way == "worker":
        threading.Thread(target=TONE.run_sync, args=(None,), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
