"""`--measure`: columns of the index, in JSON lines and in Parquet."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import remotemedia as rm
from conftest import sum_of
from remotemedia.cli import main
from remotemedia.cli.job.measures import MEASURES as MEASURES_BY_NAME
from remotemedia.nodes import AudioDecode, Loudness

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
MEASURES = ("--measure", "duration,loudness,speech")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recording, one with as much silence behind it, silence, and a broken one."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(RECORDING, "a.flac")
    speech = np.asarray(rm.read(RECORDING).samples)
    rm.write("b.flac", np.concatenate([speech, np.zeros_like(speech)], axis=1), rate=16000)
    rm.write("c.flac", np.zeros((2, 48000), "float32"), rate=48000)
    (tmp_path / "d.flac").write_bytes(b"no sound")
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("rows.jsonl").read_text("utf-8").splitlines()]


def test_measures_are_those_of_the_nodes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "*.flac", "-o", "out/{stem}.wav", "--rate", "8000", "--index", "rows.jsonl")
    assert command(capsys, *words, *MEASURES)[0] == 1
    speech, padded, silence, broken = rows()
    whole = list((rm.Pipeline() >> AudioDecode() >> Loudness()).run_sync([rm.File("a.flac")]))[-1]
    found = rm.speech_segments("a.flac")
    assert speech["loudness_lufs"] == pytest.approx(whole["integrated_lufs"], abs=1e-9)
    assert speech["true_peak_dbtp"] == pytest.approx(whole["true_peak_dbtp"], abs=1e-9)
    seconds = sum(segment["end_s"] - segment["start_s"] for segment in found)
    assert speech["speech_ratio"] == pytest.approx(seconds / 7.1, abs=1e-9)
    # Silence behind it is gated by R 128, and halves the share of speech.
    assert padded["duration"] == pytest.approx(14.2)
    assert padded["loudness_lufs"] == pytest.approx(speech["loudness_lufs"], abs=0.3)
    assert padded["speech_ratio"] == pytest.approx(speech["speech_ratio"] / 2, abs=0.01)
    assert (silence["duration"], silence["loudness_lufs"], silence["speech_ratio"]) == (1.0, None, 0.0)
    assert silence["true_peak_dbtp"] == -120.0
    assert broken["error"] is not None
    # What is written is not touched by it.
    made = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert command(capsys, "convert", "*.flac", "-o", "plain/{stem}.wav", "--rate", "8000")[0] == 1
    assert {path.name: path.read_bytes() for path in Path("plain").iterdir()} == made
    assert rows()[0]["last"] == {}


def test_the_duration_is_that_of_the_part_that_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "a.flac", "-o", "out/", "--start", "2", "--duration", "3", "--index", "rows.jsonl")
    assert command(capsys, *words, "--report", "report.html")[0] == 0
    assert (rows()[0]["duration"], rm.info("out/a.wav").duration) == (3.0, 3.0)
    assert "3.0 s" in Path("report.html").read_text()
    # The sum of many pieces is exact, and of several decoders the longest one counts.
    Path("rows.jsonl").unlink()
    two = "[AudioDecode(chunk_ms=20, name='whole'), AudioDecode(duration_s=1, name='part')]"
    assert command(capsys, "run", two, "-i", "a.flac", "-o", "two/", "--index", "rows.jsonl")[0] == 0
    assert rows()[0]["duration"] == 7.1


def test_what_is_measured_may_be_the_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = '{"version": "v1", "nodes": [{"id": "d", "node_type": "AudioDecode"}], "outputs": {"sound": "d"}}'
    for graph, plain in (("AudioDecode", "plain.npy"), (named, "sound=named.npy")):
        assert command(capsys, "run", graph, "-i", "a.flac", "-o", plain)[0] == 0
        words = ("run", graph, "-i", "a.flac", "--report", "report.html")
        assert command(capsys, *words, "-o", "measured.npy", "-o", "measured.wav")[0] == 0
        assert Path("measured.npy").read_bytes() == Path(plain.rpartition("=")[2]).read_bytes()
        assert command(capsys, *words, "--json")[1].count('"$rm":"audio"') == 71
    assert command(capsys, "convert", "a.flac", "-o", "made.npy", "--index", "rows.jsonl")[0] == 0
    assert Path("made.npy").read_bytes() == Path("measured.npy").read_bytes()


@pytest.mark.parametrize("word", MEASURES_BY_NAME)
def test_a_measure_leaves_out_what_its_node_would_refuse(
    folder: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    measure = MEASURES_BY_NAME[word]
    for rate in (measure.least_rate - 1, measure.least_rate):
        sound = rm.Audio(np.random.default_rng(0).normal(0, 0.1, (1, 3 * rate)).astype("float32"), rate)
        rm.write(f"{rate}.wav", sound)
        measured = rm.Pipeline() >> rm.Node(measure.node_type)
        if rate < measure.least_rate:
            with pytest.raises(rm.Error, match=f"{rate} Hz"):
                list(measured.run_sync([sound]))
        else:
            assert list(measured.run_sync([sound]))
    words = ("convert", "*.wav", "-o", "out/{stem}.flac", "--index", "rows.jsonl", "--measure", word)
    assert command(capsys, *words)[0] == 0
    by_name = {row["input"]: row for row in rows()}
    low = by_name[f"{measure.least_rate - 1}.wav"]
    assert (low["duration"], [low[name] for name in measure.columns]) == (3.0, [None] * len(measure.columns))
    if word != "snr":
        # Noise alone has no estimate of it.
        assert None not in [by_name[f"{measure.least_rate}.wav"][name] for name in measure.columns]


def test_parquet_is_written_when_an_input_ends_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-o", "out", "--fail-fast", "--index", "rows.parquet", "--report", "report.html")
    code, _, err = command(capsys, "levels", "a.flac", "d.flac", "b.flac", *words)
    assert (code, err.count("\n")) == (1, 1)
    table = pyarrow.parquet.read_table("rows.parquet").to_pydict()
    assert (table["input"], [error is None for error in table["error"]]) == (["a.flac", "d.flac"], [True, False])
    page = Path("report.html").read_text()
    assert ("<code>d.flac</code>" in page, "The index is rows.parquet." in page) == (True, True)
    # Of one that somebody stops there is no such file, since it is not at its end.
    for name in ("rows.parquet", "report.html"):
        Path(name).unlink()
    shutil.copy("a.flac", "d.flac")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("remotemedia.cli.job.batch.Batch._settle", interrupted)
        assert command(capsys, "levels", "a.flac", "d.flac", *words, "--resume")[0] == 130
    assert not {"rows.parquet", "report.html"} & set(map(str, Path().iterdir()))


async def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


def test_parquet_has_the_rows_of_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.move("a.flac", b"a\xff.flac")
    words = ("levels", "*.flac", "-o", "out", "--index", "rows.parquet", *MEASURES)
    code, _, err = command(capsys, *words)
    assert (code, "; results are in out/, the index is rows.parquet\n" in err) == (1, True)
    table = pyarrow.parquet.read_table("rows.parquet").to_pydict()
    lines = [json.loads(line) for line in Path("rows.parquet.jsonl").read_text("utf-8").splitlines()]
    assert table["input"] == ["a\\xff.flac", "b.flac", "c.flac", "d.flac"]
    for name in ("duration", "loudness_lufs", "speech_ratio", "error", "node", "sha256"):
        assert table[name] == [line.get(name) for line in lines], name
    assert [json.loads(last) for last in table["last"]] == [line["last"] for line in lines]
    assert table["files"][1] == ["out/b.jsonl"]
    shutil.copy("b.flac", "d.flac")
    assert command(capsys, *words)[2] == (
        "remotemedia: --index rows.parquet: it is there already; choose another name, or remove it\n"
    )
    assert command(capsys, *words, "--resume")[0] == 0
    table = pyarrow.parquet.read_table("rows.parquet").to_pydict()
    assert (table["input"][-1], table["error"]) == ("d.flac", [None] * 4)
    assert len(table["input"]) == 4
    assert not {"inputs", "old_files"} & set(table)


def test_parquet_keeps_what_earlier_runs_measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("-o", "out", "--index", "rows.parquet", "--report", "report.html")
    assert command(capsys, "levels", "a.flac", *words, "--measure", "loudness")[0] == 0
    assert command(capsys, "levels", "b.flac", *words, "--measure", "speech", "--resume")[0] == 0
    table = pyarrow.parquet.read_table("rows.parquet").to_pydict()
    assert list(table)[1:5] == ["duration", "speech_ratio", "loudness_lufs", "true_peak_dbtp"]
    assert [value is None for value in table["loudness_lufs"] + table["speech_ratio"]] == [False, True, True, False]
    assert "LUFS" in Path("report.html").read_text()
    # It is made of its rows, which a file that has lost them can't be.
    before = Path("rows.parquet").read_bytes()
    Path("rows.parquet.jsonl").unlink()
    assert command(capsys, "levels", "c.flac", *words, "--resume") == (
        2,
        "",
        "remotemedia: --index rows.parquet: --resume continues 'rows.parquet.jsonl', which is gone, and its rows would "
        "be lost; put it back, or choose another name\n",
    )
    assert (Path("rows.parquet").read_bytes(), Path("rows.parquet.jsonl").exists()) == (before, False)


def test_parquet_has_the_inputs_that_go_in_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.json").write_text(json.dumps(sum_of("mic", "far")))
    words = ("run", "two.json", "-i", "mic=a.flac", "far=b.flac", "-o", "out/{index}.wav", "--index", "rows.parquet")
    assert command(capsys, *words)[0] == 0
    (inputs,) = pyarrow.parquet.read_table("rows.parquet").to_pydict()["inputs"]
    assert json.loads(inputs) == {"mic": "a.flac", "far": "b.flac"}


def test_parquet_without_pyarrow_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, _, err = command(capsys, "levels", "a.flac", "-o", "out", "--index", "rows.parquet")
    assert (code, err) == (
        2,
        "remotemedia: --index rows.parquet: Parquet is written by pyarrow, which is not installed; pip install "
        "pyarrow, or end the name in .jsonl\n",
    )
    assert not list(folder.glob("rows*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--measure", "loudnes", "--index", "i"),
            "--measure loudnes: there is no measure 'loudnes'; did you mean 'loudness'?",
        ),
        (
            ("--measure", "duration,x", "--index", "i"),
            "--measure duration,x: there is no measure 'x'; the measures are duration, loudness, speech, snr",
        ),
        (("--measure", "speech"), "--measure speech: it fills columns of the index; name it: --index FILE"),
    ],
)
def test_wrong_measures_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    code, _, err = command(capsys, "levels", "a.flac", "-o", "out", *words)
    assert (code, err) == (2, f"remotemedia: {message}\n")


def test_a_graph_without_a_decoder_has_nothing_to_measure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(capsys, "run", "PassThrough", "-i", "a.flac", "--index", "rows.jsonl", "--measure", "speech")
    assert (code, err) == (
        2,
        "remotemedia: --measure speech: the graph has no AudioDecode whose audio it could be\n",
    )
