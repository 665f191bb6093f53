"""The inputs of a command line: files, patterns, and `-` for stdin.

An `Input` keeps the name that the user typed, since messages, results and the index call it that, and opens the file
where its name can't travel as text.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import InvalidArgumentError
from ..media import File, at_home

STDIN = "-"
STDIN_PATH = "/dev/stdin"


class Input(NamedTuple):
    """One input. `name` is what the user called it, `relative` its path below the folder where its pattern begins.

    `name` is None for the only run of a graph that takes no input.
    """

    name: str | None
    relative: str = ""

    @property
    def path(self) -> str | None:
        """The path of the file; None for stdin and for a run without input."""
        return None if self.name in (None, STDIN) else self.name


NOTHING = Input(None)
"""The input of a graph that brings its own."""


def find_inputs(patterns: Sequence[str]) -> list[Input]:
    """The inputs that files and patterns name, each once, in their order.

    A pattern that leads nowhere raises `FileNotFoundError`, a folder `IsADirectoryError`.
    """
    found = {each.name: each for pattern in patterns for each in _inputs(pattern)}
    return list(found.values())


@contextlib.contextmanager
def opened(source: Input) -> Iterator[list[File] | None]:
    """What the runtime takes for an input: a list of its file, or None if there is none.

    A path that is not UTF-8 can't travel as text, so its file is opened here and named by its number.
    """
    if source.name is None:
        yield None
    elif source.name == STDIN:
        yield [_stdin()]
    elif is_text(source.name):
        yield [File(source.name)]
    else:
        with open(source.name, "rb", buffering=0) as file:
            yield [File(f"/dev/fd/{file.fileno()}")]


def is_text(path: str) -> bool:
    """Whether a path is UTF-8; on Unix a name may be any bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stdin() -> File:
    """What comes on stdin: read by the runtime as it comes where it has a path, else by us."""
    if sys.stdin is None:
        raise InvalidArgumentError("-i -: stdin is closed; name files")
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
        has_path = not stat.S_ISSOCK(mode) and os.path.exists(STDIN_PATH)
    except (OSError, ValueError):
        has_path = False
    return File(STDIN_PATH if has_path else sys.stdin.buffer.read())


def _inputs(pattern: str) -> Iterator[Input]:
    if pattern == STDIN:
        yield Input(STDIN, "stdin")
        return
    pattern = at_home(pattern)
    if os.path.isdir(pattern):
        cure = os.path.join(pattern, "*")
        raise IsADirectoryError(f"{pattern!r} is a folder; name its files: '{cure}'")
    if os.path.exists(pattern):
        yield Input(pattern, _below(pattern, os.getcwd()))
        return
    if not glob.has_magic(pattern):
        raise FileNotFoundError(f"no such file {pattern!r} in {os.getcwd()}")
    found = [each for each in sorted(glob.glob(pattern, recursive=True)) if not os.path.isdir(each)]
    if not found:
        raise FileNotFoundError(f"no file matches {pattern!r} in {os.getcwd()}")
    folder = _fixed_part(pattern)
    for each in found:
        yield Input(each, _below(each, folder))


def _fixed_part(pattern: str) -> str:
    """The folder in which a pattern looks: what stands before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def _below(path: str, folder: str) -> str:
    """The path seen from a folder; one outside of it as seen from the root."""
    seen = os.path.relpath(path, folder)
    return os.path.abspath(path).lstrip("/") if seen.startswith("..") else seen
