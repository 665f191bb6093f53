"""Programs that end badly must end well: each script here in a process of its own, again and again.

`REMOTEMEDIA_REPEAT=50` repeats each 50 times. Every run must exit with its code, within its time, and print nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REPEAT = int(os.environ.get("REMOTEMEDIA_REPEAT", "2"))
SECONDS = 120
"""How long a run may take before it counts as hanging; far more than it needs on a busy machine."""

EXIT_CODES = {"exit_in_the_middle": 7, "session_exit_in_the_middle": 7}
INTERRUPTED = sorted(path.stem for path in HERE.glob("ctrl_c*.py"))
SCRIPTS = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in ("work", "test_lifecycle", *INTERRUPTED))


def start(script: str) -> subprocess.Popen[str]:
    # A fork in a process with threads is deprecated, and what is looked at here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / f"{script}.py")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE, preexec_fn=heed_ctrl_c
    )


def heed_ctrl_c() -> None:
    # A shell lets what it runs in the background ignore Ctrl-C, and that is inherited.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it hangs; it printed {out!r} and {err!r}")
    return process.returncode, out, err


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_well(script: str) -> None:
    for _ in range(REPEAT):
        assert end(start(script)) == (EXIT_CODES.get(script, 0), "", "")


@pytest.mark.parametrize("script", INTERRUPTED)
@pytest.mark.parametrize("delay", [0.0, 0.1], ids=["at once", "later"])
def test_ctrl_c_ends_it(script: str, delay: float) -> None:
    for _ in range(REPEAT):
        process = start(script)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        assert end(process) == (130, "", "")
