"""stdin, stdout and stderr that are closed, full, don't block, or lose their other end, and pipes in place of files."""

import contextlib
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from remotemedia._functions import threads
from remotemedia.cli import main
from remotemedia.cli.files.standard import read_stdin

RECORDING = Path(__file__).parents[3] / "examples" / "speech.flac"
PROGRAM = (sys.executable, "-B", "-m", "remotemedia")
BOTH = "AudioDecode(chunk_ms=100) >> [AudioResample(rate=8000), AudioLevel(window_ms=10)]"
MANY = ("levels", "a.flac", "b.flac", "--window-ms", "10")
"""More than a pipe holds."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two recordings and a file that is none."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.flac", "b.flac"):
        shutil.copy(RECORDING, tmp_path / name)
    (tmp_path / "bad.flac").write_bytes(b"no sound")
    return tmp_path


@pytest.fixture
def deserted() -> Iterator[int]:
    """A pipe whose reader has left."""
    source, into = os.pipe()
    os.close(source)
    yield into
    os.close(into)


@pytest.fixture
def full() -> Iterator[int]:
    """A pipe that holds as much as it can, and whose reader reads nothing."""
    source, into = os.pipe()
    os.set_blocking(into, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(into, bytes(select.PIPE_BUF))
    os.set_blocking(into, True)
    yield into
    os.close(source)
    os.close(into)


def program(*words: str, **options: Any) -> tuple[int, bytes, bytes]:
    done = subprocess.run([*PROGRAM, *words], timeout=120, **{"stderr": subprocess.PIPE, **options})
    return done.returncode, done.stdout, done.stderr


def shell(script: str, *words: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(["bash", "-c", script, "bash", *PROGRAM, *words], capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def opened(name: str) -> int:
    """A new named pipe, and its reader."""
    os.mkfifo(name)
    return os.open(name, os.O_RDONLY | os.O_NONBLOCK)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("form", ["npy", "flac"])
def test_results_that_do_not_fit_are_an_error(folder: Path, unbuffered: str, form: str) -> None:
    script = f'export PYTHONUNBUFFERED={unbuffered}; ulimit -f 60; "$@" > x'
    code, _, err = shell(script, "convert", "a.flac", "-o", "-", "-f", form, "--rate", "48000")
    assert (code, err) == (4, b"remotemedia: File too large: 'stdout'\n")


def test_files_that_may_not_be_so_large_are_named(folder: Path) -> None:
    script = 'ulimit -f 20; "$@"'
    code, _, err = shell(script, "convert", "a.flac", "-o", "x/{stem}.npy")
    assert (code, err) == (4, b"remotemedia: File too large: 'x/a.npy'\n")
    # A file of their own is up to each input; with one for all of them a run ends, and can be continued.
    many = ("run", "AudioDecode >> AudioLevel(window_ms=10)", "-i", "a.flac", "b.flac", "-j", "1")
    code, _, err = shell('ulimit -f 4; "$@"', *many, "-o", "x/{stem}.jsonl", "--keep-going")
    assert (code, err.startswith(b"remotemedia: a.flac: File too large: 'x/a.jsonl'\n")) == (1, True)
    code, _, err = shell('ulimit -f 4; "$@"', *many, "-o", "all.jsonl")
    assert (code, err.startswith(b"remotemedia: File too large: 'all.jsonl'; stopped after ")) == (1, True)
    assert err.endswith(b" of 2 files; a run with --index FILE can be continued\n")


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("convert", "a.flac", "-o", "-", "-f", "npy"), MANY])
def test_a_stdout_that_does_not_block_is_waited_for(folder: Path, unbuffered: str, words: tuple[str, ...]) -> None:
    expected = program(*words, stdout=subprocess.PIPE)
    source, into = os.pipe()
    os.set_blocking(into, False)
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen([*PROGRAM, *words], stdout=into, stderr=subprocess.PIPE, env=environment) as process:
        os.close(into)
        with open(source, "rb") as stream:
            out = stream.read()
        assert process.stderr is not None
        assert (process.wait(timeout=60), out, process.stderr.read()) == expected


def test_a_stdin_that_does_not_block_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals: list[bytes | None] = [b"one", None, b"two", b""]
    source, into = os.pipe()
    os.set_blocking(source, False)
    # The wait ends, since there is something.
    os.write(into, b"more")

    class Arriving(io.FileIO):
        def read(self, size: int | None = -1, /) -> Any:
            return arrivals.pop(0)

    with Arriving(source) as stream:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))  # type: ignore[type-var]
        assert read_stdin() == b"onetwo"
    os.close(into)


def test_a_closed_stdout_takes_no_results_and_no_file_takes_its_place(folder: Path) -> None:
    closed = b"remotemedia: stdout is closed; redirect it into a file or a pipe\n"
    assert shell('"$@" > x', "convert", "a.flac", "-o", "-", "--index", "rows.jsonl")[0] == 0
    before = Path("rows.jsonl").read_bytes()
    words = ("convert", "b.flac", "-o")
    assert shell('"$@" <&- >&-', *words, "-", "--index", "rows.jsonl", "--resume") == (4, b"", closed)
    assert Path("rows.jsonl").read_bytes() == before
    for others in (("levels", "a.flac"), ("info", "a.flac"), ("nodes",), (*words, "/dev/stdout", "-f", "wav")):
        assert shell('"$@" <&- >&-', *others) == (4, b"", closed)
    # Files need none of the three.
    assert shell('"$@" <&- >&- 2>&-', *words, "x.wav", "--index", "rows.jsonl", "--resume") == (0, b"", b"")
    assert (rm.info("x.wav").frames, len(rows("rows.jsonl"))) == (113600, 2)


def test_who_reads_the_messages_may_leave(folder: Path, deserted: int) -> None:
    words = ("convert", "bad.flac", "a.flac", "b.flac", "-o", "out", "--report", "report.html", "--failures", "f.jsonl")
    assert program(*words, stderr=deserted)[0] == 1
    assert sorted(os.listdir("out")) == ["a.wav", "b.wav"]
    assert [row["input"] for row in rows("f.jsonl")] == ["bad.flac"]
    assert Path("report.html").exists()
    assert program("convert", "a.flac", "-o", "c.wav", "--raw", "s17:1", stderr=deserted)[0] == 2


def test_who_reads_results_may_leave_and_the_others_are_made(folder: Path, deserted: int) -> None:
    words = ("segments", "a.flac", "b.flac", "-o", "{stem}-{n}.wav", "-o", "-")
    assert program(*words, stdout=deserted)[0] == 0
    assert [Path(f"{name}-1.wav").exists() for name in "ab"] == [True, True]
    assert program(*MANY, "--index", "rows.jsonl", stdout=deserted)[0] == 0
    assert [row["error"] for row in rows("rows.jsonl")] == [None, None]
    # Also where a node writes into stdout by itself.
    sound = ("run", BOTH, "-i", "a.flac", "-o", "audioresample=-", "-o", "audiolevel=levels.jsonl")
    assert program(*sound, stdout=deserted) == (0, None, b"")
    assert len(rows("levels.jsonl")) == 710
    Path("levels.jsonl").unlink()
    code, out, err = program(*sound, stdout=subprocess.PIPE)
    assert (code, rm.read(out).frames, err, len(rows("levels.jsonl"))) == (0, 56800, b"", 710)


SIGNALLED = """
import os, signal, sys
from remotemedia.cli import ending, main
from remotemedia.cli.files import outlet

