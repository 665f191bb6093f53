"""The check of the C++ host: generated files are current, sources are formatted, tests pass with sanitizers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import environment
from tools.bindings import cpp
from tools.bindings.host_check import LIBRARY, leave_out, require_current, run_as_program
from tools.machine import BUILD, ROOT, run

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
        leave_out(left_out)
        return
    from remotemedia._manifest.catalog import node_types

    require_current([] if cpp.PATH.read_text("utf-8") == cpp.generated(node_types()) else [cpp.PATH])
    environment.ready("c")
    run([environment.FOLDER / "bin" / "clang-format", "--dry-run", "--Werror", *sources()])
    cmake = environment.tool("cmake", "cmake")
    places = [f"-D{name}={place}" for name, place in LIBRARY.items()]
    run([cmake, "-S", BINDING, "-B", FOLDER, "-DCMAKE_BUILD_TYPE=Debug", *places])
    run([cmake, "--build", FOLDER, "--parallel", "2", "--target", *TARGETS], limit_seconds=LIMIT_SECONDS)
    ctest = str(Path(cmake).with_name("ctest"))
    run([ctest, "--test-dir", FOLDER, "--output-on-failure", "--no-tests=error"], limit_seconds=LIMIT_SECONDS)


def sources() -> list[Path]:
    """Every source and header that is written by hand."""
    found = [path for suffix in ("*.hpp", "*.cpp") for path in BINDING.rglob(suffix)]
    return sorted(path for path in found if path != cpp.PATH)


if __name__ == "__main__":
    run_as_program(check)
