"""Wheels, plain and editable, and the source distribution: what is in them, and that they work where they land."""

from __future__ import annotations

import email
import json
import platform
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from project import ROOT, succeed

from tools import environment, glibc, hook, licences, machine, native, sbom, weights, wheels

# Hatchling is called as pip calls it, without an environment of its own: that would ask the network.
BACKEND = "import sys, hatchling.build as backend; print(getattr(backend, sys.argv[1])(sys.argv[2]))"


def back_end(function: str, folder: Path) -> Path:
    """The file that hatchling makes in a folder."""
    printed = succeed([sys.executable, "-c", BACKEND, function, folder])
    return folder / printed.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.make(tmp_path_factory.mktemp("wheel"))


def test_one_wheel_serves_every_python_from_3_10_on_and_every_linux_that_auditwheel_names(wheel: Path) -> None:
    name, version, python, abi, platform = wheel.stem.split("-")
    assert (name, version) == ("remotemedia", machine.project_version())
    assert (python, abi) == ("cp310", "abi3")
    assert platform == wheels.manylinux(wheel)
    assert platform.startswith("manylinux_2_")


def test_a_library_from_elsewhere_leaves_the_wheel_to_machines_like_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, special, user = tmp_path / "special.c", tmp_path / "libspecial.so", tmp_path / "libuser.so"
    source.write_text("int special(void) { return 1; }")
    compiler = machine.require_c_compiler()
    succeed([compiler, "-shared", "-fPIC", "-o", special, source])
    source.write_text("int special(void); int user(void) { return special(); }")
    succeed([compiler, "-shared", "-fPIC", "-o", user, source, "-L", tmp_path, "-lspecial"])
    assert glibc.oldest_for([user]) is None
    assert glibc.oldest_for([user, special]) is not None
    assert hook.wheel_tag().split("-")[2].startswith("linux_")
    monkeypatch.setenv("PATH", "")
    assert glibc.oldest_for([special]) is None


def test_the_native_files_name_no_folder_of_this_machine_and_look_for_libraries_beside_themselves(wheel: Path) -> None:
    assert wheels.foreign_paths(wheel) == []
    for file in (native.PACKAGE / native.SONAME, native.PACKAGE / "_native.abi3.so"):
        dynamic = machine.output_of(["readelf", "--dynamic", "--wide", file])
        paths = re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", dynamic)
        assert paths == (["$ORIGIN"] if file.suffix == ".so" else [])


