"""`integrations.datasets.decode` in `map` of Hugging Face's datasets: columns, bad rows, processes, the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm

datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install 'remotemedia[datasets]'")

from datasets.fingerprint import Hasher  # noqa: E402
from remotemedia.integrations.datasets import decode  # noqa: E402

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"
pytestmark = pytest.mark.filterwarnings("ignore:.*fork")


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Six stereo files of noise of different lengths."""
    folder = tmp_path_factory.mktemp("sounds")
    chance = numpy.random.default_rng(8)
    made = []
    for number in range(6):
        samples = chance.uniform(-0.5, 0.5, (2, 2000 + 331 * number)).astype("float32")
        made.append(str(folder / f"{number}.flac"))
        rm.write(made[-1], samples, rate=16000)
    return made


def audio_column(rows: list[Any]) -> Any:
    """A data set as it is loaded with `Audio(decode=False)`."""
    features = datasets.Features({"audio": datasets.Audio(decode=False), "text": datasets.Value("string")})
    table = {
        "audio": [{"bytes": row if isinstance(row, bytes) else None, "path": None if isinstance(row, bytes) else row}
                  for row in rows],
        "text": [f"row {number}" for number in range(len(rows))],
    }  # fmt: skip
    import pyarrow

    # As from a Parquet file: `from_dict` would encode the rows, for which datasets wants torchcodec.
    return datasets.Dataset(pyarrow.table(table).cast(features.arrow_schema))


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_columns_are_what_read_gives(batch_size: int, paths: list[str]) -> None:
    rows = [*paths[:3], *(Path(path).read_bytes() for path in paths[3:])]
    ds = audio_column(rows).map(decode(rate=8000), batched=True, batch_size=batch_size, remove_columns=["audio"])
    assert ds.features == datasets.Features(
        {
            "text": datasets.Value("string"),
            "array": datasets.List(datasets.Value("float32")),
            "sampling_rate": datasets.Value("int64"),
            "error": datasets.Value("string"),
        }
    )
    assert ds["text"][:] == [f"row {number}" for number in range(6)]
    for row, path in zip(ds.with_format("numpy"), paths, strict=True):
        assert numpy.array_equal(row["array"], rm.read(path, 8000, 1).samples[0])
        assert (row["sampling_rate"], row["error"]) == (8000, "")


def test_several_channels_and_parts(paths: list[str]) -> None:
    ds = audio_column([*paths, "nothing.wav"]).map(decode(channels=2, start_s=0.01, duration_s=0.1), batched=True)
    assert ds.features["array"] == datasets.List(datasets.List(datasets.Value("float32")))
    assert ds.features["audio"] == datasets.Audio(decode=False)
    for row, path in zip(ds, paths, strict=False):
        expected = rm.read(path, start_s=0.01, duration_s=0.1).samples
        assert expected.shape == (2, 1600)
        assert numpy.array_equal(numpy.array(row["array"], "float32"), expected)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_bad_rows_have_an_error_wherever_they_stand(channels: int, batch_size: int, paths: list[str]) -> None:
    # In front, so that a whole batch is bad where datasets decides on the types of the columns.
    rows = ["nothing.wav", b"no sound", None, paths[0], b"", paths[1]]
    ds = audio_column(rows).map(decode(channels=channels), batched=True, batch_size=batch_size)
    assert len(ds) == 6
    errors = ds["error"][:]
    assert errors[0].startswith("FileNotFoundError: no such file 'nothing.wav'")
    assert errors[1].startswith("NodeError: decode: the file is not audio that remotemedia knows")
    assert errors[2] == "InvalidArgumentError: the row has neither bytes nor a path"
    assert errors[3] == errors[5] == ""
    assert errors[4].startswith("NodeError: ")
    lengths = [len(array) if channels == 1 else len(array[0]) for array in ds["array"]]
    assert lengths == [0, 0, 0, 2000, 0, 2331]
    assert ds["sampling_rate"][:] == [0, 0, 0, 16000, 0, 16000]
    assert ds.filter(lambda row: not row["error"])["text"][:] == ["row 3", "row 5"]


def test_strict_raises(paths: list[str]) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such file 'nothing\.wav'"):
        audio_column([paths[0], "nothing.wav"]).map(decode(strict=True), batched=True)
    with pytest.raises(rm.InvalidArgumentError, match="the row has neither bytes nor a path"):
        audio_column([paths[0], None]).map(decode(strict=True), batched=True)


def test_columns_of_paths_and_streams(paths: list[str]) -> None:
    ds = datasets.Dataset.from_dict({"file": paths}).map(decode(column="file"), batched=True)
    assert [len(array) for array in ds["array"]] == [2000 + 331 * number for number in range(6)]
    stream = audio_column(paths).to_iterable_dataset().map(decode(), batched=True, batch_size=4)
    assert [len(row["array"]) for row in stream] == [2000 + 331 * number for number in range(6)]
    with pytest.raises(rm.InvalidArgumentError) as refused:
        datasets.Dataset.from_dict({"file": paths}).map(decode(), batched=True)
    assert str(refused.value) == "the batch has no column 'audio', it has file; pass column= to decode"


def test_processes_give_the_same(paths: list[str]) -> None:
    alone = audio_column(paths * 2).map(decode(rate=8000), batched=True, batch_size=2)
    together = audio_column(paths * 2).map(decode(rate=8000, num_proc=2), batched=True, batch_size=2, num_proc=2)
    assert together["array"][:] == alone["array"][:]


def test_what_is_decoded_alike_has_one_place_in_the_cache() -> None:
    assert Hasher.hash(decode(rate=16000)) == Hasher.hash(decode(rate=16000))
    assert Hasher.hash(decode(rate=16000)) != Hasher.hash(decode(rate=8000))


def test_wrong_params_are_refused_at_once() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"^rate: expected an integer from 1000 to 768000, got 3"):
        decode(rate=3)


@pytest.mark.parametrize("row", ["talk.flac", b"RIFF", {"bytes": None, "path": "talk.flac"}])
def test_a_single_row_is_told_to_be_a_batch(row: Any) -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"got one row; pass batched=True to map$"):
        decode()({"audio": row})


def test_columns_that_are_there_are_not_replaced() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"has a column 'error' already, which decode adds; rename it"):
        decode()({"audio": [str(SPEECH)], "error": ["of mine"]})
    with pytest.raises(rm.InvalidArgumentError, match=r"not list; leave out input_columns="):
        decode()([str(SPEECH)])  # type: ignore[arg-type]
    frames = datasets.Dataset.from_dict({"audio": [str(SPEECH)]}).with_format("pandas")
    with pytest.raises(rm.InvalidArgumentError, match=r"not DataFrame; .*, and call with_format\(None\) before$"):
        frames.map(decode(), batched=True)


def test_texts_of_numpy_are_paths_and_numbers_of_numpy_the_same_params() -> None:
    made = decode()({"audio": numpy.array([str(SPEECH)])})
    assert made["error"] == [""]
    plain, other = decode(rate=16000), decode(rate=numpy.int64(16000), start_s=0, num_proc=None)  # type: ignore[arg-type]
    assert Hasher.hash(plain) == Hasher.hash(other)
