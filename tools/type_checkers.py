"""What mypy and pyright say of the package, of code that uses it and the README, and of mistakes that they must see."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path

from tools.machine import ROOT, Problem, run

FOLDER = ROOT / "tests" / "typing"
USER_CODE, MISTAKES = FOLDER / "user_code.py", FOLDER / "mistakes.py"


def check(python: Path) -> None:
    """Raises `Problem` for the first of them that says what it should not, or does not say what it should."""
    run([python, "-m", "mypy"])
    compare("mypy", errors_of_mypy(python))
    compare("pyright", errors_of_pyright(python))
    check_programs(python)
    allowed = FOLDER / "stubtest_allowlist.txt"
    config = ["--mypy-config-file", "pyproject.toml", "--allowlist", allowed]
    run([python, "-m", "mypy.stubtest", "remotemedia", "remotemedia_runtime", *config])


def check_programs(python: Path) -> None:
    """Raises `Problem` for an example or a program of the README, people's first, that `mypy --strict` refuses."""
    # Functions without annotations are what a page has room for; their bodies are checked all the same.
    strict = ["--strict", "--allow-untyped-defs", "--allow-untyped-calls"]
    run([python, "-m", "mypy", *strict, *sorted((ROOT / "examples").glob("*.py"))])
    programs = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        for number, program in enumerate(programs, 1):
            file = Path(folder, f"readme_{number}.py")
            file.write_text(program, "utf-8")
            run([python, "-m", "mypy", *strict, file])


def compare(checker: str, errors: dict[str, dict[int, str]]) -> None:
    """Compares the errors of a checker, by file and line, with those that there should be."""
    lines = MISTAKES.read_text("utf-8").splitlines()
    wanted = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    found = errors.get(MISTAKES.name, {})
    complaints = [
        f"{file}:{number}: {message}"
        for file, each in errors.items()
        for number, message in each.items()
        if file != MISTAKES.name or number not in wanted
    ]
    complaints += [f"{MISTAKES.name}:{number}: this is no error" for number in sorted(wanted - found.keys())]
    if complaints:
        listed = "".join(f"\n  {complaint}" for complaint in complaints)
        raise Problem(f"{checker} says of tests/typing:{listed}")
    print(f"{checker}: user_code.py is right, {len(wanted)} of {len(wanted)} mistakes are seen")


def errors_of_mypy(python: Path) -> dict[str, dict[int, str]]:
    """The first error of each line, by file."""
    printed = _output([python, "-m", "mypy", "--strict", USER_CODE, MISTAKES], "mypy")
    found: dict[str, dict[int, str]] = {}
    for file, line, message in re.findall(r"^(.*?):(\d+): error: (.*)$", printed, re.MULTILINE):
        found.setdefault(Path(file).name, {}).setdefault(int(line), message)
    return found


def errors_of_pyright(python: Path) -> dict[str, dict[int, str]]:
    """The first error or warning of each line, by file."""
    words = [python, "-m", "basedpyright", "--project", FOLDER, "--pythonpath", python, "--outputjson"]
    found: dict[str, dict[int, str]] = {}
    for each in json.loads(_output(words, "pyright"))["generalDiagnostics"]:
        line = each.get("range", {"start": {"line": -1}})["start"]["line"] + 1
        found.setdefault(Path(each["file"]).name, {}).setdefault(line, each["message"])
    return found


def _output(words: list[str | Path], checker: str) -> str:
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=False)
    # 1 is for what was found, others and stderr for a checker that did not get to work.
    if done.returncode not in (0, 1) or not done.stdout:
        raise Problem(f"{checker} could not check tests/typing: {done.stdout}{done.stderr}")
    return done.stdout
