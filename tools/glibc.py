"""Which glibc the native files need: the number in the wheel's tag."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tools import machine

# What every Linux with glibc has; of them, PEP 600 lets a wheel use any symbol that the stated glibc came with.
EVERYWHERE = re.compile(r"(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|lib(dl|pthread|rt)\.so\.\d|ld-linux.*\.so\.\d)$")


def oldest_for(files: Sequence[Path]) -> tuple[int, int] | None:
    """The oldest version of glibc that has all that the files need.

    None if they need a library that is neither among them nor everywhere, or if nothing here can tell.
    """
    if shutil.which("readelf") is None:
        return None
    own = {file.name for file in files}
    versions = {(2, 5)}
    for file in files:
        report = machine.output_of(["readelf", "--dynamic", "--version-info", "--wide", file])
        needed = re.findall(r"\(NEEDED\).*\[(.+)\]", report)
        if not all(name in own or EVERYWHERE.match(name) for name in needed):
            return None
        versions |= {(int(major), int(minor)) for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", report)}
    return max(versions)
