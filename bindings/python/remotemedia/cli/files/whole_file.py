"""Files of results: written in one piece beside their place, or straight into a pipe, a device or an open file.

The nodes that write files do the same natively.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import itertools
import os
import stat
import time
from collections.abc import Iterator
from typing import IO, Any

from .disk import sync_name, sync_open
from .leftovers import hold, is_at
from .outlet import Outlet

READER_PATIENCE = 2.0
"""Seconds that a pipe waits for its reader, which a shell may start at the same time."""
MOST_LINKS = 40
OWN = ("/dev/fd", "/proc/self/fd")
"""The folders of what this process has open."""
FULL = (errno.ENOSPC, errno.EDQUOT)
COUNT = itertools.count()
MOST_PARTS = 10_000
"""More than any killed process of the same number will have left."""


def write_whole(path: str, data: Any) -> None:
    """Writes a file that appears when it is whole, in place of an earlier one."""
    with whole(path) as file:
        file.write(data)


def is_full(error: BaseException, *, shared: bool = False) -> bool:
    """Whether a disk or a quota is full, so that no other file will fit either.

    Of a file that is `shared` by what comes next also whether it is as large as it may be, where another may have room.
    """
    if isinstance(error, OSError):
        return error.errno in FULL or (shared and error.errno == errno.EFBIG)
    # The runtime reports it by its text.
    return any(f"{word} {number}" in str(error) for number in FULL for word in ("os error", "Errno"))


def is_device(mode: int) -> bool:
    """Whether it is the mode of a pipe or a device, which are written into as they are."""
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def leads_to_device(path: str) -> bool:
    """Whether a name leads to a pipe or a device."""
    try:
        return is_device(os.stat(path).st_mode)
    except OSError:
        return False


def is_written_into(path: str) -> bool:
    """Whether what a name leads to is written into as it is: a pipe, a device, or what a process has open."""
    return _place(path)[1] or leads_to_device(path)


def make_folder_of(path: str) -> None:
    """Makes the folder in which a file will be, which is that of its target if it is a link."""
    os.makedirs(os.path.dirname(os.path.realpath(path)), exist_ok=True)


@contextlib.contextmanager
def whole(path: str, *, synced: bool = False) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name at the end; if an exception ends the block, nothing is left.

    One that is `synced` outlives a power cut: it is on its disk before it gets its name, and then so is the name.
    It has the mode of the one that it replaces, and replaces what a link leads to. Pipes and devices are written into
    as they are, and so is what `/dev/stdout` stands for.
    """
    place, is_open = _place(path)
    there = _status(place)
    if is_open or (there is not None and is_device(there.st_mode)):
        with io.BufferedWriter(_opened(place, path)) as opened:
            yield opened
        return
    if there is not None and not stat.S_ISREG(there.st_mode):
        kind = "a folder" if stat.S_ISDIR(there.st_mode) else "no file that can be replaced"
        raise OSError(errno.EINVAL, f"this is {kind}", path)
    folder, name = os.path.split(place)
    # With what is added it is no longer than a name may be.
    beginning = os.fsdecode(os.fsencode(name)[:64])
    beginning = os.path.join(folder, f".{beginning}.{os.getpid()}-")
    held = temporary = None
    try:
        make_folder_of(place)
        file, temporary = _created(beginning, there, path)
        # Until it has its name it is locked, although it is closed before, which may tell what did not fit.
        held = os.dup(file.fileno())
        try:
            yield file
            file.flush()
            if synced:
                sync_open(file.fileno(), path)
        except BaseException:
            # What has not left its buffer goes nowhere, and need not fit the disk.
            with contextlib.suppress(OSError):
                file.close()
            raise
        file.close()
        os.replace(temporary, place)
        if synced:
            sync_name(place)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError) and str(error.filename).startswith(beginning):
            # The user did not choose that name.
            raise OSError(error.errno, error.strerror, path) from None
        raise
    finally:
        if held is not None:
            os.close(held)


class GrowingFile:
    """A file to which whole rows are added, each of them there once it is. With `anew` an earlier one is emptied.

    Pipes and devices are written into as they are, and so is what `/dev/stderr` stands for. A `number` is that of the
    file where it is open already.
    """

    def __init__(self, path: str, *, anew: bool = False, number: int | None = None) -> None:
        self.path = path
        self.is_file = number is not None or not is_written_into(path)
        """Whether it is a file of its own, which can be read again."""
        if number is not None:
            fcntl.fcntl(number, fcntl.F_SETFL, fcntl.fcntl(number, fcntl.F_GETFL) | os.O_APPEND)
            self._outlet = Outlet(number, path)
        elif self.is_file:
            make_folder_of(path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if anew else 0)
            self._outlet = Outlet(os.open(path, flags, 0o666), path)
        else:
            self._outlet = _opened(_place(path)[0], path)

    def append(self, data: bytes) -> None:
        """Adds rows. If they can't all be written, none of them is, but for what a pipe has taken."""
        size = os.fstat(self.fileno()).st_size
        try:
            self._outlet.write_all(data)
        except OSError:
            if self.is_file:
                os.ftruncate(self.fileno(), size)
            raise

    def fileno(self) -> int:
        """The number under which it is open."""
        return self._outlet.fileno()

    def close(self) -> None:
        """Closes the file."""
        self._outlet.close()


def _place(path: str) -> tuple[str, bool]:
    """Where a path leads to, links followed, and whether that is a file that a process has open."""
    place = path
    for _ in range(MOST_LINKS):
        folder = os.path.dirname(place)
        if folder == "/dev/fd" or (folder.startswith("/proc/") and folder.endswith("/fd")):
            return place, True
        try:
            place = os.path.join(folder, os.readlink(place))
        except OSError:
            return place, False
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _opened(place: str, path: str) -> Outlet:
    """What is open already, or a pipe or a device, which is opened once it has a reader. Errors have the path."""
    folder, name = os.path.split(place)
    if folder in OWN and name.isdecimal():
        try:
            # As others write into it, it has to be the same place in the file.
            return Outlet(os.dup(int(name)), path)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from None
    until = time.monotonic() + READER_PATIENCE
    while True:
        try:
            number = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= until:
                raise OSError(error.errno, "nobody reads this pipe; start its reader first", path) from None
            time.sleep(0.01)
            continue
        os.set_blocking(number, True)
        return Outlet(number, path)


def _created(beginning: str, replaced: os.stat_result | None, title: str) -> tuple[IO[bytes], str]:
    """A new file, locked while it is open, with its name. Nobody may read it who may not read what it replaces.

    Errors of writing call it by its `title`.
    """
    for _ in range(MOST_PARTS):
        path = f"{beginning}{next(COUNT)}.part"
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if replaced is None else 0o600)
        except FileExistsError:
            # A process of the same number, which in containers is often 1, is there or has left it.
            continue
        if hold(number, path):
            break
        # It was taken for a leftover before it was locked, and is being removed, or its file system locks nothing.
        with contextlib.suppress(OSError):
            if is_at(number, path):
                os.unlink(path)
        os.close(number)
    else:
        reason = "no new file beside it can be made and locked; remove hidden .part files there, or use a local disk"
        raise OSError(errno.EAGAIN, reason, path)
    if replaced is None:
        return io.BufferedWriter(Outlet(number, title)), path
    made = os.fstat(number)
    with contextlib.suppress(OSError):
        if (made.st_uid, made.st_gid) != (replaced.st_uid, replaced.st_gid):
            os.fchown(number, replaced.st_uid, replaced.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(number, stat.S_IMODE(replaced.st_mode) & 0o777)
    return io.BufferedWriter(Outlet(number, title)), path
