"""The platforms that portable native files are built for, and how their compilers are called.

Without a target everything is built for the machine at hand. With one, cargo-zigbuild and zig link against the oldest
C library that the target names, so that the result runs on every Linux that has this one or a newer one.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from tools import environment, machine
from tools.machine import Problem

VARIABLE = "REMOTEMEDIA_TARGET"
"""The environment variable by which a build of a wheel is told its target, since pip passes nothing else on."""


@dataclass(frozen=True)
class Target:
    """One platform: a processor, and the C library with its oldest version."""

    arch: str
    libc: str
    version: str

    @property
    def name(self) -> str:
        """What developers type, such as `x86_64-gnu`."""
        return f"{self.arch}-{self.libc}"

    @property
    def triple(self) -> str:
        """The target as rustc names it."""
        return f"{self.arch}-unknown-linux-{self.libc}"

    @property
    def cargo(self) -> str:
        """The target as cargo-zigbuild names it: with the version, where the C library is glibc."""
        return f"{self.triple}.{self.version}" if self.libc == "gnu" else self.triple

    @property
    def wheel_platform(self) -> str:
        """The platform tag of a wheel: PEP 600 for glibc, PEP 656 for musl."""
        family = "manylinux" if self.libc == "gnu" else "musllinux"
        return f"{family}_{self.version.replace('.', '_')}_{self.arch}"

    @property
    def rust_flags(self) -> list[str]:
        """What rustc needs to hear: a shared library of musl takes the C library from the system."""
        return ["-Ctarget-feature=-crt-static"] if self.libc == "musl" else []

    def c_compiler(self) -> str:
        """The command line of a C compiler and linker for the target."""
        suffix = f".{self.version}" if self.libc == "gnu" else ""
        python = environment.ready("portable")
        return shlex.join([str(python), "-m", "ziglang", "cc", "-target", f"{self.arch}-linux-{self.libc}{suffix}"])

    def require(self) -> None:
        """Check that rustc has a standard library for the target, or that cargo is to build one. Raises `Problem`."""
        machine.require_rust()
        if os.environ.get("CARGO_UNSTABLE_BUILD_STD"):
            return
        folder = Path(machine.output_of(["rustc", "--print", "target-libdir", "--target", self.triple]).strip())
        if not any(folder.glob("libstd-*")):
            raise Problem(
                f"rustc has no standard library for {self.triple}: `rustup target add {self.triple}`, or, with "
                "Debian's rustc, install libstd-rust-dev for that architecture; CONTRIBUTING.md has more ways."
            )


TARGETS = [
    Target("x86_64", "gnu", "2.17"),
    Target("aarch64", "gnu", "2.17"),
    Target("x86_64", "musl", "1.2"),
    Target("aarch64", "musl", "1.2"),
]


def named(name: str) -> Target:
    """The target of this name. Raises `Problem` with the names there are."""
    for target in TARGETS:
        if target.name == name:
            return target
    raise Problem(f"there is no target {name!r}: choose one of {', '.join(target.name for target in TARGETS)}.")


def chosen() -> Target | None:
    """The target that the environment names, or None for the machine at hand."""
    name = os.environ.get(VARIABLE)
    return named(name) if name else None
