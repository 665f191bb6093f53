"""The conformance suite: its files are what its README says, and the driver notices runners that are wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from project import ROOT

from tools import conformance, conformance_page
from tools.machine import Problem

SUITE = ROOT / "tests" / "conformance"
README = (SUITE / "README.md").read_text("utf-8")
SCENARIOS = sorted((SUITE / "scenarios").rglob("*.json"))


def part_of_readme(title: str) -> str:
    """A chapter of the README, by its title."""
    return re.split(r"^#+ ", README.split(f"# {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> dict[str, str]:
    """The names and the rest of the rows of a table in the README."""
    found = (re.match(r"\| `(\w+)` \|(.*)", line) for line in part_of_readme(title).splitlines())
    return {match[1]: match[2] for match in found if match and match[1] not in ("do", "behaviour")}


VERBS = rows("Steps that act") | rows("Steps that compare")
BEHAVIOURS = rows("Nodes of the host")
FEATURES = set(re.findall(r"\w+", part_of_readme("Features")))


def test_a_mistake_that_no_vector_notices_is_reported() -> None:
    program = "from mutants import __main__ as m; m.WRITING = {'none': ('DEPTH = 128', 'DEPTH = 128')}; m.READING = {}"
    words = [sys.executable, "-c", f"{program}; raise SystemExit(m.main())"]
    done = subprocess.run(words, cwd=SUITE, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "none: NOT NOTICED\n1 mistakes, 0 noticed\n"


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda file: file.relative_to(SUITE / "scenarios").as_posix())
def test_a_scenario_says_only_what_the_readme_describes(file: Path) -> None:
    scenario = json.loads(file.read_text("ascii"))
    assert list(scenario) == ["schema", "version", "summary", "needs", "steps"]
    assert (scenario["schema"], scenario["version"]) == ("remotemedia.scenario", 1)
    assert scenario["summary"].endswith(".")
    assert set(scenario["needs"]) <= FEATURES
    for step in scenario["steps"]:
        described = VERBS[step["do"]]
        for name in step.keys() - {"do"}:
            assert f"`{name}`" in described, f"{step['do']} has no field {name}"
        for options in step.get("host_nodes", {}).values():
            assert options["behaviour"] in BEHAVIOURS
        assert needs_of(step) <= {*scenario["needs"], "live"}


def needs_of(step: dict[str, Any]) -> set[str]:
    """The features that a step needs by itself."""
    named = {
        "lend": "loans",
        "expect_memory": "loans",
        "expect_same_memory": "same_memory",
        "runtime": "runtimes",
        "shutdown": "shutdown",
        "expect_batches": "host_batch",
        "expect_closed": "host_stream",
    }
    needs = {named[step["do"]]} if step["do"] in named else set()
    if "host_nodes" in step:
        needs.add("host_nodes")
        behaviours = {options["behaviour"] for options in step["host_nodes"].values()}
        own = {"stream": "host_stream", "ends": "host_ends", "route": "host_ports", "merge": "host_ports"}
        needs |= {own[behaviour] for behaviour in behaviours if behaviour in own}
    if "taken" in step:
        needs.add("try_send")
    if "at" in step.get("control", {}):
        needs.add("interrupt_part")
    if step["do"] == "describe":
        needs |= {
            {"pipeline": "plan", "session": "metrics", "work": "progress"}[name] for name in step.keys() - {"do", "has"}
        }
    return needs


def test_every_verb_and_behaviour_is_used() -> None:
    steps = [step for file in SCENARIOS for step in json.loads(file.read_text("ascii"))["steps"]]
    assert {step["do"] for step in steps} == set(VERBS)
    used = {options["behaviour"] for step in steps for options in step.get("host_nodes", {}).values()}
    assert used == set(BEHAVIOURS)


def test_names_of_cases_are_unique() -> None:
    names = conformance.case_names()
    assert len(set(names)) == len(names)
    assert f"scenario/{SCENARIOS[0].relative_to(SUITE / 'scenarios').with_suffix('').as_posix()}" in names


# ---- the driver, with a runner of four lines


def host(folder: Path, lines: list[str], code: int = 0, **more: Any) -> Path:
    """A host whose runner prints these lines."""
    folder.mkdir()
    given = {
        "language": folder.name,
        "needs": [],
        "build": [],
        "conformance": [sys.executable, "-c", f"print({chr(10).join(lines)!r}); raise SystemExit({code})"],
        "frames": [sys.executable, "-c", frames_program(list(range(10)))],
        "exits": [sys.executable, "-c", "raise SystemExit({'exit': 3}[__import__('sys').argv[1]])"],
        "ways": {"exit": 3},
        **more,
    }
    file = folder / "conformance.json"
    file.write_text(json.dumps(given), "utf-8")
    return file


def frames_program(resident: list[int], lost: int = 0, lent: int = 0) -> str:
    """A program in Python that prints what `frames` prints."""
    sent = "int(__import__('sys').argv[1])"
    result = f"dict(sent={sent}, received={sent} - {lost}, resident_kib={resident}, lent={lent})"
    return f"print(__import__('json').dumps({result}))"


def run_hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *files: Path) -> list[conformance.Result]:
    """What the driver finds with these hosts and two cases."""
    monkeypatch.setattr(conformance, "FOLDER", tmp_path / "hosts")
    monkeypatch.setattr(conformance, "hosts", lambda: [conformance.Host(file) for file in files])
    monkeypatch.setattr(conformance, "case_names", lambda: ["vector/a", "digest/b"])
    monkeypatch.delenv("CI", raising=False)
    return conformance.results(tmp_path / "libremotemedia.so")


GOOD = ["ok vector/a", "digest digest/b 12ab", "ok digest/b"]


def test_results_and_their_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = host(tmp_path / "one", GOOD)
    two = host(tmp_path / "two", ["skip vector/a: it has no such value", *GOOD[1:]])
    found = run_hosts(monkeypatch, tmp_path, one, two)
    page = conformance_page.page(found, ["vector/a", "digest/b"])
    assert "| documents that are read and written (1) | 1 | 0; skipped 1 |" in page
    assert "| `b` | ok | ok |" in page
    assert page.endswith("1. two: it has no such value\n")


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (["FAIL vector/a: expected 1, got 2", *GOOD[1:]], 1, "bad: vector/a: expected 1, got 2"),
        (GOOD[1:], 0, "bad: vector/a: the runner has no such case"),
        ([*GOOD[:1], "digest digest/b 99", "ok digest/b"], 0, "digest/b is not the same in all languages"),
        (GOOD, 3, "the runner of bad ended with 3"),
        (["FAIL vector/a: x", *GOOD[1:]], 0, "the runner of bad ended with 0"),
    ],
)
def test_a_runner_that_is_wrong_is_a_problem(
    lines: list[str], code: int, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = host(tmp_path / "good", GOOD), host(tmp_path / "bad", lines, code)
    with pytest.raises(Problem, match=re.escape(message)):
        run_hosts(monkeypatch, tmp_path, *files)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ways": {"exit": 4}}, "bad, exit: 3, expected 4"),
        ({"exits": [sys.executable, "-c", "print('late'); raise SystemExit(3)"]}, "bad, exit: it prints 'late"),
        (
            {"frames": [sys.executable, "-c", frames_program(list(range(10)), lost=1)]},
            "`frames` of bad has lost something",
        ),
        ({"frames": [sys.executable, "-c", frames_program([])]}, "`frames` of bad has lost something"),
        ({"frames": [sys.executable, "-c", "raise SystemExit(2)"]}, "`frames` of bad ended with 2"),
        ({"frames": [sys.executable, "-c", frames_program(list(range(10)), lent=3)]}, "has not got back 3 things"),
    ],
)
def test_exits_and_frames_that_are_wrong_are_a_problem(
    given: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(Problem, match=re.escape(message)):
        run_hosts(monkeypatch, tmp_path, host(tmp_path / "bad", GOOD, **given))


def test_memory_that_grows_with_the_frames_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    start_up = [20_000, 60_000, 60_000, 61_000, 60_500, 62_000, 61_000, 60_000, 74_000, 73_000]
    leak = list(range(20_000, 50_000, 3_000))
    for resident in (start_up, leak):
        shown = [sys.executable, "-c", frames_program(resident)]
        file = host(tmp_path / f"host{resident[1]}", GOOD, frames=shown)
        monkeypatch.setattr(conformance, "hosts", lambda file=file: [conformance.Host(file)])
        monkeypatch.setattr(conformance, "FOLDER", tmp_path / "hosts")
        monkeypatch.setattr(conformance.native, "library", lambda: tmp_path / "libremotemedia.so")
        if resident is start_up:
            conformance.frames(1000)
        else:
            with pytest.raises(Problem, match="memory grows with the frames: host23000"):
                conformance.frames(1000)


def test_a_language_without_its_toolchain_is_left_out_loudly_and_with_ci_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = host(tmp_path / "rare", GOOD, needs=["no-such-program"])
    assert run_hosts(monkeypatch, tmp_path, file) == []
    assert "LEFT OUT: rare, which needs no-such-program on PATH" in capsys.readouterr().err
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Problem, match="rare needs no-such-program on PATH"):
        conformance.results(tmp_path / "libremotemedia.so")
