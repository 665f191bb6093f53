"""Fills the console blocks of README and docs with what the commands in them print.

    python3 -m tools.transcript          # writes; .build/venv must be built
    python3 -m tools.transcript --check  # tells which documents are stale

A block is a session of bash in an empty folder with a copy of `examples`: each line that begins with `$ ` is typed, all
else is what came of it, errors included. What is too long is shortened by the command itself, as with `| head`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/command-line.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT = "$ "
LIMIT_SECONDS = 120


def filled(text: str) -> str:
    """A document with the blocks as they are now."""
    return BLOCK.sub(lambda block: f"```console\n{_session(block[1])}```", text)


def main() -> int:
    """Writes the documents, or checks them; returns the exit code."""
    stale = 0
    for name in DOCUMENTS:
        before = (ROOT / name).read_text("utf-8")
        after = filled(before)
        if before == after:
            continue
        stale += 1
        if "--check" in sys.argv[1:]:
            print(f"{name} is stale: python3 -m tools.transcript", file=sys.stderr)
        else:
            (ROOT / name).write_text(after, "utf-8")
            print(f"wrote {name}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


def _session(block: str) -> str:
    commands = [line.removeprefix(PROMPT) for line in block.splitlines() if line.startswith(PROMPT)]
    # A NUL ends the output of each command; the next one still sees its exit code.
    script = "".join(f"{command}\n_code=$?; printf '\\0'; (exit $_code)\n" for command in commands)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder, "examples"))
        launcher = Path(folder, ".bin", "remotemedia")
        launcher.parent.mkdir()
        launcher.write_text(f'#!/bin/sh\nexec "{_python()}" -m remotemedia "$@"\n')
        launcher.chmod(0o755)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_SECONDS,
            check=False,
            env={
                "HOME": folder,
                "LC_ALL": "C.UTF-8",
                "PATH": f"{launcher.parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT / "bindings" / "python"),
            },
        )
    outputs = done.stdout.decode("utf-8").split("\0")
    lines = [line for command, output in zip(commands, outputs, strict=False) for line in (PROMPT + command, output)]
    return "".join(f"{line.removesuffix(chr(10))}\n" for line in lines if line)


def _python() -> str:
    built = ROOT / ".build" / "venv" / "bin" / "python"
    return str(built) if built.exists() else sys.executable


if __name__ == "__main__":
    sys.exit(main())
