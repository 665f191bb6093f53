"""The conformance suite: whether its vectors notice mistakes, and every host's runner on every case.

`docs/conformance.md` shows the result as a table of languages and cases: `python3 -m tools.conformance` writes it.
`python3 -m tools.conformance exits 100` ends every host's program so many times in each way, in the middle of work, and
`python3 -m tools.conformance frames 1000000` sends so many frames through a session of each.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import conformance_page, environment, native
from tools.machine import BUILD, ROOT, Problem, run, say

SUITE = ROOT / "tests" / "conformance"
FOLDER = BUILD / "hosts"
LIMIT_SECONDS = 600
EXIT_SECONDS = 60
FRAME_SECONDS = 0.005
"""What a frame may take on a busy machine: a limit for a program that hangs, and no figure."""
GROWTH_KIB = 16384
"""How much more memory may be resident towards the end of a million frames than towards their beginning: what garbage
collectors and the heap's fragments do by themselves, 11 MiB where V8 widens its heap of 4 MiB. It is what a leak of 28
bytes for each frame would take."""
GROUPS = ("vector", "refused", "unwritable", "twin", "read_twin", "refused_twin", "scenario", "digest")
TWINS = ("twin", "read_twin", "refused_twin")
"""Groups that a host may leave out: it need not use the JSON twin."""


@dataclass
class Result:
    """What one host's runner printed."""

    language: str
    cases: dict[str, tuple[str, str]] = field(default_factory=dict)
    """`ok`, `skip` or `FAIL`, and the reason."""
    digests: dict[str, str] = field(default_factory=dict)

    def problems(self, names: list[str], without: list[str]) -> list[str]:
        """What is wrong: cases that failed, and those that are missing."""
        failed = [f"{name}: {reason}" for name, (word, reason) in self.cases.items() if word == "FAIL"]
        groups = [group for group in GROUPS if group not in without and group not in TWINS]
        missing = [name for name in names if name.partition("/")[0] in groups and name not in self.cases]
        return failed + [f"{name}: the runner has no such case" for name in missing]


