"""Shell completion: the script for bash in a real bash; each shell that is installed reads its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from remotemedia.cli import main

BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def script() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "remotemedia", "completion", "bash"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with manifests, recordings, and the command itself in `bin`."""
    folder = tmp_path_factory.mktemp("completion")
    for name in ("talk.yaml", "talk two.yml", "talk.flac", "talk.json", "other.flac"):
        (folder / name).touch()
    (folder / "bin").mkdir()
    launcher = folder / "bin" / "remotemedia"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m remotemedia "$@"\n')
    launcher.chmod(0o755)
    return folder


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ([""], "completion convert graph info levels nodes run segments validate version --help --version"),
        (["ru"], "run"),
        (["--v"], "--version"),
        (["run", ""], "bin/ talk two.yml talk.json talk.yaml"),
        (["validate", "talk."], "talk.json talk.yaml"),
        (["graph", "o"], ""),
        (["run", "talk.yaml", "--j"], "--jobs --json"),
        (["run", "talk.yaml", "-i", "t"], "talk two.yml talk.flac talk.json talk.yaml"),
        (["run", "talk.yaml", "-i", "talk.flac", "o"], "other.flac"),
        (["run", "talk.yaml", "-j", ""], ""),
        (["run", "-j", "2", "talk.j"], "talk.json"),
        (["run", "-i", "talk.flac", "--json", "talk."], "talk.json talk.yaml"),
        (["nodes", "AudioL"], "AudioLevel AudioLevelNode"),
        (["nodes", "--"], "--help --json"),
        (["convert", "oth"], "other.flac"),
        (["convert", "other.flac", "-f", "f"], "flac"),
        (["segments", "other.flac", "--min-s"], "--min-silence-ms --min-speech-ms"),
        (["info", "oth"], "other.flac"),
        (["completion", ""], "bash fish zsh"),
        (["version", ""], ""),
        (["nonsense", ""], ""),
    ],
)
def test_bash_offers_what_may_stand_there(script: str, folder: Path, words: list[str], offers: str) -> None:
    program = (
        f'{script}\nCOMP_WORDS=(remotemedia "$@")\nCOMP_CWORD=$#\n_remotemedia\n'
        '[ ${#COMPREPLY[@]} -eq 0 ] || printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [str(BASH), "--norc", "-c", program, "bash", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
    )
    assert done.stderr == ""
    found = sorted(f"{offer}/" if (folder / offer).is_dir() else offer for offer in done.stdout.splitlines())
    assert " ".join(sorted(found, key=lambda offer: (offer.startswith("-"), offer))) == offers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert text.startswith("#")
    for word in ("run", "validate", "graph", "keep-going", "remotemedia nodes", "bash zsh fish"):
        assert word in text
    if shutil.which(shell) is not None:
        done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
