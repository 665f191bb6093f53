"""`integrations.torch.Dataset` in torch's own DataLoader: batches, workers, bad files, pipelines."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia.nodes import (
    MFCC,
    STFT,
    AudioConcat,
    AudioConvolve,
    AudioDecode,
    AudioLevel,
    AudioMix,
    AudioResample,
    MelSpectrogram,
    PassThrough,
    RandomCrop,
    SpeechSegments,
    TimeFrequencyMask,
)

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'remotemedia[torch]'")

from remotemedia.integrations._batches import cores  # noqa: E402
from remotemedia.integrations.torch import Batch, Dataset, Sample, collate  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset, Subset, default_collate  # noqa: E402

# Python warns of forks of processes with threads, and jax, where another test has imported it, too.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork")

MANIFEST = """
version: v1
nodes:
  - {id: decode, node_type: AudioDecode}
  - {id: mix, node_type: AudioMix, params: {channels: 1}}
  - {id: mel, node_type: MelSpectrogram, params: {n_mels: 40}}
connections:
  - {from: decode, to: mix}
  - {from: mix, to: mel}
"""


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Nine files of noise of different lengths, WAV and FLAC, the last of them stereo."""
    folder = tmp_path_factory.mktemp("sounds")
    chance = numpy.random.default_rng(8)
    made = []
    for number in range(9):
        samples = chance.uniform(-0.5, 0.5, (1 + (number == 8), 4000 + 331 * number)).astype("float32")
        made.append(str(folder / f"{number}.{'wav' if number % 3 else 'flac'}"))
        rm.write(made[-1], samples, rate=16000)
    return made


def rows(batches: Any) -> list[Any]:
    """The rows of batches without their padding."""
    return [
        values[..., : int(length)]
        for batch in batches
        for values, length in zip(batch.values, batch.lengths, strict=True)
    ]


def test_the_samples_are_what_read_gives(paths: list[str]) -> None:
    sounds = Dataset(paths)
    assert len(sounds) == 9
    for index, path in enumerate(paths):
        sample = sounds[index]
        expected = rm.read(path).samples
        assert isinstance(sample, Sample)
        assert (sample.source, sample.rate, sample.error) == (path, 16000, None)
        assert sample.value.dtype == torch.float32
        assert numpy.array_equal(sample.value.numpy(), expected[0] if index < 8 else expected)
    assert sounds[-1].source == paths[-1]
    assert [sample.source for sample in sounds.__getitems__([3, 1])] == [paths[3], paths[1]]
    assert len(list(sounds)) == 9  # the old protocol of iteration ends with IndexError
    part = Dataset(paths, rate=8000, channels=1, start_s=0.1, duration_s=0.05)[8]
    assert numpy.array_equal(part.value, rm.read(paths[8], 8000, 1, start_s=0.1, duration_s=0.05).samples[0])


@pytest.mark.parametrize(
    ("workers", "method"), [(0, None), (2, "fork"), (2, "spawn")], ids=["no workers", "forked", "spawned"]
)
def test_batches_are_padded_by_the_collate_that_torch_takes_by_itself(
    workers: int, method: str | None, paths: list[str]
) -> None:
    sounds = Dataset(paths, channels=1)
    loader = DataLoader(sounds, batch_size=4, num_workers=workers, multiprocessing_context=method)
    assert loader.collate_fn is default_collate
    batches = list(loader)
    assert [type(batch) for batch in batches] == [Batch] * 3
    assert [len(batch.sources) for batch in batches] == [4, 4, 1]
    assert [source for batch in batches for source in batch.sources] == paths
    assert all(batch.rate == 16000 and batch.errors == [None] * len(batch.sources) for batch in batches)
    assert batches[0].lengths.dtype == torch.int64
    assert batches[0].lengths.tolist() == [4000, 4331, 4662, 4993]
    assert tuple(batches[0].values.shape) == (4, 4993)
    assert not batches[0].values[0, 4000:].any()
    for row, path in zip(rows(batches), paths, strict=True):
        assert numpy.array_equal(row.numpy(), rm.read(path, channels=1).samples[0])