class Host:
    """A language with a runner: what its `conformance.json` says."""

    def __init__(self, file: Path) -> None:
        self.folder = file.parent
        self.given: dict[str, Any] = json.loads(file.read_text("utf-8"))
        self.language: str = self.given["language"]
        self.without: list[str] = self.given.get("without", [])

    def missing(self) -> list[str]:
        """The programs that it needs and that this machine lacks."""
        return [program for program in self.given["needs"] if shutil.which(program) is None]

    def build(self) -> None:
        """Builds the runner."""
        Path(self.places()["{build}"]).mkdir(parents=True, exist_ok=True)
        for command in self.given["build"]:
            run(self.words(command), cwd=self.folder, environment=self.variables(), limit_seconds=LIMIT_SECONDS)

    def words(self, command: list[str]) -> list[str]:
        """A command with its places filled in."""
        words = []
        for word in command:
            for name, place in self.places().items():
                word = word.replace(name, place)
            words.append(word)
        return words

    def places(self) -> dict[str, str]:
        """What stands for which name in braces."""
        return {
            "{build}": str(FOLDER / self.folder.name),
            "{suite}": str(SUITE),
            "{library}": str(FOLDER / "lib" / "libremotemedia.so"),
            "{libraries}": str(FOLDER / "lib"),
            "{include}": str(native.HEADER.parent),
            "{python}": str(environment.PYTHON),
        }

    def variables(self) -> dict[str, str]:
        """The environment of its programs."""
        return {**os.environ, **environment.search_path(), "REMOTEMEDIA_LIBRARY": self.places()["{library}"]}

    def conformance(self) -> Result:
        """Runs all cases."""
        done = self.output_of(self.given["conformance"])
        result = Result(self.language)
        for line in done.stdout.splitlines():
            word, _, rest = line.partition(" ")
            name, _, more = rest.partition(" ")
            if word == "digest":
                result.digests[name] = more.strip()
            elif word in ("ok", "skip", "FAIL"):
                result.cases[name.removesuffix(":")] = word, more.strip()
        has_failed = any(word == "FAIL" for word, _ in result.cases.values())
        if done.returncode != int(has_failed):
            raise Problem(f"the runner of {self.language} ended with {done.returncode}: {done.stderr[-2000:]}")
        return result

    def bench(self) -> dict[str, float]:
        """The five figures in nanoseconds."""
        done = self.output_of(self.given["bench"])
        if done.returncode != 0:
            raise Problem(f"`bench` of {self.language} ended with {done.returncode}: {done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout)
        return figures

    def frames(self, count: int) -> list[int]:
        """Sends so many frames through one session; the KiB that were resident after each tenth of them."""
        limit = LIMIT_SECONDS + count * FRAME_SECONDS
        done = self.output_of([*self.given["frames"], str(count)], limit_seconds=limit)
        if done.returncode != 0:
            raise Problem(f"`frames` of {self.language} ended with {done.returncode}: {done.stderr[-2000:]}")
        result = json.loads(done.stdout)
        if (result["sent"], result["received"]) != (count, count) or len(result["resident_kib"]) != 10:
            raise Problem(f"`frames` of {self.language} has lost something: {done.stdout.strip()}")
        if result.get("lent", 0) != 0:
            raise Problem(f"`frames` of {self.language} has not got back {result['lent']} things that it lent")
        resident: list[int] = result["resident_kib"]
        return resident

    def exits(self, count: int) -> list[str]:
        """Ends its program `count` times in each of its ways; what went wrong."""
        wrong = []
        for way, status in self.given["ways"].items():
            words = [*self.words(self.given["exits"]), way]
            for _ in range(count):
                try:
                    done = subprocess.run(
                        words,
                        cwd=self.folder,
                        env=self.variables(),
                        capture_output=True,
                        text=True,
                        timeout=EXIT_SECONDS,
                        check=False,
                    )
                except subprocess.TimeoutExpired:
                    wrong.append(f"{self.language}, {way}: it has not ended after {EXIT_SECONDS} s")
                    continue
                if done.returncode != status:
                    wrong.append(f"{self.language}, {way}: {done.returncode}, expected {status}: {done.stderr[-500:]}")
                elif status in (0, 3, 4) and done.stdout + done.stderr:
                    wrong.append(f"{self.language}, {way}: it prints {(done.stdout + done.stderr)[-500:]!r}")
        return wrong

    def output_of(
        self, command: list[str], *, limit_seconds: float = LIMIT_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs one of its programs to its end."""
        try:
            return subprocess.run(
                self.words(command),
                cwd=self.folder,
                env=self.variables(),
                capture_output=True,
                text=True,
                timeout=limit_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Problem(f"a program of {self.language} was still running after {limit_seconds:.0f} s") from None


def hosts() -> list[Host]:
    """Every host with a runner, C first, in the order of their names."""
    found = [
        Host(file) for file in (*SUITE.glob("*/conformance.json"), *(ROOT / "bindings").glob("*/conformance.json"))
    ]
    return sorted(found, key=lambda host: (host.language != "C", host.language))


def prepared(library: Path) -> Iterator[Host]:
    """The hosts whose toolchain is here, built; says which are left out. With `CI` set none may be."""
    folder = FOLDER / "lib"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("libremotemedia.so", native.SONAME):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(library)
    for host in hosts():
        missing = host.missing()
        if missing and os.environ.get("CI"):
            raise Problem(f"{host.language} needs {' and '.join(missing)} on PATH: install it, see .ci/run.")
        if missing:
            say(f"LEFT OUT: {host.language}, which needs {' and '.join(missing)} on PATH")
            continue
        say(f"building the programs of {host.language}")
        host.build()
        yield host


def results(library: Path) -> list[Result]:
    """What each runner printed; its other programs run too, in short. A failure is a `Problem`, once all have run."""
    names = case_names()
    found: list[Result] = []
    problems: list[str] = []
    for host in prepared(library):
        result = host.conformance()
        found.append(result)
        counts = [sum(word == wanted for word, _ in result.cases.values()) for wanted in ("ok", "skip", "FAIL")]
        say(f"{host.language}: {counts[0]} ok, {counts[1]} skipped, {counts[2]} failed")
        problems += [f"{host.language}: {problem}" for problem in result.problems(names, host.without)]
        problems += host.exits(1)
        host.frames(1000)
    problems += _different_digests(found)
    if problems:
        raise Problem("\n  ".join([f"{len(problems)} cases are wrong:", *problems[:100]]))
    return found


def case_names() -> list[str]:
    """The names of all cases of the suite."""
    vectors = json.loads((SUITE / "vectors.json").read_text("ascii"))
    groups = {
        "vector": "values",
        "refused": "refused",
        "unwritable": "unwritable",
        "twin": "values",
        "read_twin": "read_twins",
        "refused_twin": "refused_twins",
    }
    names = [f"{group}/{vector['name']}" for group, key in groups.items() for vector in vectors[key]]
    for group, folder in (("scenario", "scenarios"), ("digest", "digests")):
        files = (file.relative_to(SUITE / folder) for file in (SUITE / folder).rglob("*.json"))
        names += sorted(f"{group}/{file.with_suffix('').as_posix()}" for file in files)
    return names


def check() -> None:
    """The vectors are current and notice mistakes; every runner passes; the page shows what it should."""
    python = environment.ready("build", "run", "test")
    run([python, SUITE / "make_vectors.py", "--check"])
    run([python, "-m", "mutants"], cwd=SUITE)
    found = results(native.library())
    if len(found) == len(hosts()):
        conformance_page.check(found, case_names())


def write() -> None:
    """Writes the page."""
    found = results(native.library())
    if len(found) < len(hosts()):
        raise Problem("the page shows every language: install the toolchains that were left out")
    conformance_page.write(found, case_names())


def _different_digests(found: list[Result]) -> list[str]:
    problems = []
    for name in sorted({name for result in found for name in result.digests}):
        by_digest: dict[str, list[str]] = {}
        for result in found:
            if name in result.digests:
                by_digest.setdefault(result.digests[name], []).append(result.language)
        if len(by_digest) > 1:
            shown = ", ".join(f"{digest[:12]} ({' '.join(languages)})" for digest, languages in by_digest.items())
            problems.append(f"{name} is not the same in all languages: {shown}")
    return problems


def show(figures: Mapping[str, Mapping[str, float]]) -> None:
    """Prints the five figures of each language, as ratios to those of C."""
    floor = figures["C"]
    print(f"{'':10}" + "".join(f"{name:>16}" for name in floor))
    print(f"{'C':10}" + "".join(f"{value:13.0f} ns" for value in floor.values()))
    for language, its in figures.items():
        if language != "C":
            print(f"{language:10}" + "".join(f"{its[name] / value:14.1f} x" for name, value in floor.items()))


def bench() -> None:
    """Measures the five figures of every language in turns, and prints the median of three."""
    every = list(prepared(native.library()))
    runs: list[dict[str, dict[str, float]]] = []
    for _ in range(3):
        runs.append({host.language: host.bench() for host in every})
    show(
        {
            language: {name: sorted(each[language][name] for each in runs)[1] for name in its}
            for language, its in runs[0].items()
        }
    )


def exits(count: int) -> None:
    """Ends each program so many times in each way, in the middle of work."""
    wrong: list[str] = []
    for host in prepared(native.library()):
        found = host.exits(count)
        say(f"{host.language}: {count} exits in each of {len(host.given['ways'])} ways, {len(found)} wrong")
        wrong += found
    if wrong:
        raise Problem("\n  ".join([f"{len(wrong)} exits are wrong:", *wrong[:20]]))


def frames(count: int) -> None:
    """Sends so many frames through a session of each language, whose memory must stay as it is."""
    grown = []
    for host in prepared(native.library()):
        resident = host.frames(count)
        # Of three tenths each: the first one is what start-up leaves behind.
        growth = sorted(resident[7:])[1] - sorted(resident[1:4])[1]
        shown = " ".join(f"{kib / 1024:.1f}" for kib in resident)
        say(f"{host.language}: {count} frames, MiB resident after each tenth: {shown}; growth {growth / 1024:.1f}")
        if growth > GROWTH_KIB:
            grown.append(host.language)
    if grown:
        raise Problem(f"memory grows with the frames: {', '.join(grown)}")


if __name__ == "__main__":
    what = {"exits": exits, "frames": frames}
    try:
        what[sys.argv[1]](int(sys.argv[2])) if len(sys.argv) == 3 and sys.argv[1] in what else write()
    except Problem as problem:
        sys.exit(f"{problem}")
