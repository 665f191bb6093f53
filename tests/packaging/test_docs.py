"""Every code block of README and docs: programs run, manifests are valid, what is shown as output is what comes out.

A fenced block with a language is checked as that language; a `text` block behind it is its output, in which a line
`...` stands for anything. `title="exit code N: ..."` on a shell block says how it ends. `console` blocks
are what tools/transcript.py made of a run, and tested with it. Blocks without a language show shapes. A program with
`title="needs LIBRARY"` is skipped where that is not installed.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import remotemedia as rm
from project import ROOT, run, succeed
from remotemedia._manifest.catalog import node_types

from tools import commands, machine, native, node_reference

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and what else stands behind the fence, and the output that is shown below it."""

    place: str
    language: str
    info: str
    text: str
    output: str | None

    def check_output(self, printed: str) -> None:
        """Compare what was printed with what the page shows."""
        if self.output is not None:
            lines = [".*" if line == "..." else re.escape(line) for line in self.output.rstrip().splitlines()]
            assert re.fullmatch("\n".join(lines), printed.rstrip(), re.DOTALL), printed


def blocks() -> Iterator[Block]:
    """The blocks of all pages that have a language."""
    for page in PAGES:
        text = page.read_text("utf-8")
        found = list(FENCE.finditer(text))
        for match, following in itertools.zip_longest(found, found[1:]):
            language, _, info = match["info"].partition(" ")
            place = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
            shown = None
            if (
                following is not None
                and following["info"] == "text"
                and not text[match.end() : following.start()].strip()
            ):
                shown = following["text"]
            if language:
                yield Block(place, language, info, match["text"], shown)


BLOCKS = list(blocks())


def of(*languages: str) -> list[object]:
    """The blocks of some languages, as parameters of a test."""
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language in languages]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that looks like the root of the project, in which programs may leave files."""
    for name in ("examples", "include", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    commands = tmp_path / ".bin"
    commands.mkdir()
    for name, module in (("remotemedia", "remotemedia"), ("python", "")):
        program = commands / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {f"-m {module}" if module else ""} "$@"\n')
        program.chmod(0o755)
    return tmp_path


def test_every_language_is_one_that_is_checked_and_every_output_belongs_to_a_program() -> None:
    outputs = sum(block.output is not None for block in BLOCKS)
    assert {block.language for block in BLOCKS} <= {"python", "sh", "c", "yaml", "rust", "console", "text"}
    assert sum(block.language == "text" for block in BLOCKS) == outputs


@pytest.mark.parametrize("block", of("python"))
def test_python_runs(block: Block, folder: Path) -> None:
    needed = re.match(r'title="needs (\w+)"', block.info)
    if needed and find_spec(needed[1]) is None:
        pytest.skip(f"{needed[1]} is not installed: pip install 'remotemedia[{needed[1]}]'")
    program = folder / "block.py"
    program.write_text(block.text, "utf-8")
    block.check_output(succeed([sys.executable, program], cwd=folder))


@pytest.mark.parametrize("block", of("sh"))
def test_shell_ends_as_the_page_says(block: Block, folder: Path) -> None:
    stated = re.match(r'title="exit code (\d+)', block.info)
    path = {"PATH": f"{folder / '.bin'}{os.pathsep}{os.environ['PATH']}"}
    done = run(["bash", "-euo", "pipefail", "-c", block.text], cwd=folder, environment=path)
    assert done.returncode == (int(stated[1]) if stated else 0), f"{done.stdout}\n{done.stderr}"
    block.check_output(done.stdout)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_what_a_newcomer_runs_first_needs_the_package_alone(page: str, tmp_path: Path) -> None:
    first = next(block for block in BLOCKS if block.place.startswith(f"{page}:") and block.language == "python")
    program = tmp_path / "first.py"
    program.write_text(first.text, "utf-8")
    assert first.output is not None
    # Nor does it need numpy, which the package does not depend on.
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is not installed')", "utf-8")
    first.check_output(succeed([sys.executable, program], cwd=tmp_path))


@pytest.mark.parametrize("block", [pytest.param(block, id=block.place) for block in BLOCKS if block.language != "rust"])
def test_code_fits_80_columns(block: Block) -> None:
    # As on a phone held upright, or beside another window. Rust is as wide as the sources.
    wide = [line for line in block.text.splitlines() if len(line) > 80]
    assert not wide, wide


@pytest.mark.parametrize("block", of("c"))
def test_c_compiles_and_runs(block: Block, folder: Path) -> None:
    source, program = folder / "block.c", folder / "block"
    source.write_text(block.text, "utf-8")
    built = native.library().parent
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I", ROOT / "include", "-L", built]
    # The linker's name is in the folder, the loader's is a name of its own.
    (folder / native.SONAME).symlink_to(built / "libremotemedia.so")
    succeed([machine.require_c_compiler(), source, "-o", program, *strict, "-lremotemedia"])
    block.check_output(succeed([program], cwd=folder, environment={"LD_LIBRARY_PATH": str(folder)}))


@pytest.mark.parametrize("block", of("yaml"))
def test_yaml_is_a_manifest_or_a_node_of_one(block: Block) -> None:
    text = block.text
    if not text.startswith("version:"):
        text = "version: v1\nnodes:\n- id: it\n" + "".join(f"  {line}\n" for line in text.splitlines())
    rm.Pipeline.load(text).validate()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "examples/README.md", "bindings/python/README.md"])
def test_links_outside_of_the_site_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / page).read_text("utf-8")):
        assert re.match("https?:", target) or (ROOT / page).parent.joinpath(target).exists(), target


def test_each_claim_of_the_readme_names_the_benchmark_that_measures_it() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.partition("## How fast it is\n")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")]
    named = [re.fullmatch(r" `(\w+)` ", row[3]) for row in rows[1:]]
    assert len(named) > 10
    assert {name[1] if name else "" for name in named} <= set(commands.benchmark_names())


def test_rust_is_run_by_cargo() -> None:
    pages = {block.place.partition(":")[0] for block in BLOCKS if block.language == "rust"}
    included = "".join(path.read_text("utf-8") for path in (ROOT / "runtime").rglob("src/lib.rs"))
    for page in pages:
        assert re.search(rf'doc = include_str!\("[./]*{re.escape(page)}"\)', included), page


def test_the_page_of_nodes_is_what_the_library_describes() -> None:
    if node_reference.PATH.read_text("utf-8") != node_reference.generated(node_types()):
        pytest.fail("docs/nodes.md is stale: `python3 build.py generate`", pytrace=False)


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    listed = set(re.findall(r"^::: remotemedia\.(\w+)$", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE))
    own = {name for name in rm.__all__ if not name.startswith("__") and name not in ("nodes", "Cancelled")}
    errors = {name for name in own if name in dir(rm.errors)}
    missing = sorted({*(own - errors), "errors"} - listed)
    assert not missing, f"add to docs/api.md: {', '.join(f'::: remotemedia.{name}' for name in missing)}"
