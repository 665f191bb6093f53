"""Checks that the vectors notice mistakes: every change of `mutations.py` in `codec.py` must fail one of them.

    python3 -m mutants        (in tests/conformance)

prints a line for each mistake, with the vector that notices it, and fails if there is none.
"""

from __future__ import annotations

import sys

from .check import first_failure, load, mutant
from .mutations import READING, WRITING


def main() -> int:
    """Runs all; returns how many mistakes are unnoticed."""
    cases = load()
    failure = first_failure(mutant(), cases)
    if failure is not None:
        print(f"the codec without a mistake fails: {failure}")
        return 1
    unnoticed = 0
    every: dict[str, tuple[str, ...]] = {**WRITING, **READING}
    for name, changes in every.items():
        failure = first_failure(mutant(*changes), cases)
        unnoticed += failure is None
        print(f"{name}: {failure or 'NOT NOTICED'}")
    print(f"{len(every)} mistakes, {len(every) - unnoticed} noticed")
    return unnoticed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
