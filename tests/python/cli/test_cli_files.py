"""`convert`, `levels`, `segments` and `info`: the common jobs, on files, stdin and stdout."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.arguments.inputs import find_inputs

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
PROGRAM = [sys.executable, "-B", "-m", "remotemedia"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with recordings in folders of `calls` and one broken file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for place in ("talk.flac", "calls/may/a.flac", "calls/june/a.flac", "calls/june/my talk.flac"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(RECORDING, tmp_path / place)
    (tmp_path / "bad.mp3").write_bytes(b"no sound")
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def program(script: str, *words: str) -> tuple[int, bytes, str]:
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}", "bash", *PROGRAM, *words], capture_output=True, timeout=120
    )
    return done.returncode, done.stdout, done.stderr.decode()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("ending", ["wav", "flac", "opus"])
@pytest.mark.parametrize("rate", [None, 8000, 24000, 48000])
@pytest.mark.parametrize("channels", [None, 1, 2])
def test_convert_takes_the_format_from_the_ending(
    folder: Path, capsys: pytest.CaptureFixture[str], ending: str, rate: int | None, channels: int | None
) -> None:
    words = [] if rate is None else ["--rate", str(rate)]
    words += [] if channels is None else ["--channels", str(channels)]
    name = f"out/x.{ending}"
    assert command(capsys, "convert", "talk.flac", *words, "-o", name) == (0, "", "")
    info = rm.info(name)
    assert (info.codec if ending != "wav" else info.container) == ending
    assert (info.channels, info.rate) == (channels or 1, 48000 if ending == "opus" else rate or 16000)
    assert info.duration == pytest.approx(7.1, abs=1e-9)


def test_convert_is_the_graph_that_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--rate", "8000", "--start", "1.5", "--duration", "2", "--normalize", "-16", "--sample-format", "s24")
    assert command(capsys, "convert", "talk.flac", *words, "-o", "x.flac") == (0, "", "")
    nodes = rm.nodes
    graph = nodes.AudioDecode(start_s=1.5, duration_s=2, chunk_ms=1000) >> nodes.AudioResample(rate=8000)
    graph = graph >> nodes.LoudnessNormalize(target_lufs=-16) >> nodes.AudioEncode(format="flac", sample_format="s24")
    assert [(folder / "x.flac").read_bytes()] == list(graph.run_sync([rm.File("talk.flac")]))


def test_convert_to_arrays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "convert", "talk.flac", "--channels", "2", "-o", "x.npy") == (0, "", "")
    loaded = np.load("x.npy", allow_pickle=False)
    assert (loaded.dtype, loaded.shape) == (np.float32, (2, 113600))
    whole = rm.read("talk.flac", channels=2)
    assert np.array_equal(loaded, np.asarray(whole.samples))


def test_relative_is_seen_from_where_the_pattern_begins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "convert", "calls/**/*.flac", "-o", "out/{relative}.wav", "-j", "3")
    assert (code, out) == (0, "")
    assert err.startswith("remotemedia: 3 of 3 files, ")
    assert err.endswith("; results are in out/\n")
    assert files_in(folder / "out") == ["june/a.wav", "june/my talk.wav", "may/a.wav"]
    # A file that is named itself is seen from here, one that lies elsewhere from the root.
    assert command(capsys, "convert", "calls/may/a.flac", "-o", "more/{relative}.wav")[0] == 0
    assert command(capsys, "convert", str(RECORDING), "-o", "more/{relative}.wav")[0] == 0
    assert files_in(folder / "more") == sorted(["calls/may/a.wav", f"{str(RECORDING)[1:-5]}.wav"])
    (folder / "..data").mkdir()
    for name in ("..data/a.flac", "..a.flac"):
        shutil.copy("calls/may/a.flac", name)
        assert command(capsys, "convert", name, "-o", "dots/{relative}.wav")[0] == 0
    assert files_in(folder / "dots") == ["..a.wav", "..data/a.wav"]
    assert command(capsys, "convert", "calls/*/a.flac", "-o", "p/{parent}-{index}.wav")[0] == 0
    assert files_in(folder / "p") == ["june-1.wav", "may-2.wav"]


def test_a_conversion_goes_to_all_of_several_places(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "calls/may/a.flac")
    assert command(capsys, *words, "-o", "out/a.flac", "-o", "out/{stem}.opus", "-o", "out/a.npy")[0] == 0
    assert files_in(folder / "out") == ["a.flac", "a.npy", "a.opus"]
    assert command(capsys, *words, "-o", "sh", "-o", "whole/{stem}.wav", "--shard-format", "shar")[0] == 0
    assert files_in(folder / "sh") == ["cuts.000000.jsonl.gz", "recording.000000.tar"]
    assert files_in(folder / "whole") == ["a.wav"]
    Path("link").symlink_to("out")
    code, _, err = command(capsys, *words, "-o", "out/x.flac", "-o", "link/x.flac")
    assert (code, "'out/x.flac' and 'link/x.flac' are one file, to which a link leads" in err) == (2, True)
    code, _, err = command(capsys, *words, "-o", "b.opus", "-o", "b.flac", "--bitrate", "24")
    assert (code, "--bitrate 24: expected nothing, because only Opus has a bitrate" in err) == (2, True)
    assert files_in(folder / "out") == ["a.flac", "a.npy", "a.opus"]


def test_folders_are_made_behind_links_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("link.wav").symlink_to("deep/er/a.wav")
    Path("folder").symlink_to("deeper")
    assert command(capsys, "convert", "calls/may/a.flac", "-o", "link.wav")[0] == 0
    words = ("convert", "calls/may/a.flac", "-o", "folder/a.wav", "--index", "folder/rows/rows.jsonl")
    assert command(capsys, *words, "--failures", "failures/f.jsonl", "--report", "report/r.html")[0] == 0
    assert files_in(folder / "deep") == ["er/a.wav"]
    assert files_in(folder / "deeper") == ["a.wav", "rows/rows.jsonl"]
    assert Path("link.wav").is_symlink()
    assert Path("failures/f.jsonl").exists()


def test_an_ending_that_a_field_brings_in_is_the_format(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rm.write("a.flac.wav", rm.read("calls/may/a.flac"))
    assert command(capsys, "convert", "a.flac.wav", "calls/june/a.flac", "-o", "out/{stem}")[0] == 0
    assert [rm.info(f"out/{name}").container for name in ("a.flac", "a")] == ["flac", "wav"]
    assert command(capsys, "convert", "calls/may/a.flac", "-o", "named/{name}")[0] == 0
    assert rm.info("named/a.flac").container == "flac"
    shutil.copy("calls/may/a.flac", "a.mp3")
    words = ("convert", "calls/june/a.flac", "a.mp3", "-o", "other/{name}")
    assert command(capsys, *words) == (
        2,
        "",
        "remotemedia: -o other/{name}: there is no encoder for .mp3, in which 'other/a.mp3' ends; "
        "write {stem} and one of .wav, .flac, .opus behind it\n",
    )
    assert not Path("other").exists()


def test_two_stars_go_through_no_link_to_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "calls" / "round").symlink_to(".")
    (folder / "calls" / "latest").symlink_to("may")
    (folder / "calls" / "june" / "link.flac").symlink_to("../may/a.flac")
    expected = ["june/a", "june/link", "june/my talk", "may/a"]
    for pattern in ("calls/**/*.flac", "calls//**/**/*.flac", f"{folder}/calls/**/*.flac"):
        assert [each.relative.removesuffix(".flac") for each in find_inputs([pattern])] == expected, pattern
    assert {each.name for each in find_inputs(["**/may/*", "calls/**"])} == {f"calls/{name}.flac" for name in expected}
    # A link that is named is gone through.
    assert [each.name for each in find_inputs(["calls/latest/**/*.flac"])] == ["calls/latest/a.flac"]
    assert command(capsys, "convert", "calls/**/a.flac", "-o", "out/{relative}.wav")[0] == 0
    assert files_in(folder / "out") == ["june/a.wav", "may/a.wav"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOENT])
@pytest.mark.parametrize("pattern", ["calls/**/*.flac", "calls/*/*.flac", "calls/june/*.flac", "calls/june/a.flac"])
def test_a_folder_that_can_not_be_looked_into_is_no_empty_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pattern: str, number: int
) -> None:
    def refused(name: str, below: bool, do: Callable[[], Any]) -> Any:
        if name.startswith("calls/june/") if below else name == "calls/june":
            raise OSError(number, os.strerror(number), name)
        return do()

    scandir, stat = os.scandir, os.stat
    monkeypatch.setattr(os, "scandir", lambda name: refused(str(name), False, lambda: scandir(name)))
    monkeypatch.setattr(os, "stat", lambda name, **other: refused(str(name), True, lambda: stat(name, **other)))
    code, out, err = command(capsys, "levels", pattern)
    if number == errno.ENOENT:
        # It was removed in the meantime.
        assert (code, out.count("a.flac")) == ((0, 1) if "*" in pattern.partition("/*.flac")[0] else (4, 0))
        return
    what = "the folder 'calls/june'" if "*" in pattern else "the file 'calls/june/a.flac'"
    cure = "check its rights, or the pattern" if "*" in pattern else "check the rights of its folders"
    assert (code, out) == (4, "")
    assert err == f"remotemedia: {what} can't be read: {os.strerror(number)}; {cure}\n"


def test_the_folder_of_the_user_may_be_quoted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("~/calls/*/a.flac", "-o", "~/out/{relative}.wav", "--index", "~/rows.jsonl", "--failures", "~/bad.jsonl")
    assert command(capsys, "convert", *words)[0] == 0
    assert files_in(folder / "out") == ["june/a.wav", "may/a.wav"]
    assert {"rows.jsonl", "bad.jsonl"} <= set(os.listdir(folder))
    (folder / "graph.yaml").write_text((ROOT / "examples" / "speech.yaml").read_text())
    assert command(capsys, "validate", "~/graph.yaml")[0] == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["talk.flac", "-o", "talk.flac"], 2, "-o talk.flac: 'talk.flac' is an input and would be replaced"),
        (["talk.flac", "-o", "./calls/../talk.flac"], 2, "'./calls/../talk.flac' is an input and would be replaced"),
        (["*.flac", "-o", "{stem}.flac"], 2, "'talk.flac' is an input and would be replaced; choose another name"),
        (
            ["talk.flac", "-o", "x.mp3"],
            2,
            "-o x.mp3: there is no encoder for .mp3; end the name in .wav, .flac, .opus or .npy",
        ),
        (["talk.flac", "-o", ""], 2, "-o : the name is empty; write a file, a folder, or - for stdout"),
        (["talk.flac", "-o", "x.jsonl"], 2, "-o x.jsonl: end the name in .wav, .flac, .opus or .npy"),
        (["talk.flac", "-o", "x.wav", "-f", "flac"], 2, "-o x.wav: the name ends in .wav, --format is flac"),
        (["talk.flac", "-o", "x.wav", "--rate", "5"], 2, "--rate 5: expected an integer from 1000 to 768000, got 5"),
        (["talk.flac", "-o", "x.wav", "--rate", "x"], 2, "argument --rate: expected a whole number, got 'x'; see:"),
        (["talk.flac", "-o", "x.wav", "--channels", "0"], 2, "--channels 0: expected an integer from 1 to 1024, got 0"),
        (
            ["talk.flac", "-o", "x.flac", "--sample-format", "f32"],
            2,
            '--sample-format f32: expected "s16" or "s24", because FLAC holds integers, got "f32"',
        ),
        (["talk.flac", "-o", "x.opus", "--bitrate", "3"], 2, "--bitrate 3: expected an integer from 6 to 2550, got 3"),
        (
            ["talk.flac", "bad.mp3", "-o", "-"],
            2,
            "-o -: 2 inputs would share stdout; name one, or name their files: -o 'out/{relative}.wav'",
        ),
        (["nope*.wav", "-o", "x.wav"], 4, "no file matches 'nope*.wav' in {cwd}"),
        (["nope.wav", "-o", "x.wav"], 4, "no such file 'nope.wav' in {cwd}"),
        (["calls", "-o", "x.wav"], 4, "'calls' is a folder; name its files: 'calls/*'"),
        (["talk.flac", "-o", "/proc/x.wav"], 1, "node "),
        (["talk.flac", "-o", "x.wav", "--resume"], 2, "--resume needs the index of the run that was cut off: --index"),
        (["talk.flac", "-o", "x.wav", "--index", "talk.flac"], 2, "--index talk.flac: this is an input and would be"),
        (
            ["talk.flac", "-o", "x.npy", "--sample-format", "s24"],
            2,
            '--sample-format s24: expected nothing, because an array holds float32, got "s24"',
        ),
        (
            ["talk.flac", "-o", "out", "-f", "npy", "--bitrate", "24"],
            2,
            "--bitrate 24: expected nothing, because only Opus has a bitrate, got 24",
        ),
        (
            ["talk.flac", "-o", "x.wav", "--duration", "0"],
            2,
            "--duration 0: expected more than 0 seconds; nothing would",
        ),
        (
            ["talk.flac", "-o", "x.wav", "--duration", "1e-9"],
            1,
            "'talk.flac' holds no sound, not one frame, in --duration 1e-09",
        ),
        (["talk.flac", "-o", "x.wav", "--index", "-"], 2, "--index -: stdout is for results; name a file"),
        (["talk.flac", "-o", "x.wav", "--failures", "-"], 2, "--failures -: stdout is for results; name a file"),
        (["talk.flac", "-o", "x.wav", "--report", ""], 2, "--report : the name is empty; name a file"),
        (["talk.flac"], 2, "the following arguments are required: -o/--output; see: remotemedia convert --help"),
        (["-o", "x.wav"], 2, "the following arguments are required: IN; see: remotemedia convert --help"),
    ],
)
def test_mistakes_of_convert_are_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    before = files_in(folder)
    found, out, err = command(capsys, "convert", *words)
    assert (found, out) == (code, "")
    assert message.format(cwd=folder, relative="{relative}") in err or message in err
    assert err.count("\n") == 1
    assert files_in(folder) == before


TWO = "AudioDecode >> [AudioLevel, Loudness]"
LINKED = "are one file, to which a link leads; remove the link, or choose another name"


@pytest.mark.parametrize(
    ("links", "words", "message"),
    [
        (
            {"out/june": "may"},
            ["levels", "calls/*/a.flac", "-o", "out/{parent}/{stem}.csv", "--index", "rows.jsonl"],
            f"-o out/{{parent}}/{{stem}}.csv: 'out/june/a.csv' and 'out/may/a.csv' {LINKED}",
        ),
        (
            {"out/talk.wav": "my talk.wav"},
            ["convert", "talk.flac", "calls/june/my talk.flac", "-o", "out"],
            f"-o out: 'out/talk.wav' and 'out/my talk.wav' {LINKED}",
        ),
        (
            {"other": "out"},
            ["run", TWO, "-i", "talk.flac", "-o", "audiolevel=out/a.jsonl", "-o", "loudness=other/a.jsonl"],
            "-o loudness=other/a.jsonl: -o audiolevel=out/a.jsonl is the same place; take another",
        ),
        (
            {"other": "out"},
            ["run", TWO, "-i", "talk.flac", "-o", "audiolevel=out/talk.csv", "-o", "loudness=other/{stem}.csv"],
            f"-o loudness=other/{{stem}}.csv: 'out/talk.csv' and 'other/talk.csv' {LINKED}",
        ),
        (
            {},
            ["run", TWO, "-i", "talk.flac", "-o", "audiolevel=out/talk.csv", "-o", "loudness=out/{stem}.csv"],
            "-o loudness=out/{stem}.csv: another -o writes 'out/talk.csv' too; choose another name",
        ),
        (
            {"out/june": "may"},
            [
                *("run", "AudioDecode >> FileSink(path='out/{parent}/{stem}.wav', overwrite=True)"),
                *("-i", "calls/*/a.flac"),
            ],
            f"node 'filesink': 'out/june/a.wav' and 'out/may/a.wav' {LINKED}",
        ),
    ],
)
def test_results_that_links_would_put_into_one_file_are_refused_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], links: dict[str, str], words: list[str], message: str
) -> None:
    for name, target in links.items():
        Path(name).parent.mkdir(exist_ok=True)
        # What it leads to need not be there yet.
        Path(name).symlink_to(target)
    before = files_in(folder)
    assert command(capsys, *words) == (2, "", f"remotemedia: {message}\n")
    assert files_in(folder) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["levels", "-o", "x.wav"], "-o x.wav: levels are no audio; end the name in .jsonl, .json or .csv"),
        (["levels", "-o", "{stem}.npy"], "-o {stem}.npy: levels are no audio; end the name in .jsonl, .json or .csv"),
        (
            ["segments", "-o", "x-{n}.mp3"],
            "-o x-{n}.mp3: there is no encoder for .mp3; end the name in .wav, .flac, .opus or .jsonl",
        ),
    ],
)
def test_names_that_no_result_suits_are_refused_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = files_in(folder)
    # It is no audio, which would be found once it is read.
    assert command(capsys, *words, "bad.mp3") == (2, "", f"remotemedia: {message}\n")
    assert files_in(folder) == before


def test_words_behind_dashes_are_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("talk.flac", "-d.flac")
    shutil.copy("talk.flac", "--json")
    assert command(capsys, "convert", "-o", "{stem}.wav", "talk.flac", "--", "-d.flac", "--json") == (0, "", ANY)
    assert {"-d.wav", "talk.wav", "--json.wav"} <= set(os.listdir(folder))
    code, out, _ = command(capsys, "levels", "--json", "--", "-d.flac")
    assert (code, json.loads(out)["input"]) == (0, "./-d.flac")
    code, out, _ = command(capsys, "info", "--", "--json")
    assert (code, out.splitlines()[0]) == (0, "file      ./--json")
    assert command(capsys, "validate", "--", "-x.yaml")[2] == (
        f"remotemedia: no such manifest './-x.yaml' in {folder}\n"
    )
    # What stands before them is not touched, and the dash is stdin still.
    assert command(capsys, "run", "-i", "talk.flac", "--", "AudioDecode >> Loudness")[0] == 0
    code, out, _ = program('cat talk.flac | "$@" levels --json -- -')
    assert (code, json.loads(out)["input"]) == (0, "-")


def test_a_broken_file_does_not_end_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "convert", "bad.mp3", "talk.flac", "-o", "out")
    assert (code, out) == (1, "")
    first, summary = err.splitlines()
    assert first.startswith("remotemedia: bad.mp3: node 'audiodecode' (AudioDecode), input 0 'bad.mp3': ")
    assert summary.startswith("remotemedia: 2 of 2 files, 1 failed, ")
    assert files_in(folder / "out") == ["talk.wav"]
    code, _, err = command(capsys, "convert", "bad.mp3", "talk.flac", "-o", "more", "--fail-fast")
    assert (code, err) == (1, first.replace("bad.mp3: ", "", 1) + "\n")


@pytest.mark.parametrize(
    "more", [("-o", "new.wav"), ("-o", "new.flac"), ("-o", "new.npy"), ("-o", "-"), ("-o", "new/")]
)
def test_a_file_without_sound_is_not_converted(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    rm.write("empty.wav", np.zeros((1, 0), "float32"), rate=16000)
    assert command(capsys, "convert", "empty.wav", *more) == (
        1,
        "",
        "remotemedia: 'empty.wav' holds no sound, not one frame\n",
    )
    assert not [name for name in files_in(folder) if name.startswith("new")]


def test_a_file_without_sound_replaces_nothing_and_ends_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rm.write("empty.wav", np.zeros((1, 0), "float32"), rate=16000)
    for name in ("out/empty.flac", "out/talk.flac"):
        Path("out").mkdir(exist_ok=True)
        Path(name).write_bytes(b"old")
    words = ("empty.wav", "talk.flac", "-o", "out/{stem}.flac", "--index", "rows.jsonl")
    code, _, err = command(capsys, "convert", *words)
    assert (code, err.splitlines()[0]) == (
        1,
        "remotemedia: empty.wav: 'empty.wav' holds no sound, not one frame",
    )
    assert (Path("out/empty.flac").read_bytes(), rm.info("out/talk.flac").duration) == (b"old", 7.1)
    first = json.loads(Path("rows.jsonl").read_text().splitlines()[0])
    assert (first["files"], first["error"]) == ([], "'empty.wav' holds no sound, not one frame")
    assert command(capsys, "convert", "talk.flac", "-o", "part.flac", "--duration", "1e-9")[0] == 1
    # A graph of one's own may make something of nothing.
    assert command(capsys, "run", "AudioDecode", "-i", "empty.wav", "-o", "run.wav")[0] == 0


def test_a_device_takes_what_stdout_would(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> [PassThrough(name='sound'), AudioLevel(name='level')]"
    for words in (
        ("levels", "calls/*/a.flac", "-o", "/dev/null"),
        ("levels", "calls/*/a.flac", "-o", "/dev/null", "--index", "levels.jsonl", "-j", "2"),
        ("convert", "calls/*/a.flac", "-o", "/dev/null"),
        ("convert", "calls/*/a.flac", "-o", "/dev/null", "-f", "flac", "--index", "rows.jsonl"),
        ("convert", "calls/*/a.flac", "-o", "/dev/null", "-f", "flac", "--index", "rows.jsonl", "--resume"),
        ("run", graph, "-i", "talk.flac", "-o", "sound=/dev/null", "-o", "level=/dev/null"),
    ):
        assert command(capsys, *words)[0] == 0, words
    # What a shell makes of >(...) is a pipe; one may have an ending.
    assert program('"$@" -o >(cat > levels.txt); wait $!', "levels", "talk.flac")[0] == 0
    assert json.loads(Path("levels.txt").read_text())["duration_s"] == 7.1
    for name, form, codec in (("pipe", (), "pcm_s16le"), ("named.flac", (), "flac"), ("other", ("-f", "opus"), "opus")):
        os.mkfifo(name)
        code, out, _ = program(
            f'cat {name} & "$@"; code=$?; wait; exit $code', "convert", "talk.flac", "-o", name, *form
        )
        assert (code, rm.info(out).codec) == (0, codec)
    assert command(capsys, "convert", "talk.flac", "-o", "named.flac", "-f", "wav")[2] == (
        "remotemedia: -o named.flac: the name ends in .flac, --format is wav\n"
    )


def test_numbers_in_names_may_have_zeros(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "convert", "calls/*/a.flac", "-o", "out/{index:03d}-{stem}.wav")[0] == 0
    assert files_in(folder / "out") == ["001-a.wav", "002-a.wav"]
    assert command(capsys, "segments", "talk.flac", "--max-s", "3", "-o", "cut/{stem}-{n:02d}.wav")[0] == 0
    assert files_in(folder / "cut") == ["talk-01.wav", "talk-02.wav", "talk-03.wav"]


@pytest.mark.parametrize("field", ["{index:3d}", "{index:03}", "{n:x}", "{n:}", "{stem:010d}"])
def test_other_forms_of_fields_are_refused(folder: Path, capsys: pytest.CaptureFixture[str], field: str) -> None:
    assert command(capsys, "convert", "talk.flac", "-o", f"out/{field}{{index}}.wav") == (
        2,
        "",
        f"remotemedia: -o out/{field}{{index}}.wav: {field} is no field; digits are for numbers alone, as in "
        "{index:03d} and {n:03d}\n",
    )
    assert (
        "there is no field {shard}; the fields are"
        in command(capsys, "convert", "talk.flac", "-o", "{shard:06d}.wav")[2]
    )


def test_stdin_and_stdout_are_files(folder: Path) -> None:
    program('cat talk.flac | "$@"', "convert", "-", "-o", "direct.flac", "--rate", "8000")
    for script in ('cat talk.flac | "$@" | cat > x.wav', '"$@" < talk.flac > x.wav', '"$@" < talk.flac | cat > x.wav'):
        (folder / "x.wav").unlink(missing_ok=True)
        assert program(script, "convert", "-", "-o", "-", "--rate", "8000") == (0, b"", ""), script
        assert rm.info("x.wav").frames == 56800
        piped, direct = rm.read("x.wav"), rm.read("direct.flac")
        assert np.array_equal(np.asarray(piped.samples), np.asarray(direct.samples))
    assert not (folder / "-").exists()
    assert program('"$@" < talk.flac > x', "convert", "-", "-o", "-", "-f", "flac")[0] == 0
    assert rm.info("x").codec == "flac"
    # A stdout that is a file has the lengths in its header.
    assert program('"$@" > x.wav', "convert", "talk.flac", "-o", "-")[0] == 0
    assert int.from_bytes((folder / "x.wav").read_bytes()[40:44], "little") == 2 * 113600
    code, out, err = program('"$@" | cat', "convert", "talk.flac", "-o", "-", "-f", "npy")
    assert (code, err) == (0, "")
    assert np.load(io.BytesIO(out)).shape == (1, 113600)


def test_pcm_without_a_header(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "talk.raw").write_bytes(rm.read("talk.flac").to_pcm("s16"))
    assert command(capsys, "convert", "talk.raw", "--raw", "s16:16000", "-o", "x.flac") == (0, "", "")
    assert np.array_equal(np.asarray(rm.read("x.flac").samples), np.asarray(rm.read("talk.flac").samples))
    for name in ("levels", "segments"):
        _, whole, _ = command(capsys, name, "talk.flac", "--json")
        code, out, err = program('cat talk.raw | "$@"', name, "-", "--raw", "s16:16000:1", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out) == {**json.loads(whole), "input": "-"}
        assert command(capsys, name, "talk.raw", "--raw", "s16")[0] == 2
        assert command(capsys, name, "talk.raw", "--raw", "s17:16000")[0] == 2
        code, _, err = command(capsys, name, "talk.raw", "--raw", "s16:16000:99")
        assert (code, err) == (2, "remotemedia: --raw s16:16000:99: expected an integer from 1 to 64, got 99\n")


def test_a_reader_that_leaves_ends_the_command_in_silence(folder: Path) -> None:
    for words in (("convert", "talk.flac", "-o", "-"), ("levels", "talk.flac", "--window-ms", "10", "--csv")):
        code, _, err = program('"$@" | true', *words)
        assert (code, err) == (0, "")


@pytest.mark.parametrize("words", [("convert", "talk.flac", "-o", "-"), ("levels", "talk.flac"), ("info", "talk.flac")])
def test_a_full_disk_is_said_to_be_full(folder: Path, words: tuple[str, ...]) -> None:
    code, _, err = program('"$@" > /dev/full', *words)
    assert code in (1, 4)
    assert "No space left on device" in err
    assert err.count("\n") == 1


def test_levels_of_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (expected,) = [list((rm.nodes.AudioDecode() >> rm.nodes.Loudness()).run_sync([rm.File("talk.flac")]))[-1]]
    code, out, err = command(capsys, "levels", "talk.flac")
    assert (code, err) == (0, "")
    head, line = out.splitlines()
    assert head.split() == ["seconds", "LUFS", "LRA", "dBTP", "peak", "file"]
    assert line.split() == ["7.100", "-24.6", "5.0", "-7.5", "-7.5", "talk.flac"]
    code, out, _ = command(capsys, "levels", "talk.flac", "calls/june/*", "--json")
    rows = [json.loads(row) for row in out.splitlines()]
    assert [row["input"] for row in rows] == ["talk.flac", "calls/june/a.flac", "calls/june/my talk.flac"]
    assert all(row["duration_s"] == 7.1 and row["integrated_lufs"] == expected["integrated_lufs"] for row in rows)
    code, out, _ = command(capsys, "levels", "talk.flac", "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert {key: float(value) for key, value in row.items() if key != "input"} == {
        key: value for key, value in rows[0].items() if key != "input"
    }
    for name in ("x.csv", "x.jsonl", "x.json"):
        assert command(capsys, "levels", "talk.flac", "-o", name)[:2] == (0, "")
    assert (folder / "x.csv").read_text() == out
    assert json.loads((folder / "x.json").read_text()) == [json.loads((folder / "x.jsonl").read_text())] == rows[:1]


def test_levels_of_a_long_file_are_one_value(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "levels", "talk.flac", "--index", "rows.jsonl", "--json")[0] == 0
    index = json.loads((folder / "rows.jsonl").read_text())
    printed = json.loads(command(capsys, "levels", "talk.flac", "--json")[1])
    # Not one for each 100 ms, of which a day has a million.
    assert {"input": "talk.flac"} | index["last"]["levels"] == printed


def test_levels_of_silence_are_dashes_and_nulls(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rm.write("silence.wav", rm.Audio(np.zeros((1, 3200), dtype="float32"), 16000))
    assert command(capsys, "levels", "silence.wav")[1].splitlines()[1].split()[:3] == ["0.200", "-", "-"]
    row = json.loads(command(capsys, "levels", "silence.wav", "--json")[1])
    assert (row["integrated_lufs"], row["true_peak_dbtp"]) == (None, -120.0)
    assert ",,,-120.0," in command(capsys, "levels", "silence.wav", "--csv")[1]


@pytest.mark.parametrize("name", ["levels", "segments"])
@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_rows_are_printed_or_written(folder: Path, capsys: pytest.CaptureFixture[str], name: str, form: str) -> None:
    assert command(capsys, name, "talk.flac", form, "-o", "x.csv") == (
        2,
        "",
        f"remotemedia: {form} prints rows and -o writes them; take one, perhaps -o {name}.csv\n",
    )
    assert command(capsys, name, "talk.flac", "--json", "--csv")[0] == 2


def test_levels_of_windows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "levels", "talk.flac", "--window-ms", "3000")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [
        ["0.000", "3.000"],
        ["3.000", "6.000"],
        ["6.000", "7.100"],
    ]
    code, _, err = command(capsys, "levels", "talk.flac", "--window-ms", "3")
    assert (code, err) == (2, "remotemedia: --window-ms 3: expected an integer from 10 to 10000, got 3\n")


@pytest.mark.parametrize("command_name", ["levels", "segments"])
def test_a_table_without_rows_has_its_head(folder: Path, capsys: pytest.CaptureFixture[str], command_name: str) -> None:
    rm.write("silence.wav", np.zeros((1, 16000), "float32"), rate=16000)
    source = "silence.wav" if command_name == "segments" else "bad.mp3"
    printed = command(capsys, command_name, source, "talk.flac", "--csv")[1].splitlines(keepends=True)[0]
    assert printed.startswith("input,")
    shutil.copy("bad.mp3", "worse.mp3")
    command(capsys, command_name, source, "worse.mp3", "-o", "all.csv")
    assert Path("all.csv").read_text() == printed
    if command_name == "segments":
        assert command(capsys, command_name, source, "-o", "each/{stem}.csv")[0] == 0
        assert Path("each/silence.csv").read_text() == printed


def test_segments_may_stand_beside_their_recording(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "segments", "talk.flac", "-o", ".", "-f", "flac")[0] == 0
    assert (folder / "talk-1.flac").exists()


def test_segments_are_those_of_the_package(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"max_speech_duration_s": 2.0, "speech_pad_ms": 0, "threshold": 0.6}
    words = ("--max-s", "2", "--pad-ms", "0", "--threshold", "0.6")
    expected = rm.speech_segments("talk.flac", **options)
    assert len(expected) > 1
    code, out, err = command(capsys, "segments", "talk.flac", *words, "--json")
    assert (code, err) == (0, "")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["start_s"], row["end_s"]) for row in rows] == [(each["start_s"], each["end_s"]) for each in expected]
    table = command(capsys, "segments", "talk.flac", *words)[1].splitlines()
    assert len(table) == len(rows) + 1
    outputs = ("-o", "cut/{stem}-{n}.flac", "-o", "cut/all.csv")
    assert command(capsys, "segments", "talk.flac", *words, *outputs)[:2] == (0, "")
    names = [f"talk-{number}.flac" for number in range(1, len(rows) + 1)]
    assert files_in(folder / "cut") == sorted([*names, "all.csv"])
    for name, each in zip(names, expected, strict=True):
        assert rm.info(folder / "cut" / name).frames == each["audio"].frames
    assert len((folder / "cut" / "all.csv").read_text().splitlines()) == len(rows) + 1
    assert command(capsys, "segments", "talk.flac", *words, "-o", "folder", "-f", "wav")[0] == 0
    assert files_in(folder / "folder") == [name.replace("flac", "wav") for name in names]
    code, out, err = command(capsys, "segments", "talk.flac", *words, "-o", "i/{n}.wav", "--index", "rows.jsonl")
    assert (code, out, err) == (0, "", "")
    row = json.loads((folder / "rows.jsonl").read_text())
    assert row["files"] == [f"i/{number}.wav" for number in range(1, len(rows) + 1)]
    assert set(row["last"]["speechsegments"]) == {"type", "start_s", "end_s"}
    (folder / "full").mkdir()
    (folder / "full" / "2.wav").symlink_to("/dev/full")
    code, _, err = command(capsys, "segments", "talk.flac", *words, "-o", "full/{n}.wav")
    assert code == 1
    assert "No space left on device" in err
    assert err.count("\n") == 1
    code, _, err = command(capsys, "segments", "talk.flac", "-o", "x.flac")
    assert (code, err) == (
        2,
        "remotemedia: -o x.flac: each segment is a file of its own; put {n}, its number, into the name\n",
    )


def test_info_of_several_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "info", "talk.flac", "bad.mp3", "calls/june/*")
    assert code == 1
    assert err.startswith("remotemedia: bad.mp3: info: 'bad.mp3' is not audio ")
    assert [block.splitlines()[0].split(maxsplit=1)[1] for block in out.split("\n\n")] == [
        "talk.flac",
        "calls/june/a.flac",
        "calls/june/my talk.flac",
    ]
    code, out, err = command(capsys, "info", "talk.flac", "calls/may/a.flac", "--json")
    first, second = map(json.loads, out.splitlines())
    assert (code, err, first["input"], second["input"]) == (0, "", "talk.flac", "calls/may/a.flac")
    assert {key: value for key, value in first.items() if key != "input"} == rm.info("talk.flac")._asdict()
    code, piped, err = program('"$@" < talk.flac', "info", "-", "--json")
    assert (code, err, json.loads(piped)) == (0, "", first | {"input": "-"})


def test_info_of_a_pipe_has_the_size_that_was_read(folder: Path) -> None:
    code, out, _ = program('"$@" <(cat talk.flac)', "info", "--json")
    assert (code, json.loads(out)["size"]) == (0, RECORDING.stat().st_size)


def test_nodes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, "nodes", "--json")
    assert code == 0
    types = {each["name"]: each for each in json.loads(out)}
    assert {"AudioDecode", "AudioLevel"} <= set(types)
    assert json.loads(command(capsys, "nodes", "AudioLevel", "--json")[1]) == types["AudioLevel"]
    assert types["AudioResample"]["params"]["required"] == ["rate"]


NAMES = [" a b ", "ü", "a\nb", "[x]", "{stem}", "'", '"', "$HOME", "-x", os.fsdecode(b"a\xff\xfeb")]


@pytest.mark.parametrize("stem", NAMES)
def test_names_of_all_kinds_go_in_and_come_out(folder: Path, capsys: pytest.CaptureFixture[str], stem: str) -> None:
    (folder / "in").mkdir()
    shutil.copy("talk.flac", folder / "in" / f"{stem}.flac")
    words = ("in/*", "-o", "out/{relative}.flac", "--index", "rows.jsonl")
    assert command(capsys, "convert", *words, "--rate", "8000") == (0, "", "")
    assert files_in(folder / "out") == [f"{stem}.flac"]
    data = os.path.getsize(os.fsencode(folder / "out" / f"{stem}.flac"))
    assert data > 10000
    assert json.loads((folder / "rows.jsonl").read_text())["input"] == f"in/{stem}.flac"
    for more in ((), ("--json",)):
        code, out, err = command(capsys, "levels", "in/*", *more)
        assert (code, err) == (0, "")
        assert all(line.isprintable() for line in out.splitlines())
    (folder / "in" / f"{stem}.flac").write_bytes(b"broken")
    code, _, err = command(capsys, "convert", "in/*", "-o", "again/{relative}.flac")
    assert code == 1
    assert "/dev/fd" not in err
    assert all(line.isprintable() for line in err.splitlines())


def test_seeds_know_names_of_all_kinds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [os.fsdecode(b"\xff1"), os.fsdecode(b"\xff2"), os.fsdecode(b"\xfe2"), "ü"]
    for name in names:
        shutil.copy("talk.flac", f"{name}.flac")
    words = ("AudioDecode >> RandomCrop(duration_s=0.1, seed=5)", "-i", *(f"{name}.flac" for name in names))
    for jobs in ("1", "4"):
        assert command(capsys, "run", *words, "-o", f"{jobs}/{{stem}}.npy", "-j", jobs)[0] == 0
    alone, together = ([(folder / jobs / f"{name}.npy").read_bytes() for name in names] for jobs in ("1", "4"))
    assert alone == together
    assert len(set(alone)) == 4


def test_a_name_that_is_taken_makes_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("sock")
        for name, kind in (("sock", "a socket"), ("taken", "a file")):
            (folder / "taken").touch()
            assert command(capsys, "convert", "talk.flac", "-o", name, "-f", "wav") == (
                2,
                "",
                f"remotemedia: -o {name}: '{name}' is {kind}, and a name without an ending is that of a folder; choose "
                "another\n",
            )


def test_rows_that_find_no_room_to_wait_name_the_place(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda *_, **__: Full())
    assert command(capsys, "run", "AudioDecode >> AudioLevel", "-i", "talk.flac", "-o", "rows.csv") == (
        4,
        "",
        "remotemedia: No space left on device for rows of CSV that wait until all columns are known; set TMPDIR to "
        f"another folder: '{tempfile.gettempdir()}'\n",
    )


def test_a_name_that_is_not_utf_8_keeps_its_bytes_in_csv(folder: Path) -> None:
    shutil.copy("talk.flac", b"a\xff.flac")
    code, out, err = program('"$@"', "levels", "a*.flac", "--csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith(b"a\xff.flac,7.1,")


def test_line_ends_in_a_name_do_not_tear_a_row_of_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a\rb.flac", "a\nb.flac", "a\r\nb.flac"]
    for name in names:
        shutil.copy("talk.flac", name)
    assert command(capsys, "levels", *names, "-o", "all.csv")[0] == 0
    with open("all.csv", encoding="utf-8", newline="") as file:
        assert [row["input"] for row in csv.DictReader(file)] == names
