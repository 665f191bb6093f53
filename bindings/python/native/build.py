"""Compiles `remotemedia._native`: the C ABI of `include/remotemedia.h` and the C beside this file as a Python module.

The declarations come from the headers, and the C compiler checks each against them (cffi's API mode). The module uses
CPython's limited API, so one build serves every CPython from 3.10 on, and finds `libremotemedia.so` beside itself.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sysconfig
import tempfile
from pathlib import Path

MODULE = "remotemedia._native"
LIMITED_API = "0x030A0000"
ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
NAMES = ("loop_time", "call_buffers", "dlpack", "arrow", "direct_calls", "lifetimes")
HEADERS = [FOLDER / f"{name}.h" for name in NAMES]
"""What Python sees beside the header of the library."""
SOURCES = [header.with_suffix(".c") for header in HEADERS]


def declarations(header: str) -> str:
    """A header as cffi reads it: without comments and directives; of a constant its name, since cffi asks the compiler
    for its value."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"\\\n", " ", text)
    kept = []
    guards = 0
    for line in text.splitlines():
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if not directive:
            # What only C++ sees stands inside `#ifdef __cplusplus`.
            if guards == 0:
                kept.append(line)
            continue
        name, rest = directive.groups()
        if guards:
            guards += {"if": 1, "ifdef": 1, "ifndef": 1, "endif": -1}.get(name, 0)
        elif name in ("ifdef", "if") and "__cplusplus" in rest:
            guards = 1
        elif name == "define":
            constant = re.match(r"(\w+)\s+\(?\s*(-?\d\w*)\s*\)?\s*$", rest)
            if constant:
                kept.append(f"#define {constant[1]} ...")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip() + "\n"


def build(
    header: Path, library_dir: Path, output_dir: Path, *, library: str = "remotemedia", compiler: str | None = None
) -> Path:
    """Compiles the module into `output_dir/remotemedia/` and returns its path.

    `header` is `remotemedia.h`, `library_dir` holds `lib<library>.so`, which must be copied beside the module to be
    found at import. `compiler` is the command line of a C compiler, by default `$CC` or `cc`; it may compile for
    another platform than that of this Python. Raises what cffi raises for a header that it can't read, and
    `subprocess.CalledProcessError` with the compiler's words.
    """
    from cffi import FFI

    header = header.resolve()
    headers = [header, *HEADERS]
    ffi = FFI()
    ffi.cdef("".join(declarations(each.read_text(encoding="utf-8")) for each in headers))
    ffi.set_source(MODULE, "\n".join(f'#include "{each.name}"' for each in headers), py_limited_api=True)
    target = output_dir / "remotemedia" / "_native.abi3.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="remotemedia-cffi-") as scratch:
        generated, compiled = Path(scratch) / "_native.c", Path(scratch) / target.name
        ffi.emit_c_code(str(generated))
        # Called directly: the flags of the Python at hand fit its own compiler and platform, and may name its folders.
        command = shlex.split(compiler or os.environ.get("CC") or "cc")
        # Python finds the module's one entry; no other name is exported.
        command += [
            "-O2",
            "-g0",
            "-DNDEBUG",
            "-fPIC",
            "-fvisibility=hidden",
            "-shared",
            f"-DPy_LIMITED_API={LIMITED_API}",
        ]
        includes = [header.parent, FOLDER, Path(sysconfig.get_paths()["include"])]
        command += [f"-I{folder}" for folder in includes]
        if compiler:
            # Debian's pyconfig.h includes that of the platform, from beside its folder, where a compiler for another
            # platform looks for nothing. Last, so that the headers of its own C library win.
            command += ["-idirafter", str(includes[-1].parent)]
        command += [str(generated), *map(str, SOURCES), f"-L{library_dir.resolve()}", f"-l{library}"]
        command += ["-Wl,-rpath,$ORIGIN", "-o", str(compiled)]
        subprocess.run(command, check=True, cwd=scratch)
        # A new inode: a process that has the old module mapped keeps it whole.
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        fresh.write_bytes(compiled.read_bytes())
        fresh.chmod(0o755)
        os.replace(fresh, target)
    return target


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Compile remotemedia._native, the cffi module of the Python package.")
    parser.add_argument("--header", type=Path, default=ROOT / "include" / "remotemedia.h", help="default: %(default)s")
    parser.add_argument("--library-dir", type=Path, default=ROOT / "target" / "release", help="default: %(default)s")
    parser.add_argument(
        "--library", default="remotemedia", help="name for the linker, without lib; default: %(default)s"
    )
    parser.add_argument(
        "--output-dir", type=Path, default=FOLDER.parent, help="the folder of packages; default: %(default)s"
    )
    parser.add_argument("--compiler", help="command line of a C compiler; default: $CC or cc")
    options = parser.parse_args()
    places = (options.header, options.library_dir, options.output_dir)
    print(build(*places, library=options.library, compiler=options.compiler))


if __name__ == "__main__":
    main()
