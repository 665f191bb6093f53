"""`tools/endurance/virtual_day.py`, which plays a day of sound, on a few minutes of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "tools" / "endurance" / "virtual_day.py"


def test_minutes_of_a_day_keep_memory_time_and_counts() -> None:
    done = subprocess.run([sys.executable, SCRIPT, "--hours", "0.05"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "frames sent: 9000",
        "samples that the function saw: 2880000",
        "calls of the function: 1800",
        "levels: 1800",
    ]