def wait_until(*each):
    # It comes when the pipe is full.
    outlet.wait_until = ending.wait_until
    os.kill(os.getpid(), int(sys.argv[1]))
    return ending.wait_until(*each)

outlet.wait_until = wait_until
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "words",
    [
        ("run", "AudioDecode >> AudioLevel(window_ms=10)", "-i", "a.flac", "--json"),
        ("levels", "a.flac"),
        ("levels", "a.flac", "-o", "-", "--index", "rows.jsonl"),
        ("levels", "a.flac", "-o", "/dev/stdout"),
        ("levels", "a.flac", "--index", "/dev/stdout", "-o", "levels.jsonl"),
        ("convert", "a.flac", "-o", "-", "--failures", "failures.jsonl"),
        ("info", "a.flac"),
        ("convert", "--help"),
    ],
    ids=lambda words: " ".join(words[:1] + words[2:]),
)
def test_a_command_ends_whose_reader_does_not_read(
    folder: Path, full: int, words: tuple[str, ...], number: int
) -> None:
    signalled = [sys.executable, "-c", SIGNALLED, str(int(number)), *words]
    done = subprocess.run(signalled, stdout=full, stderr=subprocess.PIPE, timeout=60)
    word = b"interrupted" if number == signal.SIGINT else b"terminated"
    assert (done.returncode, done.stderr) == (128 + number, b"remotemedia: %b\n" % word)
    assert [name for name in os.listdir() if name.startswith(".")] == []


