"""Files that nodes of a graph write in `run`: none is lost to another input, and the index knows them."""

from __future__ import annotations

import json
import os
import shutil
import wave
from pathlib import Path
from typing import Any

import pytest
import remotemedia as rm
from remotemedia.cli import main
from remotemedia.cli.arguments.inputs import find_inputs
from remotemedia.cli.results.file_sinks import FileSinks

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
CONTINUE = ("--index", "rows.jsonl", "--resume")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with short recordings of 1, 2 and 3 tenths of a second in two folders."""
    monkeypatch.chdir(tmp_path)
    for tenths, name in enumerate(("x/a.wav", "x/b.wav", "y/a.wav"), 1):
        tone(name, tenths)
    return tmp_path


def tone(name: str, tenths: int) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    with wave.open(name, "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(range(1, 201)) * 16 * tenths)


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run(capsys: pytest.CaptureFixture[str], params: str, *words: str) -> tuple[int, str, str]:
    return command(capsys, "run", f"AudioDecode >> FileSink({params})", *words)


def rows() -> dict[str, dict[str, Any]]:
    return {row["input"]: row for row in map(json.loads, Path("rows.jsonl").read_text("utf-8").splitlines())}


def files_in(folder: str) -> dict[str, int]:
    """Files with their lengths in tenths of a second, or -1 for what is no sound."""
    found = {}
    for path in sorted(Path(folder).rglob("*.*")):
        is_sound = path.read_bytes()[:4] in (b"RIFF", b"fLaC")
        found[str(path.relative_to(folder))] = round(rm.info(path).duration * 10) if is_sound else -1
    return found


A_AND_B, BOTH_A = "'x/a.wav' and 'x/b.wav' would both become", "'x/a.wav' and 'y/a.wav' would both become"
OR_BY_O = ", or write by -o, whose {index} counts inputs"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("path='q/{index}.wav'", f"{A_AND_B} 'q/0.wav'; put {{stem}} or {{relative}} into its path{OR_BY_O}"),
        ("path='q/{index:03d}.wav', overwrite=True", f"{A_AND_B} 'q/000.wav'; put {{stem}} or"),
        (
            "path='q/{stem}.wav', overwrite=True",
            f"{BOTH_A} 'q/a.wav'; put {{relative}} or {{parent}} into its path{OR_BY_O}",
        ),
        ("path='q/{stem}.wav', skip_existing=True", f"{BOTH_A} 'q/a.wav'; put {{relative}}"),
        ("path='q/one.wav', overwrite=True", f"{A_AND_B} 'q/one.wav'; put {{stem}} or"),
        ("path='{parent}/{stem}.wav', overwrite=True", "'x/a.wav' is an input and would be replaced; choose another"),
    ],
)
def test_inputs_that_would_share_a_file_are_refused_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], params: str, message: str
) -> None:
    before = files_in(".")
    code, out, err = run(capsys, params, "-i", "*/*.wav")
    assert (code, out) == (2, "")
    assert err.startswith(f"remotemedia: node 'filesink': {message}")
    assert files_in(".") == before


@pytest.mark.parametrize(
    ("graph", "words", "message"),
    [
        (
            "AudioDecode >> AudioEncode('e.flac')",
            ("-i", "x/a.wav", "x/b.wav"),
            "node 'audioencode': 'x/a.wav' and 'x/b.wav' would both become 'e.flac'; take its path out and write by "
            "-o, which has fields",
        ),
        (
            "AudioDecode >> AudioEncode('x/a.wav')",
            ("-i", "x/a.wav"),
            "node 'audioencode': 'x/a.wav' is an input and would be replaced; choose another path",
        ),
        (
            "AudioDecode >> [FileSink('o/{stem}.wav', name='s'), FileSink('o/a.wav', name='t')]",
            ("-i", "x/a.wav"),
            "node 't': node 's' writes 'o/a.wav' too; choose another path",
        ),
        (
            "AudioDecode >> [FileSink('o/{stem}.wav', name='s'), AudioGain(name='g')]",
            ("-i", "x/a.wav", "-o", "g=o"),
            "-o g=o: node 's' writes 'o/a.wav' too; choose another name",
        ),
        (
            "AudioDecode >> FileSink('o/{stem}.jsonl')",
            ("-i", "x/a.wav", "--index", "o/a.jsonl"),
            "node 'filesink': 'o/a.jsonl' is the file of --index and would be replaced; choose another path",
        ),
    ],
)
def test_paths_of_nodes_have_the_care_of_names(
    folder: Path, capsys: pytest.CaptureFixture[str], graph: str, words: tuple[str, ...], message: str
) -> None:
    before = files_in(".")
    graph = graph.replace("AudioEncode('", "AudioEncode(path='")
    assert command(capsys, "run", graph, *words) == (2, "", f"remotemedia: {message}\n")
    assert files_in(".") == before


def test_each_input_has_its_files_with_numbers_of_their_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("c.flac", "d.flac"):
        shutil.copy(RECORDING, name)
    graph = "AudioDecode >> SpeechSegments(max_speech_duration_s=3) >> FileSink('cut/{stem}/{index:02d}.wav')"
    assert command(capsys, "run", graph, "-i", "c.flac", "d.flac", "--index", "rows.jsonl", "-j", "2")[0] == 0
    for name in ("c", "d"):
        made = [f"cut/{name}/{number:02d}.wav" for number in range(3)]
        assert rows()[f"{name}.flac"]["files"] == made
        assert rows()[f"{name}.flac"]["bytes"] == sum(map(os.path.getsize, made))
    # A fourth that a shorter one would have no more goes, and so does a third.
    rm.write("d.flac", rm.read(RECORDING).samples[:, :40000], rate=16000)
    assert command(capsys, "run", graph, "-i", "c.flac", "d.flac", *CONTINUE)[0] == 0
    assert (sorted(os.listdir("cut/d")), len(os.listdir("cut/c"))) == (["00.wav"], 3)


def test_a_device_takes_the_files_of_all_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> AudioEncode(path='/dev/null', format='wav')"
    assert command(capsys, "run", graph, "-i", "*/*.wav")[0] == 0


def test_a_killed_run_is_resumed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = "path='p/{relative}.wav'"
    assert run(capsys, params, "-i", "*/*.wav", "--index", "rows.jsonl")[0] == 0
    whole = Path("rows.jsonl").read_bytes()
    assert [row["files"] for row in rows().values()] == [["p/x/a.wav"], ["p/x/b.wav"], ["p/y/a.wav"]]
    # Killed before the last row, and before the first one; a file may be cut off as well.
    for lines in (2, 0):
        Path("rows.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:lines]))
        os.truncate("p/y/a.wav", 0)
        part = Path(f"p/y/.a.wav.{2**22 + 1}-0.part")
        part.write_bytes(b"left")
        assert run(capsys, params, "-i", "*/*.wav", *CONTINUE)[0] == 0
        assert (files_in("p"), part.exists()) == ({"x/a.wav": 1, "x/b.wav": 2, "y/a.wav": 3}, False)
        assert len(rows()) == 3


def test_a_run_by_another_manifest_that_ended_before_its_first_row_is_resumed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params, words = "path='p/{stem}.wav'", ("-i", "x/*.wav", *CONTINUE)
    assert run(capsys, params, *words)[0] == 0
    good = Path("x/a.wav").read_bytes()
    Path("x/a.wav").write_bytes(b"no sound")
    tone("x/b.wav", 4)
    other = ("--set", "audiodecode.duration_s=0.3")
    # The first input ends the run.
    assert run(capsys, params, *words, *other)[0] == 1
    Path("x/a.wav").write_bytes(good)
    # A third one has begun nothing, so that what is there may be anybody's.
    assert run(capsys, params, *words, "--set", "audiodecode.duration_s=0.2")[0] == 2
    assert run(capsys, params, *words, *other)[0] == 0
    assert files_in("p") == {"a.wav": 1, "b.wav": 3}
    assert [row["error"] for row in rows().values()] == [None, None]


def test_an_input_that_changed_replaces_its_file_and_no_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, params in enumerate(("path='p/{relative}.wav'", "path='s/{relative}.wav', skip_existing=True")):
        place, index = params[6], f"{number}.jsonl"
        words = ("-i", "*/*.wav", "--index", index)
        assert run(capsys, params, *words)[0] == 0
        before = {name: Path(place, name).stat().st_ino for name in files_in(place)}
        tone("x/b.wav", 5 + number)
        os.truncate(f"{place}/y/a.wav", 10)
        assert run(capsys, params, *words, "--resume")[0] == 0
        assert files_in(place) == {"x/a.wav": 1, "x/b.wav": 5 + number, "y/a.wav": 3}
        same = [name for name, inode in before.items() if Path(place, name).stat().st_ino == inode]
        assert same == ["x/a.wav"]


def test_a_file_of_somebody_else_is_not_taken_for_one_of_a_killed_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("p/x").mkdir(parents=True)
    Path("p/x/b.wav").write_bytes(b"precious")
    message = (
        "remotemedia: node 'filesink': 'p/x/b.wav' is there already; remove it, or set `overwrite` or `skip_existing`\n"
    )
    words = ("-i", "*/*.wav")
    # Neither by a command that is repeated nor after another graph.
    for more in (("--index", "rows.jsonl"), CONTINUE, CONTINUE):
        assert run(capsys, "path='p/{relative}.wav'", *words, *more) == (2, "", message)
        assert not Path("rows.jsonl").exists()
    assert run(capsys, "path='r/{relative}.wav'", *words, "--index", "rows.jsonl")[0] == 0
    for _ in range(2):
        code, _, err = run(capsys, "path='p/{relative}.wav'", *words, *CONTINUE)
        assert (code, err.splitlines(keepends=True)[1]) == (2, message)
    # Without an index it fails its input alone.
    assert run(capsys, "path='p/{relative}.wav'", *words, "--keep-going")[0] == 1
    assert files_in("p") == {"x/a.wav": 1, "x/b.wav": -1, "y/a.wav": 3}
    assert run(capsys, "path='p/{relative}.wav', skip_existing=True", *words, *CONTINUE)[0] == 0
    assert Path("p/x/b.wav").read_bytes() == b"precious"
    assert [row["files"] for row in rows().values()] == [[], [], []]


def test_files_of_a_source_are_made_again_where_the_index_has_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = "FileSource('x/*.wav') >> AudioDecode >> FileSink('p/{stem}.wav', skip_existing=True)"
    assert command(capsys, "run", graph, "--index", "rows.jsonl")[0] == 0
    os.truncate("p/b.wav", 0)
    assert command(capsys, "run", graph, *CONTINUE)[0] == 0
    assert files_in("p") == {"a.wav": 1, "b.wav": 2}
    # Whose they are is not known before there is a row.
    graph = graph.replace(", skip_existing=True", "")
    assert command(capsys, "run", graph, "--index", "more.jsonl")[0] == 1
    code, _, err = command(capsys, "run", graph, "--index", "more.jsonl", "--resume")
    assert (code, "'p/a.wav' is there already. Set `overwrite`" in err) == (1, True)


def test_a_result_of_an_input_that_is_not_named_stays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "path='p/{stem}.wav'", "-i", "x/a.wav", "x/b.wav", "--index", "rows.jsonl")[0] == 0
    before = files_in("p")
    assert run(capsys, "path='p/{stem}.wav'", "-i", "y/a.wav", *CONTINUE) == (
        2,
        "",
        "remotemedia: node 'filesink': 'p/a.wav' is the result of 'x/a.wav' and would be replaced; "
        "choose another path\n",
    )
    assert files_in("p") == before


def test_the_index_has_files_of_nodes_that_are_no_outputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = "AudioDecode >> FileSink('p/{relative}.wav') >> PassThrough(name='last')"
    assert command(capsys, "run", chain, "-i", "*/*.wav", "--index", "rows.jsonl")[0] == 0
    assert {name: row["files"] for name, row in rows().items()} == {
        name: [f"p/{name}"] for name in ("x/a.wav", "x/b.wav", "y/a.wav")
    }
    # By names, and by an encoder.
    Path("named.yaml").write_text(
        "version: v1\nnodes: [{id: decode, node_type: AudioDecode}, {id: file, node_type: AudioEncode, params: "
        "{path: one.flac}}, {id: level, node_type: AudioLevel}, {id: end, node_type: PassThrough}]\n"
        "connections: [{from: decode, to: file}, {from: file, to: end}, {from: decode, to: level}]\n"
        "outputs: {level: level, gone: end}\n"
    )
    assert command(capsys, "run", "named.yaml", "-i", "y/a.wav", "--index", "more.jsonl", "-o", "level=o")[0] == 0
    assert json.loads(Path("more.jsonl").read_text())["files"] == ["one.flac", "o/a.jsonl"]


def test_a_collision_that_no_name_foresees_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`a` with the number 10 and `a1` with the number 0 are one name."""
    shutil.copy(RECORDING, "a.flac")
    shutil.copy(RECORDING, "a1.flac")
    graph = "AudioDecode >> SpeechSegments(max_speech_duration_s=0.5) >> FileSink('{stem}{index}.wav', overwrite=True)"
    code, _, err = command(capsys, "run", graph, "-i", "a.flac", "a1.flac")
    assert code == 2
    assert "node 'filesink': 'a10.wav' was the result of 'a.flac', and is now that of 'a1.flac'; put something" in err


