"""`tools/endurance/data_set.py`, which prepares a data set by a command that is killed and resumed, on a small one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "tools" / "endurance" / "data_set.py"


def test_a_killed_command_is_resumed_and_loses_and_doubles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--files", "60", "--kills", "3"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    first, *cuts, stopped, resumed, verdict = done.stdout.splitlines()
    assert first.startswith("60 files, 6 of them broken, in one go: ")
    assert [line.split()[:4] for line in cuts] == [["cut", "off", "by", by] for by in ("SIGKILL", "SIGKILL", "SIGINT")]
    assert stopped.startswith("remotemedia: interrupted after ")
    assert stopped.endswith(
        " of 60 files; results are in ROOT/out/flac/ and ROOT/out/mel/, failures in ROOT/out/failed.jsonl, "
        "the index is ROOT/out/rows.jsonl; to continue, repeat the command with --resume"
    )
    assert " files, 6 failed, " in resumed
    assert " done before; results are in " in resumed
    assert verdict == "a row for each file, and each file as in the run that nothing cut off"
