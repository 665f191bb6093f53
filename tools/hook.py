"""Hatchling's build hook: a wheel, plain or editable, gets the native files and the tag that fits them.

A source distribution gets the weights that the library embeds, since they are not in the repository.
"""

from __future__ import annotations

import sys
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

from tools import environment, glibc, machine, native, sbom, target, weights


class NativeBuildHook(BuildHookInterface[Any]):
    """Builds through cargo and the C compiler when a wheel is made."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What building takes beyond `build-system.requires`: cmake, where the machine has none."""
        return [] if self.target_name == "sdist" or machine.has_cmake() else environment.GROUPS["cmake"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Hatchling calls this before it collects files. `version` is "standard" or "editable"."""
        try:
            if self.target_name == "sdist":
                build_data["force_include"][str(weights.ready())] = str(weights.WEIGHTS.relative_to(machine.ROOT))
                return
            if version == "editable":
                native.in_place(sys.executable)
                build_data["tag"] = wheel_tag()
            else:
                portable = target.chosen()
                files = native.staged(sys.executable, portable)
                for file in files:
                    build_data["force_include"][str(file)] = f"remotemedia/{file.name}"
                build_data["tag"] = wheel_tag(glibc.oldest_for(files), portable)
                build_data["sbom_files"].append(str(sbom.write(machine.BUILD / "native", portable)))
        except machine.Problem as problem:
            self.app.abort(f"remotemedia: {problem}")
        build_data["pure_python"] = False


def wheel_tag(oldest_glibc: tuple[int, int] | None = None, portable: target.Target | None = None) -> str:
    """One wheel of the stable ABI for every Python from 3.10 on; one of its own for each free-threaded Python.

    With the oldest glibc that the files run with it is for every Linux that has this one or a newer one, as PEP 600
    defines; built for a target, for what this one names; otherwise for machines like this one.
    """
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if portable is not None:
        platform = portable.wheel_platform
    elif oldest_glibc is not None:
        platform = platform.replace("linux_", "manylinux_{}_{}_".format(*oldest_glibc), 1)
    if native.is_free_threaded():
        python = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        return f"{python}-{python}t-{platform}"
    return f"cp310-abi3-{platform}"