NAMES = ("x/a.wav", "./x/.././y/a.wav", "*/b.wav", "z/.hidden.wav", "z/..x.b.wav", "z/ü {a}.wav", "{tmp}/x/a.wav")


@pytest.mark.parametrize(
    "pattern", ["o/{parent}-{stem}-{index:03d}.wav", "o/{{x}}/{relative}.wav", "{stem}/{index}.wav"]
)
@pytest.mark.parametrize("name", NAMES)
def test_paths_are_those_that_the_node_makes(
    folder: Path, capsys: pytest.CaptureFixture[str], pattern: str, name: str
) -> None:
    for each in (".hidden", "..x.b", "ü {a}"):
        tone(f"z/{each}.wav", 1)
    os.makedirs("here")
    os.chdir("here")
    name = name.replace("{tmp}", str(folder)) if "{tmp}" in name else f"../{name}"
    graph = f"AudioDecode >> FileSink({pattern!r})"
    pipeline = rm.Pipeline() >> rm.nodes.AudioDecode() >> rm.nodes.FileSink(path=pattern)
    expected = list(FileSinks(pipeline.plan(), {}, set()).paths(find_inputs([name])))
    code, out, _ = command(capsys, "run", graph, "-i", name, "--json")
    assert (code, [json.loads(out)["value"]["path"]]) == (0, expected)


