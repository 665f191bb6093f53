"""A machine that lacks things, and the modules of `tools` on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from project import ROOT

sys.path.insert(0, str(ROOT))


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with what the system has, less cargo, rustc and the C compilers."""
    missing = ("cargo", "rustc", "rustup", "cc", "gcc", "clang", "c++", "g++")
    folder = tmp_path / "bin"
    folder.mkdir()
    for source in (Path("/bin"), Path("/usr/bin")):
        for program in source.iterdir():
            target = folder / program.name
            if program.name not in missing and not target.is_symlink():
                target.symlink_to(program)
    return folder
