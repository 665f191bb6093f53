"""Programs that end badly must end well: each script here in a process of its own, again and again.

`REMOTEMEDIA_REPEAT=50` repeats each 50 times. Every run must exit with its code, within its time, and print nothing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import pytest

HERE = Path(__file__).resolve().parent
REPEAT = int(os.environ.get("REMOTEMEDIA_REPEAT", "2"))
SECONDS = 120
"""How long a run may take before it counts as hanging; far more than it needs on a busy machine."""

EXIT_CODES = {
    "exit_in_the_middle": 7,
    "session_exit_in_the_middle": 7,
    "sys_exit_in_a_node": 7,
    "threads_that_send_at_exit": 7,
}
INTERRUPTED = sorted(path.stem for path in HERE.glob("ctrl_c*.py"))
OTHERS = ("work", "busy_class")
"""What the scripts share."""
SCRIPTS = sorted(
    path.stem
    for path in HERE.glob("*.py")
    if not path.stem.startswith("test_") and path.stem not in (*OTHERS, *INTERRUPTED)
)


LOST = re.compile(r"Exception ignored in: .*\n(?:Traceback .*\n(?:  .*\n)*)?KeyboardInterrupt: ?\n")
"""What Python tells of a Ctrl-C that it has lost: it ignores exceptions in callbacks of weak references and in
finalizers, of which it runs some of its own while it imports."""


def start(script: str, errors: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    # A fork in a process with threads is deprecated, and what is looked at here.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / f"{script}.py")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=HERE, preexec_fn=heed_ctrl_c)


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


def press_ctrl_c(process: subprocess.Popen[str], told: Path) -> None:
    """Presses Ctrl-C, and again where Python has `told` that it lost it."""
    lost, deadline = 0, time.monotonic() + SECONDS
    process.send_signal(signal.SIGINT)
    while process.poll() is None and time.monotonic() < deadline:
        if len(LOST.findall(told.read_text())) > lost:
            lost += 1
            process.send_signal(signal.SIGINT)
        time.sleep(0.002)


def wait_until_asleep(pid: int) -> None:
    """Waits until the main thread of a process waits for something itself."""
    deadline = time.monotonic() + SECONDS
    # The state follows the name of the program, which ends with the last bracket.
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        assert time.monotonic() < deadline, "its main thread never waits"
        time.sleep(0.001)


def is_told_by_the_asyncio_of_3_10(err: str) -> bool:
    """Until 3.11 Ctrl-C may strike within a task's step; asyncio then tells of a result that nobody fetched."""
    return (
        sys.version_info < (3, 11)
        and err.startswith("Task exception was never retrieved\n")
        and err.count("Traceback") == 1
        and err.endswith("KeyboardInterrupt\n")
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_ends_well(script: str) -> None:
    for _ in range(REPEAT):
        assert end(start(script)) == (EXIT_CODES.get(script, 0), "", "")


@pytest.mark.parametrize("script", INTERRUPTED)
@pytest.mark.parametrize("when", ["at once", "while it waits"])
def test_ctrl_c_ends_it(script: str, when: str, tmp_path: Path) -> None:
    told = tmp_path / "told"
    for _ in range(REPEAT):
        with told.open("w") as errors:
            process = start(script, errors)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if when == "while it waits":
            wait_until_asleep(process.pid)
        press_ctrl_c(process, told)
        code, out, _ = end(process)
        assert (code, out) == (130, "")
        err = LOST.sub("", told.read_text())
        assert err == "" or (script == "ctrl_c_async" and is_told_by_the_asyncio_of_3_10(err))


def test_what_python_tells_of_a_lost_ctrl_c_is_known(tmp_path: Path) -> None:
    told = tmp_path / "told"
    lose = "import os, signal, weakref\nclass Any: pass\nany = Any()\n"
    lose += "seen = weakref.ref(any, lambda _: os.kill(os.getpid(), signal.SIGINT) or [0] * 10)\ndel any\n"
    with told.open("w") as errors:
        subprocess.run([sys.executable, "-c", lose], stderr=errors, check=True, preexec_fn=heed_ctrl_c)
    assert told.read_text() != ""
    assert LOST.sub("", told.read_text()) == ""
