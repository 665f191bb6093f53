"""What is true of a wheel: tag, sizes, the verdict of auditwheel, folders of this machine that it names, and whether it
works in a clean environment of each Python that is installed here.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tools import environment, machine
from tools.machine import ROOT, Problem

BUILD_WHEEL = "import sys, hatchling.build as backend; print(backend.build_wheel(sys.argv[1]))"
WHO = "import json, sys, sysconfig; print(json.dumps([sys.implementation.name, *sys.version_info[:3], \
bool(sysconfig.get_config_var('Py_GIL_DISABLED'))]))"
SMOKE = """
import asyncio, sys
import remotemedia as rm

@rm.node
def double(value: int) -> int:
    return 2 * value

async def main():
    assert len(await rm.execute(sys.argv[1], [rm.File(sys.argv[2])])) == 71
    assert await (rm.Pipeline() >> double() >> rm.nodes.Calculator(operation="add", operand=1)).run([1, 2]) == [3, 5]

assert "remotemedia_runtime" not in sys.modules
asyncio.run(main())
import remotemedia_runtime
print(rm.get_runtime_version(), rm.__file__)
"""


def make(folder: Path) -> Path:
    """Build a wheel into a folder. Hatchling is called as pip calls it, in the environment that is there."""
    python = environment.ready("build", "run", "wheel")
    return folder / machine.output_of([python, "-c", BUILD_WHEEL, folder]).splitlines()[-1]


def installed_size(wheel: Path) -> int:
    """The bytes of its files when they are unpacked, without what Python compiles."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def manylinux(wheel: Path) -> str:
    """The most general platform tag that auditwheel finds right. Raises `Problem` if it finds none."""
    python = environment.ready("test")
    report = machine.output_of([python, "-m", "auditwheel", "show", wheel])
    found = re.search(r'following platform tag:\s*"([^"]+)"', report)
    if found is None:
        raise Problem(f"auditwheel finds no platform tag for {wheel.name}:\n{report}")
    return found[1]


def foreign_paths(wheel: Path) -> list[str]:
    """What the native files say of folders that exist here: of the sources, of crates, of this Python, of homes."""
    folders = {str(ROOT), str(Path.home()), sys.prefix, sys.base_prefix}
    folders |= {os.path.abspath(os.environ[name]) for name in ("CARGO_HOME", "CARGO_TARGET_DIR") if name in os.environ}
    wanted = re.compile(
        b"|".join(rb"[\x20-\x7e]*" + re.escape(folder.encode()) + rb"[\x20-\x7e]*" for folder in folders)
    )
    with zipfile.ZipFile(wheel) as archive:
        return [
            f"{name}: {hit.decode()}"
            for name in archive.namelist()
            if ".so" in Path(name).suffixes
            for hit in wanted.findall(archive.read(name))
        ]


def pythons() -> list[tuple[str, Path]]:
    """The CPythons from 3.10 on that are installed here, each version once: its number (with `t` where there is no GIL)
    and its program, oldest first."""
    found: dict[tuple[int, ...], Path] = {}
    for program in _programs():
        done = subprocess.run([program, "-c", WHO], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            continue
        name, major, minor, micro, free_threaded = json.loads(done.stdout)
        if name == "cpython" and (major, minor) >= (3, 10):
            found.setdefault((major, minor, micro, int(free_threaded)), program)
    return [("{}.{}.{}".format(*key[:3]) + "t" * key[3], found[key]) for key in sorted(found)]


def install(wheel: Path, python: Path, folder: Path, *more: str) -> Path:
    """A new environment of a Python, with the wheel, what it needs, and `more` that pip takes; returns its Python."""
    machine.run([python, "-m", "venv", "--without-pip", folder])
    program = folder / "bin" / "python"
    pip = [environment.PYTHON, "-m", "pip", "--python", program, "--disable-pip-version-check", "--quiet"]
    machine.run([*pip, "install", wheel, *more], cwd=folder)
    return program


def packages(python: Path) -> list[str]:
    """The names of the packages that are installed in an environment."""
    pip: list[str | Path] = [environment.PYTHON, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    return sorted(entry["name"] for entry in json.loads(machine.output_of([*pip, "list", "--format", "json"])))


def smoke(python: Path, folder: Path) -> None:
    """Run a pipeline from Python and from the command line, far from the sources. Raises `Problem`."""
    inputs = [ROOT / "examples" / "speech.yaml", ROOT / "examples" / "speech.flac"]
    printed = machine.output_of([python, "-I", "-c", SMOKE, *inputs], cwd=folder)
    if printed.split() != [machine.project_version(), str(next(folder.rglob("remotemedia/__init__.py")))]:
        raise Problem(f"expected the version and the file in {folder}, got {printed}")
    machine.output_of([python.with_name("remotemedia"), "run", inputs[0], "-i", inputs[1], "--json"], cwd=folder)


def _programs() -> Iterator[Path]:
    yield Path(sys.executable)
    for minor in range(10, 20):
        for suffix in ("", "t"):
            program = shutil.which(f"python3.{minor}{suffix}")
            if program is not None:
                yield Path(program)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))
