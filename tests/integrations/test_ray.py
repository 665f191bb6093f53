"""The adapter to Ray Data: by itself, and in actors of a real Ray, one of which is killed in the middle of its work."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioEncode, AudioLevel, AudioResample

ray = pytest.importorskip("ray", reason="ray is not installed: pip install 'ray[data]'")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")

from remotemedia.integrations.ray import Pipeline  # noqa: E402

# Ray leaves a socket and a file of its log to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"),
]

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"
NAMES = ["path", "level", "error"]


def levels() -> rm.Pipeline:
    return AudioDecode() >> AudioLevel(window_ms=1000, name="level")


def folder_of_files(folder: Path, count: int) -> list[str]:
    """Good files, one that is empty, one that is no audio, one that is cut off, and a long one."""
    for number in range(count):
        tone = np.sin(np.arange(8000 + 800 * number, dtype="float32") * 0.1) * 0.5
        rm.write(folder / f"tone-{number:02}.wav", rm.Audio(tone, 8000))
    folder.joinpath("empty.wav").write_bytes(b"")
    folder.joinpath("poisoned.flac").write_bytes(b"no audio " * 1000)
    folder.joinpath("cut.flac").write_bytes(SPEECH.read_bytes()[:20_000])
    rm.write(folder / "long.wav", rm.Audio(np.zeros(8000 * 300, "float32"), 8000))
    return sorted(map(str, folder.iterdir()))


def rows_of(table: Any) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=lambda row: str(row["path"]))


@pytest.mark.parametrize("kind", ["numpy", "pandas", "pyarrow"])
def test_a_batch_of_each_format_gives_a_row_for_each_row(kind: str, tmp_path: Path) -> None:
    paths = folder_of_files(tmp_path, 2)
    contents = [Path(path).read_bytes() for path in paths]
    columns: dict[str, Any] = {"bytes": contents, "path": paths, "label": list(range(len(paths)))}
    if kind == "pandas":
        batch: Any = pytest.importorskip("pandas").DataFrame(columns)
    elif kind == "pyarrow":
        batch = pa.table(columns)
    else:
        batch = {name: np.array(values, dtype=None if name == "label" else object) for name, values in columns.items()}
    adapter = Pipeline(levels())
    table = adapter(batch)
    assert table.column_names == ["path", "label", "level", "error"]
    assert table.schema.field("level").type == adapter.schema.field("level").type
    assert table["path"].to_pylist() == paths
    assert table["label"].to_pylist() == list(range(len(paths)))
    for path, row in zip(paths, table.to_pylist(), strict=True):
        name = Path(path).name
        if name in ("empty.wav", "poisoned.flac", "cut.flac"):
            assert row["level"] is None
            assert row["error"].startswith("NodeError: node 'audiodecode' (AudioDecode)")
        else:
            assert row["error"] is None
            assert row["level"] == list(levels().run_sync([rm.File(path)]))


def test_paths_alone_are_enough_and_bytes_come_first() -> None:
    adapter = Pipeline(levels(), path_column="uri", bytes_column="content")
    by_path = adapter({"uri": np.array([str(SPEECH), "gone.wav", None], dtype=object)})
    assert [len(row["level"] or ()) for row in by_path.to_pylist()] == [8, 0, 0]
    assert by_path["error"].to_pylist()[1].startswith("FileNotFoundError: no such file 'gone.wav'")
    assert by_path["error"].to_pylist()[2] is not None
    both = adapter(pa.table({"uri": ["gone.wav", str(SPEECH)], "content": [SPEECH.read_bytes(), None]}))
    assert [len(row["level"]) for row in both.to_pylist()] == [8, 8]
    with pytest.raises(rm.InvalidArgumentError) as caught:
        adapter({"audio": np.array([b""], dtype=object)})
    assert str(caught.value) == (
        "a batch has no column 'content' and none 'uri', but 'audio'; name them: bytes_column=..., path_column=..."
    )


def test_a_type_that_the_values_have_not_is_refused_by_its_column() -> None:
    graph = Pipeline(levels(), types={"level": pa.int64()})
    with pytest.raises(rm.MarshalError, match=r"the column 'level' is list<item: int64> in the schema: \{'rms_db': "):
        graph({"path": [str(SPEECH)]})


def test_with_strict_the_first_error_is_raised() -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.wav"):
        Pipeline(levels(), strict=True)({"path": np.array([str(SPEECH), "gone.wav"], dtype=object)})


def test_samples_travel_only_if_they_are_asked_for() -> None:
    graph = AudioDecode(chunk_ms=60_000) >> AudioResample(rate=8000, name="audio")
    batch = {"path": np.array([str(SPEECH)], dtype=object)}
    described, whole = Pipeline(graph)(batch), Pipeline(graph, arrays=True)(batch)
    form = {"rate": 8000, "channels": 1, "layout": "mono"}
    assert all(described["audio"][0][0][name].as_py() == value for name, value in form.items())
    assert described.nbytes < 1000
    parts = [np.array(each["samples"], "float32") for each in whole["audio"][0].as_py()]
    expected = graph.run_sync([rm.File(SPEECH)])
    assert len(parts) == len(expected) == 2
    assert all(np.array_equal(part, each.samples) for part, each in zip(parts, expected, strict=True))


def test_columns_of_arrays_are_passed_on_as_tensors_of_ray() -> None:
    batch = {
        "path": np.array([str(SPEECH)] * 2),
        "embedding": np.arange(6, dtype="f4").reshape(2, 3),
        "picture": np.arange(24).reshape(2, 3, 4),
        "text": np.array(["a", None], object),
    }
    table = Pipeline(levels())(batch)
    for name in ("embedding", "picture"):
        assert np.array_equal(table[name].combine_chunks().to_numpy(), batch[name])
    assert table["text"].to_pylist() == ["a", None]


def test_columns_that_meet_are_refused_with_the_cure() -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        Pipeline(levels())(pa.table({"path": [str(SPEECH)], "level": [1]}))
    assert str(caught.value) == "the rows have a column 'level' already; rename it, or the pipeline's output"
    with pytest.raises(rm.InvalidArgumentError, match="give the output 'error' another name"):
        Pipeline(AudioDecode() >> AudioLevel(name="error"))


def test_it_needs_no_cluster_and_travels_as_its_manifest() -> None:
    assert not ray.is_initialized()
    copy = pickle.loads(pickle.dumps(Pipeline(levels())))
    assert copy.schema == Pipeline(levels()).schema
    assert len(copy({"path": np.array([str(SPEECH)], dtype=object)})["level"][0]) == 8


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of this machine alone, ended with the module, with places for two actors and what feeds them."""
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # The workers import the examples too.
    patch.syspath_prepend(SPEECH.parent)
    patch.setenv("PYTHONPATH", str(SPEECH.parent))
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        object_store_memory=100 << 20,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    yield
    ray.shutdown()
    patch.undo()


