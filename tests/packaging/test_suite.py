"""The runner behind `build.py test`: what it runs, what it skips, how it sums up, and that it ends what hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import last_lines, machine, suite


def fail() -> None:
    raise machine.Problem("it does not work: mend it.")


def checks(monkeypatch: pytest.MonkeyPatch, *chosen: suite.Check) -> None:
    monkeypatch.setattr(suite, "CHECKS", list(chosen))


def test_a_failure_is_told_and_the_rest_still_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    first, second = suite.Check("first", "fails", fail), suite.Check("second", "works", lambda: ran.append("second"))
    checks(monkeypatch, first, second)
    assert suite.main([]) == 1
    printed = capsys.readouterr()
    assert ran == ["second"]
    assert "build.py: it does not work: mend it.\n" in printed.err
    lines = printed.out.splitlines()
    assert lines[-4].startswith("FAILED ")
    assert lines[-4].endswith(" s  first: fails")
    assert lines[-3].startswith("passed ")
    assert lines[-1] == "checks: 1 passed, 1 failed"


SUITE_THAT_FAILS = """
import subprocess, sys
from tools import suite
from tools.machine import Problem

def fail():
    print("printed before")
    subprocess.run(["sh", "-c", "for i in $(seq 1 100); do echo line $i; done; printf 'no end' >&2"], check=True)
    # What is left running does not hold the summary up, and is not waited for.
    left.append(subprocess.Popen(["sleep", "600"]))
    raise Problem("it does not work: mend it.")

left = []
suite.CHECKS[:] = [suite.Check("first", "fails", fail), suite.Check("second", "works", lambda: print("much more"))]
code = suite.main([])
left[0].kill()
left[0].wait()
sys.exit(code)
"""


def test_the_last_lines_of_a_failure_stand_at_the_end_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SUITE_THAT_FAILS],
        cwd=machine.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    # Once as they came, in their order, and all of them.
    assert done.stdout.count("line 1\n") == 1
    assert done.stdout.index("printed before") < done.stdout.index("line 1\n") < done.stdout.index("line 100\n")
    assert done.stderr == "no endbuild.py: it does not work: mend it.\n"
    summary = done.stdout[done.stdout.index("=== summary") :]
    _, _, shown = summary.partition("--- first failed; its last lines:\n")
    lines = shown.splitlines()[: last_lines.COUNT]
    assert sorted(lines) == sorted(
        ["no endbuild.py: it does not work: mend it.", *(f"line {n}" for n in range(102 - last_lines.COUNT, 101))]
    )
    assert shown.splitlines()[last_lines.COUNT :][-1] == "checks: 1 passed, 1 failed"
    assert "second failed" not in summary


SUITE_THAT_PRINTS = """
import subprocess, sys
from tools import suite

def prints():
    subprocess.run([sys.executable, "-c", "for number in range(200_000): print('line', number)"], check=True)

suite.CHECKS[:] = [suite.Check("first", "prints", prints)]
suite.main([])
"""


def test_checks_end_where_nobody_reads_what_they_print(tmp_path: Path) -> None:
    words = [sys.executable, "-c", SUITE_THAT_PRINTS]
    told = tmp_path / "told"
    with (
        told.open("wb") as file,
        subprocess.Popen(words, cwd=machine.ROOT, stdout=subprocess.PIPE, stderr=file, bufsize=0) as started,
    ):
        assert started.stdout is not None
        # What is left is more than a pipe holds.
        while started.stdout.readline() != b"line 0\n":
            pass
        started.stdout.close()
        try:
            assert started.wait(60) != 0
        finally:
            started.kill()
    assert "BrokenPipeError" in told.read_text("utf-8")


def test_without_the_build_what_needs_it_is_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needy = suite.Check("needy", "needs the build", lambda: pytest.fail("it ran"), needs_build=True)
    checks(monkeypatch, suite.Check("build", "fails", fail), needy)
    assert suite.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "checks: 0 passed, 1 failed, 1 skipped"


def test_a_check_that_needs_the_build_brings_it_along(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    build = suite.Check("build", "builds", lambda: ran.append("build"))
    needy = suite.Check("needy", "needs it", lambda: ran.append("needy"), needs_build=True)
    other = suite.Check("other", "does not", lambda: ran.append("other"))
    checks(monkeypatch, build, other, needy)
    assert suite.main(["needy", "other"]) == 0
    assert ran == ["other", "build", "needy"]


def test_every_check_runs_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    checks(monkeypatch, *(suite.Check(name, "runs", lambda name=name: ran.append(name)) for name in ("one", "two")))
    assert suite.main([]) == 0
    assert ran == ["one", "two"]


def test_a_program_over_its_limit_is_ended() -> None:
    with pytest.raises(machine.Problem) as caught:
        machine.run(["sleep", "600"], limit_seconds=1)
    assert str(caught.value) == "`sleep 600` was still running after 1 s and was ended."


def test_how_a_program_failed_is_told() -> None:
    with pytest.raises(machine.Problem) as caught:
        machine.run([sys.executable, "-c", "raise SystemExit(7)"])
    assert str(caught.value).endswith("` failed: exit code 7.")
    with pytest.raises(machine.Problem) as caught:
        machine.run(["sh", "-c", "kill -9 $$"])
    assert str(caught.value) == "`sh -c kill -9 $$` failed: ended by SIGKILL."
