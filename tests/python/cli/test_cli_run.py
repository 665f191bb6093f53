"""`remotemedia run`: where results go, several files at a time, failures, progress, and Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import shutil
import signal
import stat
import subprocess
import sys
import termios
import time
import wave
from pathlib import Path

import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.job.progress import Progress

ROOT = Path(__file__).parents[3]
SPEECH = str(ROOT / "examples" / "speech.yaml")
RECORDING = ROOT / "examples" / "speech.flac"
COARSE = ("--set", "level.window_ms=10000")

MONO = "version: v1\nmetadata: {name: mono}\nnodes: [{id: decode, node_type: AudioDecode}]\n"
ENCODED = MONO.replace("]\n", ", {id: file, node_type: AudioEncode, params: {format: flac}}]\n") + (
    "connections: [{from: decode, to: file}]\n"
)
BOTH = MONO.replace(
    "]\n", ", {id: level, node_type: AudioLevel}, {id: half, node_type: AudioResample, params: {rate: 8000}}]\n"
) + ("connections: [{from: decode, to: level}, {from: decode, to: half}]\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with manifests and three recordings, of which two have the same name."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("mono", MONO), ("encoded", ENCODED), ("both", BOTH)):
        (tmp_path / f"{name}.yaml").write_text(text)
    for place in ("a/talk.flac", "b/talk.flac", "a/other.flac"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(RECORDING, tmp_path / place)
    (tmp_path / "bad.mp3").write_bytes(b"no sound")
    # The same file under another name, and a manifest in JSON.
    os.link(tmp_path / "a/talk.flac", tmp_path / "again.flac")
    (tmp_path / "level.json").write_text(json.dumps(rm.Pipeline.load(Path(SPEECH)).manifest()))
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def frames(path: Path) -> int:
    pipeline = rm.Pipeline() >> rm.nodes.AudioDecode()
    return sum(audio.frames for audio in pipeline.run_sync([rm.File(path)]))


def test_sound_becomes_a_file_of_the_format_that_the_name_tells(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(capsys, "run", "mono.yaml", "-i", "a/talk.flac", "-o", "out") == (0, "", "")
    assert command(capsys, "run", "mono.yaml", "-i", "a/talk.flac", "-o", "one/{stem}-{index}.flac") == (0, "", "")
    assert (files_in(folder / "out"), files_in(folder / "one")) == (["talk.wav"], ["talk-1.flac"])
    assert (folder / "out" / "talk.wav").read_bytes()[:4] == b"RIFF"
    assert (folder / "one" / "talk-1.flac").read_bytes()[:4] == b"fLaC"
    assert frames(folder / "out" / "talk.wav") == frames(folder / "one" / "talk-1.flac") == 113600


def test_values_become_json_lines_or_an_array(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = ("-i", "a/*.flac", *COARSE)
    assert command(capsys, "run", SPEECH, *inputs, "--json")[0] == 0
    code, lines, err = command(capsys, "run", SPEECH, *inputs, "--json")
    assert (code, err) == (0, "")
    assert [json.loads(line)["input"] for line in lines.splitlines()] == ["a/other.flac", "a/talk.flac"]
    for output in ("all.jsonl", "all.json", "out/", "{name}.jsonl"):
        code, out, err = command(capsys, "run", SPEECH, *inputs, "-o", output)
        assert (code, out) == (0, "")
        assert err.startswith("remotemedia: 2 of 2 files, ")
    assert (folder / "all.jsonl").read_text("utf-8") == lines
    assert json.loads((folder / "all.json").read_text("utf-8")) == [json.loads(line) for line in lines.splitlines()]
    assert files_in(folder / "out") == ["other.jsonl", "talk.jsonl"]
    assert (folder / "out" / "talk.jsonl").read_text("utf-8") == lines.splitlines(keepends=True)[1]
    assert (folder / "talk.flac.jsonl").read_text("utf-8") == lines.splitlines(keepends=True)[1]


def test_files_keep_their_bytes_and_their_ending(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("run", "encoded.yaml", "-i", "a/talk.flac")
    assert command(capsys, *words, "-o", "out") == (0, "", "")
    assert command(capsys, *words, "-o", "one.flac") == (0, "", "")
    assert files_in(folder / "out") == ["talk.flac"]
    assert (folder / "out" / "talk.flac").read_bytes() == (folder / "one.flac").read_bytes()
    assert frames(folder / "one.flac") == 113600
    code, out, err = command(capsys, *words)
    assert (code, err) == (0, "")
    size = (folder / "one.flac").stat().st_size
    assert out == f"<{size} bytes, which -o writes into a file>\n"


def test_several_sinks_have_files_of_their_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "run", "both.yaml", "-i", "a/talk.flac", "-o", "out") == (0, "", "")
    assert files_in(folder / "out") == ["talk.half.wav", "talk.level.jsonl"]
    assert frames(folder / "out" / "talk.half.wav") == 56800
    assert len((folder / "out" / "talk.level.jsonl").read_text("utf-8").splitlines()) == 71


def test_inputs_of_one_name_go_to_different_folders(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "run", "mono.yaml", "-i", "*/talk.flac", "-j", "2", "-o", "out/{parent}/{stem}.wav")
    assert (code, out) == (0, "")
    assert files_in(folder / "out") == ["a/talk.wav", "b/talk.wav"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["mono.yaml", "-i", "*/talk.flac", "-o", "out"],
            "-o out: 'a/talk.flac' and 'b/talk.flac' would both become 'out/talk.wav'; "
            "put {relative}, {parent} or {index} into the name",
        ),
        (
            ["mono.yaml", "-i", "a/*.flac", "-o", "x.wav"],
            "-o x.wav: 'a/other.flac' and 'a/talk.flac' would both become 'x.wav'; put {stem} into the name",
        ),
        (
            ["both.yaml", "-i", "a/talk.flac", "-o", "{stem}.jsonl"],
            "-o {stem}.jsonl: nodes 'level' and 'half' would both become 'talk.jsonl'; put {sink} into the name",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "-o", "a/{stem}.flac"],
            "-o a/{stem}.flac: 'a/talk.flac' is an input and would be replaced; choose another name",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "-o", "a/talk.flac"],
            "-o a/talk.flac: 'a/talk.flac' is an input and would be replaced; choose another name",
        ),
        (
            ["encoded.yaml", "-i", "a/talk.flac", "-o", "a"],
            "-o a: 'a/talk.flac' is an input and would be replaced; choose another name",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "-o", "{stm}.wav"],
            "-o {stm}.wav: there is no field {stm}; did you mean {stem}?",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "-o", "{}.wav"],
            "-o {}.wav: there is no field {}; the fields are {stem}, {name}, {parent}, {relative}, {index}, "
            "{sink}, {n}",
        ),
        (
            [SPEECH, "-i", "a/talk.flac", "-o", "x.wav"],
            "-o x.wav: node 'level' gives map, no audio; end the name in .jsonl or .csv",
        ),
        (
            [SPEECH, "-i", "a/talk.flac", "-o", "x.txt"],
            "-o x.txt: node 'level' gives map, no file; end the name in .jsonl or .csv",
        ),
        (
            ["encoded.yaml", "-i", "a/talk.flac", "-o", "x.wav"],
            "-o x.wav: node 'file' makes .flac files; end the name in .flac",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "--failures", "a/talk.flac"],
            "--failures a/talk.flac: this is an input and would be emptied; choose another name",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "--failures", "again.flac"],
            "--failures again.flac: this is an input and would be emptied; choose another name",
        ),
        (
            ["mono.yaml", "-i", "a/talk.flac", "--failures", "./mono.yaml"],
            "--failures ./mono.yaml: this is the manifest and would be emptied; choose another name",
        ),
        (
            [SPEECH, "-i", "a/talk.flac", "-o", "x.jsonl", "--failures", "a/../x.jsonl"],
            "-o x.jsonl: 'x.jsonl' is the file of --failures and would be replaced; choose another name",
        ),
        (
            ["level.json", "-i", "a/talk.flac", "-o", "level.json"],
            "-o level.json: 'level.json' is the manifest and would be replaced; choose another name",
        ),
        (
            [SPEECH, "-i", "a/talk.flac", "-o", "x.jsonl", "--json"],
            "--json prints results and -o writes them; take one, perhaps -o results.jsonl",
        ),
    ],
)
def test_what_is_wrong_with_names_is_told_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = files_in(folder)
    assert command(capsys, "run", *words) == (2, "", f"remotemedia: {message}\n")
    assert files_in(folder) == before


def test_no_name_leaves_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "run", "mono.yaml", "-i", "a/talk.flac", "-o", "out/{stem}/../../{stem}.wav") == (
        2,
        "",
        "remotemedia: -o out/{stem}/../../{stem}.wav: 'out/talk/../../talk.wav', for 'a/talk.flac', "
        f"is not below '{folder / 'out'}'\n",
    )


def test_what_no_name_can_foresee_is_told_when_it_comes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "steps.py").write_text(
        "import remotemedia as rm\n@rm.node\ndef same(value): return value\n@rm.node\ndef many(value): return [1]\n"
        "@rm.node\ndef piece(value): return b'piece'\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    for name in ("same", "many", "piece"):
        (folder / f"{name}.yaml").write_text(
            MONO.replace("]\n", f", {{id: step, node_type: 'python:steps:{name}'}}]\n")
            + "connections: [{from: decode, to: step}]\n"
        )

    fives = ("--set", "decode.chunk_ms=5000")

    def failure(manifest: str, output: str) -> tuple[int, str]:
        code, out, err = command(
            capsys, "run", manifest, "--python", "steps", "-i", "a/talk.flac", "-o", output, *fives
        )
        assert out == ""
        return code, err

    assert failure("same.yaml", "out") == (0, "")
    assert frames(folder / "out" / "talk.wav") == 113600
    assert failure("same.yaml", "out/{stem}.wav") == (0, "")
    assert frames(folder / "out" / "talk.wav") == 113600
    assert failure("many.yaml", "out/x.txt") == (
        2,
        "remotemedia: -o out/x.txt: node 'step' gave values that are no files; end the name in .jsonl or .csv\n",
    )
    assert failure("piece.yaml", "out/x.bin") == (
        2,
        "remotemedia: -o out/x.bin: 'out/x.bin' is there from this run already; "
        "put {n}, the number of the value, into the name\n",
    )
    with wave.open("a/talk-1.wav", "wb") as short:
        short.setparams((1, 2, 16000, 0, "NONE", ""))
        short.writeframes(bytes(3200))
    code, out, err = command(
        capsys, "run", "piece.yaml", "--python", "steps", "-i", "a/talk.flac", "a/talk-1.wav", "-o", "more", *fives
    )
    assert (code, out) == (2, "")
    assert err == "remotemedia: -o more: 'more/talk-1.bin' is there from this run already; rename an input\n"
    assert failure("piece.yaml", "out/{n}.bin") == (0, "")
    assert failure("piece.yaml", "pieces") == (0, "")
    assert files_in(folder / "pieces") == ["talk-1.bin", "talk-2.bin"]


def test_a_failing_file_ends_the_run_and_leaves_no_file_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = command(capsys, "run", SPEECH, "-i", "bad.mp3", "a/talk.flac", *COARSE)
    assert (code, out) == (1, "")
    assert err.startswith("remotemedia: node 'decode' (AudioDecode), input 0 'bad.mp3': ")
    before = files_in(folder)
    assert command(capsys, "run", SPEECH, "-i", "a/talk.flac", "bad.mp3", "-o", "all.jsonl")[0] == 1
    assert files_in(folder) == before


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_a_run_that_keeps_going_lists_what_failed_in_the_order_of_the_inputs(
    folder: Path, capsys: pytest.CaptureFixture[str], jobs: str
) -> None:
    words = ("-i", "bad.mp3", "a/talk.flac", "mono.yaml", *COARSE, "--keep-going", "--failures", "failed.jsonl")
    code, out, err = command(capsys, "run", SPEECH, *words, "-j", jobs, "-o", "all.jsonl")
    assert (code, out) == (1, "")
    first, second, summary = err.splitlines()
    assert first.startswith("remotemedia: bad.mp3: node 'decode' (AudioDecode), input 0 'bad.mp3': ")
    assert second.startswith("remotemedia: mono.yaml: node 'decode' (AudioDecode), input 0 'mono.yaml': ")
    assert summary.startswith("remotemedia: 3 of 3 files, 2 failed, ")
    failures = [json.loads(line) for line in (folder / "failed.jsonl").read_text("utf-8").splitlines()]
    assert [(failure["input"], failure["node"], failure["position"]) for failure in failures] == [
        ("bad.mp3", "decode", None),
        ("mono.yaml", "decode", None),
    ]
    assert first.endswith(failures[0]["error"])
    assert [json.loads(line)["input"] for line in (folder / "all.jsonl").read_text("utf-8").splitlines()] == [
        "a/talk.flac"
    ]


def test_results_come_in_the_order_of_the_inputs_however_many_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first has much to do, the others little.
    for number in range(12):
        shutil.copy(RECORDING, folder / "a" / f"{number:02}.flac")
    names = [f"a/{number:02}.flac" for number in range(12)]
    one = command(capsys, "run", SPEECH, "-i", *names, *COARSE)
    many = command(capsys, "run", SPEECH, "-i", "a/??.flac", "-j", "5", *COARSE)
    assert many[:2] == one[:2]
    assert [line.split()[0] for line in many[1].splitlines()] == names


def test_an_input_that_is_named_twice_runs_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "run", SPEECH, "-i", "a/talk.flac", "-i", "a/*.flac", *COARSE)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["a/talk.flac", "a/other.flac"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("name", ["all.jsonl", "all.json", "{stem}.jsonl", "out/{stem}.wav", "out"])
def test_a_file_that_is_replaced_gives_its_mode_to_the_new_one(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    manifest = "mono.yaml" if "out" in name else SPEECH
    words = ("run", manifest, "-i", "a/talk.flac", "-o", name)
    assert command(capsys, *words)[0] == 0
    (written,) = [path for path in [*folder.glob("*.json*"), *folder.glob("out/*")] if path.name != "level.json"]
    (folder / "plain").touch()
    assert mode(written) == mode(folder / "plain")
    for bits in (0o600, 0o640, 0o666, 0o755):
        written.chmod(bits)
        assert command(capsys, *words)[0] == 0
        assert mode(written) == bits


def test_a_link_stays_and_what_it_leads_to_is_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "far").mkdir()
    for target in ("far/old.jsonl", "far/new.jsonl"):
        (folder / "link.jsonl").unlink(missing_ok=True)
        (folder / "link.jsonl").symlink_to(target)
        if "old" in target:
            (folder / target).write_text("old")
        assert command(capsys, "run", SPEECH, "-i", "a/talk.flac", *COARSE, "-o", "link.jsonl")[0] == 0
        assert (folder / "link.jsonl").is_symlink()
        assert json.loads((folder / target).read_text("utf-8"))["input"] == "a/talk.flac"
    (folder / "link.jsonl").unlink()
    (folder / "link.jsonl").symlink_to("link.jsonl")
    code, out, err = command(capsys, "run", SPEECH, "-i", "a/talk.flac", *COARSE, "-o", "link.jsonl")
    assert (code, out) == (4, "")
    assert err == "remotemedia: Too many levels of symbolic links: 'link.jsonl'\n"


def test_results_go_into_pipes_and_devices(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "null.jsonl").symlink_to("/dev/null")
    os.mkfifo(folder / "pipe.jsonl")
    words = ("run", SPEECH, "-i", "a/talk.flac", *COARSE, "-o")
    assert command(capsys, *words, "null.jsonl") == (0, "", "")
    assert (folder / "null.jsonl").is_char_device()
    code, out, err = command(capsys, *words, "pipe.jsonl")
    assert (code, out) == (4, "")
    assert err == "remotemedia: nobody reads this pipe; start its reader first: 'pipe.jsonl'\n"
    reader = subprocess.Popen(["cat", "pipe.jsonl"], stdout=subprocess.PIPE, text=True)
    assert command(capsys, *words, "pipe.jsonl") == (0, "", "")
    assert json.loads(reader.communicate(timeout=60)[0])["input"] == "a/talk.flac"
    # What stands for an open file is added to.
    (folder / "out.jsonl").symlink_to("/dev/stdout")
    run = [sys.executable, "-B", "-m", "remotemedia", *words, "out.jsonl"]
    for redirected in (">", ">>"):
        script = f'(echo before; "$@") {redirected} log'
        subprocess.run(["sh", "-c", script, "sh", *run], timeout=120, check=True)
        first, second = (folder / "log").read_text("utf-8").splitlines()[-2:]
        assert (first, json.loads(second)["input"]) == ("before", "a/talk.flac")


def test_an_input_may_be_a_pipe(folder: Path) -> None:
    run = [sys.executable, "-B", "-m", "remotemedia", "run", SPEECH, *COARSE, "--json", "-i"]
    direct = subprocess.run([*run, "a/talk.flac"], capture_output=True, timeout=120, check=True, text=True).stdout
    for script in ('cat a/talk.flac | "$@" /dev/stdin', '"$@" <(cat a/talk.flac)', '"$@" /dev/stdin < a/talk.flac'):
        done = subprocess.run(["bash", "-c", script, "bash", *run], capture_output=True, timeout=120, text=True)
        (line,) = done.stdout.splitlines()
        assert (done.stderr, json.loads(line)["value"]) == ("", json.loads(direct)["value"]), script


def test_names_may_be_as_long_as_the_file_system_has_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for length in (243, 244, 255):
        name = f"{'n' * (length - 6)}.jsonl"
        assert command(capsys, "run", SPEECH, "-i", "a/talk.flac", *COARSE, "-o", name) == (0, "", "")
        assert (folder / name).exists()
    code, out, err = command(capsys, "run", SPEECH, "-i", "a/talk.flac", *COARSE, "-o", f"{'n' * 250}.jsonl")
    assert (code, out) == (4, "")
    assert err.startswith("remotemedia: File name too long: 'nnn")


@pytest.mark.parametrize("name", ["a\x1b[31mred\x07.mp3", "a\u202egpj.mp3", os.fsdecode(b"a\xff\n.mp3")])
def test_names_of_files_are_printed_and_not_obeyed(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    shutil.copy(folder / "bad.mp3", folder / name)
    shutil.copy(RECORDING, folder / name.replace("mp3", "flac"))
    words = ("-i", name, name.replace("mp3", "flac"), "a/talk.flac", *COARSE, "--keep-going")
    for more in ((), ("-o", f"out/{name}")):
        _, out, err = command(capsys, "run", SPEECH, *words, *more)
        for line in [*out.split("\n"), *err.split("\n")]:
            assert line.isprintable(), line
    code, out, _ = command(capsys, "run", SPEECH, *words, "--json", "--failures", "failed.jsonl")
    assert code == 1
    failures = [json.loads(line) for line in (folder / "failed.jsonl").read_text("utf-8").splitlines()]
    assert failures[0]["input"] == name
    assert [json.loads(line)["input"] for line in out.splitlines()][-1] == "a/talk.flac"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen, clock = Terminal(), Clock()
    progress = Progress(4, screen, clock=clock)
    progress.show()
    assert screen.getvalue() == ""
    clock.now = 2.0
    progress.show()
    assert screen.getvalue() == "\r\x1b[K[------------------------] 0 of 4 files, 2.0 s"
    progress.count(failed=True)
    clock.now = 40.0
    progress.show()
    assert screen.getvalue().endswith(
        "\r\x1b[K[######------------------] 1 of 4 files, 1 failed, 40 s, about 2 min 00 s left"
    )
    progress.tell(1, 90.0)
    progress.tell(2, 30.0)
    progress.tell(2, 110.0)
    progress.tell(3, None)
    progress.show()
    # Too long for 80 columns, so the bar stays as it is.
    assert screen.getvalue().endswith("40 s, about 2 min 00 s left")
    clock.now = 42.0
    progress.count(failed=False)
    progress.count(failed=False)
    progress.count(failed=False)
    progress.show()
    assert screen.getvalue().endswith("\r\x1b[K[########################] 4 of 4 files, 1 failed, 42 s, 5 x real time")
    progress.erase()
    assert screen.getvalue().endswith("real time\r\x1b[K")
    written = screen.getvalue()
    progress.erase()
    assert screen.getvalue() == written


def test_progress_is_a_line_now_and_then_elsewhere() -> None:
    log, clock = io.StringIO(), Clock()
    progress = Progress(100, log, clock=clock)
    for _ in range(99):
        clock.now += 3.0
        progress.count()
        progress.show()
    lines = log.getvalue().splitlines()
    assert lines[0] == "remotemedia: 4 of 100 files, 12 s, about 4 min 48 s left"
    assert lines[1].startswith("remotemedia: 8 of 100 files, 24 s, ")
    assert len(lines) == 24
    clock.now = 7325.0
    progress.count()
    assert len(log.getvalue().splitlines()) == 24
    assert progress.summary() == "100 of 100 files, 2 h 02 min"


def test_quiet_progress_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for stream in (Terminal(), io.StringIO()):
        clock = Clock()
        progress = Progress(2, stream, quiet=True, clock=clock)
        clock.now = 100.0
        progress.count()
        progress.show()
        assert stream.getvalue() == ""


@pytest.fixture
def slow(folder: Path) -> list[str]:
    """A command that takes long, and makes the file `begun` once it is at work."""
    (folder / "slow.py").write_text(
        "import pathlib, time\nimport remotemedia as rm\n@rm.node\ndef wait(value):\n"
        "    pathlib.Path('begun').touch()\n    time.sleep(0.3)\n    return value\n"
    )
    (folder / "slow.yaml").write_text(
        MONO.replace("]\n", ", {id: wait, node_type: 'python:slow:wait'}]\n")
        + "connections: [{from: decode, to: wait}]\n"
    )
    words = "-m remotemedia run slow.yaml --python slow -j 2 --set decode.chunk_ms=10 -i a/talk.flac a/other.flac"
    return [sys.executable, "-B", *words.split()]


@pytest.mark.parametrize("output", ["out/{stem}.wav", "all.jsonl"])
@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated"), (signal.SIGHUP, "terminated")],
)
@pytest.mark.parametrize("before_it", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_signal_ends_a_run_and_leaves_nothing_half_written(
    folder: Path, slow: list[str], output: str, number: signal.Signals, word: str, before_it: signal.Handlers
) -> None:
    if (number, before_it) == (signal.SIGINT, signal.SIG_IGN):
        pytest.skip("who ignores Ctrl-C does not want it")
    before = files_in(folder)
    process = subprocess.Popen(
        [*slow, "-o", output],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As a shell without job control has it for what runs beside it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, before_it),
    )
    deadline = time.monotonic() + 60
    while not (folder / "begun").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (
        128 + number,
        "",
        f"remotemedia: {word} after 0 of 2 files; a run with --index FILE can be continued\n",
    )
    (folder / "begun").unlink()
    assert files_in(folder) == before


def test_ctrl_c_takes_the_bar_from_the_terminal(folder: Path, slow: list[str]) -> None:
    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [*slow, "-o", "all.jsonl"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
    )
    screen = b""
    # The bar appears after half a second.
    while b"0 of 2 files" not in screen and select.select([ours], [], [], 60)[0]:
        screen += os.read(ours, 1024)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    while select.select([ours], [], [], 0)[0]:
        screen += os.read(ours, 1024)
    assert screen.startswith(b"\r\x1b[K[------------------------] 0 of 2 files, ")
    assert screen.endswith(
        b"\r\x1b[Kremotemedia: interrupted after 0 of 2 files; a run with --index FILE can be continued\r\n"
    )
    assert termios.tcgetattr(theirs) == settings
    os.close(ours)
    os.close(theirs)
