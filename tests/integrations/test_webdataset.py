"""`integrations.webdataset.decode` in pipelines of webdataset: members, bad files, many ahead, workers."""

from __future__ import annotations

import gc
import itertools
import json
import pickle
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm

webdataset = pytest.importorskip(
    "webdataset", reason="webdataset is not installed: pip install 'remotemedia[webdataset]'"
)

from remotemedia.integrations.webdataset import decode  # noqa: E402

# webdataset leaves files of shards for the garbage collector to close.
pytestmark = [pytest.mark.filterwarnings("ignore:.*fork"), pytest.mark.filterwarnings("ignore:unclosed file")]
CHANCE = numpy.random.default_rng(8)


@pytest.fixture(autouse=True)
def files_are_closed_within_the_test() -> Iterator[None]:
    yield
    gc.collect()


def encoded(samples: Any, kind: str) -> bytes:
    file = BytesIO()
    rm.write(file, samples, rate=16000, format=kind)  # type: ignore[arg-type]
    return file.getvalue()


SOUNDS = {
    f"{number:03}": encoded(CHANCE.uniform(-0.5, 0.5, (2, 2000 + 331 * number)).astype("float32"), "flac")
    for number in range(6)
}


def written(path: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            head = tarfile.TarInfo(name)
            head.size = len(content)
            tar.addfile(head, BytesIO(content))
    return str(path)


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> str:
    members = {}
    for key, content in SOUNDS.items():
        members[f"{key}.flac"] = content
        members[f"{key}.json"] = json.dumps({"text": key}).encode()
    return written(tmp_path_factory.mktemp("shards") / "shard.tar", members)


def samples_of(shard: str) -> Any:
    return webdataset.WebDataset(shard, shardshuffle=False)


def staged(dataset: Any, decoder: Any, way: str) -> list[dict[str, Any]]:
    return list(dataset.map(decoder) if way == "map" else dataset.compose(decoder.ahead))


def same(audio: Any, content: bytes, **params: Any) -> bool:
    expected = rm.read(content, **params)
    return bool(audio.rate == expected.rate and numpy.array_equal(audio.samples, expected.samples))


@pytest.mark.parametrize("way", ["map", "ahead"])
def test_audio_is_what_read_gives_and_other_members_stay(way: str, shard: str) -> None:
    samples = staged(samples_of(shard).decode(partial=True, only="json"), decode(rate=8000, channels=1), way)
    assert [sample["__key__"] for sample in samples] == list(SOUNDS)
    for sample, (key, content) in zip(samples, SOUNDS.items(), strict=True):
        assert same(sample["flac"], content, rate=8000, channels=1)
        assert sample["json"] == {"text": key}
        assert sample["error"] is None
        assert {"__url__", "__key__"} <= set(sample)


@pytest.mark.parametrize("way", ["map", "ahead"])
def test_samples_with_several_sounds_none_or_bad_ones(way: str, tmp_path: Path) -> None:
    good = SOUNDS["000"]
    shard = written(
        tmp_path / "shard.tar",
        {
            "a.txt": b"no audio here",
            "b.near.WAV": encoded(numpy.zeros((1, 100), "float32"), "wav"),
            "b.far.flac": good,
            "c.flac": b"no sound",
            "c.txt": b"kept",
            "d.txt": b"nor here",
            "e.flac": b"",
            "f.raw": good,
            "g.flac": good,
            "h.txt": b"the last",
        },
    )
    samples = {sample["__key__"]: sample for sample in staged(samples_of(shard), decode(), way)}
    assert list(samples) == list("abcdefgh")
    assert samples["a"]["txt"] == b"no audio here"
    assert (samples["b"]["near.wav"].frames, samples["b"]["far.flac"].frames) == (100, 2000)
    assert samples["c"]["flac"] is None
    assert samples["c"]["txt"] == b"kept"
    assert "the file is not audio that remotemedia knows" in samples["c"]["error"]
    assert samples["e"]["error"] is not None
    assert samples["f"]["raw"] == good
    assert [key for key, sample in samples.items() if sample["error"] is not None] == ["c", "e"]
    assert same(samples["g"]["flac"], good)
    raw = next(iter(staged(samples_of(shard).select(lambda s: s["__key__"] == "f"), decode(extensions=[".RAW"]), way)))
    assert same(raw["raw"], good)


def test_strict_is_for_the_handler(tmp_path: Path) -> None:
    shard = written(tmp_path / "shard.tar", {"a.flac": b"no sound", "b.flac": SOUNDS["000"]})
    with pytest.raises(rm.NodeError):
        list(samples_of(shard).map(decode(strict=True)))
    with pytest.raises(rm.NodeError):
        list(samples_of(shard).compose(decode(strict=True).ahead))
    kept = list(samples_of(shard).map(decode(strict=True), handler=webdataset.ignore_and_continue))
    assert [sample["__key__"] for sample in kept] == ["b"]


def test_ahead_takes_no_more_than_are_decoded_at_a_time() -> None:
    taken = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for content in itertools.cycle(SOUNDS.values()):
            taken += 1
            yield {"__key__": str(taken), "flac": content}

    from remotemedia.integrations._batches import cores

    for count, sample in enumerate(itertools.islice(decode().ahead(endless()), 20), 1):
        assert sample["__key__"] == str(count)
        assert taken <= count + cores() + 1


def test_batches_and_pickles(shard: str) -> None:
    decoder = pickle.loads(pickle.dumps(decode(rate=16000, channels=1)))
    batches = list(samples_of(shard).map(decoder).to_tuple("flac", "__key__").batched(4))
    assert [len(batch[1]) for batch in batches] == [4, 2]
    packed, lengths = rm.pad_batch(batches[0][0])
    assert (packed.shape, lengths) == ((4, 2993), [2000, 2331, 2662, 2993])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_data_loader_give_the_same(method: str, shard: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'remotemedia[torch]'")
    second = written(tmp_path / "second.tar", {"100.flac": SOUNDS["000"]})
    stages = webdataset.WebDataset([shard, second], shardshuffle=False).compose(decode(channels=1).ahead)
    loader = torch.utils.data.DataLoader(stages, batch_size=None, num_workers=2, multiprocessing_context=method)
    found = {sample["__key__"]: sample["flac"] for sample in loader}
    assert sorted(found) == [*SOUNDS, "100"]
    assert all(same(found[key], content, channels=1) for key, content in SOUNDS.items())


def test_wrong_params_are_refused_at_once() -> None:
    with pytest.raises(rm.InvalidArgumentError, match=r"^channels: expected an integer from 1 to 1024, got 0"):
        decode(channels=0)
    with pytest.raises(rm.InvalidArgumentError) as refused:
        decode(extensions="flac")
    assert str(refused.value) == "extensions must be several, such as a set; write {'flac'}"


def test_ahead_takes_few_samples_without_audio_and_goes_on_with_the_next_ones() -> None:
    taken = 0

    def samples() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            has_audio = number % 100 == 99
            yield {"__key__": str(number), **({"flac": SOUNDS["000"]} if has_audio else {"txt": b"no sound"})}

    made = decode(rate=8000).ahead(samples())
    for number in range(300):
        sample = next(made)
        assert (sample["__key__"], sample["error"]) == (str(number), None)
        assert isinstance(sample.get("flac", None), rm.Audio) == (number % 100 == 99)
        assert taken <= number + 40


def test_the_error_of_a_function_before_stays() -> None:
    sample = {"__key__": "a", "flac": b"no sound", "wav": encoded(numpy.zeros((1, 100), "float32"), "wav")}
    made = decode(extensions=["wav"])(decode(extensions=["flac"])(sample))
    assert made["flac"] is None
    assert "is not audio" in made["error"]
    assert made["wav"].frames == 100