def test_several_inputs_give_the_name_of_the_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two.yaml").write_text(
        "version: v1\nnodes: [{id: one, node_type: AudioDecode}, {id: two, node_type: AudioDecode}, "
        "{id: sum, node_type: AudioSum}, {id: mixed, node_type: FileSink, params: {path: 'o/{stem}.wav'}}, "
        "{id: far, node_type: FileSink, params: {path: 'far/{parent}-{stem}.wav'}}]\n"
        "connections: [{from: two, to: sum.in1}, {from: one, to: sum.in2}, {from: sum, to: mixed}, "
        "{from: two, to: far}]\ninputs: {mic: one, far: two}\n"
    )
    words = ("-i", "mic=x/*.wav", "-i", "far=y/a.wav", "far=x/b.wav", "--index", "rows.jsonl")
    assert command(capsys, "run", "two.yaml", *words)[0] == 0
    assert [row["files"] for row in rows().values()] == [["o/a.wav", "far/x-a.wav"], ["o/b.wav", "far/x-b.wav"]]
    code, _, err = command(capsys, "run", "two.yaml", "-i", "mic=x/a.wav", "mic=y/a.wav", "-i", "far=x/*.wav")
    assert code == 2
    assert "node 'mixed': 'x/a.wav' and 'y/a.wav with x/b.wav' would both become 'o/a.wav'; put {relative} or" in err


def test_a_name_that_no_path_can_have_fails_its_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"x/\xff.wav")
    shutil.copy("x/a.wav", odd)
    code, _, err = run(capsys, "path='o/{stem}.wav'", "-i", "x/*.wav", "--keep-going")
    assert code == 1
    assert "node 'filesink': the name of the input is not UTF-8, which its path has to be; write by -o" in err
    assert files_in("o") == {"a.wav": 1, "b.wav": 2}
