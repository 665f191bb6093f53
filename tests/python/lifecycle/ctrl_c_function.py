"""Ctrl-C while `execute_sync` runs an async function in a loop of its own."""

import sys

import remotemedia as rm
from work import a_bit_of_everything_sync, hang_later, node

print("ready", flush=True)
try:
    rm.execute_sync(node(hang_later), [1])
except KeyboardInterrupt:
    a_bit_of_everything_sync()
    sys.exit(130)
