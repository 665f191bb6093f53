"""What a command that was killed leaves: hidden files `.NAME.PROCESS-NUMBER.part` beside the places of its results.

Whoever writes holds a lock on its file or folder, since its number tells nothing in other containers or on other hosts.
Where a file system has no locks, the number alone has to do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterable, Iterator

PART = re.compile(rb"\.(?P<name>.+)\.(?P<process>\d+)-\d+\.part", re.DOTALL)
LONGEST = 64
"""So many bytes of a name are in that of its part."""


def remove_parts(places: Iterable[str]) -> None:
    """Removes the parts of files that would have become `places`, or begin like one, unless somebody writes them.

    It is for the beginning, when this process has none of its own.
    """
    by_folder: dict[str, set[bytes]] = {}
    for place in places:
        folder, name = os.path.split(os.path.realpath(place))
        by_folder.setdefault(folder, set()).add(_beginning(os.fsencode(name)))
    for folder, names in by_folder.items():
        try:
            parts = [each for each in os.listdir(os.fsencode(folder)) if each.endswith(b".part")]
        except OSError:
            # There is no such folder yet.
            continue
        for part in parts:
            found = PART.fullmatch(part)
            if found is None or is_running(int(found["process"])):
                continue
            if any(_numberless(found["name"]).startswith(name) for name in names):
                path = os.path.join(os.fsencode(folder), part)
                with _taken(path) as is_left, contextlib.suppress(OSError):
                    if is_left:
                        os.unlink(path)


def hold(number: int, path: str) -> bool:
    """Locks a new file or folder until it is closed. False if another process has the lock or has removed it."""
    return _is_free(number) and is_at(number, path)


def is_at(number: int, path: str) -> bool:
    """Whether what is open still has this name, which another process may have removed or given to another file."""
    try:
        return os.path.samestat(os.fstat(number), os.stat(path))
    except OSError:
        return False


def is_written(path: str, process: int) -> bool:
    """Whether a process of this number, or anyone else, writes what is there."""
    if is_running(process):
        return True
    with _taken(path) as is_left:
        return not is_left


@contextlib.contextmanager
def _taken(path: str | bytes) -> Iterator[bool]:
    """Locks what is there, for the block, and tells whether that could be: nobody writes it then."""
    number = None
    # A network share locks what is open for writing, which a folder can't be.
    for mode in (os.O_RDWR, os.O_RDONLY):
        with contextlib.suppress(OSError):
            number = os.open(path, mode | os.O_NOFOLLOW | os.O_NONBLOCK)
            break
    if number is None:
        yield False
        return
    try:
        yield _is_free(number)
    finally:
        os.close(number)


def _is_free(number: int) -> bool:
    """Locks what is open until it is closed. False if another process has the lock."""
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # The file system has no locks.
        return True
    return True


def is_running(process: int) -> bool:
    """Whether another process has this number on this machine. In containers each command may have the same one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _beginning(name: bytes) -> bytes:
    # It may have been cut off within a character.
    return _numberless(name[: LONGEST - 3])


def _numberless(name: bytes) -> bytes:
    """A name without its numbers: those of pieces, `{n}`, are not known before they are made."""
    return re.sub(rb"\d+", b"0", name)
