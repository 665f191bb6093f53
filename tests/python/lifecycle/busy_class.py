"""A class that is at work until the program ends, and has to be cleaned up before it has ended."""

import atexit
import os
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
