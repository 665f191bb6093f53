"""The committed C header: made from the Rust sources, compiled alone, compared with what the library exports.

Its description for programs that make bindings is generated with it.
"""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import abi_description, machine, native
from tools.machine import BUILD, ROOT, Problem, run, say

CBINDGEN_VERSION = "0.29.4"
CRATE = ROOT / "runtime" / "capi"
# cbindgen says of each item that is not exported that it skips it. What bears our prefix must not be among them.
PRIVATE_ITEM = re.compile(r"WARN: Skip(ping)? remotemedia-capi::(?!rm_|RM_)\w+ - \(not ")
SYMBOLS = ROOT / "tests" / "abi" / "symbols.txt"
LAYOUT_ASSERTS = """
#if (defined(__cplusplus) && __cplusplus >= 201103L) || \\
    (!defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L)
/* The layout that bindings without a C compiler rely on, where pointers have 64 bits. */
#ifdef __cplusplus
#define RM_ASSERT_LAYOUT(condition, message) static_assert(sizeof(void *) != 8 || (condition), message)
#else
#define RM_ASSERT_LAYOUT(condition, message) _Static_assert(sizeof(void *) != 8 || (condition), message)
#endif
{asserts}
#undef RM_ASSERT_LAYOUT
#endif
"""


def write() -> None:
    """Generate the header, its description and the list of symbols."""
    text = _generate()
    native.HEADER.parent.mkdir(exist_ok=True)
    native.HEADER.write_text(text, "utf-8")
    SYMBOLS.parent.mkdir(exist_ok=True)
    SYMBOLS.write_text("".join(f"{name}\n" for name in functions(text)), "utf-8")
    abi_description.PATH.write_text(abi_description.text(text), "utf-8")
    _compile_alone(native.HEADER)
    written = (native.HEADER, abi_description.PATH, SYMBOLS)
    say("wrote " + ", ".join(str(path.relative_to(ROOT)) for path in written))


def check() -> None:
    """Fail unless header, sources, description, library and list of symbols agree, and the header compiles alone."""
    committed = native.HEADER.read_text("utf-8") if native.HEADER.exists() else ""
    difference = _difference(committed, _generate(), native.HEADER)
    if difference:
        raise Problem(f"the committed header is not what the sources give: `python3 build.py header`.\n{difference}")
    described = abi_description.PATH.read_text("utf-8") if abi_description.PATH.exists() else ""
    difference = _difference(described, abi_description.text(committed), abi_description.PATH)
    if difference:
        raise Problem(f"the committed description is not that of the header: `python3 build.py header`.\n{difference}")
    _compile_alone(native.HEADER)
    names = functions(committed)
    listed = SYMBOLS.read_text("utf-8").split() if SYMBOLS.exists() else []
    exported, soname = exports(native.library())
    for what, found in (("tests/abi/symbols.txt", listed), ("the library", exported)):
        difference = _difference("\n".join(names), "\n".join(found), Path(what))
        if difference:
            raise Problem(f"{what} and the functions of the header differ (- header, + {what}).\n{difference}")
    major = re.search(r"^#define RM_ABI_MAJOR (\d+)$", committed, re.MULTILINE)
    if major is None or soname != f"libremotemedia.so.{major[1]}" or soname != native.SONAME:
        raise Problem(
            f"the library calls itself {soname}, expected {native.SONAME} and the major version of the ABI: "
            "see runtime/capi/build.rs."
        )
    say(f"header: {len(names)} functions, the same in the sources, the list and the library")


