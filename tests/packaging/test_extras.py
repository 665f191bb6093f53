"""The extras of the package: each one that an error, a page or an example names is there, and brings what it is for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

from tools.stamp import files_below

PACKAGE = ROOT / "bindings" / "python" / "remotemedia"
INTEGRATIONS = PACKAGE / "integrations"
NAMED = re.compile(r"remotemedia\[([\w,-]+)\]")


def extras() -> dict[str, list[str]]:
    """The extras of pyproject.toml, with their requirements."""
    # Python 3.10 has no reader of TOML.
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    table = text.partition("[project.optional-dependencies]\n")[2].partition("\n\n")[0]
    lines = (line.partition(" = ") for line in table.splitlines())
    return {name: ast.literal_eval(requirements) for name, _, requirements in lines}


def required(source: Path) -> Iterator[tuple[str, str]]:
    """The module and the extra of each call of `require` in a file."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require":
            yield ast.literal_eval(node.args[0]), ast.literal_eval(node.args[2])


def imported(source: Path) -> set[str]:
    """The packages that a file imports by name, wherever it does, and those that modules of its folder do for it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 1 and node.module is not None:
            found |= imported(source.parent / f"{node.module}.py")
    return found


def test_every_extra_that_errors_name_is_one_and_brings_the_module() -> None:
    known = extras()
    found = [(source.name, *each) for source in sorted(PACKAGE.rglob("*.py")) for each in required(source)]
    assert {"ray.py", "torch.py", "array_libraries.py"} <= {file for file, _, _ in found}
    for file, module, extra in found:
        assert extra in known, f"{file} names the extra {extra!r}"
        package = module.partition(".")[0]
        brings = {re.split(r"[^\w-]", requirement)[0] for requirement in known[extra]}
        # What they build on comes with them.
        brings |= {"numpy"} if brings & {"datasets", "lhotse"} else set()
        assert package in brings, f"{file}: the extra {extra!r} does not bring {package}"


def test_every_extra_that_text_names_is_one() -> None:
    known = extras()
    sources = [ROOT / "README.md", ROOT / "CHANGELOG.md", *files_below(ROOT / "docs", ROOT / "examples", PACKAGE)]
    texts = {path: path.read_text("utf-8", "ignore") for path in sources if path.suffix in (".md", ".py", ".toml")}
    found = [(path, name) for path, text in texts.items() for names in NAMED.findall(text) for name in names.split(",")]
    assert {"ray", "daft", "ray-serve", "torch"} <= {name for _, name in found}
    for path, name in found:
        assert name in known, f"{path.relative_to(ROOT)} names the extra {name!r}"


@pytest.mark.parametrize("name", ["daft", "ray"])
def test_an_adapter_that_imports_pyarrow_has_it_in_its_extra(name: str) -> None:
    assert "pyarrow" in imported(INTEGRATIONS / f"{name}.py")
    assert any(requirement.startswith("pyarrow") for requirement in extras()[name])


def test_every_adapter_is_on_the_page_of_the_api() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    modules = [source.stem for source in INTEGRATIONS.glob("*.py") if not source.stem.startswith("_")]
    assert [name for name in modules if f"::: remotemedia.integrations.{name}\n" not in page] == []
