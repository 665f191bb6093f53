"""Ctrl-C in `run_sync` with a timeout while a class is at work: it returns when the program ends, and is cleaned up."""

import sys

from busy_class import Busy, rm

try:
    (rm.Pipeline() >> Busy()).run_sync([1], timeout=60)
except KeyboardInterrupt:
    sys.exit(130)
