"""Generates what the Java host repeats, and runs its tests.

    PYTHONPATH=bindings/python python3 -m tools.bindings.java

The files are committed; `build.py test java` reports when they are stale.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.bindings import java_abi, java_nodes
from tools.machine import BUILD, ROOT, Problem, run, say

FOLDER = ROOT / "bindings" / "java"
TABLES = ROOT / "include" / "remotemedia.abi.json"
PACKAGE = FOLDER / "src" / "main" / "java" / "org" / "remotemedia"
PYTHON_PACKAGES = ROOT / "bindings" / "python"
LIMIT_SECONDS = 300


def files(types: Mapping[str, Mapping[str, Any]] | None) -> dict[Path, str]:
    """The text of each generated file; that of node types only if the types are given."""
    tables = json.loads(TABLES.read_text("utf-8"))
    made = {
        PACKAGE / "abi" / "Abi.java": java_abi.numbers(tables),
        PACKAGE / "abi" / "Native.java": java_abi.functions(tables),
        PACKAGE / "Status.java": java_abi.statuses(tables),
    }
    if types is not None:
        made[PACKAGE / "Nodes.java"] = java_nodes.generated(types)
    return made


def stale(types: Mapping[str, Mapping[str, Any]] | None) -> list[Path]:
    """The committed files that are not what would be generated now."""
    return [path for path, text in files(types).items() if not path.exists() or path.read_text("utf-8") != text]


def check(library: Path, python: Path | str) -> None:
    """Compare the generated files, compile, and run the tests and the conformance suite with this library.

    Without a JDK of release 22 it says that it has left them out; with `CI` set that is a failure.
    """
    script = FOLDER / "make.py"
    found = subprocess.run([sys.executable, script, "jdk"], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        if os.environ.get("CI"):
            raise Problem(found.stderr.strip())
        say(f"LEFT OUT: the tests of the Java host. {found.stderr.strip()}")
        return
    run([python, "-m", "tools.bindings.java", "--check"], environment={"PYTHONPATH": str(PYTHON_PACKAGES)})
    folder = BUILD / "java"
    run([sys.executable, script, "build", folder])
    environment = {"REMOTEMEDIA_LIBRARY": str(library)}
    tests: list[str | Path] = [sys.executable, script, "run", folder]
    run([*tests, "org.remotemedia.tests.Tests"], environment=environment, limit_seconds=LIMIT_SECONDS)
    suite = ROOT / "tests" / "conformance"
    conformance = [*tests, "org.remotemedia.conformance.Conformance", suite]
    run(conformance, environment=environment, limit_seconds=LIMIT_SECONDS)


def main(words: list[str]) -> int:
    """Write the files; with `--check` report those that are stale."""
    from remotemedia._manifest.catalog import node_types

    if words == ["--check"]:
        found = stale(node_types())
        for path in found:
            print(f"{path} is stale: run `python3 build.py generate` and commit it", file=sys.stderr)
        return 1 if found else 0
    for path, text in files(node_types()).items():
        path.write_text(text, "utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