@pytest.mark.parametrize("workers", [0, 2])
def test_bad_files_are_rows_with_errors(workers: int, paths: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(100))
    sources: list[Any] = [paths[0], "nothing.wav", broken, b"no sound", paths[1]]
    (batch,) = DataLoader(Dataset(sources, rate=16000), batch_size=5, num_workers=workers)
    assert batch.sources == sources
    assert [error is not None for error in batch.errors] == [False, True, True, True, False]
    assert batch.errors[1].startswith("FileNotFoundError: no such file 'nothing.wav'")
    assert batch.errors[3].startswith("NodeError: Dataset: the file is not audio that remotemedia knows")
    assert batch.lengths.tolist() == [4000, 0, 0, 0, 4331]
    assert not batch.values[1:4].any()
    assert numpy.array_equal(batch.values[4].numpy(), rm.read(paths[1]).samples[0])
    with pytest.raises(FileNotFoundError, match=r"no such file 'nothing\.wav'"):
        list(DataLoader(Dataset(sources, strict=True), batch_size=5, num_workers=workers))
    (nothing,) = DataLoader(Dataset(["a.wav", "b.wav"]), batch_size=2)
    assert (tuple(nothing.values.shape), nothing.lengths.tolist(), nothing.rate) == ((2, 0), [0, 0], None)


@pytest.mark.parametrize("given", ["path", "text", "dict", "pipeline"])
def test_what_a_pipeline_gives_is_one_tensor(given: str, paths: list[str], tmp_path: Path) -> None:
    manifest = tmp_path / "prepare.yaml"
    manifest.write_text(MANIFEST, "utf-8")
    mel = AudioDecode() >> AudioMix(channels=1) >> MelSpectrogram(n_mels=40)
    pipeline: Any = {"path": manifest, "text": MANIFEST, "dict": mel.to_dict(), "pipeline": mel}[given]
    spectra = Dataset(paths, pipeline)
    batches = list(DataLoader(spectra, batch_size=5))
    for row, path in zip(rows(batches), paths, strict=True):
        expected = numpy.concatenate(mel.run_sync([rm.File(path)]), axis=-1)
        assert row.dtype == torch.float32
        assert numpy.array_equal(row.numpy(), expected)
    assert batches[0].values.shape[:2] == (5, 40)
    assert batches[0].rate is None


def test_outputs_that_are_many_or_no_arrays(paths: list[str]) -> None:
    chunks = AudioDecode(chunk_ms=100) >> AudioMix(channels=1)
    joined = Dataset(paths[:2], chunks)[1]
    assert (joined.rate, tuple(joined.value.shape)) == (16000, (4331,))
    apart = Dataset(paths[:2], chunks, join=False)[1]
    assert [tuple(each.shape) for each in apart.value] == [(1600,), (1600,), (1131,)]
    assert torch.equal(torch.cat(apart.value), joined.value)
    levels = AudioDecode() >> AudioLevel(window_ms=100)
    (batch,) = DataLoader(Dataset([paths[0], "nothing.wav"], levels), batch_size=2)
    assert batch.lengths is None
    assert batch.values == [list(levels.run_sync([rm.File(paths[0])])), []]
    decode, mel, level = AudioDecode(), MelSpectrogram(n_mels=40, name="mel"), AudioLevel(window_ms=100, name="level")
    both = decode >> AudioMix(channels=1) >> AudioConcat() >> [mel, level]
    (batch,) = DataLoader(Dataset(paths[:2], both), batch_size=2)
    assert set(batch.values) == set(batch.lengths) == {"mel", "level"}
    assert batch.values["mel"].shape[:2] == (2, 40)
    assert batch.lengths["level"] is None
    assert [len(each) for each in batch.values["level"]] == [3, 3]


