"""Some files of `tools/endurance/random_files.py`: parts, pieces and samples are those of the whole, and of ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "tools" / "endurance" / "random_files.py"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the command ffmpeg is not installed")
def test_random_files_are_the_same_in_parts_in_pieces_and_beside_ffmpeg() -> None:
    command = [sys.executable, str(SCRIPT), "--files", "40"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
