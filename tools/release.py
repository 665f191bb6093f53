"""What is published for one target: a wheel, and an archive for everybody else who links or loads the library.

The archive is what `cmake --install` lays down, with the static library and the licences beside it.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from tools import environment, glibc, machine, native, sbom, wheels
from tools.machine import BUILD, ROOT, Problem, say
from tools.target import VARIABLE, Target

DIST = ROOT / "dist"
LICENCES = ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "LICENSE-THIRD-PARTY"]


def make(target: Target) -> list[Path]:
    """Build the wheel and the archive of a target into `dist/`; returns both. Raises `Problem`."""
    environment.require_all()
    target.require()
    DIST.mkdir(exist_ok=True)
    return [wheel(target), archive(target)]


def wheel(target: Target) -> Path:
    """Build the wheel of a target, and check that its files run with the oldest C library that its tag names."""
    files = native.staged(environment.ready("build", "run", "wheel"), target)
    if target.libc == "gnu":
        _check_floor(files, target)
    say(f"the wheel for {target.name}")
    os.environ[VARIABLE] = target.name
    try:
        return wheels.make(DIST)
    finally:
        del os.environ[VARIABLE]


def archive(target: Target) -> Path:
    """Build the archive of a target: headers, both libraries, files of pkg-config and CMake, licences, materials."""
    name = f"remotemedia-{machine.project_version()}-{target.name}"
    folder = BUILD / "release" / target.name
    tree = folder / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    library = native.library(target)
    stripped = folder / native.SONAME
    native.copy_stripped(library, stripped, target)
    cmake = environment.tool("cmake", "cmake")
    places = [f"-DREMOTEMEDIA_LIBRARY={stripped}", f"-DCMAKE_INSTALL_PREFIX={tree}", "-DCMAKE_INSTALL_LIBDIR=lib"]
    machine.run([cmake, "-S", ROOT, "-B", folder / "cmake", "-DREMOTEMEDIA_BUILD_TESTS=OFF", *places])
    machine.run([cmake, "--install", folder / "cmake"])
    native.copy_stripped(native.static_library(target), tree / "lib" / "libremotemedia.a", target)
    for licence in LICENCES:
        shutil.copyfile(ROOT / licence, tree / licence)
    sbom.write(tree, target)
    packed = DIST / f"{name}.tar.gz"
    with tarfile.open(packed, "w:gz") as opened:
        opened.add(tree, name, filter=_without_owner)
    return packed


def _check_floor(files: list[Path], target: Target) -> None:
    oldest = glibc.oldest_for(files)
    promised = tuple(int(part) for part in target.version.split("."))
    if oldest is None or oldest > promised:
        found = "a library that is not everywhere" if oldest is None else "glibc {}.{}".format(*oldest)
        raise Problem(f"the files for {target.name} need {found}, and the tag promises glibc {target.version}.")


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
