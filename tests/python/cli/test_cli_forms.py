"""`remotemedia run`: what may stand for a manifest, and the forms that results take."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.arguments.chain import is_chain, pipeline_of
from remotemedia.cli.results.arrays import NoArray, npy

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
SPEECH = ROOT / "examples" / "speech.yaml"
PROGRAM = [sys.executable, "-B", "-m", "remotemedia"]
LEVEL = "AudioDecode >> AudioLevel(window_ms=5000)"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a recording and functions that are nodes."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(RECORDING, tmp_path / "talk.flac")
    (tmp_path / "mynodes.py").write_text(
        "import remotemedia as rm\n@rm.node\ndef louder(sound: rm.Audio, *, gain: float = 2.0):\n"
        "    return rm.Audio(sound.samples * gain, sound.rate, pts=sound.pts)\n"
        "@rm.node\ndef peak(sound: rm.Audio):\n    return float(abs(sound.samples).max())\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def program(script: str, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(["bash", "-c", script, "bash", *PROGRAM, *words], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("text", "graph"),
    [
        ("AudioDecode", rm.Pipeline() >> rm.nodes.AudioDecode()),
        ("AudioDecodeNode()", rm.Pipeline() >> rm.Node("AudioDecodeNode")),
        (LEVEL, rm.nodes.AudioDecode() >> rm.nodes.AudioLevel(window_ms=5000)),
        ("rm.nodes.AudioDecode() >> AudioResample(8000)", rm.nodes.AudioDecode() >> rm.nodes.AudioResample(rate=8000)),
        (
            "AudioDecode\n >> [AudioMix(channels=1), AudioMix(channels=2, name='wide')]\n >> PassThrough",
            rm.nodes.AudioDecode()
            >> [rm.nodes.AudioMix(channels=1), rm.nodes.AudioMix(channels=2, name="wide")]
            >> rm.nodes.PassThrough(),
        ),
        (
            "AudioDecode()['info'] >> PassThrough(on_error='skip')",
            rm.nodes.AudioDecode()["info"] >> rm.nodes.PassThrough(on_error="skip"),
        ),
        (
            "AudioMix(channels=1, gains=[[0.5, -0.5]])",
            rm.Pipeline() >> rm.nodes.AudioMix(channels=1, gains=[[0.5, -0.5]]),
        ),
    ],
)
def test_a_chain_is_what_python_would_build(text: str, graph: rm.Pipeline) -> None:
    assert is_chain(text)
    assert pipeline_of(text, ()).manifest() == graph.manifest()


@pytest.mark.parametrize(
    "text", ["speech.yaml", "a/b.yaml", "speech", "version: v1\nnodes:\n", "{}", "x y", "x | y", "", "#"]
)
def test_what_is_no_chain(text: str) -> None:
    assert not is_chain(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AudioDecod >> PassThrough", "column 1: there is no node type 'AudioDecod'; did you mean 'AudioDecode'?"),
        ("AudioDecode >> Zzz()", "column 16: there is no node type 'Zzz'; see: remotemedia nodes"),
        (
            "AudioDecode >> AudioLevel(window_ms=5)",
            "nodes[1].params.window_ms: expected an integer from 10 to 10000, got 5",
        ),
        (
            "AudioDecode >> AudioLevel(window=5)",
            "nodes[1].params.window: AudioLevel has no param 'window'; did you",
        ),
        (
            "AudioDecode >> AudioLevel(5)",
            "column 27: write the params of AudioLevel with their names, as in",
        ),
        ("AudioDecode >>", "of the chain: "),
        ("AudioDecode >> (", "of the chain: "),
        (
            "AudioLevel(window_ms=open('x'))",
            "column 22: expected a number, a text in quotes, a list or a map, got open(",
        ),
        ("AudioLevel(**{})", "column 14: write the params of AudioLevel out"),
        ("AudioDecode >> 5", "column 16: expected a node, got 5; functions are 'python:module:name'"),
        (
            "AudioDecode >> AudioResample(8000, rate=16000)",
            "column 41: AudioResample has the param 'rate' twice; remove one of the two",
        ),
        ("AudioDecode | AudioLevel", "column 1: nodes are joined by >>, got AudioDecode | AudioLevel"),
        ("AudioDecode > AudioLevel", "column 1: nodes are joined by >>, got AudioDecode > AudioLevel"),
        ("AudioDecode -> AudioLevel", "of the chain: invalid syntax; write it as AudioDecode >> AudioLevel("),
        ("AudioDecode()[0]", "write the port of a node as SpeechSegments['events']"),
        ("AudioDecode" + " >> PassThrough" * 2000, "a chain has at most 20000 characters, this one has 30011"),
    ],
)
def test_mistakes_in_a_chain_have_their_place(capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    code, out, err = command(capsys, "validate", text)
    assert (code, out) == (3, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_deep_chain_is_no_crash(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = command(capsys, "validate", "AudioDecode >> " + "[" * 5000 + "PassThrough" + "]" * 5000)
    assert code == 3
    assert err.startswith("remotemedia: ")


def test_a_manifest_is_a_file_a_text_or_stdin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = command(capsys, "run", LEVEL, "-i", "talk.flac")
    assert expected[0] == 0
    pipeline = pipeline_of(LEVEL, ())
    assert command(capsys, "run", pipeline.to_json(indent=None), "-i", "talk.flac") == expected
    assert command(capsys, "run", pipeline.to_yaml(), "-i", "talk.flac") == expected
    for name, text in (("a", LEVEL), ("b", pipeline.to_json()), ("c", pipeline.to_yaml())):
        (folder / name).write_text(text)
        assert program(f'"$@" < {name}', "run", "-", "-i", "talk.flac") == expected
    (folder / "d").write_text("\n")
    assert program('"$@" < d', "run", "-", "-i", "talk.flac") == (3, "", "remotemedia: stdin holds no manifest\n")
    (folder / "d").write_bytes(b"version: \xff\n")
    assert program('"$@" < d', "run", "-")[::2] == (3, "remotemedia: stdin is not UTF-8 text: byte 9 is 0xff\n")
    assert program('"$@" <&-', "run", "-")[::2] == (2, "remotemedia: stdin is closed; name the file of the manifest\n")
    for words in (("run", LEVEL, "-i", "-"), ("convert", "-", "-o", "closed.wav")):
        assert program('"$@" <&-', *words)[::2] == (2, "remotemedia: -: stdin is closed; name files\n")
    code, _, err = command(capsys, "run", "-", "-i", "-")
    assert (code, err) == (2, "remotemedia: -i -: stdin is the manifest already; name files\n")


def test_python_functions_are_allowed_in_the_words_of_the_command_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = "AudioDecode(chunk_ms=10000) >> 'python:mynodes:louder'"
    code, out, err = command(capsys, "run", chain, "-i", "talk.flac", "-o", "x.wav")
    assert (code, out) == (3, "")
    assert err.endswith("runs Python code of 'mynodes'; if you trust it, allow it with --python mynodes\n")
    assert command(capsys, "run", chain, "--python", "mynodes", "-i", "talk.flac", "-o", "x.wav") == (0, "", "")
    louder, quiet = (np.asarray(rm.read(name).samples) for name in ("x.wav", "talk.flac"))
    assert np.allclose(louder, 2 * quiet, atol=1e-4)
    # One that may give anything has its sound as a file in a folder too.
    assert command(capsys, "run", chain, "--python", "mynodes", "-i", "talk.flac", "-o", "out") == (0, "", "")
    assert (folder / "out" / "talk.wav").read_bytes() == (folder / "x.wav").read_bytes()


def test_a_file_sink_has_the_fields_of_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "calls" / "may").mkdir(parents=True)
    shutil.copy(folder / "talk.flac", "calls/may/a.flac")
    shutil.copy(folder / "talk.flac", "calls/b.flac")
    graph = "AudioDecode >> FileSink(path='sunk/{relative}-{parent}.wav')"
    # By a pattern from where it begins, by name from here; and as -o does.
    words = ("-i", "calls/**/*.flac", "talk.flac", "--json")
    code, out, err = command(capsys, "run", graph, *words)
    assert (code, err) == (0, "")
    made = ["sunk/b-calls.wav", "sunk/may/a-may.wav", f"sunk/talk-{folder.name}.wav"]
    assert [json.loads(line)["value"]["path"] for line in out.splitlines()] == made
    assert command(capsys, "convert", *words[1:3], "-o", "out/{relative}-{parent}.wav")[0] == 0
    assert files_in(folder / "sunk") == files_in(folder / "out")
    (folder / "calls" / "may" / "c.flac").write_bytes(b"no sound")
    code, _, err = command(capsys, "run", graph, "-i", "calls/*/c.flac")
    assert code == 1
    assert "input 0 'c.flac': 'calls/may/c.flac' is not audio" in err
    code, _, err = command(capsys, "validate", "AudioDecode >> FileSink(path='out/{relativ}.wav')")
    assert (code, err.splitlines()[-1].rpartition("expected ")[2]) == (
        3,
        "{stem}, {parent}, {relative}, {index} or {index:05d} in braces, and {{ for a brace, got {relativ}",
    )


def test_each_sink_may_have_outputs_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> [AudioResample(8000, name='sound'), MelSpectrogram(name='mel'), AudioLevel(name='level')]"
    words = ("-o", "sound=a/{stem}.flac", "-o", "mel=b/{stem}.npy", "-o", "level=all.csv", "-o", "sound=c/{stem}.npy")
    assert command(capsys, "run", graph, "-i", "talk.flac", *words) == (0, "", "")
    assert files_in(folder / "a") + files_in(folder / "b") == ["talk.flac", "talk.npy"]
    sound, mel = np.load("c/talk.npy"), np.load("b/talk.npy")
    assert sound.shape == (1, 56800)
    assert np.array_equal(np.round(sound * 32768), np.round(np.asarray(rm.read("a/talk.flac").samples) * 32768))
    pieces = list((rm.nodes.AudioDecode() >> rm.nodes.MelSpectrogram()).run_sync([rm.File("talk.flac")]))
    assert np.array_equal(mel, np.concatenate([np.asarray(piece) for piece in pieces], axis=-1))
    assert len((folder / "all.csv").read_text().splitlines()) == 72
    # A folder has a file of the right kind for each; a plain -o gets what no other one names.
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "f", "-o", "level=l.jsonl") == (0, "", "")
    assert files_in(folder / "f") == ["talk.mel.npy", "talk.sound.wav"]
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "g", "-f", "csv")[2] == (
        "remotemedia: -o g: node 'sound' gives audio, which has no place in a row; end the name in .npy or .jsonl\n"
    )
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "x.wav") == (
        2,
        "",
        "remotemedia: -o x.wav: node 'mel' gives tensor, no audio; end the name in .jsonl or .csv; "
        "-o sound=x.wav is for 'sound' alone\n",
    )
    words = ("-o", "level=a.csv", "-o", "mel=b", "-o", "sound=c.wav", "-o", "d")
    assert command(capsys, "run", graph, "-i", "talk.flac", *words)[2] == (
        "remotemedia: -o d: all results go elsewhere already; the nodes are sound, mel, level\n"
    )
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "levels=a.csv")[::2] == (
        2,
        "remotemedia: -o levels=a.csv: there is no output 'levels'; did you mean 'level'? "
        "A file of that name is './levels=a.csv'\n",
    )
    for name in ("x.csv", "y/{stem}.flac"):
        node = "level" if name == "x.csv" else "sound"
        code, _, err = command(capsys, "run", graph, "-i", "talk.flac", *(f"-o{node}={name}" for _ in range(2)))
        assert (code, err.count("\n")) == (2, 1)
        assert "is the same place; take another" in err or "another -o writes 'y/talk.flac' too; choose" in err
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "-", "-f", "wav")[2] == (
        "remotemedia: -o -: nodes 'sound' and 'mel' and 'level' would share stdout; take one: -o NODE=-\n"
    )


def test_csv_has_a_column_for_each_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "run", LEVEL, "-i", "talk.flac", "-o", "x.csv") == (0, "", "")
    rows = list(csv.DictReader(io.StringIO((folder / "x.csv").read_text())))
    values = [json.loads(line) for line in command(capsys, "run", LEVEL, "-i", "talk.flac", "--json")[1].splitlines()]
    assert len(rows) == len(values) == 2
    for row, each in zip(rows, values, strict=True):
        assert (row["input"], row["sink"], float(row["pts"])) == (each["input"], each["sink"], each["pts"])
        assert float(row["rms_db"]) == each["value"]["rms_db"]
        assert row["is_silence"] == "false"
    peak = "AudioDecode(chunk_ms=10000) >> 'python:mynodes:peak'"
    assert command(capsys, "run", peak, "--python", "mynodes", "-i", "talk.flac", "-o", "y.csv") == (0, "", "")
    assert (folder / "y.csv").read_text().startswith("input,sink,pts,duration,value\ntalk.flac,")
    # All rows have all columns, whichever sink they come from.
    both = "AudioDecode >> [AudioLevel(window_ms=5000), Loudness]"
    assert command(capsys, "run", both, "-i", "talk.flac", "-o", "z.csv")[0] == 0
    table = list(csv.reader(io.StringIO((folder / "z.csv").read_text())))
    assert {len(row) for row in table} == {4 + 6 + 8}


def test_keys_of_csv_do_not_replace_its_facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("scores.py").write_text(
        "import remotemedia as rm\n@rm.node\ndef score(sound: rm.Audio) -> dict:\n"
        "    return {'input': 'far-end', 'duration': 42, 'pts': {'of': 1}, 'score': 1}\n"
    )
    graph = 'AudioDecode >> AudioConcat >> "python:scores:score"'
    assert command(capsys, "run", graph, "--python", "scores", "-i", "talk.flac", "-o", "s.csv")[0] == 0
    (row,) = csv.DictReader(io.StringIO(Path("s.csv").read_text()))
    assert (row["input"], row["duration"], row["score"]) == ("talk.flac", "7.1", "1")
    assert (row["value.input"], row["value.duration"], row["pts.of"]) == ("far-end", "42", "1")


def test_stdout_holds_one_thing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = command(capsys, "run", LEVEL, "-i", "talk.flac", "-o", "-")
    assert (code, err) == (0, "")
    assert out == command(capsys, "run", LEVEL, "-i", "talk.flac", "--json")[1]
    assert json.loads(command(capsys, "run", LEVEL, "-i", "talk.flac", "-o", "-", "-f", "json")[1])
    assert not (folder / "-").exists()
    assert command(capsys, "run", LEVEL, "-i", "talk.flac", "-f", "csv")[2] == (
        "remotemedia: --format is for what -o writes; name it, or -o - for stdout\n"
    )


def test_sound_is_not_for_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command(capsys, "run", "AudioDecode", "-i", "talk.flac", "-o", "-") == (
        2,
        "",
        "remotemedia: -o -: the terminal can't show what is no text; -o FILE, or a pipe\n",
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, -3], np.array([1, 2, -3])),
        ([1, 2.5], np.array([1.0, 2.5])),
        ([True, False], np.array([True, False])),
        ([np.arange(3, dtype="int16"), np.arange(3, 6, dtype="int16")], np.arange(6, dtype="int16").reshape(2, 3)),
        ([np.ones((2, 3, 4)), np.zeros((2, 3, 1))], np.concatenate([np.ones((2, 3, 4)), np.zeros((2, 3, 1))], axis=-1)),
        ([np.arange(6).reshape(2, 3).T], np.arange(6).reshape(2, 3).T),
        ([np.ones((0, 4), dtype="float32"), np.ones((0, 2), dtype="float32")], np.ones((0, 6), dtype="float32")),
        ([rm.Audio(np.ones((2, 5), dtype="float32"), 8000)] * 3, np.ones((2, 15), dtype="float32")),
        ([rm.Tensor(bytes(range(4)), "uint8", (2, 2))], np.arange(4, dtype="uint8").reshape(2, 2)),
        ([np.float32(0.5), np.float32(1.5)], np.array([0.5, 1.5], dtype="float32")),
    ],
)
def test_arrays_are_read_by_numpy(values: list[object], expected: np.ndarray) -> None:
    loaded = np.load(io.BytesIO(b"".join(npy(values))), allow_pickle=False)
    assert (loaded.dtype, loaded.shape) == (expected.dtype, expected.shape)
    assert np.array_equal(loaded, expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "no value, so there is no shape"),
        ([{}], "maps, no arrays"),
        (["x"], "text, no arrays"),
        ([np.ones(3), np.ones(4)], r"arrays that don't fit together, of shapes \(3,\) and \(4,\)"),
        ([np.ones((2, 3)), np.ones((3, 3))], r"arrays that don't fit together, of shapes \(2, 3\) and \(3, 3\)"),
        ([np.ones(3), np.ones(3, dtype="int8")], "arrays of different types, <f8 and |i1"),
        ([2**63], "the integer 9223372036854775808, which does not fit 64 bits"),
    ],
)
def test_what_is_no_array(values: list[object], message: str) -> None:
    with pytest.raises(NoArray, match=message.replace("|", r"\|")):
        list(npy(values))


def test_what_is_no_array_is_said_with_the_cure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "run", LEVEL, "-i", "talk.flac", "-o", "x.npy") == (
        2,
        "",
        "remotemedia: -o x.npy: node 'audiolevel' gives map, no array; end the name in .jsonl or .csv\n",
    )


def test_each_value_may_be_an_array_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode(chunk_ms=3000)"
    assert command(capsys, "run", graph, "-i", "talk.flac", "-o", "a/{n}.npy") == (0, "", "")
    assert files_in(folder / "a") == ["1.npy", "2.npy", "3.npy"]
    assert [np.load(f"a/{number}.npy").shape for number in (1, 2, 3)] == [(1, 48000), (1, 48000), (1, 17600)]


def test_arrays_have_no_place_in_a_row_of_csv(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("run", "AudioDecode >> VAD", "-i", "talk.flac", "-o", "vad.csv")
    assert command(capsys, *words)[0] == 0
    rows = list(csv.DictReader((folder / "vad.csv").read_text().splitlines()))
    assert "probabilities" not in rows[0]
    assert {row["window_ms"] for row in rows} == {"32"}