def test_a_killed_actor_loses_and_doubles_nothing(cluster: None, tmp_path: Path) -> None:
    folder, marker = tmp_path / "files", tmp_path / "killed"
    folder.mkdir()
    paths = folder_of_files(folder, 12)
    fatal = (folder / "tone-07.wav").stat().st_size
    place = str(marker)

    # Within the test: it travels with its code, since Ray's workers don't have this module.
    @rm.node
    def kill_once(file: rm.File) -> rm.File:
        if file.data is not None and len(file.data) == fatal and not os.path.exists(place):
            with open(place, "x") as made:
                made.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return file

    @rm.node
    def workers(sound: rm.Audio) -> int:
        from remotemedia._abi import config

        return (config._in_force or {}).get("workers", 0)

    decode = AudioDecode()
    graph = (
        rm.Pipeline("kill")
        >> kill_once()
        >> decode
        >> [AudioLevel(window_ms=1000, name="level"), AudioEncode(format="flac", name="sound"), workers(name="workers")]
    )
    files = ray.data.read_binary_files(paths, include_paths=True, override_num_blocks=4)
    made = files.map_batches(
        Pipeline,
        fn_constructor_args=[graph],
        batch_size=2,
        compute=ray.data.ActorPoolStrategy(size=2),
    )
    rows = sorted(made.take_all(), key=lambda row: str(row["path"]))
    assert int(marker.read_text()) != os.getpid()
    assert [row["path"] for row in rows] == paths
    here = Pipeline(graph)(pa.table({"bytes": [Path(path).read_bytes() for path in paths], "path": paths}))
    for row, expected in zip(rows, rows_of(here), strict=True):
        for name in ("level", "sound", "error"):
            assert row[name] == expected[name], (row["path"], name)
        assert set(row["workers"] or ()) <= {1}, "an actor has one CPU"
    assert sum(row["error"] is not None for row in rows) == 3
    assert len(next(row for row in rows if row["path"].endswith("long.wav"))["level"]) == 300


def test_a_cluster_prepares_what_one_process_does_and_goes_on(
    cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import prepare_cluster

    folder, here, there = (tmp_path / name for name in ("recordings", "here", "there"))
    folder.mkdir()
    recordings = SPEECH.parents[1] / "tests" / "media" / "librivox"
    shutil.copy(recordings / "0880.flac", folder)
    folder.joinpath("cut.flac").write_bytes(SPEECH.read_bytes()[:30_000])
    assert prepare_cluster.main(folder, there) == 1
    first, problems = capsys.readouterr()
    assert first.splitlines()[-1].endswith(" s, from 1 of 2 files")
    assert problems.splitlines()[-1].startswith("cut.flac: NodeError: node 'audiodecode' (AudioDecode)")
    before = {path: path.stat().st_mtime_ns for path in there.rglob("*.*")}
    # Another recording, one with the content of the first, and the cut one whole.
    for name in ("0890.flac", "again.flac", "cut.flac"):
        shutil.copy(recordings / ("0890.flac" if name == "0890.flac" else "0880.flac"), folder / name)
    assert prepare_cluster.main(folder, there) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" s, from 4 of 4 files, 1 of them done before")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    subprocess.run([sys.executable, SPEECH.parent / "prepare_dataset.py", folder, here], check=True, timeout=120)
    made = sorted(path.name for path in here.iterdir())
    assert len(made) == 8
    assert sorted(path.name for path in there.iterdir() if path.is_file()) == made
    for name in made:
        if name.endswith(".flac"):
            assert (here / name).read_bytes() == (there / name).read_bytes()
        else:
            assert np.array_equal(np.load(here / name), np.load(there / name))
