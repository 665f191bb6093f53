"""What an import costs and does: little."""

from __future__ import annotations

import array
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import ModuleSpec
from modulefinder import ModuleFinder
from pathlib import Path
from types import ModuleType

import pytest
import remotemedia as rm
from remotemedia._codec.call_buffers import CallBuffers
from remotemedia._process import imported
from remotemedia.cli.arguments.parser import CommandLine

SOURCES = Path(rm.__file__).parents[3]
"""The source tree that the package is imported from."""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_importing_prints_nothing_and_starts_nothing() -> None:
    assert (
        python(
            "import threading, os\n"
            "before = len(os.listdir('/proc/self/task'))\n"
            "import remotemedia, remotemedia_runtime\n"
            "assert len(os.listdir('/proc/self/task')) == before\n"
            "assert threading.active_count() == 1\n"
            "from remotemedia import execute\n"
            "assert len(os.listdir('/proc/self/task')) == before\n"
        )
        == ""
    )


@pytest.mark.parametrize("module", ["asyncio", "typing", "numpy", "pandas", "pyarrow", "msgpack", "_cffi_backend"])
def test_importing_leaves_other_modules_alone(module: str) -> None:
    assert python(f"import sys, remotemedia; print({module!r} in sys.modules)") == "False\n"


def test_executing_without_arrays_leaves_numpy_alone() -> None:
    code = (
        "import sys, remotemedia as rm\n"
        "nodes = [{'id': 'p', 'node_type': 'PassThrough'}]\n"
        "manifest = {'version': 'v1', 'metadata': {'name': 't'}, 'nodes': nodes, 'connections': []}\n"
        "values = [1, 'a', {'b': [2.5]}, rm.File('c')]\n"
        "assert rm.execute_sync(manifest, values) == values\n"
        "print('numpy' in sys.modules)"
    )
    assert python(code) == "False\n"


def test_arrays_are_those_of_numpy_whatever_has_been_imported() -> None:
    code = (
        "import sys, array, remotemedia as rm\n"
        "nodes = [{'id': 'p', 'node_type': 'PassThrough'}]\n"
        "manifest = {'version': 'v1', 'metadata': {'name': 't'}, 'nodes': nodes, 'connections': []}\n"
        "audio = rm.Audio(array.array('f', [0.5] * 9000), rate=8000)\n"
        "assert 'numpy' not in sys.modules\n"
        "for engine in ('native', 'python'):\n"
        "    (back, numbers) = rm.execute_sync(manifest, [audio, array.array('h', range(20000))], engine=engine)\n"
        "    print(type(numbers).__name__, numbers.dtype, numbers.shape)\n"
        "print(type(rm.testing.speech().samples).__name__)"
    )
    assert python(code) == "ndarray int16 (20000,)\n" * 2 + "ndarray\n"


@pytest.mark.parametrize("module", ["pandas", "pyarrow"])
def test_executing_leaves_large_modules_alone(module: str) -> None:
    code = (
        "import sys, array, remotemedia as rm\n"
        "sys.modules['numpy'] = None\n"
        "nodes = [{'id': 'p', 'node_type': 'PassThrough'}]\n"
        "manifest = {'version': 'v1', 'metadata': {'name': 't'}, 'nodes': nodes, 'connections': []}\n"
        "audio = rm.Audio(array.array('f', [0.5] * 9000), rate=8000)\n"
        "(back, numbers) = rm.execute_sync(manifest, [audio, array.array('h', range(20000))])\n"
        "assert type(back.samples) is type(numbers) is rm.Tensor\n"
        "assert back.samples.tolist() == [[0.5] * 9000] and numbers.tolist() == list(range(20000))\n"
        "assert numbers.readonly\n"
        f"print({module!r} in sys.modules)"
    )
    assert python(code) == "False\n"


def test_a_missing_library_is_one_sentence_and_does_not_break_the_import() -> None:
    code = (
        "import sys\n"
        "sys.modules['remotemedia._native'] = None\n"
        "import remotemedia\n"
        "assert remotemedia.is_available() is False\n"
        "try: remotemedia.read\n"
        "except remotemedia.LibraryError as error: print(error)"
    )
    assert python(code) == (
        "the native library of remotemedia can't be loaded: import of remotemedia._native halted; None in sys.modules. "
        f"Build it: python3 build.py build, in {SOURCES}\n"
    )


def test_a_package_in_a_zip_is_to_be_unpacked(tmp_path: Path) -> None:
    package = SOURCES / "bindings" / "python" / "remotemedia"
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in package.rglob("*.py"):
            file.write(path, path.relative_to(package.parent))
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "import remotemedia as rm\n"
        "try: rm.read\n"
        "except rm.LibraryError as error: print(error)"
    )
    assert python(code).endswith(f". Unpack {archive}: no system loads libraries from within a zip\n")


