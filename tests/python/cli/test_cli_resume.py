"""`--resume` by content: what changed is made again, what did not is left alone, what a killed run left is removed."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually
from remotemedia.cli import main
from remotemedia.cli.files import leftovers, whole_file
from remotemedia.cli.files.leftovers import remove_parts
from remotemedia.cli.job.appended_file import AppendedFile
from remotemedia.cli.job.index import Index

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
CONVERT = ("convert", "*.flac", "-o", "out/{stem}.wav", "--index", "rows.jsonl")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three recordings."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.flac", "b.flac", "c.flac"):
        shutil.copy(RECORDING, tmp_path / name)
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows() -> dict[str, dict[str, Any]]:
    found = [json.loads(line) for line in Path("rows.jsonl").read_text("utf-8").splitlines()]
    assert len({row["input"] for row in found}) == len(found)
    return {row["input"]: row for row in found}


def versions() -> dict[str, tuple[int, int]]:
    """Which files are there, each with what is another number once it was written anew."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in Path("out").iterdir()}


def test_an_input_that_changed_is_run_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, *CONVERT)[0] == 0
    assert rows()["b.flac"]["sha256"] == sha256(RECORDING.read_bytes()).hexdigest()
    before, times = versions(), os.stat("b.flac")
    rm.write("b.flac", rm.read(RECORDING).samples[:, :16000], rate=16000)
    # Neither the time of a file nor its place tells anything.
    os.utime("b.flac", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.utime("c.flac")
    code, _, err = command(capsys, *CONVERT, "--resume")
    assert (code, err.splitlines()[0]) == (
        0,
        "remotemedia: an input has changed since the index was written; to run again: 1",
    )
    assert " 2 done before" in err
    after = versions()
    assert [name for name in after if after[name] != before[name]] == ["b.wav"]
    assert rm.read("out/b.wav").frames == 16000
    assert list(rows()) == ["a.flac", "c.flac", "b.flac"]


def test_what_an_input_gave_before_it_changed_goes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("segments", "*.flac", "--max-s", "3", "-o", "out/{stem}-{n}.wav", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    assert len(list(Path("out").glob("b-*"))) == 3
    rm.write("b.flac", rm.read(RECORDING).samples[:, :40000], rate=16000)
    assert command(capsys, *words, "--resume")[0] == 0
    assert [path.name for path in Path("out").glob("b-*")] == ["b-1.wav"]
    assert len(list(Path("out").glob("a-*"))) == 3
    assert "old_files" not in Path("rows.jsonl").read_text()
    # A segment that has been put elsewhere is none of ours, and no error.
    os.unlink("out/a-2.wav")
    rm.write("a.flac", np.zeros((1, 16000), "float32"), rate=16000)
    assert command(capsys, *words, "--resume")[0] == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["b-1.wav", "c-1.wav", "c-2.wav", "c-3.wav"]


def test_what_an_input_gave_goes_once_it_succeeds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("segments", "*.flac", "--max-s", "3", "-o", "out/{stem}-{n}.wav", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    given = rows()["b.flac"]["files"]
    for content in (b"no sound", b"none yet"):
        Path("b.flac").write_bytes(content)
        assert command(capsys, *words, "--resume")[0] == 1
        assert (rows()["b.flac"]["files"], rows()["b.flac"]["old_files"]) == ([], given)
        assert all(map(os.path.exists, given))
    # Another manifest has its own results, and those of this one may be of use.
    assert command(capsys, *words, "--resume", "--max-s", "4")[0] == 1
    assert "old_files" not in rows()["b.flac"]
    assert command(capsys, *words, "--resume")[0] == 1
    rm.write("b.flac", rm.read(RECORDING).samples[:, :40000], rate=16000)
    assert command(capsys, *words, "--resume")[0] == 0
    assert rows()["b.flac"]["files"] == given[:1]
    assert [path.name for path in sorted(Path("out").glob("b-*"))] == ["b-1.wav", "b-2.wav", "b-3.wav"]


@pytest.mark.parametrize(
    "words",
    [
        ("convert", "-o", "out/{relative}.wav"),
        ("run", "AudioDecode >> FileSink(path='out/{relative}.wav')", "-i"),
        # It takes what is there for the result.
        ("run", "AudioDecode >> FileSink(path='out/{relative}.wav', skip_existing=true)", "-i"),
    ],
    ids=["convert", "FileSink", "skip_existing"],
)
@pytest.mark.parametrize("names", [("a.flac", "d/a.flac"), ("d/a.flac", "a.flac")])
def test_a_file_that_is_the_result_of_another_input_now_stays(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], names: tuple[str, ...]
) -> None:
    (folder / "d").mkdir()
    shutil.move("a.flac", "d/a.flac")
    assert command(capsys, *words, "d/*.flac", "--index", "rows.jsonl")[0] == 0
    assert rows()["d/a.flac"]["files"] == ["out/a.wav"]
    shutil.copy("b.flac", "a.flac")
    rm.write("d/a.flac", rm.read(RECORDING).samples[:, :16000], rate=16000)
    named = [word for name in names for word in (("-i", name) if "-i" in words else (name,))]
    bare = [word for word in words if word != "-i"]
    for before in ("", ", 2 done before"):
        code, _, err = command(capsys, *bare, *named, "--index", "rows.jsonl", "--resume")
        assert (code, before in err) == (0, True)
        assert sorted(str(path) for path in Path("out").rglob("*.wav")) == ["out/a.wav", "out/d/a.wav"]


def test_a_run_that_is_killed_before_its_end_leaves_no_old_files(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("segments", "*.flac", "--max-s", "3", "-o", "out/{stem}-{n}.wav", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    lines = Path("rows.jsonl").read_bytes().splitlines(keepends=True)
    rm.write("b.flac", rm.read(RECORDING).samples[:, :40000], rate=16000)
    # Killed before the input was run again, then behind its new row.
    for is_done in (False, True):
        if is_done:
            with open("rows.jsonl", "rb") as file:
                lines += file.readlines()[-1:]
            for number in (2, 3):
                shutil.copy("out/b-1.wav", f"out/b-{number}.wav")
        Path("rows.jsonl").write_bytes(b"".join(lines))
        before = versions()
        assert command(capsys, *words, "--resume")[0] == 0
        assert sorted(path.name for path in Path("out").glob("b-*")) == ["b-1.wav"]
        assert (before["b-1.wav"] == versions()["b-1.wav"]) is is_done
        assert list(rows()) == ["a.flac", "c.flac", "b.flac"]
        # It has nothing left to do.
        assert (command(capsys, *words, "--resume")[0], list(rows())) == (0, ["a.flac", "c.flac", "b.flac"])


def test_no_row_tells_of_a_result_that_another_one_may_have_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(capsys, *CONVERT)[0] == 0
    before = rows()
    given = before["b.flac"]["files"]
    original = Path("b.flac").read_bytes()
    rm.write("b.flac", rm.read(RECORDING).samples[:, :40000], rate=16000)

    async def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("remotemedia.cli.job.batch.Batch._one", interrupted)
        assert command(capsys, *CONVERT, "--resume")[0] == 130
    row = rows()["b.flac"]
    assert (row["files"], row["old_files"]) == ([], given)
    assert row["error"] == "it was to be run again, and the run ended before that"
    # What a run that was killed behind the result and before its row leaves.
    Path(given[0]).write_bytes(b"of the other content")
    Path("b.flac").write_bytes(original)
    assert "2 done before" in command(capsys, *CONVERT, "--resume")[2]
    assert rows() == before
    assert rm.read(given[0]).duration == rm.read("b.flac").duration


def test_a_name_that_another_input_has_now_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "[bc]*.flac", "a.flac", "-o", "out/{index}.wav", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    # It takes the place of `a`, which is another one now and has the next.
    shutil.copy(RECORDING, "b2.flac")
    for name in ("a.flac", "c.flac"):
        rm.write(name, rm.read(RECORDING).samples[:, :16000], rate=16000)
    assert command(capsys, *words, "--resume")[0] == 0
    assert [rm.read(f"out/{number}.wav").duration for number in (1, 2, 3, 4)] == [7.1, 7.1, 1.0, 1.0]


@pytest.mark.parametrize("change", [("--rate", "8000"), ("--bitrate", "16"), ("-o", "out/{stem}.opus")])
def test_another_manifest_runs_all_inputs_again(
    folder: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str]
) -> None:
    words = ("convert", "*.flac", "--index", "rows.jsonl", "--bitrate", "24")
    output = ("-o", "out/{stem}.ogg.opus")
    assert command(capsys, *words, *output)[0] == 0
    before = versions()
    code, _, err = command(capsys, *words, *(output if "-o" not in change else ()), *change, "--resume")
    assert (code, err.splitlines()[0]) == (
        0,
        "remotemedia: what is asked for has changed since the index was written; to run again: 3",
    )
    assert "done before" not in err
    after = versions()
    made = [name for name in after if after[name] != before.get(name)]
    assert len(made) == 3
    # What the other one made is no rubbish.
    assert set(before) <= set(after)
    assert len(rows()) == 3


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("convert", "-o", "sh", "--shard-format", "webdataset", "--rate"), "sh/000000.tar"),
        (("run", "AudioDecode >> AudioLevel", "-o", "all.jsonl", "--set"), "all.jsonl"),
    ],
)
def test_results_of_two_manifests_are_not_mixed(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], name: str
) -> None:
    one, other = (
        ("16000", "8000") if words[0] == "convert" else ("audiolevel.window_ms=500", "audiolevel.window_ms=900")
    )
    named = ("-i",) if words[0] == "run" else ()
    index = ("--index", "rows.jsonl")
    assert command(capsys, *words, one, *index, *named, "a.flac", "b.flac")[0] == 0
    before = (Path(name).read_bytes(), Path("rows.jsonl").read_bytes())
    assert command(capsys, *words, other, *index, "--resume", *named, "c.flac") == (
        2,
        "",
        "remotemedia: --index rows.jsonl: 2 of its inputs are not named, such as 'a.flac', and were done with other "
        "options; repeat the command with these, name all inputs, or take another --index and -o\n",
    )
    assert (Path(name).read_bytes(), Path("rows.jsonl").read_bytes()) == before
    # The cures: the same options, and all inputs.
    assert command(capsys, *words, one, *index, "--resume", *named, "c.flac")[0] == 0
    assert command(capsys, *words, other, *index, "--resume", *named, "a.flac", "b.flac", "c.flac")[0] == 0
    assert len({row["manifest"] for row in rows().values()}) == 1


