"""The native build: the shared library through cargo, the Python extension on top of it, and where the two are put."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tools import machine, weights
from tools.machine import BUILD, ROOT, Problem, say
from tools.stamp import Stamp, digest, files_below

HEADER = ROOT / "include" / "remotemedia.h"
PACKAGE = ROOT / "bindings" / "python" / "remotemedia"
EXTENSION = ROOT / "bindings" / "python" / "native"
SONAME = "libremotemedia.so.0"


def library() -> Path:
    """Build `libremotemedia.so` for release, unless it is up to date; returns where cargo put it."""
    machine.require_linux()
    machine.require_c_compiler()
    compiler = machine.require_rust()
    crates = [ROOT / "runtime" / name for name in ("core", "nodes", "capi")]
    sources = [ROOT / "Cargo.toml", ROOT / "Cargo.lock", *files_below(*crates)]
    settings = {name: value for name, value in os.environ.items() if name.startswith(("CARGO_", "RUSTFLAGS"))}
    model = weights.ready()
    model_digest = hashlib.sha256(model.read_bytes()).hexdigest()
    key = digest(sources, compiler, sorted(settings.items()), flags(), c_flags(), str(model), model_digest)
    stamp = Stamp("library")
    done = stamp.outputs(key)
    if done is not None:
        return done[0]
    machine.require_cmake()
    say("cargo build --release (minutes the first time)")
    built = _cargo_build()
    stamp.write(key, [built])
    return built


def staged(python: Path | str) -> list[Path]:
    """Build the library and the extension for a Python that has cffi; returns the files that a wheel carries."""
    folder = BUILD / "native" / sysconfig.get_config_var("SOABI")
    built = library()
    library_copy = folder / SONAME
    key = digest([], os.stat(built).st_mtime_ns, built)
    stamp = Stamp(f"staged-library-{folder.name}")
    if stamp.outputs(key) != [library_copy]:
        folder.mkdir(parents=True, exist_ok=True)
        _copy_stripped(built, library_copy)
        stamp.write(key, [library_copy])
    return [library_copy, _extension(python, folder, built)]


def in_place(python: Path | str) -> None:
    """Put the native files beside the Python sources, for a package that is imported from there."""
    for source in staged(python):
        target = PACKAGE / source.name
        if not target.exists() or target.stat().st_mtime_ns != source.stat().st_mtime_ns:
            # A process may have the old file mapped: it keeps the old one when the new one is renamed into place.
            fresh = target.with_name(f"{target.name}.{os.getpid()}")
            shutil.copy2(source, fresh)
            os.replace(fresh, target)


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


def _cargo_build() -> Path:
    command = ["cargo", "build", "--release", "--locked", "--package", "remotemedia-capi", "--lib"]
    command.append("--message-format=json-render-diagnostics")
    environment = {**os.environ, "CARGO_ENCODED_RUSTFLAGS": flags(), "CFLAGS": c_flags()}
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command[:-1])}` failed, see above.")
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "remotemedia":
            for file in message["filenames"]:
                if file.endswith(".so"):
                    return Path(file)
    raise Problem("cargo built no shared library: is `cdylib` among the crate types of runtime/capi/Cargo.toml?")


def _copy_stripped(source: Path, target: Path) -> None:
    """Debug information stays in cargo's target folder: it is most of the size."""
    strip = shutil.which("strip")
    if strip is None:
        shutil.copyfile(source, target)
    else:
        machine.run([strip, "--strip-debug", "-o", target, source])


def _extension(python: Path | str, folder: Path, built: Path) -> Path:
    machine.require_python_headers()
    key = digest([HEADER, *files_below(EXTENSION)], sys.version, sys.platform)
    stamp = Stamp(f"extension-{folder.name}")
    done = stamp.outputs(key)
    if done is not None:
        return done[0]
    say("compiling the Python extension")
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    places = ["--header", HEADER, "--library-dir", built.parent, "--output-dir", work]
    machine.output_of([python, EXTENSION / "build.py", *places])
    found = sorted(work.rglob("_native.*.so"))
    if len(found) != 1:
        raise Problem(f"{EXTENSION.name}/build.py left {len(found)} extensions in {work}, expected one `_native.*.so`.")
    extension = folder / found[0].name
    os.replace(found[0], extension)
    shutil.rmtree(work)
    stamp.write(key, [extension])
    return extension
