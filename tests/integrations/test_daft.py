"""The adapter to Daft, against the real one: files, paths and bytes in, a struct of declared columns out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioEncode, AudioLevel, Calculator

# It would report its use.
os.environ["DO_NOT_TRACK"] = "1"
daft = pytest.importorskip("daft", reason="daft is not installed: pip install daft")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")

from remotemedia.integrations.daft import pipeline  # noqa: E402

# Daft leaves the pipes of its processes to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"


def levels() -> rm.Pipeline:
    return AudioDecode() >> AudioLevel(window_ms=1000, name="level")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good files, of which one has an awkward name and one is long, and bad ones."""
    tone = np.sin(np.arange(24000, dtype="float32") * 0.1) * 0.5
    for name in ("a.wav", "b c%20ü.wav"):
        rm.write(tmp_path / name, rm.Audio(tone, 8000))
    rm.write(tmp_path / "long.wav", rm.Audio(np.zeros(8000 * 300, "float32"), 8000))
    tmp_path.joinpath("empty.wav").write_bytes(b"")
    tmp_path.joinpath("poisoned.flac").write_bytes(b"no audio " * 1000)
    return tmp_path


@pytest.mark.parametrize("kind", ["file", "path", "bytes"])
def test_each_row_has_the_lists_of_the_outputs_or_its_error(kind: str, folder: Path) -> None:
    paths = sorted(map(str, folder.iterdir()))
    if kind == "file":
        frame = daft.from_files(f"{folder}/*")
    else:
        values: list[Any] = paths if kind == "path" else [Path(path).read_bytes() for path in paths]
        frame = daft.from_pydict({"file": values, "path": paths})
    made = frame.with_column("made", pipeline(levels(), batch_size=2)(daft.col("file")))
    rows = made.to_pylist()
    assert len(rows) == len(paths)
    for row in rows:
        path = row["file"].path.removeprefix("file://") if kind == "file" else row["path"]
        if Path(path).name in ("empty.wav", "poisoned.flac"):
            assert row["made"]["level"] is None
            assert row["made"]["error"].startswith("NodeError: node 'audiodecode' (AudioDecode)")
        else:
            assert row["made"] == {"level": list(levels().run_sync([rm.File(path)])), "error": None}


def test_the_columns_are_declared_before_anything_is_read() -> None:
    frame = daft.from_pydict({"path": ["nowhere.wav", None]})
    made = frame.with_column("made", pipeline(levels())(daft.col("path")))
    form = levels().schema(rows="items").field("level").type
    expected = daft.DataType.from_arrow_type(pa.struct([("level", form), ("error", pa.string())]))
    assert made.schema()["made"].dtype == expected
    errors = made.select(daft.col("made")["error"]).to_pydict()["error"]
    assert [error.partition(":")[0] for error in errors] == ["FileNotFoundError", "MarshalError"]


def test_a_part_of_a_file_is_what_daft_reads_of_it(tmp_path: Path) -> None:
    speech = SPEECH.read_bytes()
    packed = tmp_path / "packed"
    packed.write_bytes(b"x" * 77 + speech + b"y" * 11)
    part = daft.File(str(packed), position=77, size=len(speech))
    frame = daft.from_pydict({"file": [part]})
    (row,) = frame.select(pipeline(levels())(daft.col("file")).alias("made")).to_pylist()
    assert row["made"] == {"level": list(levels().run_sync([rm.File(SPEECH)])), "error": None}


def test_what_the_plan_does_not_know_is_said_by_returns() -> None:
    @rm.node
    def seconds(sound: rm.Audio) -> float:
        return sound.duration

    graph = AudioDecode(chunk_ms=60_000) >> seconds() >> Calculator(operation="multiply", operand=10, name="tenths")
    with pytest.raises(rm.UnsupportedError, match="'tenths' has no type that is known before it runs"):
        pipeline(graph)
    with pytest.raises(rm.InvalidArgumentError) as caught:
        pipeline(graph, returns=pa.schema([("tenths", pa.float64())]))
    assert str(caught.value) == (
        "returns: each row has a list of values for the output 'tenths'; put its type, double, into pyarrow.list_(...)"
    )
    tenths = pipeline(graph, returns=pa.schema([("tenths", pa.list_(pa.float64()))]))
    frame = daft.from_pydict({"path": [str(SPEECH)]})
    assert sum(frame.select(tenths(daft.col("path")).alias("made")).to_pylist()[0]["made"]["tenths"]) == 71
    with pytest.raises(rm.InvalidArgumentError, match=r"returns must be a pyarrow\.Schema"):
        pipeline(levels(), returns={"level": float})


def test_with_strict_the_first_error_ends_the_query() -> None:
    frame = daft.from_pydict({"path": ["nowhere.wav"]})
    with pytest.raises(Exception, match=r"no such file 'nowhere\.wav'"):
        frame.select(pipeline(levels(), strict=True)(daft.col("path"))).collect()


def test_instances_in_processes_have_their_share_of_the_threads(tmp_path: Path) -> None:
    @rm.node
    def where(sound: bytes) -> list[int]:
        from remotemedia._abi import config

        return [os.getpid(), (config._in_force or {}).get("workers", 0)]

    graph = AudioDecode() >> AudioEncode(format="wav") >> where(name="where")
    made = pipeline(graph, max_concurrency=2, use_process=True, cpus=1)
    frame = daft.from_pydict({"path": [str(SPEECH)] * 4})
    rows = frame.select(made(daft.col("path")).alias("made")).to_pylist()
    assert [row["made"]["error"] for row in rows] == [None] * 4
    found = [row["made"]["where"][0] for row in rows]
    assert os.getpid() not in [process for process, _ in found]
    assert {workers for _, workers in found} == {1}