def test_files_of_their_own_may_be_of_two_manifests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "-o", "out", "--index", "rows.jsonl")
    assert command(capsys, *words, "a.flac")[0] == 0
    assert command(capsys, *words, "b.flac", "--rate", "8000", "--resume")[0] == 0
    assert len({row["manifest"] for row in rows().values()}) == 2


def test_what_an_error_does_is_a_part_of_the_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-i", "*.flac", "-o", "out/{stem}.jsonl", "--index", "rows.jsonl")
    hashes = set()
    for on_error in ("fail", "skip", "{retry: {times: 2}}"):
        Path("graph.yaml").write_text(
            "version: v1\nnodes: [{id: decode, node_type: AudioDecode}, {id: level, node_type: AudioLevel, "
            f"on_error: {on_error}}}]\nconnections: [{{from: decode, to: level}}]\n"
        )
        code, _, err = command(capsys, "run", "graph.yaml", *words, *(["--resume"] if hashes else []))
        assert (code, "what is asked for has changed" in err) == (0, bool(hashes))
        hashes.add(rows()["a.flac"]["manifest"])
    # It is the default, which changes nothing.
    Path("graph.yaml").write_text(Path("graph.yaml").read_text().replace(", on_error: {retry: {times: 2}}", ""))
    assert command(capsys, "run", "graph.yaml", *words, "--resume")[0] == 0
    assert (len(hashes), rows()["a.flac"]["manifest"] in hashes) == (3, True)


