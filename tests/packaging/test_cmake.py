"""C programs of other projects: with an installed package, with this folder added to theirs, and with pkg-config."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from project import ROOT, run, succeed

from tools import environment, machine, native

PROGRAM = """
#include <remotemedia.h>
#include <stdio.h>
int main(void) { return printf("%s\\n", rm_version()) < 0; }
"""

PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
{how}
add_executable(consumer consumer.c)
target_link_libraries(consumer PRIVATE remotemedia::remotemedia)
"""


CPP_PROGRAM = """
#include <remotemedia.hpp>
#include <remotemedia/nodes.hpp>
#include <iostream>
int main() {
    namespace rm = remotemedia;
    const rm::Pipeline pipeline(rm::Graph() >> rm::nodes::Calculator{.operation = "add", .operand = 5});
    std::cout << rm::to_json(pipeline.run({1, 2.5}).values()) << std::endl;
}
"""

CPP_PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES CXX)
find_package(remotemedia REQUIRED CONFIG)
find_package(Threads REQUIRED)
add_executable(consumer consumer.cpp)
target_compile_features(consumer PRIVATE cxx_std_20)
target_link_libraries(consumer PRIVATE remotemedia::remotemedia Threads::Threads)
"""


@pytest.fixture(scope="module")
def cmake() -> str:
    return environment.tool("cmake", "cmake")


@pytest.fixture(scope="module")
def installed(cmake: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree into which remotemedia is installed, without tests, and moved afterwards."""
    build, first = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("installed")
    succeed([cmake, "-S", ROOT, "-B", build, "-DREMOTEMEDIA_BUILD_TESTS=OFF", f"-DCMAKE_INSTALL_PREFIX={first}"])
    succeed([cmake, "--build", build])
    succeed([cmake, "--install", build])
    return first.rename(first.with_name("moved"))


def consumer(folder: Path, how: str) -> Path:
    """A project that uses remotemedia in a way of its own."""
    source = folder / "consumer"
    source.mkdir()
    (source / "consumer.c").write_text(PROGRAM)
    (source / "CMakeLists.txt").write_text(PROJECT.format(how=how))
    return source


def build_and_run(cmake: str, source: Path, *options: str) -> str:
    """What the program of a project prints."""
    build = source / "build"
    succeed([cmake, "-S", source, "-B", build, *options])
    succeed([cmake, "--build", build])
    return succeed([build / "consumer"])


def test_find_package_finds_an_installed_tree(cmake: str, installed: Path, tmp_path: Path) -> None:
    version = machine.project_version()
    source = consumer(tmp_path, f"find_package(remotemedia {version} REQUIRED CONFIG)")
    assert build_and_run(cmake, source, f"-DCMAKE_PREFIX_PATH={installed}") == f"{version}\n"


@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
def test_a_cpp_program_finds_an_installed_tree(cmake: str, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.cpp").write_text(CPP_PROGRAM)
    (tmp_path / "CMakeLists.txt").write_text(CPP_PROJECT)
    assert build_and_run(cmake, tmp_path, f"-DCMAKE_PREFIX_PATH={installed}") == "[6,7.5]\n"


def test_add_subdirectory_builds_what_it_needs(cmake: str, tmp_path: Path) -> None:
    source = consumer(tmp_path, f'add_subdirectory("{ROOT}" remotemedia)')
    shared = f"-DREMOTEMEDIA_CARGO_TARGET_DIR={native.library().parent.parent}"
    assert build_and_run(cmake, source, shared) == f"{machine.project_version()}\n"


def test_fetch_content_builds_what_it_needs(cmake: str, tmp_path: Path) -> None:
    fetch = f'include(FetchContent)\nFetchContent_Declare(remotemedia SOURCE_DIR "{ROOT}")\n'
    source = consumer(tmp_path, fetch + "FetchContent_MakeAvailable(remotemedia)")
    shared = f"-DREMOTEMEDIA_CARGO_TARGET_DIR={native.library().parent.parent}"
    assert build_and_run(cmake, source, shared) == f"{machine.project_version()}\n"


def test_the_installed_library_has_its_name_and_a_link_for_the_linker(installed: Path) -> None:
    link = next(installed.rglob("libremotemedia.so"))
    assert link.is_symlink()
    assert link.readlink() == Path(native.SONAME)
    assert (link.parent / native.SONAME).is_file()


def test_the_installed_tree_has_every_licence(installed: Path) -> None:
    texts = {path.name: path.read_text("utf-8") for path in ROOT.glob("LICENSE*")}
    assert {"LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "LICENSE-THIRD-PARTY"} == texts.keys()
    texts["LICENSE-silero-vad"] = (ROOT / "runtime" / "silero" / "LICENSE").read_text("utf-8")
    folder = next(installed.rglob("LICENSE")).parent
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == texts


def test_weights_that_are_none_are_one_sentence_with_the_cure(cmake: str, tmp_path: Path) -> None:
    done = run([cmake, "-S", ROOT, "-B", tmp_path, "-DREMOTEMEDIA_VAD_WEIGHTS=/nowhere/weights"])
    assert done.returncode != 0
    assert " ".join(done.stderr.split()).startswith("CMake Error at cmake/CargoLibrary.cmake:"), done.stderr
    assert (
        "REMOTEMEDIA_VAD_WEIGHTS names /nowhere/weights, which is no file: run `python3 build.py weights`, or set "
        "REMOTEMEDIA_VAD_WEIGHTS to the file."
    ) in " ".join(done.stderr.split())


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="pkg-config is not installed")
def test_pkg_config_gives_what_the_compiler_needs(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "consumer.c").write_text(PROGRAM)
    folder = next(installed.rglob("pkgconfig"))
    flags = succeed(["pkg-config", "--cflags", "--libs", "remotemedia"], environment={"PKG_CONFIG_PATH": str(folder)})
    program = tmp_path / "consumer"
    succeed([machine.require_c_compiler(), tmp_path / "consumer.c", "-o", program, *flags.split()])
    found = {"LD_LIBRARY_PATH": str(folder.parent)}
    assert succeed([program], environment=found) == f"{machine.project_version()}\n"
