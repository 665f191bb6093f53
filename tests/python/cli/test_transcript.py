"""The sessions in README and docs are what the commands print today."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import transcript


@pytest.mark.parametrize("document", transcript.DOCUMENTS)
def test_the_document_shows_what_the_commands_print(document: str) -> None:
    text = (transcript.ROOT / document).read_text("utf-8")
    assert "\n$ remotemedia " in text
    assert transcript.filled(text) == text, "python3 -m tools.transcript writes it anew"


def test_a_stale_block_is_replaced_by_what_the_commands_print() -> None:
    text = "before\n```console\n$ echo new; echo err >&2\nold\n$ false\n$ echo $?\n```\nafter\n"
    assert transcript.filled(text) == (
        "before\n```console\n$ echo new; echo err >&2\nnew\nerr\n$ false\n$ echo $?\n1\n```\nafter\n"
    )


def test_a_command_is_continued_behind_a_backslash() -> None:
    text = "```console\n$ echo one \\\n> two\nold\n> old, too\n```\n"
    assert transcript.filled(text) == "```console\n$ echo one \\\n> two\none two\n```\n"


def test_what_a_terminal_would_wrap_is_folded() -> None:
    text = "```console\n$ python3 -c \"print(('123456789 ' * 10).strip()); print('x' * 90)\"\n```\n"
    nines = "123456789 " * 8
    assert transcript.filled(text).splitlines()[2:-1] == [
        nines.strip(),
        "    123456789 123456789",
        "x" * 80,
        "    " + "x" * 10,
    ]


def test_help_writes_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript, "filled", lambda text: pytest.fail("a document was filled"))
    with pytest.raises(SystemExit) as left:
        transcript.main(["--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python3 -m tools.transcript [-h] [--check]")


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_it_stops_where_the_package_does_not_run(words: list[str], tmp_path: Path) -> None:
    text = "```console\n$ remotemedia version\nremotemedia 0.1.0\n```\n"
    (tmp_path / "docs").mkdir()
    for document in transcript.DOCUMENTS:
        (tmp_path / document).write_text(text)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").touch()
    shutil.copy(transcript.__file__, tmp_path / "tools")
    package = tmp_path / "bindings" / "python" / "remotemedia"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("raise SystemExit('no library')\n")
    done = subprocess.run(
        [sys.executable, "-m", "tools.transcript", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tools.transcript: remotemedia does not run here: no library\n"
    assert {(tmp_path / document).read_text() for document in transcript.DOCUMENTS} == {text}