def test_what_does_not_change_results_is_no_other_manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, *CONVERT)[0] == 0
    before = versions()
    code, _, err = command(capsys, *CONVERT, "-j", "3", "--timeout", "60", "--failures", "failed.jsonl", "--resume")
    assert (code, err.splitlines()[0].partition(",")[0]) == (0, "remotemedia: 0 of 0 files")
    assert versions() == before
    # One more input changes nothing for the others.
    shutil.copy(RECORDING, "d.flac")
    assert command(capsys, *CONVERT, "--resume")[0] == 0
    after = versions()
    assert [name for name in after if name not in before] == ["d.wav"]
    assert {name: after[name] for name in before} == before


def test_inputs_that_go_in_together_are_one_content(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.yaml").write_text(
        "version: v1\nnodes: [{id: one, node_type: AudioDecode}, {id: two, node_type: AudioDecode},"
        " {id: sum, node_type: AudioSum}]\nconnections: [{from: one, to: sum.in1}, {from: two, to: sum.in2}]\n"
        "inputs: {mic: one, far: two}\n"
    )
    words = ("run", "two.yaml", "-i", "mic=a.flac", "-i", "far=b.flac", "-o", "out/{stem}.wav", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    before = versions()
    assert command(capsys, *words, "--resume")[0] == 0
    assert versions() == before
    rm.write("b.flac", np.zeros((1, 113600), "float32"), rate=16000)
    assert command(capsys, *words, "--resume")[0] == 0
    assert versions() != before


def test_a_pipe_has_no_content_that_could_be_the_same(folder: Path) -> None:
    words = [sys.executable, "-m", "remotemedia", "levels", "-", "-o", "out/{stem}.jsonl", "--index", "rows.jsonl"]
    for more in ([], ["--resume"]):
        done = subprocess.run(
            ["bash", "-c", 'cat a.flac | "$@"', "bash", *words, *more], capture_output=True, text=True, timeout=120
        )
        assert (done.returncode, "done before" in done.stderr) == (0, False)
        assert rows()["-"]["sha256"] is None


def test_a_part_that_a_process_of_the_same_number_left_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "COUNT", itertools.count())
    left = tmp_path / f".a.flac.{os.getpid()}-0.part"
    left.write_bytes(b"x")
    with whole_file.whole(f"{tmp_path}/a.flac") as file:
        file.write(b"whole")
    assert ((tmp_path / "a.flac").read_bytes(), left.read_bytes()) == (b"whole", b"x")


