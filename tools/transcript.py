"""Fills the console blocks of README and docs with what the commands in them print.

    python3 -m tools.transcript          # writes; .build/venv must be built
    python3 -m tools.transcript --check  # names the documents that are stale

A block is a session of bash in an empty folder with a copy of `examples`. Each line that begins with `$ ` is typed,
and so are the lines `> ` behind it that continue a command after a backslash. All else is what was printed, errors
included. Lines longer than 80 columns are folded, their rest indented. What is too long is shortened by the command
itself, as with `| head`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("README.md", "docs/command-line.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMPT, CONTINUATION = "$ ", "> "
COLUMNS = 80
INDENT = "    "
LIMIT_SECONDS = 120


def filled(text: str) -> str:
    """A document with the blocks as they are now."""
    return BLOCK.sub(lambda block: f"```console\n{_session(block[1])}```", text)


def main(words: Sequence[str] | None = None) -> int:
    """Writes the documents, or checks them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.transcript", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="name the documents that are stale, and write nothing")
    chosen = parser.parse_args(words)
    failed = _failure()
    if failed is not None:
        print(f"tools.transcript: remotemedia does not run here: {failed}", file=sys.stderr)
        return 1
    stale = 0
    for name in DOCUMENTS:
        before = (ROOT / name).read_text("utf-8")
        after = filled(before)
        if before == after:
            continue
        stale += 1
        if chosen.check:
            print(f"{name} is stale: python3 -m tools.transcript", file=sys.stderr)
        else:
            (ROOT / name).write_text(after, "utf-8")
            print(f"wrote {name}")
    return 1 if stale and chosen.check else 0


def _failure() -> str | None:
    """What keeps the package from running, which would stand in the documents; None if nothing does."""
    done = subprocess.run(
        [_python(), "-m", "remotemedia", "version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **_package()},
    )
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def _session(block: str) -> str:
    typed = _typed(block)
    commands = ["\n".join(line[len(PROMPT) :] for line in lines) for lines in typed]
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
                **_package(),
            },
        )
    outputs = done.stdout.decode("utf-8").split("\0")
    return "".join(
        f"{line}\n"
        for command, output in zip(typed, outputs, strict=False)
        for line in (*command, *itertools.chain.from_iterable(map(_folded, output.splitlines())))
    )


def _typed(block: str) -> list[list[str]]:
    """The commands of a block, each with the lines that continue it."""
    commands: list[list[str]] = []
    is_continued = False
    for line in block.splitlines():
        if line.startswith(PROMPT):
            commands.append([line])
        elif is_continued and line.startswith(CONTINUATION):
            commands[-1].append(line)
        else:
            continue
        is_continued = line.endswith("\\")
    return commands


def _folded(line: str) -> Iterator[str]:
    """A line in parts that fit, divided at spaces where there are any."""
    part = line
    while len(part) > COLUMNS:
        at = part.rfind(" ", len(INDENT) + 1, COLUMNS + 1)
        yield part[: at if at > 0 else COLUMNS].rstrip()
        part = INDENT + part[at + 1 if at > 0 else COLUMNS :].lstrip()
    yield part


def _package() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT / "bindings" / "python")}


def _python() -> str:
    built = ROOT / ".build" / "venv" / "bin" / "python"
    return str(built) if built.exists() else sys.executable


if __name__ == "__main__":
    sys.exit(main())
