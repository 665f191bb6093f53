"""The main thread ends while daemon threads wait for native work and run functions."""

import threading
import time

import remotemedia as rm
from work import LEVEL, hang, hours, node

inputs = hours()
threads = [
    threading.Thread(target=rm.execute_sync, args=arguments, daemon=True)
    for arguments in ((LEVEL, inputs), (node(hang), [1]), (LEVEL, inputs), (node(lambda value: time.sleep(60)), [1]))
]
# What a daemon thread says when it is told that the runtime is shut down is not what is looked at here.
threading.excepthook = lambda _: None
for thread in threads:
    thread.start()
time.sleep(0.1)
