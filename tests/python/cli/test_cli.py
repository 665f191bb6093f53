"""The command `remotemedia`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.arguments.parser import CommandLine

ROOT = Path(__file__).parents[3]
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
    page = done.stdout.partition("exit codes:\n")[2].splitlines()
    assert page[:2] == ["  0    done", "  1    an execution failed: the graph, or at least one file"]
    assert page[2] == "  2    the command line is wrong"
    code += "\nsys.exit(main(['nodes']))"
    done = subprocess.run([sys.executable, "-c", code, "nodes"], capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.startswith("remotemedia: the native library of remotemedia can't be loaded: ")


def test_run_prints_each_output(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "run", SPEECH, "-i", RECORDING, "--set", "level.window_ms=5000")
    assert (code, err) == (0, "")
    assert [line.partition("  ")[0] for line in out.splitlines()] == ["0.000 s", "5.000 s"]
    level = "{'rms_db': %s, 'peak_db': %s, 'is_low_volume': False, 'is_silence': False, 'health': 'ok', 'faults': []}"
    assert out.startswith(f"0.000 s  {level % (-23.5601, -7.48628)}\n")


def test_run_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    pattern = str(ROOT / "examples" / "*.flac")
    code, out, err = command(capsys, "run", SPEECH, "-i", pattern, "--json", "--set", "level.window_ms=5000")
    assert (code, err) == (0, "")
    first, second = map(json.loads, out.splitlines())
    assert list(first) == ["input", "sink", "pts", "duration", "value"]
    assert [first["input"], first["sink"], first["pts"], first["duration"]] == [RECORDING, "level", 0.0, 5.0]
    assert [second["pts"], second["duration"], second["value"]["health"]] == [5.0, 2.1, "ok"]


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
    about, ports = out.partition("\n\ninput in ")[::2]
    assert about.startswith("AudioLevel: Measures the level of sound in windows and judges its volume.\n\n")
    assert "\n`peak_db`        20 log10 of the largest magnitude in any channel, in dBFS\n" in about
    assert all(len(line) <= 100 for line in about.splitlines())
    assert ports == (
        "   audio\n"
        "            Sound.\n"
        "output out  map\n"
        "            For each window the map {rms_db, peak_db, is_low_volume, is_silence, health, faults};\n"
        "            health is ok, unknown, low_volume or silence. With changes_only the changes of faults.\n"
        "\n"
        "cost: light\n"
        "\n"
        "params\n"
        "  window_ms  integer from 10 to 10000, default 100\n"
        "      The length of a window.\n"
        "  low_volume_threshold_db  number from -120 to 0, default -35.0\n"
        "      Sound whose gated RMS over seconds is below this many dBFS has a low volume.\n"
        "  silence_threshold_db  number from -120 to 0, default -60.0\n"
        "      A window whose RMS is below this many dBFS is silence. Less than `low_volume_threshold_db`.\n"
        "  changes_only  boolean, default false\n"
        "      Whether a map is emitted only when a fault begins and when it has ended.\n"
        "  hold_ms  integer from 0 to 3600000, default 1000\n"
        "      How long a fault must be gone until it has ended, in milliseconds; one that comes back earlier\n"
        "      goes on. With `changes_only`.\n"
        '  gaps  "restart" | "fill" | "ignore", default "restart"\n'
        "      What the node does where the times of its input jump, as after a packet that was lost.\n"
        '        "restart": It starts anew at the new time; an overlap is trimmed.\n'
        '        "fill": Silence fills a gap of up to a minute, after a longer one it starts anew; an overlap\n'
        "        is trimmed.\n"
        '        "ignore": Times after the first are not looked at: for sources that stamp packets by a clock\n'
        "        that jitters.\n"
        "\n"
        "example\n"
        "  - id: audiolevel\n"
        "    node_type: AudioLevel\n"
        "    params: {window_ms: 100}\n"
    )
    out = command(capsys, "nodes", "AudioResample")[1]
    assert "\n  rate  integer from 1000 to 768000, required\n" in out
    assert '\n  quality  "fast" | "high" | "best", default "high"\n' in out
    assert '\n        "high": Pass-band up to 0.9125, stop-band at least 120 dB down, float32.\n' in out
    assert command(capsys, "nodes", "AudioLevl") == (
        2,
        "",
        "remotemedia: there is no node type 'AudioLevl'; did you mean 'AudioLevel'?\n",
    )
    assert command(capsys, "nodes", "Q")[2] == "remotemedia: there is no node type 'Q'; see: remotemedia nodes\n"


def test_every_node_type_can_be_told_about_and_its_example_is_a_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    for line in command(capsys, "nodes")[1].splitlines():
        code, out, _ = command(capsys, "nodes", line.split()[0])
        assert code == 0
        rm.Pipeline.load("version: v1\nnodes:\n" + out.partition("\nexample\n")[2])


def test_graph(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = rm.Pipeline.load(SPEECH).svg()
    assert command(capsys, "graph", SPEECH) == (0, drawing, "")
    drawn = tmp_path / "new" / "speech.svg"
    other = tmp_path / "other.svg"
    assert command(capsys, "graph", SPEECH, "-o", str(drawn), "-o", str(other), "-o", "-") == (0, drawing, "")
    assert other.read_text() == drawing
    assert drawn.read_text("utf-8") == drawing
    assert os.listdir(drawn.parent) == ["speech.svg"]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command(capsys, "graph", SPEECH) == (0, f"{rm.Pipeline.load(SPEECH).plan()}\n", "")


def test_colour_is_for_terminals_and_for_those_who_want_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b" not in command(capsys, "nodes", "Echo")[1]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command(capsys, "nodes", "Echo")[1].startswith("\x1b[1mEcho\x1b[0m: ")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in command(capsys, "nodes", "Echo")[1]


def test_version_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom remotemedia.cli import main\nmain(['version'])\n"
        "print(sorted({'asyncio', 'numpy', 'pathlib', 'inspect'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[1] == "[]"


def test_info_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "info", RECORDING) == (
        0,
        f"file      {RECORDING}\nsize      128526 bytes\nformat    flac\nrate      16000 Hz\nchannels  1\n"
        "frames    113600\nduration  7.100 s\n",
        "",
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["info", "nope.wav"], 4, "no such file 'nope.wav' in {cwd}"),
        (
            ["info", "https://host/a.wav?b=1"],
            4,
            "'https://host/a.wav?b=1' is an address, and commands read files; download it, or pipe it in as -",
        ),
        (["validate", "nope.yaml"], 4, "no such manifest 'nope.yaml' in {cwd}"),
        (
            ["run", "examples/speech.flac"],
            3,
            "the manifest 'examples/speech.flac' is not UTF-8 text: byte 14 is 0x93; "
            "save it as UTF-8; a media file is an input: remotemedia run MANIFEST -i 'examples/speech.flac'",
        ),
        (["run", SPEECH, "-i", "nope.wav"], 4, "no such file 'nope.wav' in {cwd}"),
        (["run", SPEECH, "-i", "*.nope"], 4, "no file matches '*.nope' in {cwd}"),
        (["run", SPEECH, "--set", "level"], 2, "--set level: write node.param=value"),
        (
            ["run", SPEECH, "--set", "levl.x=1"],
            2,
            "--set levl.x=1: there is no node 'levl'; did you mean 'level'?",
        ),
        (
            ["run", SPEECH, "--set", "x.x=1"],
            2,
            "--set x.x=1: there is no node 'x'; there are decode, mono, speech, level",
        ),
        (
            ["run", SPEECH, "--set", "level.window_ms=1", "--set", "mono.chanels=2"],
            2,
            "--set mono.chanels=2: AudioMix has no param 'chanels'; did you mean 'channels'?\n"
            "  --set level.window_ms=1: expected an integer from 10 to 10000, got 1",
        ),
        (["run", SPEECH], 2, "node 'decode' waits for input; name files: -i FILE"),
        (["run", SPEECH, "-i", "examples/"], 4, "'examples/' is a folder; name its files: 'examples/*'"),
        (["rnu", SPEECH], 2, "there is no command 'rnu'; did you mean 'run'?"),
        (["graph", SPEECH, "-o", "/proc/x.svg"], 4, "No such file or directory: '/proc/x.svg'"),
        (["graph", SPEECH, "-o", "/dev/null/x.svg"], 4, "File exists: '/dev/null'"),
        (
            ["fly"],
            2,
            "there is no command 'fly'; the commands are run, convert, levels, segments, info, nodes, validate, graph, "
            "completion, version",
        ),
        (["--versoin"], 2, "there is no option '--versoin'; did you mean 'version'?"),
        (["run", SPEECH, "--jsno"], 2, "run has no argument '--jsno'; did you mean '--json'?"),
        (["run", SPEECH, "--keep"], 2, "run has no argument '--keep'; did you mean '--keep-going'?"),
        (["run", SPEECH, "a.wav"], 2, "run has no argument 'a.wav'; files stand behind -i: -i a.wav"),
        (["version", "more"], 2, "version has no argument 'more'; see: remotemedia version --help"),
        (
            ["validate", ""],
            3,
            "an empty text is neither a manifest nor a path; "
            "name a file, or write the text of a pipeline, or - for stdin",
        ),
        (["run"], 2, "the following arguments are required: MANIFEST; see: remotemedia run --help"),
        (
            ["run", SPEECH, "-j", "0"],
            2,
            "argument -j/--jobs: expected a whole number from 1 to 1024, got '0'; see: remotemedia run --help",
        ),
        (
            ["run", SPEECH, "--timeout", "-1"],
            2,
            "argument --timeout: expected seconds, 0 or more, got '-1'; see: remotemedia run --help",
        ),
        (["graph", SPEECH, "-o", "x.png"], 2, "-o x.png: drawings are SVG; end the name in .svg"),
    ],
)
def test_mistakes_are_one_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(ROOT)
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


def test_each_command_has_a_page_of_help_that_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns in (80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        for name in CommandLine().commands:
            with pytest.raises(SystemExit) as ended:
                main([name, "--help"])
            page = capsys.readouterr().out
            assert ended.value.code == 0
            assert page.startswith(f"usage: remotemedia {name} ")
            long = [line for line in page.splitlines() if len(line) > min(columns, 100)]
            assert not long


def test_without_a_command_there_is_help_and_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("usage: remotemedia COMMAND ...\n")
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert (ended.value.code, capsys.readouterr().out) == (0, err)
    assert command(capsys, "--version") == command(capsys, "version")


@pytest.mark.parametrize(
    ("redirection", "code", "message"),
    [
        (">&-", 4, "remotemedia: stdout is closed; redirect it into a file or a pipe\n"),
        (">/dev/full", 4, "remotemedia: No space left on device: 'stdout'\n"),
        ("2>&- | true", 0, ""),
    ],
)
def test_an_output_that_takes_nothing(redirection: str, code: int, message: str) -> None:
    program = f"set -o pipefail; '{sys.executable}' -m remotemedia run '{SPEECH}' -i '{RECORDING}' {redirection}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", message)
