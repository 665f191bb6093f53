"""Ctrl-C while `map_sync` runs async functions in a loop of its own."""

import sys

import remotemedia as rm
from work import a_bit_of_everything_sync, hang_later, node

try:
    print("ready", flush=True)
    list(rm.Pipeline.load(node(hang_later)).map_sync([1, 2, 3], concurrency=2))
except KeyboardInterrupt:
    a_bit_of_everything_sync()
    sys.exit(130)
