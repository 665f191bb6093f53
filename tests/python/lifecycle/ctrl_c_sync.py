"""Ctrl-C while `execute_sync` waits for native work: the work ends, and the runtime is good for more."""

import sys

import remotemedia as rm
from work import LEVEL, a_bit_of_everything_sync, hours

inputs = hours()
print("ready", flush=True)
try:
    rm.execute_sync(LEVEL, inputs)
except KeyboardInterrupt:
    a_bit_of_everything_sync()
    sys.exit(130)
