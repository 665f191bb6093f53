"""The inputs of a command line: files, patterns, and `-` for stdin, perhaps for inputs of a graph by their names.

An `Input` keeps the name that the user typed, since messages, results and the index call it that, and opens the file
where its name can't travel as text.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .._media.file import at_home, is_utf8
from ..errors import InvalidArgumentError
from ..media import File
from .standard import read_stdin

STDIN = "-"
STDIN_PATH = "/dev/stdin"
Key = str | tuple[str | None, ...] | None
"""What tells an input from the others of its command."""


class Input(NamedTuple):
    """One input. `name` is what the user called it, `relative` its path below the folder where its pattern begins.

    `name` is None for the only run of a graph that takes no input.
    """

    name: str | None
    relative: str = ""
    beside: tuple[tuple[str, Input], ...] = ()
    """Of a graph with several inputs: the file of each by its name. The first one is this file itself."""

    @property
    def path(self) -> str | None:
        """The path of the file; None for stdin and for a run without input."""
        return None if self.name in (None, STDIN) else self.name

    @property
    def key(self) -> Key:
        """By what it is known: its name, or the names of all files that go in together."""
        return tuple(each.name for _, each in self.beside) if self.beside else self.name

    @property
    def title(self) -> str | None:
        """What people call it."""
        return title(each.name for _, each in self.beside) if self.beside else self.name

    @property
    def names(self) -> dict[str, Any]:
        """What rows call it: `input`, and `inputs` with the files that go in together, by the names of the graph."""
        inputs = {name: each.name for name, each in self.beside}
        return {"input": self.name} | ({"inputs": inputs} if inputs else {})


NOTHING = Input(None)
"""The input of a graph that brings its own."""


def find_inputs(patterns: Sequence[str], names: Sequence[str] = ("",)) -> list[Input]:
    """The inputs that files and patterns name, each once, in their order.

    `names` are those of the inputs of the graph. Where there are several, each file is for one of them: `mic=a.wav`;
    the first ones of all go in together, then the second ones.

    A pattern that leads nowhere raises `FileNotFoundError`, a folder `IsADirectoryError`, files that do not go together
    `InvalidArgumentError`.
    """
    by_name: dict[str, list[str]] = {name: [] for name in names}
    for pattern in patterns:
        name, equals, file = pattern.partition("=")
        if equals and name and name in by_name:
            by_name[name].append(file)
        elif len(by_name) == 1:
            by_name[next(iter(by_name))].append(pattern)
        else:
            raise InvalidArgumentError(
                f"-i {pattern}: the graph has several inputs; say which: -i {next(iter(by_name), '')}={pattern}"
            )
    if len(by_name) < 2:
        found = {each.name: each for given in by_name.values() for pattern in given for each in _inputs(pattern)}
        return list(found.values())
    return _together({name: [each for file in given for each in _inputs(file)] for name, given in by_name.items()})


def _together(found: dict[str, list[Input]]) -> list[Input]:
    """One input for each file of the first name, with the files of the other names beside it."""
    if not any(found.values()):
        return []
    first, *others = found
    for name in found:
        if not found[name]:
            raise InvalidArgumentError(f"there is no file for the input {name!r}: -i {name}=FILE")
    for name in others:
        if len(found[name]) != len(found[first]):
            counts = " and ".join(f"{len(found[each])} for {each!r}" for each in (first, name))
            raise InvalidArgumentError(f"-i: the files go in together, one for each input, and there are {counts}")
    if sum(each.name == STDIN for files in found.values() for each in files) > 1:
        raise InvalidArgumentError("-i: stdin can be one input only")
    rows = zip(*found.values(), strict=True)
    together = [row[0]._replace(beside=tuple(zip(found, row, strict=True))) for row in rows]
    return list({each.key: each for each in together}.values())


def title(names: Iterable[str | None]) -> str:
    """What people call files that go in together."""
    return " with ".join(dict.fromkeys(map(str, names)))


def marked(source: Input) -> str:
    """The path of a file with `/./` where the folder ends in which its pattern begins, as a `FileSink` looks for it.

    A file that was named itself is seen from the current folder already.
    """
    path = source.path or ""
    folder = path.removesuffix(f"/{source.relative}")
    # Dots that somebody typed are no mark.
    return _undotted(path) if folder == path else f"{_undotted(folder)}/./{source.relative}"


def _undotted(path: str) -> str:
    return re.sub(r"/(\./)+", "/", path)


@contextlib.contextmanager
def opened(source: Input, *, marks: bool = False) -> Iterator[list[File] | dict[str, list[File]] | None]:
    """What the runtime takes for an input: a list of its file, such a list for each name, or None if there is none.

    A path that is not UTF-8 can't travel as text, so its file is opened here and named by its number. With `marks` a
    path tells where its pattern begins.
    """
    if source.beside:
        with contextlib.ExitStack() as stack:
            found = {name: stack.enter_context(opened_file(each, marks=marks)) for name, each in source.beside}
            yield {name: files or [] for name, files in found.items()}
        return
    with opened_file(source, marks=marks) as files:
        yield files


@contextlib.contextmanager
def opened_file(source: Input, *, marks: bool = False) -> Iterator[list[File] | None]:
    """A list of the file of an input alone, or None if there is none."""
    if source.name is None:
        yield None
    elif source.name == STDIN:
        yield [_stdin()]
    elif is_utf8(source.name):
        yield [File(marked(source) if marks else source.name)]
    else:
        with open(source.name, "rb", buffering=0) as file:
            yield [File(f"/dev/fd/{file.fileno()}")]


def _stdin() -> File:
    """What comes on stdin: read by the runtime as it comes where it has a path, else by us."""
    if sys.stdin is None:
        raise InvalidArgumentError("-i -: stdin is closed; name files")
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
        has_path = not stat.S_ISSOCK(mode) and os.path.exists(STDIN_PATH)
    except (OSError, ValueError):
        has_path = False
    return File(STDIN_PATH if has_path else read_stdin())


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
    if "://" in pattern:
        raise FileNotFoundError(f"{pattern!r} is an address, and commands read files; download it, or pipe it in as -")
    if not glob.has_magic(pattern):
        raise FileNotFoundError(f"no such file {pattern!r} in {os.getcwd()}")
    found = [each for each in sorted(set(_matches(re.sub("/+", "/", pattern)))) if not os.path.isdir(each)]
    if not found:
        raise FileNotFoundError(f"no file matches {pattern!r} in {os.getcwd()}")
    folder = _fixed_part(pattern)
    for each in found:
        yield Input(each, _below(each, folder))


def _matches(pattern: str, folder: str = "") -> Iterator[str]:
    """What a pattern stands for that is seen from a folder, some of it perhaps twice.

    As in `FileSource`, `**` goes through no link to a folder; that of `glob` does, and in circles.
    """
    before, stars, behind = f"/{pattern}".partition("/**/")
    if not stars and before.endswith("/**"):
        before, stars, behind = before.removesuffix("/**"), "/**/", "*"
    if not stars:
        yield from (os.path.join(folder, name) for name in glob.glob(pattern, root_dir=folder or None))
        return
    for name in glob.glob(f"{before[1:]}/", root_dir=folder or None) if before else [""]:
        for below in _folders(os.path.join(folder, name)):
            yield from _matches(behind, below)


def _folders(folder: str) -> Iterator[str]:
    """A folder and all below it, but those whose names begin with a dot."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        yield folder
        with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting.extend(os.path.join(folder, name) for name in below if not name.startswith("."))


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
