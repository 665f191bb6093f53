"""What a command that was killed leaves: hidden files `.NAME.PROCESS-NUMBER.part` beside the places of its results."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable

PART = re.compile(rb"\.(?P<name>.+)\.(?P<process>\d+)-\d+\.part", re.DOTALL)
LONGEST = 64
"""So many bytes of a name are in that of its part."""


def remove_parts(places: Iterable[str]) -> None:
    """Removes the parts of files that would have become `places`, or begin like one, unless their process is there.

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
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(os.fsencode(folder), part))


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
