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


def test_results_are_printed_with_the_name_of_their_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "-i", "mic=10.wav", "-i", "reference=20.wav", "--json")
    assert code == 0
    assert {json.loads(line)["sink"] for line in out.splitlines()} == {"both", "levels"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "the graph waits for input; name files: -i mic=FILE -i reference=FILE"),
        (("-i", "10.wav"), "-i 10.wav: the graph has several inputs; say which: -i mic=10.wav"),
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
