"""`--shard-format`: archives for WebDataset, Lhotse and NeMo, whole or not there, and the same however often killed."""

from __future__ import annotations

import errno
import fcntl
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually, sum_of
from remotemedia.cli import main
from remotemedia.cli.job.index import Index
from remotemedia.cli.job.progress import Progress
from remotemedia.cli.results import shards
from remotemedia.cli.results.audio_header import read_header

ROOT = Path(__file__).parents[3]
RECORDING = ROOT / "examples" / "speech.flac"
WEBDATASET = ("--shard-format", "webdataset", "--shard-size", "2", "--index", "rows.jsonl", "--keep-going")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with five pieces of a recording of different lengths and a broken file in `in`."""
    monkeypatch.chdir(tmp_path)
    speech = np.asarray(rm.read(RECORDING).samples)
    for number, name in enumerate(("a/x.y.flac", "a/z.flac", "b/x.y.flac", "c.flac", "e.flac")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        rm.write(f"in/{name}", speech[:, : 16000 * (number + 1)], rate=16000)
    (tmp_path / "in" / "d.flac").write_bytes(b"no sound")
    return tmp_path


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def members(path: str | Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("rows.jsonl").read_text("utf-8").splitlines()]


def files_in(folder: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def staging(process: int) -> Path:
    """The hidden folder of a run into `shards`."""
    return Path(f"shards/.shards-{sha256(b'000000.tar').hexdigest()[:8]}-{process}")


def graph_of(*more: str) -> tuple[str, ...]:
    return ("run", "AudioDecode >> AudioResample(8000)", "-i", "in/**/*.flac", *more)


def test_a_shard_of_webdataset_has_audio_and_facts_of_so_many_samples(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = command(
        capsys, *graph_of("-o", "shards/{shard:04d}.tar", *WEBDATASET, "--measure", "loudness", "-j", "3")
    )
    assert (code, "; results are in shards/, the index is rows.jsonl\n" in err) == (1, True)
    assert sorted(files_in("shards")) == ["0000.tar", "0001.tar", "0002.tar"]
    found = [members(f"shards/{name}") for name in sorted(files_in("shards"))]
    # The key of a sample ends at the first dot of its name.
    assert [list(each) for each in found] == [
        ["a_x_y.flac", "a_x_y.json", "a_z.flac", "a_z.json"],
        ["b_x_y.flac", "b_x_y.json", "c.flac", "c.json"],
        ["e.flac", "e.json"],
    ]
    assert command(capsys, *graph_of("-o", "plain/{relative}.flac", "--keep-going"))[0] == 1
    plain = files_in("plain")
    for row in rows():
        if row["error"] is not None:
            assert "shard" not in row
            continue
        key = row["input"][3:-5].replace("/", "_").replace(".", "_")
        shard = found[row["shard"]]
        assert row["files"] == [f"shards/{row['shard']:04d}.tar"]
        assert shard[f"{key}.flac"] == plain[row["input"][3:]]
        assert json.loads(shard[f"{key}.json"]) == {
            "input": row["input"],
            "duration": row["duration"],
            "sample_rate": 8000,
            "channels": 1,
            "loudness_lufs": row["loudness_lufs"],
            "true_peak_dbtp": row["true_peak_dbtp"],
        }
    assert rows()[0]["duration"] == 1.0


# It leaves files to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    webdataset = pytest.importorskip("webdataset")
    assert command(capsys, *graph_of("-o", "shards", *WEBDATASET))[0] == 1
    found = list(webdataset.WebDataset("shards/{000000..000002}.tar", shardshuffle=False).decode())
    assert [sample["__key__"] for sample in found] == ["a_x_y", "a_z", "b_x_y", "c", "e"]
    assert [sample["json"]["duration"] for sample in found] == [1, 2, 3, 4, 5]
    assert [rm.read(sample["flac"]).frames for sample in found] == [8000 * n for n in range(1, 6)]


def test_killed_runs_end_in_the_same_shards(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    speech = np.asarray(rm.read(RECORDING).samples)
    names = [f"in/{number:02}.flac" for number in range(20)]
    for number, name in enumerate(names):
        rm.write(tmp_path / name, speech[:, number * 4000 : number * 4000 + 24000], rate=16000)
    (tmp_path / names[3]).write_bytes(b"no sound")

    def run(output: str, *more: str) -> subprocess.Popen[bytes]:
        words = ["convert", "in/*.flac", "-o", f"{output}/{{shard}}.tar", "--shard-format", "webdataset"]
        words += ["--shard-size", "4", "--index", f"{output}.jsonl", "--measure", "speech", *more]
        return subprocess.Popen([sys.executable, "-m", "remotemedia", *words], cwd=tmp_path, stderr=subprocess.DEVNULL)

    assert run("whole").wait(timeout=120) == 1
    more: tuple[str, ...] = ()
    part, index = tmp_path / "killed", tmp_path / "killed.jsonl"
    for is_there in (
        lambda: any(part.glob(".*.part")),
        lambda: (part / "0.tar").exists(),
        lambda: index.read_bytes().count(b"\n") > 5,
        lambda: (part / "2.tar").exists(),
        lambda: any(part.glob(".shards-*/*")),
    ):
        process = run("killed", *more)
        assert eventually(lambda is_there=is_there, process=process: is_there() or process.poll() is not None)
        process.kill()
        process.wait()
        more = ("--resume",)
    assert run("killed", *more).wait(timeout=120) == 1
    assert files_in(f"{part}") == files_in(f"{tmp_path}/whole")
    assert sorted(path.name for path in part.iterdir()) == ["0.tar", "1.tar", "2.tar", "3.tar", "4.tar"]
    found = [json.loads(line) for line in index.read_text("utf-8").splitlines()]
    assert sorted(row["input"] for row in found) == names


def test_a_shard_of_an_input_that_changed_is_made_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = graph_of("-o", "shards", *WEBDATASET)
    assert command(capsys, *words)[0] == 1
    before = {path.name: path.stat().st_mtime_ns for path in Path("shards").iterdir()}
    first = files_in("shards")
    shutil.copy("in/e.flac", "in/b/x.y.flac")
    assert command(capsys, *words, "--resume")[0] == 1
    after = {path.name: path.stat().st_mtime_ns for path in Path("shards").iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {"000001.tar"}
    found = members("shards/000001.tar")
    assert list(found) == ["b_x_y.flac", "b_x_y.json", "c.flac", "c.json"]
    assert json.loads(found["b_x_y.json"])["duration"] == 5
    # What is repaired has a shard of its own, and one that somebody removed is there again.
    Path("shards/000000.tar").unlink()
    shutil.copy("in/e.flac", "in/d.flac")
    assert command(capsys, *words, "--resume")[0] == 0
    assert files_in("shards")["000000.tar"] == first["000000.tar"]
    assert list(members("shards/000003.tar")) == ["d.flac", "d.json"]
    assert sorted(row["input"] for row in rows()) == [
        f"in/{name}" for name in ("a/x.y.flac", "a/z.flac", "b/x.y.flac", "c.flac", "d.flac", "e.flac")
    ]


@pytest.mark.parametrize(
    ("form", "table"), [("shar", "cuts.000001.jsonl.gz"), ("nemo", "sharded_manifests/manifest_1.json")]
)
def test_a_shard_whose_table_is_gone_is_made_again(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str, table: str
) -> None:
    Path("in/d.flac").unlink()
    words = graph_of("-o", "shards", "--shard-format", form, "--shard-size", "2", "--index", "rows.jsonl")
    assert command(capsys, *words)[0] == 0
    before = files_in("shards")
    Path("shards", table).unlink()
    code, _, err = command(capsys, *words, "--resume")
    assert (code, ", 3 done before; results are in shards/" in err) == (0, True)
    assert files_in("shards") == before
    assert len(rows()) == 5


def test_a_shard_is_not_made_again_without_all_its_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = graph_of("-o", "shards", "--shard-format", "webdataset", "--shard-size", "3", "--index", "rows.jsonl")
    assert command(capsys, *words, "--keep-going")[0] == 1
    shutil.copy("in/e.flac", "in/a/z.flac")
    before = files_in(".")
    some = ("run", words[1], "-i", "in/a/z.flac", "in/e.flac", *words[4:], "--resume")
    assert command(capsys, *some)[::2] == (
        2,
        "remotemedia: an input has changed since the index was written; to run again: 1\n"
        "remotemedia: -o shards: 'shards/000000.tar' is to be made again, and 2 of its inputs are not named, such as "
        "'in/a/x.y.flac'; name all inputs, or remove the shards and the index\n",
    )
    assert files_in(".") == before
    shutil.copy("in/e.flac", "in/d.flac")
    assert command(capsys, *words, "--resume")[0] == 0
    # Nothing of it is to be made again, and a new input has a shard of its own.
    shutil.copy("in/e.flac", "in/f.flac")
    assert command(capsys, "run", words[1], "-i", "in/f.flac", *words[4:], "--resume")[0] == 0
    assert list(members("shards/000003.tar")) == ["in_f.flac", "in_f.json"]
    Path("shards/000001.tar").unlink()
    code, _, err = command(capsys, *some)
    assert (code, "'shards/000001.tar' is to be made again, and 1 of its inputs is not named, such as" in err) == (
        2,
        True,
    )


def test_a_shard_that_no_row_has_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = graph_of("-o", "shards/{shard}9.tar", *WEBDATASET)
    assert command(capsys, *words)[0] == 1
    lines = Path("rows.jsonl").read_bytes().splitlines(keepends=True)
    # Of no shard, of the first one, and of all but the last one.
    for kept, unknown in ((0, 0), (2, 1), (5, 2)):
        Path("rows.jsonl").write_bytes(b"".join(lines[:kept]))
        before = files_in(".")
        assert command(capsys, *words, "--resume") == (
            2,
            "",
            f"remotemedia: -o shards/{{shard}}9.tar: no row of the index has 'shards/{unknown}9.tar'; name the index "
            "that it was made with, or remove the shards that have no row\n",
        )
        assert files_in(".") == before


@pytest.mark.parametrize("owner", ["dead", "own", "earlier"])
def test_a_shard_whose_run_was_killed_before_its_rows_is_made_again(
    folder: Path, capsys: pytest.CaptureFixture[str], owner: str
) -> None:
    words = graph_of("-o", "shards", *WEBDATASET)
    assert command(capsys, *words)[0] == 1
    whole = files_in("shards")
    lines = Path("rows.jsonl").read_bytes().splitlines(keepends=True)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    dead = process.pid
    left = {"dead": staging(dead), "own": staging(os.getpid()), "earlier": Path(f"shards/.shards-{dead}")}[owner]
    part = Path(f"shards/.000002.tar.{os.getpid() if owner == 'own' else dead}-0.part")
    left.mkdir()
    (left / "6-1.flac").write_bytes(b"half")
    part.write_bytes(b"half")
    Path("rows.jsonl").write_bytes(b"".join(line for line in lines if json.loads(line).get("shard") != 2))
    # A command that is refused before does not change that.
    Path("shards/000000.tar").rename("first.tar")
    assert command(capsys, *words[:3], "in/e.flac", *words[4:], "--resume")[0] == 2
    Path("first.tar").rename("shards/000000.tar")
    assert command(capsys, *words, "--resume")[0] == 1
    assert files_in("shards") == whole
    assert not left.exists()
    assert len(rows()) == len(lines)


def test_two_runs_do_not_make_the_same_shards(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = graph_of("-o", "shards", *WEBDATASET)
    other, running = staging(os.getppid()), Path(f"shards/.shards-00000000-{os.getppid()}")
    other.mkdir(parents=True)
    running.mkdir()
    assert command(capsys, *words) == (
        2,
        "",
        f"remotemedia: -o shards: process {os.getppid()} writes these shards; wait for its end, or remove "
        f"'{other}' if it is another program\n",
    )
    assert sorted(Path("shards").iterdir()) == sorted([other, running])
    # Other shards of the folder are none of ours.
    other.rmdir()
    assert command(capsys, *words, "--resume")[0] == 1
    assert running.exists()


@pytest.mark.parametrize("number", ["own", "dead"])
def test_a_run_in_another_container_makes_them(folder: Path, capsys: pytest.CaptureFixture[str], number: str) -> None:
    words = graph_of("-o", "shards", *WEBDATASET)
    with subprocess.Popen(["true"]) as process:
        process.wait()
    other = staging(os.getpid() if number == "own" else process.pid)
    (other / "half").mkdir(parents=True)
    held = os.open(other, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    for more in ((), ("--resume",)):
        code, _, err = command(capsys, *words, *more)
        assert (code, " writes these shards; wait for its end, or remove " in err) == (2, True)
        assert list(Path("shards").rglob("*")) == [other, other / "half"]
    os.close(held)
    assert command(capsys, *words, "--resume")[0] == 1
    assert not other.exists()


def test_a_shard_has_rows_however_a_run_ends(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = graph_of("-o", "shards", *WEBDATASET)
    commit, erase, has_ended = shards._OpenShard.commit, Progress.erase, threading.Event()

    def interrupted(shard: Any) -> None:
        commit(shard)
        os.kill(os.getpid(), signal.SIGINT)
        assert has_ended.wait(60)

    def ended(progress: Progress) -> None:
        erase(progress)
        has_ended.set()

    with monkeypatch.context() as patched:
        patched.setattr(shards._OpenShard, "commit", interrupted)
        patched.setattr(Progress, "erase", ended)
        code, _, err = command(capsys, *words)
    assert (code, "interrupted after 2 of 6 files" in err) == (130, True)
    assert [row["shard"] for row in rows()] == [0, 0]
    assert list(files_in("shards")) == ["000000.tar"]
    # The rows that do not fit the disk, then the samples.
    for place, name in ((Index, "add"), (shards._OpenShard, "_put")):
        with monkeypatch.context() as patched:
            patched.setattr(place, name, full)
            code, _, err = command(capsys, *words, "--resume")
        assert code == 1
        assert err.startswith("remotemedia: No space left on device: ")
        assert "; stopped after 2 of 6 files; " in err
        assert err.endswith("; to continue, repeat the command with --resume\n")
        assert list(files_in("shards")) == ["000000.tar"]
    assert command(capsys, *words, "--resume")[0] == 1
    assert sorted(files_in("shards")) == ["000000.tar", "000001.tar", "000002.tar"]


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_shards_stand_beside_files_of_their_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> [PassThrough(name='sound'), AudioResample(8000, name='low')]"
    words = ("run", graph, "-i", "in/c.flac", "in/e.flac", "--shard-format", "webdataset", "-o", "sound=shards")
    assert command(capsys, *words, "-o", "low=low/{stem}.flac", "--index", "rows.jsonl")[0] == 0
    assert list(members("shards/000000.tar"))[::2] == ["in_c.flac", "in_e.flac"]
    assert [rm.info(f"low/{name}.flac").rate for name in "ce"] == [8000, 8000]
    assert [row["files"] for row in rows()] == [[f"low/{name}.flac", "shards/000000.tar"] for name in "ce"]


def test_messages_do_not_have_the_hidden_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = "AudioDecode >> [PassThrough(name='sound'), AudioLevel(name='level')]"
    assert command(capsys, "run", graph, "-i", "in/c.flac", "-o", "shards", "--shard-format", "webdataset")[2] == (
        "remotemedia: -o shards: node 'level' gives map, no audio; -o sound=shards is for 'sound' alone\n"
    )
    Path("breaking.py").write_text(
        "import glob, shutil\nimport remotemedia as rm\n\n@rm.node\ndef broken(audio: rm.Audio) -> rm.Audio:\n"
        "    for folder in glob.glob('shards/.shards-*'):\n        shutil.rmtree(folder)\n"
        "        open(folder, 'w').close()\n    return audio\n"
    )
    words = ("run", 'AudioDecode >> "python:breaking:broken"', "--python", "breaking", "-i", "in/c.flac")
    code, _, err = command(capsys, *words, "-o", "shards", "--shard-format", "webdataset")
    assert (code, "'shards/'" in err, ".shards-" in err) == (1, True, False)


def test_segments_are_samples_with_their_places(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(RECORDING, "talk.flac")
    words = ("segments", "talk.flac", "--max-s", "3", "--shard-format", "webdataset", "-o", "shards", "-f", "opus")
    assert command(capsys, *words, "--shard-size", "1", "-o", "all.csv")[0] == 0
    segments = rm.speech_segments("talk.flac", max_speech_duration_s=3)
    # Those of one input stay together.
    found = members("shards/000000.tar")
    assert list(files_in("shards")) == ["000000.tar"]
    assert list(found) == [f"talk-{n}.{ending}" for n in (1, 2, 3) for ending in ("opus", "json")]
    for number, segment in enumerate(segments, 1):
        facts = json.loads(found[f"talk-{number}.json"])
        assert (facts["start_s"], facts["end_s"]) == (segment["start_s"], segment["end_s"])
        assert facts["duration"] == pytest.approx(segment["end_s"] - segment["start_s"], abs=1e-4)
        sound = rm.read(found[f"talk-{number}.opus"])
        assert (sound.rate, sound.duration) == (48000, pytest.approx(facts["duration"], abs=1e-4))
    assert Path("all.csv").read_text().count("\n") == 4


def test_shar_has_cuts_and_recordings_of_the_same_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = 'AudioDecode >> [AudioMix(channels=2, name="sound"), "python:texts:text"]'
    Path("texts.py").write_text(
        "import remotemedia as rm\n\n@rm.node\nclass text:\n"
        "    def process(self, audio: rm.Audio) -> None:\n        self.rate = audio.rate\n"
        "    def flush(self) -> str:\n        return f'at {self.rate}'\n"
    )
    words = ("run", graph, "--python", "texts", "-i", "in/**/*.flac", "--keep-going", "--shard-format", "shar")
    assert command(capsys, *words, "-o", "sound=shar", "--shard-size", "3")[0] == 1
    assert sorted(files_in("shar")) == [
        "cuts.000000.jsonl.gz",
        "cuts.000001.jsonl.gz",
        "recording.000000.tar",
        "recording.000001.tar",
    ]
    for shard, count in ((0, 3), (1, 2)):
        data = Path(f"shar/cuts.{shard:06d}.jsonl.gz").read_bytes()
        cuts = [json.loads(line) for line in gzip.decompress(data).splitlines()]
        found = members(f"shar/recording.{shard:06d}.tar")
        # The audio first, then what it is, in the order of the cuts.
        assert list(found) == [f"{cut['id']}.{ending}" for cut in cuts for ending in ("flac", "json")]
        assert len(cuts) == count
        for cut in cuts:
            recording = json.loads(found[f"{cut['id']}.json"])
            sound = rm.read(found[f"{cut['id']}.flac"])
            assert recording == cut["recording"]
            assert (recording["num_samples"], recording["sampling_rate"]) == (sound.frames, sound.rate)
            assert recording["sources"] == [{"type": "shar", "channels": [0, 1], "source": ""}]
            assert (cut["type"], cut["channel"], cut["duration"]) == ("MultiCut", [0, 1], sound.duration)
            (supervision,) = cut["supervisions"]
            assert (supervision["text"], supervision["recording_id"]) == ("at 16000", cut["id"])


def test_nemo_has_a_manifest_of_each_tar_and_one_of_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = graph_of("-o", "nemo/", "--shard-format", "nemo", "--shard-size", "2", "--keep-going")
    assert command(capsys, *words, "--index", "rows.jsonl")[0] == 1
    lines = [json.loads(line) for line in Path("nemo/tarred_audio_manifest.json").read_text().splitlines()]
    assert [(line["audio_filepath"], line["duration"], line["shard_id"]) for line in lines] == [
        ("a_x_y.flac", 1.0, 0),
        ("a_z.flac", 2.0, 0),
        ("b_x_y.flac", 3.0, 1),
        ("c.flac", 4.0, 1),
        ("e.flac", 5.0, 2),
    ]
    for shard in range(3):
        own = [line for line in lines if line["shard_id"] == shard]
        manifest = Path(f"nemo/sharded_manifests/manifest_{shard}.json").read_text()
        assert [json.loads(line) for line in manifest.splitlines()] == own
        assert list(members(f"nemo/audio_{shard}.tar")) == [line["audio_filepath"] for line in own]
    shutil.copy("in/e.flac", "in/d.flac")
    assert command(capsys, *words, "--index", "rows.jsonl", "--resume")[0] == 0
    lines = [json.loads(line) for line in Path("nemo/tarred_audio_manifest.json").read_text().splitlines()]
    assert [line["audio_filepath"] for line in lines][4:] == ["e.flac", "d.flac"]


def test_inputs_that_would_have_one_key_have_two(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("two").mkdir()
    for name in ("two/a_b.flac", "two/a.b.flac", "two/c.flac"):
        shutil.copy("in/c.flac", name)
    assert command(capsys, "convert", "two/*", "-o", "shards", "--shard-format", "webdataset")[0] == 0
    keys = [name.partition(".")[0] for name in members("shards/000000.tar")][::2]
    assert (len(set(keys)), [key[:4] for key in keys], keys[2]) == (3, ["a_b_", "a_b_", "c"], "c")


def test_inputs_of_one_relative_path_have_two_keys(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = f"c_{sha256(b'in/c.flac').hexdigest()[:8]}"
    for name in ("two/c.flac", f"two/{first}.flac"):
        Path(name).parent.mkdir(exist_ok=True)
        shutil.copy("in/c.flac", name)
    words = ("convert", "in/c*", "two/*", "-o", "shards", "--shard-format", "webdataset")
    assert command(capsys, *words)[0] == 0
    keys = [name.partition(".")[0] for name in members("shards/000000.tar")][::2]
    # One is called like the other one with its hash.
    assert keys == [f"{first}_2", f"c_{sha256(b'two/c.flac').hexdigest()[:8]}", first]
    Path("two.json").write_text(json.dumps(sum_of("noise", "speech")))
    pairs = ("-i", "noise=in/c.flac", "noise=in/c.flac", "-i", "speech=in/c.flac", "speech=in/e.flac")
    assert command(capsys, "run", "two.json", *pairs, "-o", "mixed", "--shard-format", "webdataset")[0] == 0
    found = members("mixed/000000.tar")
    assert (len(found), [name[:5] for name in found]) == (4, ["in_c_"] * 4)
    facts = [json.loads(found[name]) for name in list(found)[1::2]]
    assert [each["inputs"]["speech"] for each in facts] == ["in/c.flac", "in/e.flac"]


@pytest.mark.parametrize("form", ["webdataset", "shar", "nemo"])
def test_an_input_of_a_later_run_has_a_key_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    words = ("-o", "shards", "--shard-format", form, "--shard-size", "2", "--index", "rows.jsonl")
    assert command(capsys, "convert", "in/a/*", *words)[0] == 0
    # Seen from the folder of their pattern both are called `x.y`; the other one comes again as `a/x.y`.
    assert command(capsys, "convert", "in/b/*", *words, "--resume")[0] == 0
    assert command(capsys, "convert", "in/[ab]/*", "in/c.flac", *words, "--resume")[0] == 0
    second = f"x_y_{sha256(b'in/b/x.y.flac').hexdigest()[:8]}"
    assert {row["input"]: row["key"] for row in rows()} == {
        "in/a/x.y.flac": "x_y",
        "in/a/z.flac": "z",
        "in/b/x.y.flac": second,
        "in/c.flac": "in_c",
    }
    tars = sorted(Path("shards").glob("*.tar"))
    assert [name.partition(".")[0] for tar in tars for name in members(tar) if name.endswith(".flac")] == [
        "x_y",
        "z",
        second,
        "in_c",
    ]
    # A shard that is made again has the keys that it had.
    before = files_in("shards")
    tars[1].unlink()
    assert command(capsys, "convert", "in/b/*", *words, "--resume")[0] == 0
    assert files_in("shards") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("-o", "x.zip", "--shard-format", "webdataset"),
            "-o x.zip: shards of WebDataset have names such as 'shards/{shard:06d}.tar'; write that, or a folder",
        ),
        (
            ("-o", "x.tar", "--shard-format", "webdataset"),
            "-o x.tar: shards of WebDataset have names such as 'shards/{shard:06d}.tar'; write that, or a folder",
        ),
        (
            ("-o", "x/{shard}.tar", "--shard-format", "shar"),
            "-o x/{shard}.tar: Shar chooses the names of its files itself; write a folder",
        ),
        (("-o", "x", "--shard-format", "nemo", "-f", "wav"), "--format wav: the audio of shards is flac or opus"),
        (("-o", "x", "--shard-size", "5"), "--shard-size 5: it is for shards; say of what: --shard-format webdataset"),
        (
            ("-o", "x", "--shard-format", "shar", "--index", "x/rows.jsonl"),
            "--index x/rows.jsonl: Lhotse takes each file of that folder for data; choose another",
        ),
    ],
)
def test_wrong_shards_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    before = files_in(".")
    code, _, err = command(capsys, "convert", "in/c.flac", *words)
    assert (code, err) == (2, f"remotemedia: {message}\n")
    assert files_in(".") == before


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ("AudioGain(name='a'), AudioGain(name='b')", "nodes 'a' and 'b' would share the shards; take one: -o a=x"),
        ("AudioGain(name='a'), AudioLevel(name='b')", "node 'b' gives map, no audio; -o a=x is for 'a' alone"),
        ("AudioEncode(name='a', format='wav')", "node 'a' makes .wav files; shards hold .flac"),
    ],
)
def test_a_graph_whose_results_do_not_suit_shards_has_a_cure_that_works(
    folder: Path, capsys: pytest.CaptureFixture[str], ends: str, message: str
) -> None:
    words = ("run", f"AudioDecode >> [{ends}]", "-i", "in/c.flac", "--shard-format", "webdataset")
    code, _, err = command(capsys, *words, "-o", "x")
    assert (code, err) == (2, f"remotemedia: -o x: {message}\n")
    if "-o a=x" in message:
        assert command(capsys, *words, "-o", "a=x")[0] == 0
        assert list(files_in("x")) == ["000000.tar"]


def test_shards_that_are_there_are_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("convert", "in/c.flac", "-o", "shards", "--shard-format", "webdataset")
    assert command(capsys, *words)[0] == 0
    before = files_in("shards")
    code, _, err = command(capsys, *words)
    assert (code, err) == (
        2,
        "remotemedia: -o shards: 'shards/000000.tar' is there already; continue by --index FILE --resume, or remove "
        "the shards\n",
    )
    assert files_in("shards") == before


@pytest.mark.parametrize(
    ("rate", "channels", "frames"), [(8000, 1, 1), (16000, 2, 4801), (44100, 1, 12345), (96000, 8, 7)]
)
@pytest.mark.parametrize("ending", ["flac", "opus"])
def test_headers_tell_what_decoding_counts(tmp_path: Path, ending: str, rate: int, channels: int, frames: int) -> None:
    if ending == "opus" and rate == 96000:
        pytest.skip("Opus has no such rate")
    path = str(tmp_path / f"x.{ending}")
    rm.write(path, np.full((channels, frames), 0.25, "float32"), rate=rate)
    header, sound = read_header(path), rm.info(path)
    assert (header.channels, header.duration) == (channels, pytest.approx(sound.duration, abs=1 / 8000))
    if ending == "flac":
        assert tuple(header) == (rate, channels, frames)


def test_a_header_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(io.BytesIO(b"RIFF").getvalue())
    with pytest.raises(ValueError, match="is neither FLAC nor Opus"):
        read_header(str(path))
