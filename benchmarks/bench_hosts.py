"""What calls cost in each language: five figures beside those of C on the bare ABI, in one run.

The programs are the `bench` of each host, as `tests/conformance/README.md` defines it; each runs three times, in
turns, and the median counts. A language without its toolchain on this machine is left out.
"""

from __future__ import annotations

from tools import conformance
from tools.machine import Problem

if __name__ == "__main__":
    try:
        conformance.bench()
    except Problem as problem:
        raise SystemExit(str(problem)) from None
