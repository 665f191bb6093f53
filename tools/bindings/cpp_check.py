"""The check of the C++ host: generated files are current, sources are formatted, tests pass with sanitizers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tools import environment, native
from tools.bindings import cpp
from tools.machine import BUILD, ROOT, Problem, run

LIMIT_SECONDS = 900
BINDING = ROOT / "bindings" / "cpp"
FOLDER = BUILD / "cpp"
TARGETS = ["cpp_tests", "cpp_example_speech", "cpp_example_live", "cpp_exits"]


def check() -> None:
    """Check the host; without a C++ compiler it is left out, which is reported, and fails where CI is set."""
    compiler = (os.environ.get("CXX") or "c++").split()[0]
    if shutil.which(compiler) is None:
        left_out = (
            f"the C++ host is LEFT OUT: there is no `{compiler}` on PATH; install a compiler for C++20 "
            "(Debian, Ubuntu: `apt-get install g++ libasio-dev`)"
        )
        if os.environ.get("CI"):
            raise Problem(left_out)
        print(f"*** {left_out}", file=sys.stderr, flush=True)
        return
    from remotemedia._manifest.catalog import node_types

    if cpp.PATH.read_text("utf-8") != cpp.generated(node_types()):
        raise Problem(
            f"{cpp.PATH.relative_to(ROOT)}: not what would be generated now; run `python3 build.py generate`."
        )
    environment.ready("c")
    run([environment.FOLDER / "bin" / "clang-format", "--dry-run", "--Werror", *sources()])
    cmake = environment.tool("cmake", "cmake")
    library = native.PACKAGE / native.SONAME
    run([cmake, "-S", BINDING, "-B", FOLDER, "-DCMAKE_BUILD_TYPE=Debug", f"-DREMOTEMEDIA_LIBRARY={library}"])
    run([cmake, "--build", FOLDER, "--parallel", "2", "--target", *TARGETS], limit_seconds=LIMIT_SECONDS)
    ctest = str(Path(cmake).with_name("ctest"))
    run([ctest, "--test-dir", FOLDER, "--output-on-failure", "--no-tests=error"], limit_seconds=LIMIT_SECONDS)


def sources() -> list[Path]:
    """Every source and header that is written by hand."""
    found = [path for suffix in ("*.hpp", "*.cpp") for path in BINDING.rglob(suffix)]
    return sorted(path for path in found if path != cpp.PATH)


if __name__ == "__main__":
    try:
        check()
    except Problem as problem:
        sys.exit(str(problem))