@pytest.mark.parametrize(
    "names", [["speech", "nothing"], ["nothing", "speech"], ["nothing"], ["silence"], ["silence", "silence"]]
)
def test_the_pipeline_decides_on_the_form_of_a_batch_and_not_its_files(names: list[str], tmp_path: Path) -> None:
    rm.testing.speech().save(tmp_path / "speech.wav")
    rm.write(tmp_path / "silence.wav", numpy.zeros((1, 32000), "float32"), rate=16000)
    sources = [str(tmp_path / f"{name}.wav") for name in names]
    count, segments = len(names), [name == "speech" for name in names]

    def batch_of(pipeline: Any, **options: Any) -> Batch:
        (batch,) = DataLoader(Dataset(sources, pipeline, **options), batch_size=count)
        assert [error is not None for error in batch.errors] == [name == "nothing" for name in names]
        return batch

    mel, speech = MelSpectrogram(n_mels=40, name="mel"), SpeechSegments(name="speech")
    both = batch_of(AudioDecode() >> [mel, speech])
    assert set(both.values) == set(both.lengths) == {"mel", "speech"}
    assert (both.values["mel"].shape[0], both.lengths["mel"].dtype) == (count, torch.int64)
    assert (both.lengths["mel"] > 0).tolist() == [name != "nothing" for name in names]
    assert ([len(each) for each in both.values["speech"]], both.lengths["speech"]) == (segments, None)
    for join in (True, False):
        one = batch_of(AudioDecode() >> SpeechSegments(), join=join)
        assert ([len(each) for each in one.values], one.lengths) == (segments, None)
    for pipeline in (AudioDecode() >> described(), AudioDecode() >> AudioLevel() >> PassThrough()):
        maps = batch_of(pipeline)
        assert ([bool(each) for each in maps.values], maps.lengths) == ([name != "nothing" for name in names], None)
    for pipeline in (AudioDecode() >> half(), AudioDecode() >> PassThrough(), AudioDecode() >> untold()):
        padded = batch_of(pipeline)
        assert (padded.values.shape[0], padded.lengths.dtype) == (count, torch.int64)
        apart = batch_of(pipeline, join=False)
        assert ([len(each) > 0 for each in apart.values], apart.lengths) == (
            [name != "nothing" for name in names],
            None,
        )


MONO = AudioDecode() >> AudioMix(channels=1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"rate": 8000, "channels": 2},
        lambda: {"channels": 1},
        lambda: MONO >> AudioResample(rate=8000) >> RandomCrop(duration_s=0.1, seed=1) >> AudioConcat(),
        lambda: AudioDecode() >> AudioMix(channels=2) >> AudioResample(rate=8000) >> MelSpectrogram(n_mels=40),
        lambda: AudioDecode() >> MelSpectrogram(preset="whisper"),
        lambda: MONO >> MelSpectrogram(preset="kaldi") >> TimeFrequencyMask(time_width=4, seed=1),
        lambda: MONO >> MelSpectrogram(),
        lambda: MONO >> MFCC(),
        lambda: MONO >> MFCC(convention="kaldi"),
        lambda: MONO >> STFT(n_fft=512),
        lambda: MONO >> STFT(value="power"),
        lambda: MONO >> AudioConvolve(taps=[[1.0], [0.5]]),
        lambda: MONO >> [MelSpectrogram(n_mels=40, name="mel"), AudioResample(rate=8000, name="slow")],
    ],
)
def test_a_batch_of_bad_files_alone_has_the_form_of_any_other(make: Any, paths: list[str]) -> None:
    made = make()
    given: dict[str, Any] = made if isinstance(made, dict) else {"pipeline": made}
    fine, bad = DataLoader(Dataset([paths[0], paths[1], "a.wav", "b.wav"], **given), batch_size=2)
    values = [batch.values if isinstance(batch.values, dict) else {"": batch.values} for batch in (fine, bad)]
    for name, tensor in values[0].items():
        assert tuple(values[1][name].shape) == (*tensor.shape[:-1], 0)
        assert values[1][name].dtype == tensor.dtype
    # 16000 is that of the files.
    assert bad.rate == (None if fine.rate == 16000 else fine.rate)


@rm.node
def described(sound: rm.Audio) -> dict[str, Any]:
    return {"frames": sound.frames}


@rm.node
def untold(sound: rm.Audio):  # type: ignore[no-untyped-def]
    return sound


def test_functions_of_a_pipeline_run_in_workers(paths: list[str]) -> None:
    halved = AudioDecode() >> AudioMix(channels=1) >> half()
    loader = DataLoader(Dataset(paths, halved), batch_size=3, num_workers=2, multiprocessing_context="spawn")
    for row, path in zip(rows(loader), paths, strict=True):
        assert numpy.array_equal(row.numpy(), rm.read(path, channels=1).samples[0] / 2)


@rm.node
def half(sound: rm.Audio) -> rm.Audio:
    return rm.Audio(sound.samples / 2, sound.rate, pts=sound.pts)