def test_ctrl_c_does_not_interrupt_the_exit() -> None:
    # Pressed when the runtime is about to shut down, and when it has.
    assert (
        python(
            "import atexit, remotemedia._process as process\n"
            "left = [KeyboardInterrupt, KeyboardInterrupt]\n"
            "def step():\n"
            "    if left: raise left.pop()\n"
            "    print('done')\n"
            "process.at_exit(step)\n"
            "process.at_exit(lambda: print('next'))\n"
        )
        == "done\nnext\n"
    )


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("remotemedia/libremotemedia.so.1", r".*libremotemedia\.so\.1: .*\. Install the wheel again: "
         r"pip install --force-reinstall remotemedia-\*\.whl"),
        ("_cffi_backend", r".*_cffi_backend.*\. Install cffi: pip install cffi"),
    ],
)  # fmt: skip
def test_an_installed_package_without_its_library_says_what_to_install(gone: str, message: str, tmp_path: Path) -> None:
    shutil.copytree(SOURCES / "bindings" / "python" / "remotemedia", tmp_path / "remotemedia")
    (tmp_path / gone).unlink(missing_ok=True)
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        f"if {gone!r} == '_cffi_backend': sys.modules['_cffi_backend'] = None\n"
        "import remotemedia as rm\n"
        "assert rm.__file__.startswith(sys.path[0])\n"
        "try: rm.read\n"
        "except rm.LibraryError as error: print(error)\n"
        "try: (rm.Pipeline() >> rm.nodes.AudioLevel()).run_sync([1])\n"
        "except rm.ManifestError as error: print(error)\n"
        "try: (rm.Pipeline() >> rm.nodes.AudioLevel()).run_sync([1], engine='native')\n"
        "except rm.LibraryError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    first, of_auto, of_native = done.stdout.splitlines()
    assert re.fullmatch(f"the native library of remotemedia can't be loaded: {message}", first)
    assert of_native == first
    assert of_auto == (
        "nodes[0].node_type: the Python engine has no node 'AudioLevel', only Calculator, Echo, PassThrough and Python "
        f"functions; {first}"
    )


def test_every_public_name_is_there() -> None:
    import remotemedia

    for name in remotemedia.__all__:
        assert getattr(remotemedia, name) is not None
    assert set(remotemedia.__all__) <= set(dir(remotemedia))
    with pytest.raises(AttributeError, match="module 'remotemedia' has no attribute 'nope'"):
        _ = remotemedia.nope


def test_a_module_that_is_being_imported_does_not_count_as_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    half = ModuleType("numpy")
    half.__spec__ = ModuleSpec("numpy", None)
    monkeypatch.setitem(sys.modules, "numpy", half)
    assert imported("numpy") is half
    half.__spec__._initializing = True  # type: ignore[attr-defined]
    assert imported("numpy") is None
    # Neither array nor scalar of numpy can be there yet: a value of any other type is packed without it.
    assert CallBuffers().pack(array.array("d", [1.0]), "value")
    monkeypatch.delitem(sys.modules, "numpy")
    assert imported("numpy") is None


def test_all_that_is_loaded_is_named_by_import_statements(tmp_path: Path) -> None:
    # What freezes programs, such as PyInstaller, looks for nothing else.
    (tmp_path / "program.py").write_text("import remotemedia\n")
    finder = ModuleFinder([str(Path(rm.__file__).parents[1])])
    finder.run_script(str(tmp_path / "program.py"))
    loaded = python(
        "import sys, remotemedia as rm\n"
        "for name in [*rm.__all__, 'nodes', 'testing']: getattr(rm, name)\n"
        "pipeline = rm.Pipeline() >> rm.nodes.AudioLevel()\n"
        "pipeline.run_sync([rm.testing.speech()])\n"
        "print(*(name for name in sys.modules if name.split('.')[0] in ('remotemedia', '_cffi_backend')))"
    ).split()
    # `lib` is no file: cffi puts it beside its extension.
    named = {*finder.modules, *finder.badmodules, "remotemedia._native.lib"}
    assert {"remotemedia._native", "_cffi_backend"} < set(loaded)
    assert set(loaded) - named == set()


def test_every_command_is_named_by_an_import_statement(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("from remotemedia.cli import main\nmain()\n")
    finder = ModuleFinder([str(Path(rm.__file__).parents[1])])
    finder.run_script(str(tmp_path / "program.py"))
    commands = set(CommandLine().commands)
    assert {"convert", "version"} <= commands
    assert {f"remotemedia.cli.{command}" for command in commands} - {*finder.modules} == set()
