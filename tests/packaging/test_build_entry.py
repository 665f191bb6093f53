"""`build.py` on machines that lack something, and its own bookkeeping."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from project import ROOT, run, succeed

from tools import header, hook, machine, stamp, weights


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with what the system has, less cargo, rustc and the C compilers."""
    missing = ("cargo", "rustc", "rustup", "cc", "gcc", "clang", "c++", "g++")
    folder = tmp_path / "bin"
    folder.mkdir()
    for source in (Path("/bin"), Path("/usr/bin")):
        for program in source.iterdir():
            target = folder / program.name
            if program.name not in missing and not target.is_symlink():
                target.symlink_to(program)
    return folder


def test_a_missing_cargo_is_one_sentence_with_the_cure(bare_path: Path) -> None:
    compiler = shutil.which("cc")
    assert compiler is not None
    (bare_path / "cc").symlink_to(compiler)
    done = run([sys.executable, "build.py", "build"], environment={"PATH": str(bare_path)})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        f"build.py: `cargo` was not found on PATH: install Rust {machine.oldest_rust()} or newer from "
        "https://rustup.rs, or, if it is installed, add ~/.cargo/bin to PATH."
    )


def test_a_missing_c_compiler_is_one_sentence_with_the_cure(bare_path: Path) -> None:
    done = run([sys.executable, "build.py", "build"], environment={"PATH": str(bare_path), "CC": ""})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "build.py: a C compiler is needed and `cc` was not found on PATH: install one "
        "(Debian, Ubuntu: `apt-get install build-essential`; Fedora: `dnf install gcc`)."
    )


def test_a_missing_cmake_is_one_sentence_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CMAKE", raising=False)
    with pytest.raises(machine.Problem) as raised:
        machine.require_cmake()
    assert str(raised.value) == (
        "libopus is built with `cmake` and `ninja` or `make`, which were not found on PATH: install them "
        "(Debian, Ubuntu: `apt-get install cmake make`; Fedora: `dnf install cmake make`; anywhere: "
        "`pip install cmake ninja`)."
    )


