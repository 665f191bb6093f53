"""What metrics cost: instructions of the same session with and without them, counted by callgrind.

    python3 benchmarks/metrics_cost.py

The library has no option for it: the program under the counter is built twice, the second time with metrics left out by
REMOTEMEDIA_WITHOUT_METRICS. The cost of starting is left out too, by counting two sessions of different length.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BAR = 0.01
"""The most that metrics may add."""

SESSIONS = {
    "meter": "20 ms of sound through AudioResample and AudioLevel",
    "pass": "a number through three PassThrough",
}


def built(is_measured: bool) -> Path:
    """The program, with or without metrics."""
    environment = dict(os.environ)
    environment.pop("REMOTEMEDIA_WITHOUT_METRICS", None)
    if not is_measured:
        environment["REMOTEMEDIA_WITHOUT_METRICS"] = "1"
    command = ["cargo", "build", "--release", "--locked", "-p", "remotemedia-nodes", "--example", "session_cost"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    folder = Path(tempfile.mkdtemp(prefix="metrics-cost-"))
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (target / "release/examples/session_cost").rename(folder / "session_cost")


def instructions(program: Path, session: str, packets: int) -> int:
    """How many instructions a session of so many packets takes, its start included."""
    counts = program.parent / "counts"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={counts}", str(program), session, str(packets)]
    subprocess.run(command, check=True, capture_output=True)
    (totals,) = [line for line in counts.read_text().splitlines() if line.startswith("totals:")]
    return int(totals.split()[1])


def a_packet(program: Path, session: str) -> float:
    """Instructions for one more packet."""
    few, many = 2_000, 12_000
    return (instructions(program, session, many) - instructions(program, session, few)) / (many - few)


def main() -> int:
    """Prints both counts for each session; answers whether what people do stays below the bar."""
    measured, bare = built(True), built(False)
    is_met = True
    for session, what in SESSIONS.items():
        with_metrics, without = a_packet(measured, session), a_packet(bare, session)
        share = with_metrics / without - 1
        print(f"{session}: {what}")
        print(f"    {with_metrics:.0f} instructions a packet with metrics, {without:.0f} without: {share:+.2%}")
        # Nodes that do nothing have no work that the cost could be a small part of; they show what it is at most.
        is_met &= session != "meter" or share <= BAR
    print(f"the bar of {BAR:.0%} is {'met' if is_met else 'not met'} where nodes do something")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
