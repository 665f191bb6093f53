"""The virtual environment in `.build/venv`: made, filled with pinned tools by need, and found again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools import machine
from tools.machine import BUILD, ROOT, Problem, run, say
from tools.stamp import Stamp, digest

FOLDER = BUILD / "venv"
PYTHON = FOLDER / "bin" / "python"

RAY = "ray[data]==2.60.0"

# What to install for which purpose. `numpy` and `hypothesis` have no single version for every Python from 3.10 on.
GROUPS = {
    "build": ["cffi==2.1.1"],
    "run": ["msgpack==1.2.4"],
    "wheel": ["editables==0.6", "hatchling==1.33.0"],
    "test": [
        "auditwheel==6.8.2",
        "cloudpickle>=3.1,<4",
        "cyclonedx-python-lib[json-validation]>=11.4,<12",
        "hypothesis>=6.168,<7",
        "import-linter==2.15",
        "ipykernel==7.4.0",
        "jsonschema==4.26.0",
        "ml_dtypes>=0.5,<1",
        "mypy==2.4.1",
        "nbclient==0.11.0",
        "numpy>=2.2,<3",
        "pandas>=2.3,<4",
        "pyarrow>=20,<27",
        "pytest==9.2.0",
        "pytest-asyncio==1.5.0",
        "ruff==0.17.6",
        "uvloop==0.23.0",
    ],
    # The libraries of remotemedia.integrations that install in seconds; tests of the others say that they are skipped.
    "integrations": ["daft==0.7.26", "datasets==5.2.0", RAY, "webdataset==1.0.2"],
    "docs": ["mkdocs==1.6.1", "mkdocs-material==9.8.1", "mkdocstrings[python]==1.0.8", "ruff==0.17.6"],
    "types": ["basedpyright==1.40.2"],
    "bench": ["pyperf==2.11.0"],
    "c": ["clang-format==21.1.8"],
    "cmake": ["cmake==4.4.4", "ninja>=1.11,<2"],
    "portable": ["cargo-zigbuild==0.24.1", "ziglang==0.17.1"],
}


def ready(*groups: str) -> Path:
    """Make the environment and install the groups, unless that is done; returns its Python."""
    _make()
    for group in groups:
        key = digest([], sys.version, GROUPS[group])
        stamp = Stamp(f"venv-{group}")
        if stamp.outputs(key) is None:
            say(f"installing into .build/venv: {' '.join(GROUPS[group])}")
            quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
            run([PYTHON, "-m", "pip", "install", *quiet, *GROUPS[group]])
            stamp.write(key, [PYTHON])
    return PYTHON


def tool(name: str, group: str) -> str:
    """A program of the machine if it is there, else the one that PyPI carries, installed into the environment."""
    found = shutil.which(name)
    if found is not None:
        return found
    ready(group)
    return str(FOLDER / "bin" / name)


def require_all() -> None:
    """Check all that a build needs, and install cmake into the environment if the machine lacks it."""
    machine.require_all()
    find_cmake()


def find_cmake() -> None:
    """Let programs that are run from here on find cmake, with which cargo builds libopus, and ninja or make."""
    machine.require_linux()
    if not machine.has_cmake():
        ready("cmake")
        os.environ["PATH"] = f"{FOLDER / 'bin'}{os.pathsep}{os.environ['PATH']}"


def search_path() -> dict[str, str]:
    """The environment variables under which programs of the virtual environment are found first."""
    return {"PATH": f"{FOLDER / 'bin'}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(FOLDER)}


def _make() -> None:
    key = digest([], sys.version, os.path.realpath(sys.executable))
    stamp = Stamp("venv")
    if stamp.outputs(key) is not None:
        return
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError:
        raise Problem(
            "this Python lacks the modules `venv` and `ensurepip`: install them "
            "(Debian, Ubuntu: `apt-get install python3-venv`)."
        ) from None
    say(f"making a virtual environment in {FOLDER.relative_to(ROOT)}")
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    venv.create(FOLDER, with_pip=True, symlinks=True)
    # The package is imported from where it is written, beside the native files that the build puts there.
    for packages in FOLDER.glob("lib/python*/site-packages"):
        (packages / "remotemedia.pth").write_text(f"{ROOT / 'bindings' / 'python'}\n", "utf-8")
    stamp.write(key, [PYTHON, FOLDER / "pyvenv.cfg"])
