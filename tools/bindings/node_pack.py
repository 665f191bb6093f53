"""Makes the npm package of the Node binding: JavaScript, types, and addon and library for the platform of this machine.

    PYTHONPATH=bindings/python python3 -m tools.bindings.node_pack

npm runs no scripts of packages any more, so the addon is in the package; `native/build.mjs` compiles it for others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import native
from tools.bindings import node_check
from tools.bindings.node import FOLDER
from tools.machine import BUILD, ROOT, Problem, run

STAGE = BUILD / "node-package"
PROGRAM = """
import { Pipeline, versions } from "remotemedia";
const add = { id: "add", node_type: "Calculator", params: { operation: "add", operand: 5 } };
console.log((await new Pipeline({ version: "v1", nodes: [add] }).execute([1])).values[0], versions().version);
"""


def pack(target: Path) -> Path:
    """Makes the package of what is built, and returns the file."""
    shutil.rmtree(STAGE, ignore_errors=True)
    STAGE.mkdir(parents=True)
    for folder in ("dist", "native", "lib"):
        shutil.copytree(FOLDER / folder, STAGE / folder)
    for file in (FOLDER / "package.json", FOLDER / "README.md", *ROOT.glob("LICENSE*")):
        shutil.copy2(file, STAGE)
    shutil.copy2(native.HEADER, STAGE / "native")
    for addon in STAGE.glob("lib/*/remotemedia.node"):
        shutil.copy2(native.PACKAGE / native.SONAME, addon.parent)
    target.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--silent", "--pack-destination", str(target)]
    done = subprocess.run(command, cwd=STAGE, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`npm pack` failed: {done.stderr.strip()}")
    return target / done.stdout.strip()


def check() -> None:
    """The package can be installed without the network, and runs with the library that it carries."""
    with tempfile.TemporaryDirectory() as folder:
        package = pack(Path(folder))
        words = ["npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        (Path(folder) / "package.json").write_text("{}", "utf-8")
        run([*words, package.name], cwd=Path(folder), limit_seconds=node_check.LIMIT_SECONDS)
        program = Path(folder) / "program.mjs"
        program.write_text(PROGRAM, "utf-8")
        run(["node", program], cwd=Path(folder), environment={"REMOTEMEDIA_LIBRARY": ""})
        size = package.stat().st_size / 1e6
        print(f"{package.name}: {size:.1f} MB, installed and run", file=sys.stderr)


if __name__ == "__main__":
    try:
        node_check.build([])
        print(pack(ROOT / "dist"))
    except Problem as problem:
        sys.exit(str(problem))