def functions(header: str) -> list[str]:
    """The functions that a header declares, sorted."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*", " ", header, flags=re.DOTALL | re.MULTILINE)
    return sorted(set(re.findall(r"\b(rm_\w+)\s*\(", code)))


def exports(shared_library: Path) -> tuple[list[str], str]:
    """The symbols that a shared library defines for others, sorted, and its SONAME."""
    for tool in ("nm", "readelf"):
        if shutil.which(tool) is None:
            raise Problem(f"`{tool}` was not found on PATH: install the binutils (Debian: `apt-get install binutils`).")
    table = machine.output_of(["nm", "--dynamic", "--defined-only", "--format=posix", shared_library])
    dynamic = machine.output_of(["readelf", "--dynamic", "--wide", shared_library])
    soname = re.search(r"\(SONAME\).*\[(.+)\]", dynamic)
    return sorted(line.split()[0] for line in table.splitlines()), soname[1] if soname else "nothing"


def _generate() -> str:
    machine.require_rust()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "remotemedia.h"
        # Asked by itself, cbindgen would let cargo change Cargo.lock.
        metadata = Path(folder) / "metadata.json"
        metadata.write_text(machine.output_of(["cargo", "metadata", "--locked", "--format-version", "1"]), "utf-8")
        command = [_cbindgen(), "--config", CRATE / "cbindgen.toml", "--crate", "remotemedia-capi"]
        command += ["--metadata", metadata, "--output", output]
        done = subprocess.run([*map(str, command), str(CRATE)], cwd=ROOT, capture_output=True, text=True, check=False)
        # A function that cbindgen can't express is only a warning to it, and a hole in the contract.
        complaints = [line for line in done.stderr.splitlines() if not PRIVATE_ITEM.match(line)]
        if done.returncode != 0 or complaints:
            raise Problem("cbindgen can't express everything that runtime/capi has:\n" + "\n".join(complaints))
        return _for_readers_of_c(output.read_text("utf-8"))


def _for_readers_of_c(text: str) -> str:
    """Rust's heading for safety becomes a sentence that C readers understand; negative numbers get brackets; handles of
    the system, which are an `isize`, get the type that C has for them."""
    text = text.replace("ptrdiff_t", "intptr_t")
    text = re.sub(r"^ \* # Safety$", " * The caller sees to it that:", text, flags=re.MULTILINE)
    text = re.sub(r"^(#define RM_\w+) (-\d+)$", r"\1 (\2)", text, flags=re.MULTILINE)
    head, end = text.rsplit("\n#endif  /* REMOTEMEDIA_H */", 1)
    return f"{head}\n{_layout_asserts(text)}\n#endif  /* REMOTEMEDIA_H */{end}"


def _layout_asserts(header: str) -> str:
    """Asserts on the layout of the structs of a header, for compilers that know them: of C11 or C++11, 64 bits."""
    asserts = []
    for struct in abi_description.structs(header):
        name = struct["name"]
        asserts += [f"offsetof({name}, {field['name']}) == {field['offset']}" for field in struct["fields"]]
        asserts.append(f"sizeof({name}) == {struct['size']}")
    lines = [f'RM_ASSERT_LAYOUT({each}, "the layout of {each.split("(")[1].split(")")[0]}");' for each in asserts]
    return LAYOUT_ASSERTS.format(asserts="\n".join(lines))


def _cbindgen() -> Path:
    tools = BUILD / "tools"
    program = tools / "bin" / "cbindgen"
    if program.exists() and machine.output_of([program, "--version"]).split()[-1] == CBINDGEN_VERSION:
        return program
    say(f"installing cbindgen {CBINDGEN_VERSION} into .build/tools (a minute or two, once)")
    # Without optimization it is built sooner, and the header is small enough for it not to matter.
    install: list[str | Path] = [
        "cargo",
        "install",
        "--quiet",
        "--debug",
        "--locked",
        "--root",
        tools,
        "--version",
        CBINDGEN_VERSION,
        "cbindgen",
    ]
    # The target folder of the project is no place for another program's build.
    run(install, environment={"CARGO_TARGET_DIR": str(tools / "target"), "CARGO_PROFILE_DEV_DEBUG": "0"})
    shutil.rmtree(tools / "target", ignore_errors=True)
    return program


def _compile_alone(header: Path) -> None:
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
    c = machine.require_c_compiler()
    # The asserts on the layout are for C11.
    compilers: list[list[str | Path]] = [[c, f"-std={standard}", "-x", "c"] for standard in ("c99", "c11")]
    # C++ is checked where there is a compiler for it; the project needs none.
    cpp = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if cpp is not None:
        compilers.append([cpp, "-std=c++11", "-x", "c++"])
    with tempfile.TemporaryDirectory() as folder:
        alone = Path(folder) / "alone"
        alone.write_text(f'#include "{header.name}"\n', "utf-8")
        for compiler in compilers:
            run([*compiler, *strict, "-I", header.parent, alone])


def _difference(before: str, after: str, name: Path) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (committed)", "(now)", lineterm="", n=1
    )
    return "\n".join(list(lines)[:60])