def test_what_is_not_whole_need_not_fit_the_disk(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def ended() -> None:
        with whole_file.whole(f"{tmp_path}/a.tar") as file:
            # It is in the buffer still.
            file.write(b"x" * 100)
            resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
            raise ZeroDivisionError

    try:
        with pytest.raises(ZeroDivisionError):
            ended()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []


def test_results_are_on_the_disk_before_their_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is synced and what is written, in its order: a power cut can come between any two."""
    happened: list[tuple[str, str]] = []
    fsync, append, replace = os.fsync, AppendedFile.append, os.replace

    def synced(number: int) -> None:
        happened.append(("synced", os.readlink(f"/proc/self/fd/{number}")))
        fsync(number)

    def appended(file: AppendedFile, data: bytes) -> None:
        happened.extend(("row", json.loads(line)["input"]) for line in data.splitlines())
        append(file, data)

    def renamed(part: str, place: str) -> None:
        happened.append(("renamed", os.path.realpath(part)))
        replace(part, place)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(AppendedFile, "append", appended)
    monkeypatch.setattr(os, "replace", renamed)
    index = ("synced", str(folder / "rows.jsonl"))
    words = ("*.flac", "--index", "rows.jsonl", "-j", "2")
    for more in ([], ["--resume"]):
        happened.clear()
        if more:
            rm.write("b.flac", rm.read(RECORDING).samples[:, :16000], rate=16000)
        assert main(["convert", *words, "-o", "out/new/{stem}.wav", *more]) == 0
        for name in ("b",) if more else ("a", "b", "c"):
            # The first one of a changed input says that its results are replaced.
            row = happened.index(("row", f"{name}.flac"), happened.index(("row", f"{name}.flac")) + bool(more))
            result = happened.index(("synced", str(folder / "out" / "new" / f"{name}.wav")))
            names = happened.index(("synced", str(folder / "out" / "new")), result)
            assert result < names < row < happened.index(index, row)
        # The folders are new too.
        assert ("synced", str(folder / "out")) in happened[:row]
        assert ("synced", str(folder)) in happened[:row]
    # The row that another one has replaced is gone: the index is another file.
    (part,) = (path for what, path in happened if what == "renamed")
    assert happened.index(("synced", part)) < happened.index(("renamed", part))
    assert happened[-1] == ("synced", str(folder))


def test_shards_and_what_grows_are_on_the_disk_before_their_rows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync, add = os.fsync, Index.add
    monkeypatch.setattr(
        os, "fsync", lambda number: (synced.append(os.readlink(f"/proc/self/fd/{number}")), fsync(number))
    )
    seen: list[set[str]] = []

    def added(index: Index, *rows: dict[str, Any]) -> None:
        seen.append({os.path.relpath(path, folder) for path in synced})
        add(index, *rows)

    monkeypatch.setattr(Index, "add", added)
    words = ("AudioDecode >> [PassThrough(name='sound'), AudioLevel(name='level')]", "-i", "*.flac", "-o", "sound=shar")
    more = ("-o", "level=all.jsonl", "--shard-format", "shar", "--shard-size", "2", "--index", "rows.jsonl")
    assert main(["run", *words, *more]) == 0
    assert len(seen) == 2
    # The tar has been synced under the name that it had until it was whole, and the names are in the folder.
    assert {"all.jsonl", "shar", "shar/recording.000000.tar"} <= seen[0]
    assert any(name.startswith("shar/.cuts.000000.jsonl.gz.") for name in seen[0])
    assert "shar/recording.000001.tar" in seen[1] - seen[0]


@pytest.mark.parametrize("left", [0, 1000])
def test_a_result_that_a_power_cut_left_shorter_is_made_again(
    folder: Path, capsys: pytest.CaptureFixture[str], left: int
) -> None:
    assert command(capsys, *CONVERT)[0] == 0
    whole = Path("out/b.wav").read_bytes()
    assert rows()["b.flac"]["bytes"] == len(whole)
    os.truncate("out/b.wav", left)
    # One that is gone was put elsewhere.
    os.unlink("out/c.wav")
    code, _, err = command(capsys, *CONVERT, "--resume")
    assert (code, err.splitlines()[0]) == (
        0,
        "remotemedia: a result is shorter than it was when the index was written; to run again: 1",
    )
    assert Path("out/b.wav").read_bytes() == whole
    assert not Path("out/c.wav").exists()
    # An index of before has no sizes.
    text = Path("rows.jsonl").read_text()
    Path("rows.jsonl").write_text(text.replace(f'"bytes": {len(whole)}, ', ""))
    os.truncate("out/a.wav", 0)
    assert (command(capsys, *CONVERT, "--resume")[0], Path("out/a.wav").read_bytes()) == (0, b"")


@pytest.mark.parametrize("lost", [1, 2, None])
def test_what_lacks_in_a_file_of_all_results_is_made_again(
    folder: Path, capsys: pytest.CaptureFixture[str], lost: int | None
) -> None:
    words = ("AudioDecode >> AudioLevel()", "-i", "*.flac", "-o", "all.jsonl", "--index", "rows.jsonl")
    assert command(capsys, "run", *words)[0] == 0
    lines = Path("all.jsonl").read_text().splitlines(keepends=True)
    names = [json.loads(line)["input"] for line in lines]
    assert [row["lines"] for row in rows().values()] == [[names.count(name)] for name in rows()]
    if lost is None:
        os.unlink("all.jsonl")
    else:
        # A line that a cut has left in part is none.
        os.truncate("all.jsonl", len("".join(lines[:-lost]).encode()) + 5)
    again = len(set(names if lost is None else names[-lost:]))
    code, _, err = command(capsys, "run", *words, "--resume")
    assert (code, err.splitlines()[0]) == (
        0,
        f"remotemedia: a result is shorter than it was when the index was written; to run again: {again}",
    )
    assert sorted(Path("all.jsonl").read_text().splitlines(keepends=True)) == sorted(lines)
    # One of before does not say how many there were.
    text = Path("rows.jsonl").read_text()
    Path("rows.jsonl").write_text(re.sub(r', "lines": \[\d+\]', "", text))
    os.unlink("all.jsonl")
    assert command(capsys, "run", *words, "--resume")[0] == 0
    assert Path("all.jsonl").read_text() == ""


def test_a_shard_that_a_power_cut_left_shorter_is_made_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "convert",
        "*.flac",
        "-o",
        "sh",
        "--shard-format",
        "webdataset",
        "--shard-size",
        "2",
        "--index",
        "rows.jsonl",
    )
    assert command(capsys, *words)[0] == 0
    whole = Path("sh/000000.tar").read_bytes()
    os.truncate("sh/000000.tar", 0)
    assert command(capsys, *words, "--resume")[0] == 0
    assert Path("sh/000000.tar").read_bytes() == whole


def test_parts_of_a_killed_run_are_removed_and_no_others(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead, alive, own = process.pid, os.getppid(), os.getpid()
    long = "ü" * 60
    ours = [
        f".a.flac.{dead}-0.part",
        f".cut-12.flac.{dead}-7.part",
        f".a.flac.{dead}-12.part",
        f".{long[:32]}.{dead}-1.part",
        f".a.flac.{own}-0.part",
    ]
    others = [
        f".a.flac.{alive}-0.part",
        # Its writer is in another container, where it has another number.
        f".a.flac.{dead}-1.part",
        f".b.flac.{dead}-0.part",
        f"a.flac.{dead}-0.part",
        ".a.flac.part",
        ".a.flac.tmp",
        "a.flac",
    ]
    for name in (*ours, *others):
        (tmp_path / name).write_bytes(b"x")
    with open(tmp_path / others[1], "ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        places = [f"{tmp_path}/{name}" for name in ("a.flac", "cut-1.flac", f"{long}.flac", "none/x.flac")]
        remove_parts(places)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)
    # Commands in two containers may have one number, also while one of them writes.
    with whole_file.whole(places[0]) as file:
        remove_parts(places)
        file.write(b"whole")
    assert (tmp_path / "a.flac").read_bytes() == b"whole"


def test_a_file_that_can_not_be_locked_is_not_made_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any) -> None:
        raise BlockingIOError

    monkeypatch.setattr(whole_file, "MOST_PARTS", 3)
    monkeypatch.setattr(fcntl, "flock", locked)
    with pytest.raises(OSError, match="no new file beside it can be made and locked; remove hidden"):
        whole_file.write_whole(str(tmp_path / "a.jsonl"), b"")
    assert os.listdir(tmp_path) == []


def test_what_the_runtime_writes_is_no_leftover(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if it were in another container, where its number is another one.
    monkeypatch.setattr(leftovers, "is_running", lambda process: False)
    rm.write("sound.wav", rm.read("a.flac"))
    os.mkfifo("pipe.wav")
    words = [sys.executable, "-m", "remotemedia", "convert", "pipe.wav", "-o", "out.wav"]
    with subprocess.Popen(words) as process:
        with open("pipe.wav", "wb") as pipe:
            pipe.write(Path("sound.wav").read_bytes())
            assert eventually(lambda: any(folder.glob(".out.wav.*.part")) or process.poll() is not None)
            remove_parts(["out.wav"])
        assert process.wait(60) == 0
    assert rm.info("out.wav").duration == 7.1
