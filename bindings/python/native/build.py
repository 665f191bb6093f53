"""Compiles `remotemedia._native`: the C ABI of `include/remotemedia.h` and the C beside this file as a Python module.

The declarations come from the headers, and the C compiler checks each against them (cffi's API mode). The module uses
CPython's limited API, so one build serves every CPython from 3.10 on, and finds `libremotemedia.so` beside itself.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MODULE = "remotemedia._native"
LIMITED_API = "0x030A0000"
ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(__file__).resolve().parent
HEADERS = [FOLDER / "call_buffers.h", FOLDER / "dlpack.h", FOLDER / "arrow.h"]
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
    found at import. `compiler` is the command line of a C compiler for another platform than that of this Python.
    Raises what cffi and the compiler raise: `cffi.VerificationError` with the compiler's words.
    """
    from cffi import FFI

    header = header.resolve()
    headers = [header, *HEADERS]
    ffi = FFI()
    ffi.cdef("".join(declarations(each.read_text(encoding="utf-8")) for each in headers))
    ffi.set_source(
        MODULE,
        "\n".join(f'#include "{each.name}"' for each in headers),
        sources=[str(source) for source in SOURCES],
        py_limited_api=True,
        define_macros=[("Py_LIMITED_API", LIMITED_API)],
        include_dirs=[str(header.parent), str(FOLDER)],
        library_dirs=[str(library_dir.resolve())],
        libraries=[library],
        extra_link_args=["-Wl,-rpath,$ORIGIN"],
        # Python finds the module's one entry; no other name is exported.
        extra_compile_args=["-O2", "-g0", "-fvisibility=hidden"],
    )
    if compiler is not None:
        os.environ["CC"] = compiler
        os.environ["LDSHARED"] = f"{compiler} -shared"
    with tempfile.TemporaryDirectory(prefix="remotemedia-cffi-") as scratch:
        with _linked_without_foreign_paths():
            compiled = Path(ffi.compile(tmpdir=scratch, verbose=False))
        target = output_dir / "remotemedia" / "_native.abi3.so"
        target.parent.mkdir(parents=True, exist_ok=True)
        # A new inode: a process that has the old module mapped keeps it whole.
        target.unlink(missing_ok=True)
        shutil.copy2(compiled, target)
    return target


@contextmanager
def _linked_without_foreign_paths() -> Iterator[None]:
    """Keeps out of the module where this Python's own libraries are: a Python of pyenv or conda links that in."""
    link = os.environ.get("LDSHARED")
    words = shlex.split(link or sysconfig.get_config_var("LDSHARED") or "cc -shared")
    if link is None and "CC" in os.environ:
        words[:1] = shlex.split(os.environ["CC"])
    kept = [word for word in words if not word.startswith(("-Wl,-rpath", "-Wl,--rpath"))]
    os.environ["LDSHARED"] = shlex.join(kept)
    try:
        yield
    finally:
        if link is None:
            del os.environ["LDSHARED"]
        else:
            os.environ["LDSHARED"] = link


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
    parser.add_argument("--compiler", help="command line of a C compiler for another platform; default: that of Python")
    options = parser.parse_args()
    places = (options.header, options.library_dir, options.output_dir)
    print(build(*places, library=options.library, compiler=options.compiler))


if __name__ == "__main__":
    main()
