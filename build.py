"""The one entry for people who work on remotemedia: `python3 build.py --help` lists what it does.

Standard library only. What it needs beyond Python, cargo and a C compiler it installs into `.build/`, never globally.
The same file is hatchling's build hook, so that `pip install .` builds the native parts the way this command does.
The work itself is in `tools/`. This file keeps to syntax that old Pythons read, so that they get a sentence instead of
a syntax error.
"""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
OLDEST_PYTHON = (3, 10)


def main():
    """Carry out one command line; returns the exit code."""
    if sys.version_info < OLDEST_PYTHON:
        found = "{}.{}".format(*sys.version_info[:2])
        wanted = "{}.{}".format(*OLDEST_PYTHON)
        sys.stderr.write(
            "build.py: Python {} is too old: run it with Python {} or newer, such as `python3.12 build.py`.\n".format(
                found, wanted
            )
        )
        return 1
    sys.path.insert(0, ROOT)
    from tools import commands

    return commands.main(sys.argv[1:])


def get_build_hook():
    """Answer hatchling, which looks here for the hook of `[tool.hatch.build.targets.wheel.hooks.custom]`."""
    sys.path.insert(0, ROOT)
    try:
        from tools import hook
    finally:
        sys.path.remove(ROOT)
    return hook.NativeBuildHook


def run_the_package_named_build():
    """`python -m build` in this folder finds this file first, but means the packaging front end of that name."""
    import runpy

    here = {os.path.abspath(ROOT), os.path.abspath(os.getcwd())}
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.getcwd()) not in here]
    try:
        runpy.run_module("build", run_name="__main__", alter_sys=True)
    except ImportError:
        sys.exit(
            "`python -m build` means the packaging tool `build`, which this Python lacks: "
            "`python -m pip install build`. The commands of this project are `python3 build.py --help`."
        )


if __name__ == "__main__":
    if globals().get("__spec__") is None:
        sys.exit(main())
    run_the_package_named_build()