def test_a_wheel_carries_the_library_beside_the_extension(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {f"remotemedia/{native.SONAME}", "remotemedia/_native.abi3.so", "remotemedia/py.typed"} <= names
    # The recording of `remotemedia.testing.speech()`, with which README and docs begin.
    assert "remotemedia/speech.flac" in names
    assert "remotemedia_runtime/__init__.py" in names
    folders = {name.split("/")[0] for name in names}
    assert folders == {"remotemedia", "remotemedia_runtime", f"remotemedia-{machine.project_version()}.dist-info"}


def test_a_wheel_needs_two_packages_and_states_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        folder = f"remotemedia-{machine.project_version()}.dist-info"
        metadata = email.message_from_string(archive.read(f"{folder}/METADATA").decode())
        licences = {name.partition("/licenses/")[2] for name in archive.namelist() if f"{folder}/licenses/" in name}
    needed = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert sorted(text.split(">")[0] for text in needed) == ["cffi", "msgpack"]
    assert metadata["License-Expression"] == "MIT OR Apache-2.0"
    of_weights = "runtime/silero/LICENSE"
    assert licences == {"LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "LICENSE-THIRD-PARTY", of_weights}


def test_licences_of_others_are_permissive_and_their_texts_are_those_of_the_crates() -> None:
    licences.check()


def test_a_wheel_lists_what_its_library_was_compiled_from(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = f"remotemedia-{machine.project_version()}.dist-info/sboms/{sbom.NAME}"
        bill = json.loads(archive.read(name))
        library = archive.read(f"remotemedia/{native.SONAME}")
    # The reader is CycloneDX's own: it refuses what its schema does not allow.
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
    assert bill["metadata"]["component"]["version"] == machine.project_version()
    parts = {part["name"]: part for part in bill["components"]}
    assert {"symphonia-core", "libopus", "silero-vad"} <= set(parts)
    # Panics say where they were raised, by the folders of crates: each of these is in the bill.
    named = set(re.findall(rb"crates\.io[^/]*/([a-z][\w-]*?)-\d+\.\d+\.\d+[\w.+-]*/src", library))
    assert {each.decode() for each in named} <= set(parts)
    carried = {tuple(line.split(": ")[0].split()) for line in licences.FILE.read_text("utf-8").splitlines()}
    crates = {(part["name"], part["version"]) for part in parts.values() if part["purl"].startswith("pkg:cargo/")}
    assert crates <= carried


def test_a_licence_is_accepted_if_one_of_the_choices_is() -> None:
    for accepted in (
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0 OR MIT",
        "(MIT OR GPL-2.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
    ):
        assert licences.is_accepted(accepted), accepted
    for refused in ("", "GPL-3.0", "LGPL-2.1 OR GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-2.0", "MIT ISC"):
        assert not licences.is_accepted(refused), refused


def test_a_wheel_stays_below_12_megabytes(wheel: Path) -> None:
    assert wheel.stat().st_size <= 12_000_000


def test_an_installed_wheel_finds_its_own_library(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import asyncio, remotemedia, remotemedia_runtime\n"
        "maps = open('/proc/self/maps').read().split()\n"
        "print(remotemedia.__file__, *{line for line in maps if 'libremotemedia' in line}, sep='\\n')\n"
    )
    printed = succeed([sys.executable, "-c", program], cwd=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert printed.splitlines() == [
        str(tmp_path / "remotemedia" / "__init__.py"),
        str(tmp_path / "remotemedia" / native.SONAME),
    ]


@pytest.mark.parametrize(("version", "python"), [pytest.param(*each, id=each[0]) for each in wheels.pythons()])
def test_a_wheel_installs_and_runs_in_a_clean_environment(
    version: str, python: Path, wheel: Path, tmp_path: Path
) -> None:
    if version.endswith("t"):
        pytest.skip("a free-threaded Python takes a wheel that it built itself")
    own = wheels.install(wheel, python, tmp_path)
    wheels.smoke(own, tmp_path)
    # cffi brings pycparser.
    assert set(wheels.packages(own)) == {"cffi", "msgpack", "pycparser", "remotemedia"}


OTHERS = [each for each in wheels.pythons() if each[0] != platform.python_version() and not each[0].endswith("t")]
FOR_VALUES = ("hypothesis", "ml_dtypes", "numpy", "pytest")
"""What tests of values need, as the names of packages begin."""


@pytest.mark.parametrize(("version", "python"), [pytest.param(*each, id=each[0]) for each in OTHERS])
def test_values_cross_in_every_python(version: str, python: Path, wheel: Path, tmp_path: Path) -> None:
    # What a Python and the numpy for it do with memory differs from version to version.
    needed = [name for name in environment.GROUPS["test"] if name.startswith(FOR_VALUES)]
    try:
        own = wheels.install(wheel, python, tmp_path, "--only-binary=:all:", *needed)
    except machine.Problem as problem:
        # A Python that is new may have to wait for them.
        pytest.skip(f"no wheels of what the tests need for Python {version}: {problem}")
    tests = [ROOT / "tests" / "python" / "values" / f"test_{name}.py" for name in ("codec", "foreign_arrays")]
    succeed([own, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *tests])


def test_an_editable_wheel_points_to_the_sources(tmp_path: Path) -> None:
    with zipfile.ZipFile(back_end("build_editable", tmp_path)) as archive:
        paths = [name for name in archive.namelist() if name.endswith(".pth")]
        assert len(paths) == 1
        assert set(archive.read(paths[0]).decode().split()) == {str(ROOT / "bindings" / "python")}
        assert not any(name.endswith(".so") for name in archive.namelist())
    assert (native.PACKAGE / native.SONAME).is_file()


def test_a_source_distribution_has_all_that_the_build_reads(tmp_path: Path) -> None:
    archive = back_end("build_sdist", tmp_path)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path, filter="data")
    tree = tmp_path / archive.name.removesuffix(".tar.gz")
    tracked = subprocess.run(
        ["git", "ls-files", "runtime", "include", "tools", "bindings/python", "Cargo.toml", "Cargo.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert tracked or not (ROOT / ".git").exists()
    for name in tracked:
        if name.startswith(("runtime/fuzz/", "tools/endurance/")):
            continue
        assert (tree / name).read_bytes() == (ROOT / name).read_bytes(), name
    for name in (
        "build.py",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "LICENSE-THIRD-PARTY",
    ):
        assert (tree / name).is_file(), name
    carried = tree / weights.WEIGHTS.relative_to(ROOT)
    assert carried.read_bytes() == weights.ready().read_bytes()
    # Nothing is fetched there.
    assert succeed([sys.executable, "build.py", "weights"], cwd=tree, environment={"PATH": ""}) == f"{carried}\n"
    succeed(["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"], cwd=tree)
