"""What outlives a power cut: contents of files that were synced, and their names once their folders were.

A system may write both minutes later otherwise, and names before contents: then a file is there, and empty.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable

UNKNOWN = (errno.EINVAL, errno.ENOTSUP)
"""What a file gives that is on no disk, and a file system that can't."""


class Disk:
    """Syncs files and their folders; with a folder that it has not seen yet those above, which may be new as well."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def sync(self, paths: Iterable[str]) -> None:
        """Returns once these files are on their disks, contents and names. Devices and what is gone are left out.

        Raises `OSError` for a disk that can't take them.
        """
        folders: dict[str, None] = {}
        for path in dict.fromkeys(map(os.path.realpath, paths)):
            if _sync(path, stat.S_ISREG):
                folders[os.path.dirname(path)] = None
        for folder in folders:
            _sync(folder, stat.S_ISDIR)
            while folder not in self._known:
                self._known.add(folder)
                folder = os.path.dirname(folder)
                _sync(folder, stat.S_ISDIR)


def sync_name(path: str) -> None:
    """Returns once the name of a file is on its disk, in a folder that is there already."""
    _sync(os.path.dirname(os.path.realpath(path)), stat.S_ISDIR)


def sync_open(number: int, path: str) -> None:
    """Returns once what was written into an open file is on its disk."""
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in UNKNOWN:
            raise OSError(error.errno, error.strerror, path) from None


def _sync(path: str, is_kind: Callable[[int], bool]) -> bool:
    """Syncs what is under a path, if it is of this kind and may be read."""
    try:
        if not is_kind(os.stat(path).st_mode):
            return False
        number = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    try:
        sync_open(number, path)
    finally:
        os.close(number)
    return True
