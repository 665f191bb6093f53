"""What docs/security.md promises of the Python sources: no pickle, no eval, no import by a name that came in."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import remotemedia as rm

PACKAGES = Path(__file__).resolve().parent.parent.parent / "bindings" / "python"
SOURCES = sorted([*(PACKAGES / "remotemedia").rglob("*.py"), *(PACKAGES / "remotemedia_runtime").rglob("*.py")])
NAMES = [str(source.relative_to(PACKAGES)) for source in SOURCES]

# Modules that turn data into code or objects of any type, or that leave the process.
UNWANTED_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "socket", "http", "urllib", "ftplib"}
# An exception sees whether it pickles when its own program pickles it. What comes from outside is never loaded.
PICKLERS = {"remotemedia/errors.py"}
# `urllib.parse` takes a URL apart and opens nothing.
SPLITTERS = {"remotemedia/_files/addresses.py"}
UNWANTED_CALLS = {"eval", "exec", "compile", "__import__"}
# Where a module may be imported by name: parts of the package itself, functions that the caller has allowed, the module
# of a function that the caller gave, and libraries whose names stand in the package.
IMPORTERS = {
    "remotemedia/__init__.py",
    "remotemedia/_abi/library.py",
    "remotemedia/_graph/function_node.py",
    "remotemedia/_manifest/python_types.py",
    "remotemedia/_problem/missing_library.py",
    "remotemedia/cli/__init__.py",
}


def uses(tree: ast.AST) -> set[str]:
    """What a module imports, and the plain functions that it calls."""
    found: set[str] = set()
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.level == 0 and part.module:
            found.add(part.module.partition(".")[0])
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
            found.add(f"{part.func.id}()")
        elif isinstance(part, ast.Attribute) and part.attr == "import_module":
            found.add("import_module()")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_source_turns_data_into_code(name: str) -> None:
    found = uses(ast.parse((PACKAGES / name).read_text("utf-8")))
    allowed = {"pickle"} if name in PICKLERS else {"urllib"} if name in SPLITTERS else set[str]()
    assert found.isdisjoint(UNWANTED_MODULES - allowed)
    assert found.isdisjoint(f"{name}()" for name in UNWANTED_CALLS)
    if name not in IMPORTERS:
        assert "import_module()" not in found


def test_libraries_are_imported_by_names_that_stand_in_the_package() -> None:
    names = set()
    for source in SOURCES:
        for part in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "require":
                assert isinstance(part.args[0], ast.Constant), f"{source}:{part.lineno}"
                names.add(part.args[0].value)
    assert "torch" in names


def test_nothing_is_imported_before_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = tmp_path / "imported"
    (tmp_path / "strange_package.py").write_text(f"open({str(witness)!r}, 'w').close()\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    manifest = {"version": "v1", "nodes": [{"id": "a", "node_type": "python:strange_package:f"}]}
    with pytest.raises(rm.ManifestError) as caught:
        rm.Pipeline.load(manifest)
    assert str(caught.value).endswith(
        "'python:strange_package:f' runs Python code of 'strange_package'; if you trust it, allow it with "
        "python=['strange_package']"
    )
    assert not witness.exists()
