"""`--index` and `--resume`: a row for each input, whatever ends the run."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.files.outlet import Outlet
from remotemedia.cli.files.whole_file import GrowingFile
from remotemedia.cli.job.appended_file import AppendedFile
from remotemedia.cli.job.index import Index

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
GRAPH = "AudioDecode >> AudioLevel(window_ms=5000, name='level')"
NAMED = """\
version: v1
metadata: { name: "ö" }
nodes: [{ id: tone, node_type: ToneSource, params: { duration_s: 1 } }, { id: level, node_type: AudioLevel }]
connections: [{ from: tone, to: level }]
"""
PROGRAM = (sys.executable, "-m", "remotemedia")
ASCII = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""The environment of a locale that has no letters but those of English."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three recordings and a broken one between them."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.flac", "c.flac", "d.flac"):
        shutil.copy(RECORDING, tmp_path / name)
    (tmp_path / "b.flac").write_bytes(b"no sound")
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    return command(capsys, "run", GRAPH, "-i", "*.flac", "--keep-going", *words)


def rows(name: str = "rows.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text("utf-8").splitlines()]


def test_a_row_has_what_became_of_an_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "-o", "out/{stem}.csv", "--index", "rows.jsonl", "-j", "3")
    assert code == 1
    assert err.splitlines()[1:] == [
        err.splitlines()[1],
        "remotemedia: to run the failed ones again, repeat the command with --resume",
    ]
    assert err.splitlines()[1].endswith("; results are in out/, the index is rows.jsonl")
    first, second, *_ = rows()
    assert [row["input"] for row in rows()] == ["a.flac", "b.flac", "c.flac", "d.flac"]
    assert (first["duration"], first["files"], first["error"]) == (7.1, ["out/a.csv"], None)
    assert list(first["last"]) == ["level"]
    assert first["last"]["level"]["peak_db"] == pytest.approx(-10.79, abs=0.01)
    assert second["error"].startswith("node 'audiodecode' (AudioDecode), input 0 'b.flac': ")
    assert (second["duration"], second["last"], second["files"], second["node"]) == (None, {}, [], "audiodecode")


def test_last_values_that_are_media_are_described(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> [PassThrough(name='sound'), MelSpectrogram(name='mel'), SpeechSegments(name='speech')]"
    assert command(capsys, "run", graph, "-i", "a.flac", "--index", "rows.jsonl", "-o", "out", "-f", "jsonl")[0] == 0
    (row,) = rows()
    sound, mel, speech = row["last"]["sound"], row["last"]["mel"], row["last"]["speech"]
    assert (sound["rate"], sound["channels"], sound["pts"]) == (16000, 1, 7.0)
    assert (mel["dtype"], mel["shape"][0]) == ("float32", 128)
    assert speech["audio"]["frames"] == round((speech["end_s"] - speech["start_s"]) * 16000)


def test_resume_runs_what_failed_and_what_is_new(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-o", "out/{stem}.jsonl", "--index", "rows.jsonl", "--failures", "failed.jsonl")
    assert run(capsys, *words)[0] == 1
    before = {name: os.stat(f"out/{name}.jsonl").st_ino for name in "acd"}
    shutil.copy("a.flac", "b.flac")
    shutil.copy("a.flac", "e.flac")
    code, out, err = run(capsys, *words, "--resume")
    assert (code, out) == (0, "")
    assert err.startswith("remotemedia: 2 of 2 files, ")
    assert ", 3 done before; results are in out/, the index is rows.jsonl\n" in err
    assert [row["input"] for row in rows()] == ["a.flac", "c.flac", "d.flac", "b.flac", "e.flac"]
    assert all(row["error"] is None for row in rows())
    assert {name: os.stat(f"out/{name}.jsonl").st_ino for name in "acd"} == before
    assert Path("failed.jsonl").read_text() == ""
    again = Path("rows.jsonl").read_bytes()
    assert run(capsys, *words, "--resume")[0] == 0
    assert Path("rows.jsonl").read_bytes() == again


@pytest.mark.parametrize("torn", [b'{"inp', b"\0\0\0\0", b'{"input": "d.flac", "error": null}', b"\0\0\n\0\0"])
def test_what_a_crash_leaves_of_a_row_is_no_row(folder: Path, capsys: pytest.CaptureFixture[str], torn: bytes) -> None:
    assert run(capsys, "-o", "out", "--index", "rows.jsonl")[0] == 1
    lines = Path("rows.jsonl").read_bytes().splitlines(keepends=True)
    Path("rows.jsonl").write_bytes(lines[0] + torn)
    assert run(capsys, "-o", "out", "--index", "rows.jsonl", "--resume")[0] == 1
    assert [row["input"] for row in rows()] == ["a.flac", "b.flac", "c.flac", "d.flac"]


def test_results_of_all_inputs_grow_with_the_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-o", "all.jsonl", "--index", "rows.jsonl")
    assert run(capsys, *words)[0] == 1
    whole = Path("all.jsonl").read_bytes()
    assert [json.loads(line)["input"] for line in whole.splitlines()] == ["a.flac"] * 2 + ["c.flac"] * 2 + [
        "d.flac"
    ] * 2
    # Cut off after the results of c were written, or a part of them, and before its row was.
    for cut in (len(whole.splitlines(keepends=True)[0]) * 3 + 40, len(whole), 0):
        Path("all.jsonl").write_bytes(whole[:cut])
        kept = [line for line in Path("rows.jsonl").read_bytes().splitlines(keepends=True) if b'"a.flac"' in line]
        Path("rows.jsonl").write_bytes(b"".join(kept) if cut else b"")
        assert run(capsys, *words, "--resume")[0] == 1
        assert Path("all.jsonl").read_bytes() == whole
        assert len(rows()) == 4
    for name in ("all.csv", "all.json"):
        code, _, err = run(capsys, "-o", name, "--index", "more.jsonl")
        assert code == 2
        assert (
            f"-o {name}: with --index it grows file by file, which {name[3:]} can't; end the name in .jsonl, or" in err
        )
        assert not Path("more.jsonl").exists()


def test_resume_does_not_replace_what_is_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-o", "out/{index}.jsonl", "--index", "rows.jsonl", "--failures", "failed.jsonl")
    assert run(capsys, *words)[0] == 1
    before = {path: path.read_bytes() for path in folder.rglob("*.jsonl")}
    # It comes first, so that it gets the index of `a`.
    shutil.copy("a.flac", "a-new.flac")
    assert run(capsys, *words, "--resume") == (
        2,
        "",
        "remotemedia: -o out/{index}.jsonl: 'out/1.jsonl' is the result of 'a.flac' and would be replaced; "
        "choose another name\n",
    )
    assert {path: path.read_bytes() for path in folder.rglob("*.jsonl")} == before


def test_an_index_is_not_lost_by_a_command_that_is_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-o", "out", "--index", "rows.jsonl")[0] == 1
    before = Path("rows.jsonl").read_bytes()
    assert run(capsys, "-o", "out", "--index", "rows.jsonl") == (
        2,
        "",
        "remotemedia: --index rows.jsonl: it is there already; continue it with --resume, or remove it to start anew\n",
    )
    assert Path("rows.jsonl").read_bytes() == before
    Path("other.jsonl").write_text('{"a": 1}\n')
    code, _, err = run(capsys, "-o", "out", "--index", "other.jsonl", "--resume")
    assert (code, err) == (2, "remotemedia: --index other.jsonl: this is no index of a run; choose another name\n")
    assert Path("other.jsonl").read_text() == '{"a": 1}\n'
    Path("other.jsonl").write_text("text\nmore\n")
    code, _, err = run(capsys, "-o", "out", "--index", "other.jsonl", "--resume")
    assert (code, err) == (2, "remotemedia: other.jsonl: line 1 is no JSON; choose another name\n")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (("levels", "-o", "out/", "--index", "out/a.jsonl"), "out/a.jsonl' is the file of --index"),
        (("levels", "-o", "out/{stem}.jsonl", "--index", "out/../out/c.jsonl"), "out/c.jsonl' is the file of --index"),
        (("levels", "-o", "out", "--failures", "out/c.jsonl"), "out/c.jsonl' is the file of --failures"),
        (("convert", "-o", "out", "-f", "flac", "--report", "out/a.flac"), "out/a.flac' is the file of --report"),
        (
            ("levels", "-o", "{stem}.parquet.jsonl", "--index", "a.parquet"),
            "a.parquet.jsonl' is the file of rows of --index",
        ),
        (("levels", "-o", "all.jsonl", "--index", "all.jsonl"), "all.jsonl' is the file of --index"),
    ],
)
def test_no_result_is_written_over_the_index(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], file: str
) -> None:
    before = sorted(folder.rglob("*"))
    code, _, err = command(capsys, *words, "a.flac", "c.flac")
    message = f"remotemedia: -o {words[2]}: '{file} and would be replaced; choose another name\n"
    assert (code, err) == (2, message)
    assert sorted(folder.rglob("*")) == before


def test_a_name_like_that_of_the_report_is_no_obstacle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "levels", "a.flac", "-o", "out", "--report", "out/a.html")[0] == 0
    assert sorted(os.listdir("out")) == ["a.html", "a.jsonl"]


def test_two_commands_never_write_one_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("failed.jsonl").write_text("of the other one")
    with open("rows.jsonl", "wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = run(capsys, "-o", "out", "--index", "rows.jsonl", "--failures", "failed.jsonl")
    assert (code, err) == (2, "remotemedia: rows.jsonl: another process writes it; wait for its end\n")
    assert Path("failed.jsonl").read_text() == "of the other one"


def test_an_index_that_can_not_be_replaced_is_told_of(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("-o", "out/{stem}.csv", "--index", "rows.jsonl", "--report", "report.html")
    assert run(capsys, *words)[0] == 1
    shutil.copy(RECORDING, "b.flac")
    replace = os.replace

    def mounted(part: str, place: str) -> None:
        if place.endswith("rows.jsonl"):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), part, None, place)
        replace(part, place)

    for done in ("1 of 1 file,", "0 of 0 files,"):
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", mounted)
            code, _, err = run(capsys, *words, "--resume")
        assert (code, err.count(done)) == (4, 1)
        assert err.endswith(
            "remotemedia: 'rows.jsonl' has lines that count no more, and can't be replaced by one without them: "
            "Device or resource busy; give this user the right to write its folder, or mount that folder and not the "
            "file alone, and repeat the command with --resume\n"
        )
        # The report counts each input once.
        assert "<dd>4" in Path("report.html").read_text("utf-8")
        assert [row["input"] for row in rows()] == ["a.flac", "b.flac", "c.flac", "d.flac", "b.flac"]
    assert run(capsys, *words, "--resume")[0] == 0
    assert [row["input"] for row in rows()] == ["a.flac", "c.flac", "d.flac", "b.flac"]
    assert [name for name in os.listdir() if name.startswith(".")] == []


def test_a_file_system_without_locks_is_no_other_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(rm.InvalidArgumentError) as caught:
        AppendedFile(str(tmp_path / "rows.jsonl"))
    assert str(caught.value) == (
        f"{tmp_path}/rows.jsonl: its file system can't lock it (No locks available); put it on a local disk"
    )


def test_an_index_that_is_replaced_before_it_is_locked_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock, close = str(tmp_path / "rows.jsonl"), fcntl.flock, GrowingFile.close

    def late(number: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        # Another process ends, and leaves the rows that count.
        first.keep(lambda row: row["row"] == 2)
        first.close()
        flock(number, operation)

    def watched(file: GrowingFile) -> None:
        monkeypatch.setattr(GrowingFile, "close", close)
        close(file)
        with pytest.raises(rm.InvalidArgumentError, match="another process writes it"):
            AppendedFile(path)

    first = AppendedFile(path)
    first.append(b'{"row": 1}\n{"row": 2}\n')
    monkeypatch.setattr(fcntl, "flock", late)
    monkeypatch.setattr(GrowingFile, "close", watched)
    second = AppendedFile(path)
    second.append(b'{"row": 3}\n')
    second.close()
    assert Path(path).read_bytes() == b'{"row": 2}\n{"row": 3}\n'


def test_rows_that_another_process_adds_before_the_lock_are_no_new_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, flock = tmp_path / "rows.jsonl", fcntl.flock

    def late(number: int, operation: int) -> None:
        path.write_bytes(b"{}\n")
        flock(number, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(rm.InvalidArgumentError, match="it is there already"):
        Index(str(path), resume=False)


def test_rows_of_one_locale_are_those_of_another(folder: Path) -> None:
    Path("a.flac").rename("ü.flac")
    words = [sys.executable, "-m", "remotemedia", "segments", "ü.flac", "-o", "ä{stem}-{n}.wav", "-o", "all.jsonl"]
    for more, variables in (([], ASCII), (["--resume"], dict(os.environ)), (["--resume"], ASCII)):
        done = subprocess.run(
            [*words, "--index", "rows.jsonl", *more], capture_output=True, text=True, env=variables, timeout=60
        )
        assert (done.returncode, "1 done before" in done.stderr) == (0, bool(more)), done.stderr
        (row,) = rows()
        assert (row["input"], row["files"], row["bytes"]) == ("ü.flac", ["äü-1.wav"], os.path.getsize("äü-1.wav"))
        assert [each["input"] for each in rows("all.jsonl")] == ["ü.flac"]


TEXTS = (
    ("info", "ü.flac", "--json"),
    ("run", "AudioDecode >> AudioLevel(window_ms=5000)", "-i", "ü.flac", "--json"),
    ("run", "AudioDecode >> AudioEncode(path='ö.wav')", "-i", "ü.flac", "--json"),
    ("run", "AudioDecode >> AudioEncode(name='file', format='wav')", "-i", "ü.flac", "--set", "file.path=ö", "--json"),
    ("run", "AudioDecode >> FileSink(path='{relative}/ö.wav', overwrite=true)", "-i", "ü.flac", "--json"),
    ("run", NAMED, "-o", "o/{stem}-{relative}.jsonl"),
    ("graph", "AudioDecode >> AudioEncode(path='ö.wav')"),
)
SHARDS = tuple(
    ("convert", "ü.flac", "-o", f"{form}-ß", "--shard-format", form) for form in ("nemo", "shar", "webdataset")
)


@pytest.mark.parametrize("words", [*TEXTS, *SHARDS], ids=lambda words: f"{words[0]}-{words[-1]}")
def test_what_programs_read_is_the_same_in_every_locale(folder: Path, words: tuple[str, ...]) -> None:
    Path("a.flac").rename("ü.flac")
    before = set(folder.rglob("*"))
    found = []
    for variables in (dict(os.environ), ASCII):
        done = subprocess.run([*PROGRAM, *words], capture_output=True, env=variables, timeout=60)
        assert done.returncode == 0, done.stderr
        new = sorted(set(folder.rglob("*")) - before, reverse=True)
        found.append((done.stdout, {path.name: path.read_bytes() for path in new if path.is_file()}))
        for path in new:
            path.rmdir() if path.is_dir() else path.unlink()
    assert found[0] == found[1]


def test_a_locale_without_letters_shows_escapes(folder: Path) -> None:
    shutil.copy("a.flac", "ü.flac")
    Path("ö.flac").write_bytes(b"no sound")
    words = ("validate", "AudioDecode >> AudioEncode(path='ö.wav')")
    done = subprocess.run([*PROGRAM, *words], capture_output=True, env=ASCII, timeout=60)
    assert (done.returncode, b"\\xf6.wav" in done.stdout) == (0, True)
    words = ("convert", "ü.flac", "ö.flac", "-o", "ä", "--report", "report.html", "--index", "rows.jsonl")
    assert subprocess.run([*PROGRAM, *words], env=ASCII, timeout=60).returncode == 1
    page = Path("report.html").read_text("utf-8")
    assert ("<code>ö.flac</code>" in page, "Results are in ä/." in page) == (True, True)


def test_a_manifest_that_is_no_text_is_refused(folder: Path) -> None:
    for text in (b"AudioDecode >> AudioEncode(path='\xff.wav')", b'{"version": "\xff"}', b"version: \xff\n"):
        for command in ("run", "validate", "graph"):
            done = subprocess.run([*PROGRAM, command, text], capture_output=True, timeout=60)
            wrong = f"remotemedia: the manifest is not UTF-8 text: byte {text.index(255)} is 0xff\n"
            assert (done.returncode, done.stderr.decode()) == (3, wrong)


def test_a_row_that_does_not_fit_the_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AppendedFile(str(tmp_path / "rows.jsonl"))
    file.append(b"first\n")
    write = Outlet.write

    def half(outlet: Outlet, data: bytes) -> int:
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return write(outlet, data[:3])

    monkeypatch.setattr(Outlet, "write", half)
    with pytest.raises(OSError, match="No space left on device"):
        file.append(b"second\n")
    monkeypatch.undo()
    file.append(b"third\n")
    file.close()
    assert (tmp_path / "rows.jsonl").read_bytes() == b"first\nthird\n"


@pytest.mark.parametrize("full", ["all.jsonl", "rows.jsonl", "failures.jsonl"])
def test_a_full_disk_is_told_whatever_does_not_fit(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    words = ("levels", "a.flac", "b.flac", "c.flac", "-j", "1", "-o", "all.jsonl", "--index", "rows.jsonl")
    append = AppendedFile.append

    def some(file: AppendedFile, data: bytes) -> None:
        if file.path == full and b"a.flac" not in data:
            raise OSError(28, "No space left on device", file.path)
        append(file, data)

    # The failure of b.flac is what does not fit the index and the file of failures.
    if full == "failures.jsonl":
        Path(full).symlink_to("/dev/full")
    with monkeypatch.context() as patched:
        patched.setattr(AppendedFile, "append", some)
        code, _, err = command(capsys, *words, "--failures", "failures.jsonl")
    assert (code, err.splitlines()[-1]) == (
        1,
        f"remotemedia: No space left on device: {full!r}; stopped after 1 of 3 files; results are in all.jsonl, "
        "failures in failures.jsonl, the index is rows.jsonl; to continue, repeat the command with --resume",
    )
    assert rows()[0]["input"] == "a.flac"
    assert " 1 done before" in command(capsys, *words, "--resume")[2]


@pytest.mark.parametrize("ending", ["wav", "jsonl"])
def test_a_full_disk_ends_the_run_and_is_no_fault_of_an_input(
    folder: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    Path("out").mkdir()
    Path(f"out/c.{ending}").symlink_to("/dev/full")
    graph = "AudioDecode" if ending == "wav" else GRAPH
    words = ("run", graph, "-i", "a.flac", "c.flac", "d.flac", "--keep-going", "-o", f"out/{{stem}}.{ending}")
    code, out, err = command(capsys, *words, "--index", "rows.jsonl")
    assert (code, out) == (1, "")
    assert "No space left on device" in err
    assert err.endswith(
        "; stopped after 1 of 3 files; results are in out/, the index is rows.jsonl; "
        "to continue, repeat the command with --resume\n"
    )
    assert err.count("\n") == 1
    assert [row["input"] for row in rows()] == ["a.flac"]
    Path(f"out/c.{ending}").unlink()
    assert command(capsys, *words, "--index", "rows.jsonl", "--resume")[0] == 0
    assert [row["input"] for row in rows()] == ["a.flac", "c.flac", "d.flac"]