def test_a_command_ends_of_which_nothing_is_read(folder: Path, full: int) -> None:
    signalled = [sys.executable, "-c", SIGNALLED, str(int(signal.SIGTERM)), "levels", "a.flac"]
    assert subprocess.run(signalled, stdout=full, stderr=full, timeout=60).returncode == 143


def test_a_signal_to_a_child_ends_nothing_of_its_parent() -> None:
    script = """
import os, signal, sys
from remotemedia.cli.ending import Ending

ending = Ending()
ending.listen()
child = os.fork()
if not child:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        os._exit(3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
sys.exit(ending.has_come())
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_the_reader_of_a_pipe_of_ours_may_not_leave(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = opened("pipe.jsonl")

    def leave() -> None:
        select.select([reader], [], [], 60)
        os.close(reader)

    leaving = threading.Thread(target=leave)
    leaving.start()
    assert main([*MANY, "-o", "pipe.jsonl"]) == 4
    leaving.join()
    assert capsys.readouterr().err == (
        "remotemedia: nobody reads this pipe any more; keep its reader running until the end: 'pipe.jsonl'\n"
    )


def test_files_beside_results_may_be_pipes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["convert", "bad.flac", "a.flac", "-o", "out"]
    for option in ("--failures", "--index"):
        reader = opened(f"pipe{option}")
        with open(reader, "rb", buffering=0) as stream:
            assert main([*words, option, f"pipe{option}", "--report", "report.html"]) == 1
            first, *others = map(json.loads, stream.read(1 << 16).splitlines())
            assert (first["input"], len(others)) == ("bad.flac", option == "--index")
            err = capsys.readouterr().err
            assert ("7.1 s of audio in 1 file" in err, "--resume" in err) == (True, False)
            if option == "--index":
                assert main([*words, option, f"pipe{option}", "--resume"]) == 2
                cure = "--resume reads it, which a pipe allows once; name a file"
                assert capsys.readouterr().err == f"remotemedia: --index pipe--index: {cure}\n"
        assert main([*words, option, f"pipe{option}"]) == 4
        nobody = f"nobody reads this pipe; start its reader first: 'pipe{option}'"
        assert capsys.readouterr().err == f"remotemedia: {nobody}\n"


def test_stdout_by_its_path_may_be_a_file(folder: Path) -> None:
    assert shell('"$@" > a.wav', "convert", "a.flac", "-o", "-")[0] == 0
    for words in (("/dev/stdout",), ("/dev/stdout", "-f", "wav"), ("/dev/fd/9",), ("audio=/dev/stdout",)):
        command = ("run", "AudioDecode(name='audio')", "-i") if "=" in words[0] else ("convert",)
        index = ("--index", f"{len(words)}{words[0].replace('/', '-')}.jsonl")
        assert shell('"$@" > b.wav 9>&1', *command, "a.flac", "-o", *words, *index) == (0, b"", b"")
        assert Path("b.wav").read_bytes() == Path("a.wav").read_bytes()
        # It is no file of the run, which may be removed or be too short.
        assert [(row["files"], row["bytes"]) for row in rows(index[1])] == [([], 0)]
    assert shell('"$@" > c.npy', "convert", "a.flac", "-o", "/dev/stdout", "-f", "npy")[0] == 0
    assert Path("c.npy").stat().st_size == 128 + 113600 * 4
    code, _, err = shell('"$@" >> a.wav', "convert", "a.wav", "-o", "/dev/stdout", "-f", "wav")
    assert (code, b"'/dev/stdout' is an input and would be replaced" in err) == (2, True)


def test_failures_may_go_where_messages_go(folder: Path) -> None:
    script = 'echo before > log; "$@" 2>> log'
    for redirected in (script, script.replace("2>>", "2>")):
        assert shell(redirected, "convert", "bad.flac", "a.flac", "-o", "out", "--failures", "/dev/stderr")[0] == 1
        *_, failure, message, summary = Path("log").read_text("utf-8").splitlines()
        assert json.loads(failure)["input"] == "bad.flac"
        assert message.startswith("remotemedia: bad.flac: ")
        assert summary.startswith("remotemedia: 2 of 2 files, 1 failed, ")


def test_a_process_without_threads_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    words = ("convert", "a.flac", "-o", "x.wav", "--index", "rows.jsonl")
    monkeypatch.setattr(threads, "_levels", threads.Levels("remotemedia-node"))
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        assert main(words) == 1
        (message,) = capsys.readouterr().err.splitlines()
        assert "the system gave no thread: can't start new thread; raise its limit on processes" in message
    assert main([*words, "--resume"]) == 0
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        # Inputs are compared without.
        assert main([*words, "--resume"]) == 0