def test_pip_brings_cmake_where_the_machine_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def needed(target: str) -> list[str]:
        return hook.NativeBuildHook(str(ROOT), {}, None, None, str(tmp_path), target).dependencies()

    for name in ("cmake", "make"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.delenv("CMAKE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert needed("wheel") == []
    (tmp_path / "make").unlink()
    assert [requirement.split("=")[0].rstrip(">") for requirement in needed("wheel")] == ["cmake", "ninja"]
    assert needed("sdist") == []


def test_an_old_rust_is_one_sentence_with_the_cure(tmp_path: Path) -> None:
    for name in ("cargo", "rustc"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'release: 1.70.0'\n")
        program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = run([sys.executable, "build.py", "build"], environment={"PATH": path})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"build.py: Rust 1.70 is too old, {machine.oldest_rust()} or newer is needed: `rustup update stable`."
    )


def test_an_old_python_is_one_sentence_with_the_cure() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 18); runpy.run_path('build.py')['main']()"
    done = run([sys.executable, "-c", pretend])
    assert done.stderr == (
        "build.py: Python 3.9 is too old: run it with Python 3.10 or newer, such as `python3.12 build.py`.\n"
    )


def test_python_m_build_still_means_the_packaging_tool(tmp_path: Path) -> None:
    package = tmp_path / "build"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("print('the packaging tool')\n")
    assert succeed([sys.executable, "-m", "build"], environment={"PYTHONPATH": str(tmp_path)}) == "the packaging tool\n"


def test_without_the_packaging_tool_python_m_build_says_what_to_do(tmp_path: Path) -> None:
    # -S: no site-packages, so no package of that name.
    done = run([sys.executable, "-S", "-m", "build"], environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == (
        "`python -m build` means the packaging tool `build`, which this Python lacks: `python -m pip install build`. "
        "The commands of this project are `python3 build.py --help`.\n"
    )


def test_help_names_every_command() -> None:
    text = succeed([sys.executable, "build.py", "--help"])
    for command in ("demo", "test", "build", "weights", "header", "generate", "docs", "bench", "clean"):
        assert f"\n    {command} " in text


def test_a_weights_file_that_is_none_is_one_sentence_with_the_cure() -> None:
    done = run([sys.executable, "build.py", "weights"], environment={weights.VARIABLE: "/nowhere/weights"})
    assert done.returncode == 1
    assert done.stderr == (
        "build.py: REMOTEMEDIA_VAD_WEIGHTS names /nowhere/weights, which is no file: correct or unset it.\n"
    )


def test_weights_can_be_taken_from_elsewhere(tmp_path: Path) -> None:
    chosen = tmp_path / "weights"
    chosen.write_bytes(weights.ready().read_bytes())
    assert succeed([sys.executable, "build.py", "weights"], environment={weights.VARIABLE: str(chosen)}) == (
        f"{chosen}\n"
    )


def test_cargo_says_in_one_sentence_where_the_weights_come_from(tmp_path: Path) -> None:
    script = tmp_path / "build-script"
    crate = ROOT / "runtime" / "silero"
    succeed(["rustc", "--edition=2024", "-o", script, crate / "build.rs"])
    short = tmp_path / "short"
    short.write_bytes(b"1234")

    def says(path: Path | str) -> str:
        environment = {"CARGO_MANIFEST_DIR": str(crate), weights.VARIABLE: str(path)}
        lines = succeed([script], environment=environment).splitlines()
        return "".join(line for line in lines if "error" in line)

    cure = "run `python3 build.py weights`, or set REMOTEMEDIA_VAD_WEIGHTS to the file."
    assert says(weights.ready()) == ""
    assert says("/nowhere") == f"cargo::error=the weights of the speech detector are not at /nowhere: {cure}"
    assert says(short) == (f"cargo::error={short} has 4 bytes, the weights of the speech detector have 1850376: {cure}")


def test_a_stamp_holds_while_key_and_outputs_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp, "BUILD", tmp_path)
    output = tmp_path / "output"
    output.write_text("made")
    mark = stamp.Stamp("job")
    assert mark.outputs("key") is None
    mark.write("key", [output])
    assert stamp.Stamp("job").outputs("key") == [output]
    assert mark.outputs("another key") is None
    output.write_text("changed by somebody else")
    assert mark.outputs("key") is None
    output.unlink()
    assert mark.outputs("key") is None


def test_a_digest_depends_on_content_names_and_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp, "ROOT", tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("1")
    two.write_text("1")
    keys = [stamp.digest([one]), stamp.digest([two]), stamp.digest([one, two]), stamp.digest([one], "fact")]
    one.write_text("2")
    keys.append(stamp.digest([one]))
    assert len(set(keys)) == len(keys)


def test_functions_of_a_header_are_found_and_comments_are_not() -> None:
    text = """
    /* rm_comment(1) */  // rm_line(2)
    #define RM_MACRO(x) rm_macro(x)
    typedef struct rm_thing rm_thing;
    rm_status rm_two(const rm_thing *thing,
                     rm_error **err);
    void rm_one (void);
    """
    assert header.functions(text) == ["rm_one", "rm_two"]


def test_only_private_items_may_be_skipped_by_cbindgen() -> None:
    assert header.PRIVATE_ITEM.match("WARN: Skip remotemedia-capi::NAME - (not `pub`).")
    assert not header.PRIVATE_ITEM.match("WARN: Skip remotemedia-capi::RM_LIMIT - (not `pub`).")
    assert not header.PRIVATE_ITEM.match("WARN: Skipping remotemedia-capi::rm_new - (not `no_mangle`)")
    assert not header.PRIVATE_ITEM.match("WARN: Cannot find a mangling for generic path")


def test_the_version_is_the_same_everywhere() -> None:
    version = machine.project_version()
    crates = {path.parent.name for path in (ROOT / "runtime").glob("*/Cargo.toml")}
    for lock, expected in (("Cargo.lock", crates - {"fuzz"}), ("runtime/fuzz/Cargo.lock", crates - {"node-tests"})):
        text = (ROOT / lock).read_text("utf-8")
        named = dict(re.findall(r'^name = "remotemedia-([\w-]+)"\nversion = "(.*)"$', text, re.MULTILINE))
        assert named == dict.fromkeys(expected, version), lock
    package = (ROOT / "bindings" / "python" / "remotemedia" / "__init__.py").read_text("utf-8")
    assert f'\n__version__ = "{version}"\n' in package
    assert f'\nversion = "{version}"\n' in (ROOT / "runtime" / "fuzz" / "Cargo.toml").read_text("utf-8")


def test_every_program_of_a_crate_that_a_command_names_is_there() -> None:
    word = r"""[\s"',]+"""
    named = re.compile(rf"(?:-p|--package){word}remotemedia-([a-z-]+){word}--(test|bench){word}([a-z_]+)")
    texts = [ROOT / name for name in ("CONTRIBUTING.md", "benchmarks/README.md", "tests/vectors/README.md")]
    texts += [*(ROOT / "docs").rglob("*.md"), *(ROOT / "tools").rglob("*.py")]
    found = {match for text in texts for match in named.findall(text.read_text("utf-8"))}
    assert ("node-tests", "test", "registry") in found
    for crate, kind, program in found:
        folder = ROOT / "runtime" / crate / {"test": "tests", "bench": "benches"}[kind]
        assert any((folder / name).is_file() for name in (f"{program}.rs", f"{program}/main.rs")), (crate, program)
