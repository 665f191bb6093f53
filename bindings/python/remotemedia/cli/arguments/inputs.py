"""The inputs of a command line: files, patterns, and `-` for stdin, perhaps for inputs of a graph by their names.

An `Input` keeps the name that the user typed, since messages, results and the index call it that, and opens the file
where its name can't travel as text.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..._media.file import at_home, is_utf8, opened_as
from ...errors import InvalidArgumentError
from ...media import File
from ..files.standard import read_stdin
from .parser import meant

STDIN = "-"
STDIN_PATH = "/dev/stdin"
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""The numbers of errors that tell that there is nothing under a name."""
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

    A pattern that leads nowhere raises `FileNotFoundError`, a folder `IsADirectoryError`, what can't be looked into
    another `OSError`, files that do not go together `InvalidArgumentError`.
    """
    by_name: dict[str, list[str]] = {name: [] for name in names}
    for pattern in patterns:
        name, equals, file = pattern.partition("=")
        if equals and name and name in by_name:
            by_name[name].append(file)
        elif len(by_name) == 1:
            by_name[next(iter(by_name))].append(pattern)
        else:
            near = meant(name, by_name) if equals else None
            cure = f"say which: -i {names[0]}={pattern}" if near is None else f"did you mean -i {near}={file}?"
            raise InvalidArgumentError(f"-i {pattern}: the graph has the inputs {', '.join(by_name)}; {cure}")
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
            by_number = f"/dev/fd/{file.fileno()}"
            # Without /proc numbers are no paths.
            yield [opened_as(by_number if os.path.exists(by_number) else file.read(), source.name)]


def _stdin() -> File:
    """What comes on stdin: read by the runtime as it comes where it has a path, else by us."""
    if sys.stdin is None:
        raise InvalidArgumentError("-: stdin is closed; name files")
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
    refused: OSError | None = None
    try:
        is_folder = stat.S_ISDIR(os.stat(pattern).st_mode)
    except OSError as error:
        refused = error
    else:
        if is_folder:
            cure = os.path.join(pattern, "*")
            raise IsADirectoryError(f"{pattern!r} is a folder; name its files: '{cure}'")
        yield Input(pattern, _below(pattern, os.getcwd()))
        return
    if "://" in pattern:
        raise FileNotFoundError(f"{pattern!r} is an address, and commands read files; download it, or pipe it in as -")
    if not glob.has_magic(pattern):
        if refused.errno in NOT_THERE:
            raise FileNotFoundError(f"no such file {pattern!r} in {os.getcwd()}")
        raise _unread("file", pattern, refused)
    names = re.sub("/+", "/", pattern).split("/")
    found = set(_matches(names[1:], "/") if not names[0] else _matches(names, ""))
    files = [each for each in sorted(found) if not os.path.isdir(each)]
    if not files:
        raise FileNotFoundError(f"no file matches {pattern!r} in {os.getcwd()}")
    folder = _fixed_part(pattern)
    for each in files:
        yield Input(each, _below(each, folder))


def _matches(names: Sequence[str], folder: str) -> Iterator[str]:
    """What the names of a pattern stand for that is seen from a folder, some of it perhaps twice.

    As in `FileSource`, `**` goes through no link to a folder. Raises `OSError` for what can't be looked into, which
    `glob` leaves out; what has gone in the meantime is no error.
    """
    name, behind = names[0], names[1:]
    if name == "**":
        for below in _folders(folder) if behind[:1] != ["**"] else [folder]:
            yield from _matches(behind or ["*"], below)
        return
    for each in _names_like(name, folder) if glob.has_magic(name) else [name]:
        path = os.path.join(folder, each)
        if behind and _is_there(path, os.stat, stat.S_ISDIR):
            yield from _matches(behind, path)
        # A link that leads nowhere might be a file.
        elif not behind and (each != name or _is_there(path, os.lstat)):
            yield path


def _folders(folder: str) -> Iterator[str]:
    """A folder and all below it, but those whose names begin with a dot."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        yield folder
        below = (each.name for each in _entries(folder) if each.is_dir(follow_symlinks=False))
        waiting.extend(os.path.join(folder, name) for name in below if not name.startswith("."))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as entries:
            return list(entries)
    except OSError as error:
        if error.errno in NOT_THERE:
            return []
        raise _unread("folder", folder or ".", error) from None


def _names_like(pattern: str, folder: str) -> list[str]:
    names = [each.name for each in _entries(folder) if fnmatchcase(each.name, pattern)]
    return [name for name in names if pattern.startswith(".") or not name.startswith(".")]


def _is_there(path: str, look: Callable[[str], os.stat_result], is_kind: Callable[[int], bool] = bool) -> bool:
    try:
        return is_kind(look(path).st_mode)
    except OSError as error:
        if error.errno in NOT_THERE:
            return False
        raise _unread("file" if look is os.lstat else "folder", path, error) from None


def _unread(kind: str, path: str, error: OSError) -> OSError:
    """What is said of a path that can't be looked at."""
    cure = "check its rights, or the pattern" if kind == "folder" else "check the rights of its folders"
    return type(error)(f"the {kind} {path!r} can't be read: {error.strerror}; {cure}")


def _fixed_part(pattern: str) -> str:
    """The folder in which a pattern looks: what stands before its first wildcard."""
    folder = os.path.dirname(pattern)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder or "."


def _below(path: str, folder: str) -> str:
    """The path seen from a folder; one outside of it as seen from the root."""
    seen = os.path.relpath(path, folder)
    # Names may begin with two dots.
    return os.path.abspath(path).lstrip("/") if seen.partition("/")[0] == os.pardir else seen
