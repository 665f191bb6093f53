"""Builds and checks the Node binding: generated files are current, the C compiles without a warning, tests pass."""

from __future__ import annotations

import json
import os
import re
import shutil

from tools.bindings import node
from tools.bindings.host_check import LIBRARY, leave_out, require_current, run_as_program
from tools.machine import Problem, output_of, project_version, run
from tools.stamp import Stamp, digest

LIMIT_SECONDS = 300
NEEDED = ("node", "npm", "cc")
OLDEST = (20, 4)
LOCKS = [node.FOLDER / "package.json", node.FOLDER / "package-lock.json"]


def check() -> None:
    """Check the binding; without its toolchain it is left out, which is reported, and fails where CI is set."""
    missing = [f"there is no `{name}` on PATH" for name in NEEDED if shutil.which(name) is None]
    if not missing and (found := _version()) < OLDEST:
        missing = [f"`node` is {found[0]}.{found[1]}"]
    if missing:
        left_out = (
            f"the Node binding is LEFT OUT: {' and '.join(missing)}; "
            "install Node 20.4 or newer with its headers, and a C compiler"
            " (Debian: `apt-get install nodejs npm libnode-dev`)"
        )
        leave_out(left_out)
        return
    from remotemedia._manifest.catalog import node_types

    require_current(node.stale(node_types()))
    version = json.loads((node.FOLDER / "package.json").read_text("utf-8"))["version"]
    if version != project_version():
        raise Problem(
            f"bindings/node/package.json has version {version}, the project {project_version()}: make them equal."
        )
    build(["-Werror"])
    # A test that waits for ever keeps its process alive, so the whole run is bounded.
    run(
        ["node", "--test", "--test-timeout", "60000", "build/tests/"],
        cwd=node.FOLDER,
        environment=LIBRARY,
        limit_seconds=LIMIT_SECONDS,
    )
    from tools.bindings import node_pack

    node_pack.check()


def _version() -> tuple[int, int]:
    found = re.match(r"v(\d+)\.(\d+)", output_of(["node", "--version"]))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def build(c_flags: list[str]) -> None:
    """Compile the TypeScript, with the compiler that package-lock.json names, and the addon."""
    stamp = Stamp("node-modules")
    key = digest(LOCKS)
    modules = node.FOLDER / "node_modules"
    if stamp.outputs(key) is None or not modules.is_dir():
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=node.FOLDER, limit_seconds=LIMIT_SECONDS)
        stamp.write(key, [modules])
    for project in ("tsconfig.json", "tsconfig.programs.json"):
        run(["npx", "tsc", "-p", project], cwd=node.FOLDER)
    flags = " ".join([os.environ.get("CFLAGS", ""), *c_flags]).strip()
    run(["node", "native/build.mjs"], cwd=node.FOLDER, environment={"CFLAGS": flags})


if __name__ == "__main__":
    run_as_program(check)
