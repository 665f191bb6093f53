"""`remotemedia run` with a graph that names its inputs and outputs: which file goes where, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.cli import main

CALL = """\
version: v1
metadata: {name: call}
nodes:
  - {id: near, node_type: AudioDecode}
  - {id: far, node_type: AudioDecode}
  - {id: mix, node_type: AudioSum}
  - {id: level, node_type: AudioLevel, params: {window_ms: 1000}}
connections:
  - {from: near, to: mix.in0}
  - {from: far, to: mix.in1}
  - {from: near, to: level}
inputs: {mic: near, reference: far}
outputs: {both: mix, levels: level}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the manifest and recordings of constant levels: their names are these in percent."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "call.yaml").write_text(CALL)
    for percent in (10, 20, 30):
        rm.write(tmp_path / f"{percent}.wav", rm.Audio(np.full((1, 8000), percent / 100, "f4"), 8000))
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["run", "call.yaml", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def level_of(path: Path) -> float:
    return round(float(rm.read(path).samples.mean()), 2)


def test_each_file_goes_to_its_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "-i",
        "mic=10.wav",
        "-i",
        "reference=30.wav",
        "-o",
        "both=out/{stem}.{sink}.wav",
        "-o",
        "levels=levels.jsonl",
    )
    code, out, err = run(capsys, *words)
    assert (code, out) == (0, ""), err
    assert level_of(folder / "out/10.both.wav") == 0.4
    (row,) = map(json.loads, (folder / "levels.jsonl").read_text().splitlines())
    assert (row["input"], row["sink"], round(row["value"]["peak_db"])) == ("10.wav", "levels", -20)


def test_several_files_go_in_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-i", "mic=10.wav", "mic=20.wav", "-i", "reference=30.wav", "reference=30.wav", "-o", "both=out/")
    code, _, err = run(capsys, *words)
    assert code == 0, err
    assert [level_of(folder / f"out/{name}.wav") for name in (10, 20)] == [0.4, 0.5]


PAIRS = ("-i", "mic=10.wav", "mic=10.wav", "mic=10.wav", "-i", "reference=20.wav", "reference=bad.wav")


def test_inputs_that_share_their_first_file_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.wav").write_bytes(b"no sound")
    # The third one is the first one again.
    words = (*PAIRS, "reference=20.wav", "-o", "both=out/{index}.wav", "--index", "rows.jsonl", "--keep-going")
    more = ("--failures", "failed.jsonl", "--report", "report.html")
    code, _, err = run(capsys, *words, *more)
    assert code == 1
    assert "remotemedia: 10.wav with bad.wav: node 'far' (AudioDecode), " in err
    assert "<code>10.wav with bad.wav</code>" in (folder / "report.html").read_text()
    good, bad = map(json.loads, (folder / "rows.jsonl").read_text().splitlines())
    assert list(good)[:3] == ["input", "inputs", "duration"]
    assert (good["input"], good["inputs"]) == ("10.wav", {"mic": "10.wav", "reference": "20.wav"})
    assert bad["inputs"] == {"mic": "10.wav", "reference": "bad.wav"}
    assert json.loads((folder / "failed.jsonl").read_text())["inputs"] == bad["inputs"]
    (folder / "30.wav").rename(folder / "bad.wav")
    code, _, err = run(capsys, *words, "--resume")
    assert (code, ", 1 done before;" in err) == (0, True)
    assert [level_of(folder / f"out/{number}.wav") for number in (1, 2)] == [0.3, 0.4]
    found = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert [row["inputs"]["reference"] for row in found] == ["20.wav", "bad.wav"]
    assert run(capsys, *words, "--resume")[0] == 0
    (folder / "20.wav").unlink()
    (folder / "bad.wav").rename(folder / "20.wav")
    code, _, err = run(capsys, "-i", "mic=10.wav", "-i", "reference=20.wav", *words[8:], "--resume")
    assert (code, level_of(folder / "out/1.wav"), level_of(folder / "out/2.wav")) == (0, 0.4, 0.4)


def test_records_that_fit_two_inputs_are_refused_beside_an_index(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("-o", "levels=all.jsonl", "-o", "both=out/{index}.wav", "--index", "rows.jsonl")
    refused = (
        "remotemedia: -o levels=all.jsonl: with --index its records are found by the first file of their input, and "
        "'10.wav' is that of 2; give each input a file: -o 'out/{index}.jsonl'\n"
    )
    pairs = ("-i", "mic=10.wav", "mic=10.wav", "-i", "reference=20.wav", "reference=30.wav")
    assert run(capsys, *pairs, *words) == (2, "", refused)
    assert not (folder / "rows.jsonl").exists()
    # The index may have the other one.
    assert run(capsys, "-i", "mic=10.wav", "-i", "reference=20.wav", *words)[0] == 0
    before = (folder / "all.jsonl").read_bytes()
    assert run(capsys, "-i", "mic=10.wav", "-i", "reference=30.wav", *words, "--resume") == (2, "", refused)
    assert (folder / "all.jsonl").read_bytes() == before
    assert run(capsys, *pairs, "-o", "levels=one.jsonl", *words[2:4])[0] == 0


def test_results_are_printed_with_the_name_of_their_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "-i", "mic=10.wav", "-i", "reference=20.wav", "--json")
    assert code == 0
    assert {json.loads(line)["sink"] for line in out.splitlines()} == {"both", "levels"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the graph waits for input; name files: -i mic=FILE -i reference=FILE"),
        (("-i", "10.wav"), "-i 10.wav: the graph has the inputs mic, reference; say which: -i mic=10.wav"),
        (("-i", "mci=10.wav"), "-i mci=10.wav: the graph has the inputs mic, reference; did you mean -i mic=10.wav?"),
        (("-i", "mic=10.wav"), "there is no file for the input 'reference': -i reference=FILE"),
        (
            ("-i", "mic=10.wav", "mic=20.wav", "reference=30.wav"),
            "-i: the files go in together, one for each input, and there are 2 for 'mic' and 1 for 'reference'",
        ),
        (("-i", "mic=10.wav", "-i", "reference=gone.wav"), "no such file 'gone.wav' in"),
        (("-i", "mic=-", "-i", "reference=-"), "-i: stdin can be one input only"),
    ],
)
def test_files_that_do_not_go_together_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    code, _, err = run(capsys, *words)
    assert code != 0
    assert message in err


def test_one_named_input_needs_no_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "version: v1\nnodes: [{id: d, node_type: AudioDecode}]\ninputs: {mic: d}\noutputs: {sound: d}\n"
    (folder / "call.yaml").write_text(text)
    for number, source in enumerate(["10.wav", "mic=10.wav"]):
        code, _, err = run(capsys, "-i", source, "-o", f"{number}.wav")
        assert code == 0, err
        assert level_of(folder / f"{number}.wav") == 0.1
    # Without a graph that names inputs, a name with "=" is a name.
    (folder / "call.yaml").write_text("version: v1\nnodes: [{id: d, node_type: AudioDecode}]\n")
    (folder / "10.wav").rename(folder / "mic=10.wav")
    assert run(capsys, "-i", "mic=10.wav", "-o", "named.wav")[0] == 0
