"""Seconds of `tools/endurance/storm.py`: random graphs under random use give what the oracle says, and none hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STORM = Path(__file__).parents[3] / "tools" / "endurance" / "storm.py"


def test_random_graphs_under_random_use_give_what_the_oracle_says() -> None:
    command = [sys.executable, str(STORM), "--seconds", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