def test_it_pickles_and_is_a_data_set_to_torch(paths: list[str]) -> None:
    again = pickle.loads(pickle.dumps(Dataset(paths, MANIFEST)))
    assert torch.equal(again[2].value, Dataset(paths, MANIFEST)[2].value)
    subset = Subset(Dataset(paths, channels=1), [5, 2])
    (batch,) = DataLoader(subset, batch_size=2)
    assert batch.sources == [paths[5], paths[2]]
    samples = list(DataLoader(Dataset(paths, channels=1), batch_size=None))
    assert [type(sample) for sample in samples] == [Sample] * 9
    shuffled = DataLoader(
        Dataset(paths, channels=1), batch_size=4, shuffle=True, generator=torch.Generator().manual_seed(1)
    )
    found = [source for batch in shuffled for source in batch.sources]
    assert found != paths
    assert sorted(found) == sorted(paths)


def test_a_column_of_a_table_is_taken_by_its_places(paths: list[str]) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")
    frame = pandas.DataFrame({"path": ["nowhere.wav", *paths]})
    # A frame that is sorted or filtered keeps the index of its rows.
    wanted = paths[::-1]
    for column in (frame["path"][:0:-1], pyarrow.chunked_array([wanted[:1], wanted[1:]])):
        found = Dataset(column, rate=8000)
        assert [found[place].source for place in range(len(found))] == wanted
    with pytest.raises(rm.InvalidArgumentError, match="or a column of a table"):
        Dataset(frame)  # type: ignore[arg-type]


def test_what_can_not_be_one_batch_is_refused_with_its_cure(paths: list[str], tmp_path: Path) -> None:
    slow = tmp_path / "slow.wav"
    rm.write(slow, numpy.zeros((1, 100), "float32"), rate=8000)
    with pytest.raises(rm.InvalidArgumentError) as refused:
        collate(Dataset([paths[0], slow]).__getitems__([0, 1]))
    assert str(refused.value) == (
        f"sample 1 of the batch, {slow!r}, has 8000 Hz, and those before it have 16000; "
        "pass rate= to Dataset to have all of them alike"
    )
    with pytest.raises(rm.InvalidArgumentError) as refused:
        collate(Dataset(paths).__getitems__([7, 8]))
    assert str(refused.value) == (
        f"sample 1 of the batch, {paths[8]!r}, has the shape (2, 6648) of torch.float32, and those before it (6317,) "
        "of torch.float32; only the last axis may differ: pass channels= to Dataset to have sounds alike"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Dataset("a.wav"),
            "Dataset takes a sequence of sources, such as a list or a column of a table; write [source]",
        ),
        (
            lambda: Dataset(iter(["a.wav"])),
            "Dataset takes a sequence of sources, such as a list or a column of a table; write [source]",
        ),
        (lambda: Dataset(["a.wav"], rate=3), "rate: expected an integer from 1000 to 768000, got 3"),
        (
            lambda: Dataset(["a.wav"], MANIFEST, rate=16000),
            "Dataset takes a pipeline, or rate, channels, start_s and duration_s; put nodes that do this into the "
            "pipeline: AudioResample, AudioMix, AudioDecode(start_s=...)",
        ),
    ],
)
def test_wrong_arguments_are_refused_when_it_is_made(make: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as refused:
        make()
    assert str(refused.value).startswith(message)


def test_a_worker_has_the_threads_of_its_share(paths: list[str]) -> None:
    loader = DataLoader(Threads(paths[:4]), batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert set(loader) == {max(1, cores() // 2)}


@pytest.mark.parametrize("pipeline", [None, MANIFEST])
def test_what_is_made_in_a_worker_has_the_threads_of_its_share(pipeline: Any, paths: list[str]) -> None:
    loader = DataLoader(Made(paths[:1], pipeline), batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert set(loader) == {max(1, cores() // 2)}


class Made(IterableDataset):  # type: ignore[misc, type-arg, unused-ignore]
    """Makes its data set where it is iterated."""

    def __init__(self, paths: list[str], pipeline: Any) -> None:
        self.given = paths, pipeline

    def __iter__(self) -> Any:
        yield Threads(*self.given)[0]


class Threads(Dataset):
    """Says how many workers the runtime of the process has that a sample was made in."""

    def __getitem__(self, index: int) -> Any:
        from remotemedia._abi import config

        super().__getitem__(index)
        assert config._in_force is not None
        return config._in_force["workers"]
