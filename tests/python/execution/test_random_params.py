"""Some rounds of `tools/endurance/random_params.py`: what a node makes of sound does not depend on how that is cut."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "tools" / "endurance" / "random_params.py"


def test_random_params_of_every_node_on_random_sound() -> None:
    command = [sys.executable, str(SCRIPT), "--rounds", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
