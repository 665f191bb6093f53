"""The native build: the shared library through cargo, the Python extension on top of it, and where the two are put."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools import environment, machine, weights
from tools.machine import BUILD, ROOT, Problem, say
from tools.stamp import Stamp, digest, files_below
from tools.target import Target

HEADER = ROOT / "include" / "remotemedia.h"
PACKAGE = ROOT / "bindings" / "python" / "remotemedia"
EXTENSION = ROOT / "bindings" / "python" / "native"
SONAME = "libremotemedia.so.1"


def library(target: Target | None = None) -> Path:
    """Build `libremotemedia.so` for release, unless it is up to date; returns where cargo put it."""
    return _libraries(target)[0]


def static_library(target: Target) -> Path:
    """Build `libremotemedia.a` of a target, for release, unless it is up to date; returns where cargo put it."""
    return _libraries(target)[1]


def staged(python: Path | str, target: Target | None = None) -> list[Path]:
    """Build the library and the extension for a Python that has cffi; returns the files that a wheel carries."""
    folder = BUILD / "native" / _of(sysconfig.get_config_var("SOABI"), target)
    built = library(target)
    library_copy = folder / SONAME
    key = digest([], os.stat(built).st_mtime_ns, built)
    stamp = Stamp(f"staged-library-{folder.name}")
    if stamp.outputs(key) != [library_copy]:
        folder.mkdir(parents=True, exist_ok=True)
        copy_stripped(built, library_copy, target)
        stamp.write(key, [library_copy])
    return [library_copy, _extension(python, folder, built, target)]


def in_place(python: Path | str) -> None:
    """Put the native files beside the Python sources, for a package that is imported from there."""
    for source in staged(python):
        target = PACKAGE / source.name
        if not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns:
            # A process may have the old file mapped: it keeps the old one when the new one is renamed into place.
            fresh = target.with_name(f"{target.name}.{os.getpid()}")
            shutil.copy2(source, fresh)
            os.replace(fresh, target)


def copy_stripped(source: Path, copy: Path, target: Target | None = None) -> None:
    """Copy a native file without its debug information, which is most of its size and stays in cargo's folder."""
    strip = shutil.which("strip")
    if strip is None or (target is not None and target.arch != platform.machine()):
        strip = shutil.which("llvm-strip") or (shutil.which(f"{target.arch}-linux-gnu-strip") if target else None)
    if strip is None:
        shutil.copyfile(source, copy)
    else:
        machine.run([strip, "--strip-debug", "-o", copy, source])


def flags() -> str:
    """rustc's flags, separated as CARGO_ENCODED_RUSTFLAGS has them: the caller's, and a name for the folder of crates.

    Panics carry the path of the source that they come from. Where this machine keeps crates does not belong there; the
    paths of this workspace are relative.
    cmake/CargoLibrary.cmake says the same, so that both share what cargo has built.
    """
    given = os.environ.get("CARGO_ENCODED_RUSTFLAGS", "").split("\x1f")
    if given == [""]:
        given = os.environ.get("RUSTFLAGS", "").split()
    return "\x1f".join([*given, f"--remap-path-prefix={_cargo_home()}=/cargo"])


def c_flags() -> str:
    """The C compiler's flags for what crates build of C: the caller's, and the same name for the folder of crates."""
    return f"{os.environ.get('CFLAGS', '')} -ffile-prefix-map={_cargo_home()}=/cargo".strip()


def is_free_threaded() -> bool:
    """Whether this Python runs without the GIL, and so can't load an extension of the stable ABI."""
    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def _cargo_home() -> str:
    return os.path.abspath(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")


def _of(name: str, target: Target | None) -> str:
    return name if target is None else f"{name}-{target.name}"


def _crates() -> list[Path]:
    """Of the folders in `runtime`, those that the library is made of."""
    folders = sorted(path.parent for path in (ROOT / "runtime").glob("*/Cargo.toml"))
    return [folder for folder in folders if folder.name not in ("fuzz", "node-tests")]


def _libraries(target: Target | None) -> list[Path]:
    """The shared library; for a target the static one after it, out of the same run of the compiler."""
    machine.require_linux()
    machine.require_c_compiler()
    compiler = machine.require_rust()
    if target is not None:
        target.require()
    sources = [ROOT / "Cargo.toml", ROOT / "Cargo.lock", *files_below(*_crates())]
    settings = {name: value for name, value in os.environ.items() if name.startswith(("CARGO_", "RUSTFLAGS"))}
    kinds = ["cdylib"] if target is None else ["cdylib", "staticlib"]
    model = weights.ready()
    model_digest = hashlib.sha256(model.read_bytes()).hexdigest()
    key = digest(
        sources, compiler, sorted(settings.items()), flags(), c_flags(), str(model), model_digest, target, kinds
    )
    stamp = Stamp(_of("library", target))
    done = stamp.outputs(key)
    if done is not None:
        return done
    machine.require_cmake()
    say(f"cargo build --release{f' for {target.name}' if target else ''} (minutes the first time)")
    built = _cargo_build(target, kinds)
    stamp.write(key, built)
    return built


def _cargo_build(target: Target | None, kinds: list[str]) -> list[Path]:
    """Let cargo build kinds of the library; returns their files."""
    command = ["cargo", "build", "--release", "--locked", "--package", "remotemedia-capi", "--lib"]
    rust_flags, folders = flags(), {}
    if target is not None:
        environment.ready("portable")
        command[:2] = ["cargo-zigbuild", "rustc", "--target", target.cargo, "--crate-type", ",".join(kinds)]
        rust_flags = "\x1f".join([rust_flags, *target.rust_flags])
        folders = environment.search_path()
    command.append("--message-format=json-render-diagnostics")
    settings = {**os.environ, **folders, "CARGO_ENCODED_RUSTFLAGS": rust_flags, "CFLAGS": c_flags()}
    done = subprocess.run(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command[:-1])}` failed, see above.")
    return [machine.cargo_library(done.stdout, ".a" if kind == "staticlib" else ".so") for kind in kinds]


def _extension(python: Path | str, folder: Path, built: Path, target: Target | None) -> Path:
    machine.require_python_headers()
    key = digest([HEADER, *files_below(EXTENSION)], sys.version, sys.platform, target)
    stamp = Stamp(f"extension-{folder.name}")
    done = stamp.outputs(key)
    if done is not None:
        return done[0]
    say("compiling the Python extension")
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    places = ["--header", HEADER, "--library-dir", built.parent, "--output-dir", work]
    if target is not None:
        places += ["--compiler", target.c_compiler()]
    machine.output_of([python, EXTENSION / "build.py", *places])
    found = sorted(work.rglob("_native.*.so"))
    if len(found) != 1:
        raise Problem(f"{EXTENSION.name}/build.py left {len(found)} extensions in {work}, expected one `_native.*.so`.")
    extension = folder / found[0].name
    os.replace(found[0], extension)
    shutil.rmtree(work)
    stamp.write(key, [extension])
    return extension
