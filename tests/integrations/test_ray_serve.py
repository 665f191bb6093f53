"""The deployment for Ray Serve: the example, whose clients call a real Serve on this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import remotemedia as rm

pytest.importorskip("ray.serve", reason="Ray Serve is not installed: pip install 'ray[serve]'")
pytest.importorskip("websockets", reason="websockets is not installed: pip install websockets")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ray_serve.py"


def test_the_clients_of_the_example_hear_the_loudest_second() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE, "3"], capture_output=True, text=True, timeout=240, check=False, start_new_session=True
    )
    levels = (rm.Pipeline() >> rm.nodes.AudioLevel(window_ms=1000)).run_sync([rm.testing.speech()])
    loudest = max(level["rms_db"] for level in levels)
    assert done.returncode == 0, done.stderr
    lines = [f"client {number}: the loudest second has {loudest:.1f} dBFS" for number in range(3)]
    assert [line for line in done.stdout.splitlines() if line.startswith("client")] == lines
