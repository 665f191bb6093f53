"""A process forks while one of its threads uses the package for the first time, and so imports it; both can use it."""

# The fork below may strike while a thread uses the package for the first time, but not while it loads what the package
# needs of others before: that is the matter of any program.
import logging  # noqa: F401
import os
import signal
import sys
import threading

import remotemedia as rm

MANIFEST = '{"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}'
imports, never = threading.Event(), threading.Event()


class Slow:
    """Holds up an import for a while, in which the main thread is to fork."""

    def find_spec(self, name, path=None, target=None):
        if name == self.module and threading.current_thread() is not threading.main_thread():
            imports.set()
            never.wait(0.2)

    def __init__(self, module: str) -> None:
        self.module = module


def first_use() -> None:
    assert rm.execute_sync(MANIFEST, [1]) == [1]
    pipeline = rm.Pipeline() >> rm.nodes.PassThrough()
    assert pipeline.run_sync([2]) == [2]
    assert "PassThrough" in pipeline.to_yaml()


def fork_during(module: str) -> None:
    """In a process of its own, which has used nothing yet."""
    sys.meta_path.insert(0, Slow(module))
    thread = threading.Thread(target=first_use)
    thread.start()
    assert imports.wait(60)
    pid = os.fork()
    if pid == 0:
        # A child that hangs is ended by this.
        signal.alarm(60)
        first_use()
        os._exit(0)
    thread.join()
    _, status = os.waitpid(pid, 0)
    assert status == 0, (module, status)


for module in (
    "_execution.execute",
    "_codec.call_buffers",
    "nodes",
    "_graph.pipeline",
    "_manifest.yaml_writer",
):
    pid = os.fork()
    if pid == 0:
        try:
            fork_during(f"remotemedia.{module}")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert status == 0, module
