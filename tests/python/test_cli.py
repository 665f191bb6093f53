"""The command `remotemedia`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from remotemedia.cli import main

ROOT = Path(__file__).parents[2]
SPEECH = str(ROOT / "examples" / "speech.yaml")
RECORDING = str(ROOT / "examples" / "speech.flac")


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_version_by_the_module_without_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-m", "remotemedia", "version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"remotemedia \d+\.\d+\.\d+, library \d+\.\d+\.\d+, ABI \d+\.\d+\n", done.stdout)


def test_help_needs_no_library_and_documents_exit_codes() -> None:
    code = (
        "import sys\nsys.modules['remotemedia._native'] = None\nfrom remotemedia.cli import main\n"
        "assert 'asyncio' not in sys.modules\nmain(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Exit codes: 0 done; 1 an execution failed; 2 the command line is wrong" in done.stdout
    code += "\nsys.exit(main(['nodes']))"
    done = subprocess.run([sys.executable, "-c", code, "nodes"], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.startswith("remotemedia: the native library of remotemedia can't be loaded: ")


def test_run_prints_each_output(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "run", SPEECH, "-i", RECORDING, "--set", "level.window_ms=5000")
    assert (code, err) == (0, "")
    assert [line.partition("  ")[0] for line in out.splitlines()] == ["0.000 s", "5.000 s"]
    assert out.startswith("0.000 s  {'rms_db': -23.56")


def test_run_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    pattern = str(ROOT / "examples" / "*.flac")
    code, out, err = command(capsys, "run", SPEECH, "-i", pattern, "--json", "--set", "level.window_ms=5000")
    assert (code, err) == (0, "")
    first, second = map(json.loads, out.splitlines())
    assert list(first) == ["input", "sink", "pts", "duration", "value"]
    assert [first["input"], first["sink"], first["pts"], first["duration"]] == [RECORDING, "level", 0.0, 5.0]
    assert [second["pts"], second["duration"], second["value"]["health"]] == [5.0, 2.1, "ok"]


def test_a_failing_file_ends_the_run_or_is_listed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad, failures = tmp_path / "bad.mp3", tmp_path / "failures.jsonl"
    bad.write_bytes(b"no sound")
    coarse = ("--set", "level.window_ms=10000")
    code, out, err = command(capsys, "run", SPEECH, "-i", str(bad), RECORDING, *coarse)
    assert (code, out) == (1, "")
    assert err.startswith("remotemedia: node 'decode' (AudioDecode), input 0 'bad.mp3': ")
    code, out, err = command(
        capsys, "run", SPEECH, "-i", str(bad), RECORDING, *coarse, "--keep-going", "--failures", str(failures)
    )
    assert (code, err.splitlines()[-1]) == (1, "remotemedia: 1 of 2 failed")
    assert out.startswith(f"{RECORDING}  0.000 s  {{")
    (failure,) = map(json.loads, failures.read_text("utf-8").splitlines())
    assert (failure["input"], failure["node"]) == (str(bad), "decode")
    assert failure["error"] == err.splitlines()[0].removeprefix("remotemedia: ")


def test_validate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = command(capsys, "validate", SPEECH)
    assert (code, err) == (0, "")
    assert out.startswith("speech: 4 nodes in 1 stage\n  stage  id ")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: v1\nnodes:\n- {id: a, node_type: Ecko}\n- {id: b, node_type: Echo, params: {x: 1}}\n")
    code, out, err = command(capsys, "validate", str(wrong))
    assert (code, out) == (3, "")
    assert err == (
        "remotemedia: the manifest has 2 problems:\n"
        "  line 3, column 22: nodes[0].node_type: there is no node type 'Ecko'; did you mean 'Echo'?\n"
        "  line 4, column 37: nodes[1].params.x: Echo has no param 'x'; remove it: there are none\n"
    )


def test_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "nodes")
    assert code == 0
    assert re.search(r"^AudioLevel +Measures the level of sound in windows and judges its volume\.$", out, re.MULTILINE)
    assert command(capsys, "nodes", "PassThroughNode")[1].startswith("PassThrough: ")
    assert command(capsys, "nodes", "AudioLevelNode")[1].startswith("AudioLevelNode: An old name of AudioLevel")
    code, out, _ = command(capsys, "nodes", "AudioLevel")
    assert code == 0
    assert out.startswith(
        "AudioLevel: Measures the level of sound in windows and judges its volume.\n\ninput in (audio)"
    )
    assert "\n  window_ms (integer from 10 to 10000, default 100)\n    The length of a window.\n" in out
    assert out.endswith('\nexample: {"id": "audiolevel", "node_type": "AudioLevel", "params": {"window_ms": 100}}\n')
    assert '\n  quality ("fast" | "high" | "best", optional)\n' in command(capsys, "nodes", "AudioResample")[1]
    assert command(capsys, "nodes", "AudioLevl") == (
        2,
        "",
        "remotemedia: there is no node type 'AudioLevl'; did you mean 'AudioLevel'?\n",
    )


def test_info_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "info", RECORDING) == (
        0,
        f"file      {RECORDING}\nsize      128526 bytes\nrate      16000 Hz\nchannels  1\n"
        "frames    113600\nduration  7.100 s\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["info", "nope.wav"], 4, "No such file or directory: 'nope.wav'"),
        (["validate", "nope.yaml"], 4, "no such manifest 'nope.yaml' in {cwd}"),
        (["run", SPEECH, "-i", "nope.wav"], 4, "no such file 'nope.wav' in {cwd}"),
        (["run", SPEECH, "-i", "*.nope"], 4, "no file matches '*.nope' in {cwd}"),
        (["run", SPEECH, "--set", "level"], 2, "--set level: write node.param=value"),
        (
            ["run", SPEECH, "--set", "levl.x=1"],
            2,
            "--set levl.x=1: there is no node 'levl'; there are decode, mono, speech, level",
        ),
        (
            ["run", SPEECH, "--set", "level.window_ms=1"],
            3,
            "nodes[3].params.window_ms: expected an integer from 10 to 10000, got 1",
        ),
    ],
)
def test_mistakes_are_one_sentence(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert command(capsys, *words) == (code, "", f"remotemedia: {message.format(cwd=Path.cwd())}\n")


def test_python_nodes_need_to_be_allowed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    manifest = tmp_path / "python.yaml"
    manifest.write_text('version: v1\nnodes:\n- {id: a, node_type: "python:face_functions:even"}\n')
    code, _, err = command(capsys, "validate", str(manifest))
    assert code == 3
    assert "runs Python code of 'face_functions'" in err
    code, out, _ = command(capsys, "validate", str(manifest), "--python", "face_functions")
    assert code == 0
    assert "python:face_functions:even" in out
