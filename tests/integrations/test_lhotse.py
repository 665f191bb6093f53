"""`integrations.lhotse.Backend` as the current audio backend of lhotse: recordings, cuts, archives, errors."""

from __future__ import annotations

import gc
import io
import os
import pickle
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm

lhotse = pytest.importorskip("lhotse", reason="lhotse is not installed: pip install 'remotemedia[lhotse]'")
torch = pytest.importorskip("torch", reason="torch is not installed, which lhotse needs")

from lhotse.audio.backend import AudioBackend, LibsndfileBackend, available_audio_backends  # noqa: E402
from lhotse.audio.utils import AudioLoadingError, AudioSavingError, suppress_audio_loading_errors  # noqa: E402
from remotemedia.integrations._batches import cores  # noqa: E402
from remotemedia.integrations.lhotse import Backend, use  # noqa: E402

# lhotse leaves archives for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file")
RATE = 16000
SAMPLES = (numpy.random.default_rng(8).integers(-20000, 20000, (2, 30001)) / 32768).astype("float32")


@pytest.fixture(autouse=True)
def current() -> Iterator[Any]:
    with lhotse.audio.backend.audio_backend(Backend()) as backend:
        yield backend
    gc.collect()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rm.write(tmp_path / "sound.flac", SAMPLES, rate=RATE)
    return tmp_path / "sound.flac"


def test_it_is_a_backend_of_lhotse(current: Any) -> None:
    assert isinstance(current, AudioBackend)
    assert isinstance(current, Backend)
    assert "RemotemediaBackend" in available_audio_backends()
    assert type(lhotse.set_current_audio_backend("RemotemediaBackend")) is type(current)
    assert type(pickle.loads(pickle.dumps(current))) is type(current)


def test_a_recording_is_what_was_written(path: Path) -> None:
    for recording in (
        lhotse.Recording.from_file(path),
        lhotse.Recording.from_bytes(path.read_bytes(), "sound"),
        lhotse.Recording.from_file(path).move_to_memory(),
    ):
        assert (recording.num_channels, recording.num_samples, recording.sampling_rate) == (2, 30001, RATE)
        assert recording.duration == 30001 / RATE
        assert numpy.array_equal(recording.load_audio(), SAMPLES)
        assert numpy.array_equal(recording.load_audio(channels=1), SAMPLES[1:])


def test_cuts_are_the_frames_that_lhotse_means(path: Path) -> None:
    """As libsndfile cuts them, also where a time lies between two frames."""
    chance = random.Random(5)
    spans = [(0.0, 1e-4), (0.5 / RATE, 3.5 / RATE), (1.499999999 / RATE, 1.0), (1.0, 30001 / RATE - 1.0)]
    spans += [(chance.uniform(0, 1.5), chance.uniform(0.001, 0.3)) for _ in range(40)]
    spans += [(frame / RATE, count / RATE) for frame, count in [(1, 1), (16000, 1), (30000, 1), (4097, 8192)]]
    for offset, duration in spans:
        ours = Backend().read_audio(path, offset, duration)
        theirs = LibsndfileBackend().read_audio(str(path), offset, duration)
        assert ours[1] == theirs[1] == RATE
        assert numpy.array_equal(ours[0], theirs[0]), (offset, duration)
    ours, theirs = Backend().read_audio(str(path), 0.7), LibsndfileBackend().read_audio(str(path), 0.7)
    assert numpy.array_equal(ours[0], theirs[0])
    cut = lhotse.Recording.from_file(path).to_cut().truncate(offset=0.25, duration=0.5)
    assert numpy.array_equal(cut.load_audio(), SAMPLES[:, 4000:12000])


def test_file_objects_are_left_where_they_were(path: Path) -> None:
    file = io.BytesIO(b"head" + path.read_bytes())
    file.seek(4)
    assert Backend().info(file).frames == 30001
    assert numpy.array_equal(Backend().read_audio(file)[0], SAMPLES)
    assert numpy.array_equal(Backend().read_audio(file, 1.0, 0.25)[0], SAMPLES[:, 16000:20000])
    assert file.tell() == 4


def test_members_of_archives_have_paths(path: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "sounds.tar", "w") as tar:
        tar.add(path, "inner/sound.flac")
    member = tmp_path / "sounds.tar" / "inner" / "sound.flac"
    assert Backend().info(member).channels == 2
    assert numpy.array_equal(Backend().read_audio(str(member), 0.5)[0], SAMPLES[:, 8000:])


class _Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_opus_at_a_rate_that_is_forced(tmp_path: Path) -> None:
    tone = numpy.sin(numpy.arange(48000) * (2 * numpy.pi * 440 / 48000)).astype("float32")[None] / 2
    rm.write(tmp_path / "tone.opus", tone, rate=48000)
    recording = lhotse.Recording.from_file(tmp_path / "tone.opus", force_opus_sampling_rate=16000)
    assert (recording.sampling_rate, recording.num_samples) == (16000, 16000)
    samples = recording.load_audio()
    assert samples.shape == (1, 16000)
    spectrum = numpy.abs(numpy.fft.rfft(samples[0] * numpy.hanning(16000)))
    assert spectrum.argmax() == 440
    # As cuts in Shar have it: the content, in a file object that is at its end once it was read.
    cut = recording.move_to_memory().to_cut().truncate(offset=0.25, duration=0.5)
    assert numpy.array_equal(cut.load_audio(), recording.to_cut().truncate(offset=0.25, duration=0.5).load_audio())
    content = (tmp_path / "tone.opus").read_bytes()
    for file in (io.BytesIO(content), _Unseekable(content)):
        assert Backend().read_audio(file, force_opus_sampling_rate=16000)[0].shape == (1, 16000)
    for file in (io.BytesIO(content), _Unseekable(content)):
        assert Backend().info(file, force_opus_sampling_rate=16000).frames == 16000


def test_failures_are_those_that_lhotse_skips(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    with pytest.raises(AudioLoadingError) as refused:
        Backend().read_audio(broken)
    assert str(refused.value).startswith(f"reading audio from {str(broken)!r} failed: NodeError: read")
    assert isinstance(refused.value.__cause__, rm.NodeError)
    with pytest.raises(AudioLoadingError, match="no such file"):
        Backend().info(tmp_path / "nothing.wav")
    with pytest.raises(
        AudioLoadingError, match=r"is a folder, and RemotemediaBackend takes files; pass the path of each$"
    ):
        Backend().read_audio(tmp_path)
    with pytest.raises(AudioLoadingError, match="a file object failed"):
        Backend().read_audio(io.BytesIO(b"no sound"))
    with pytest.raises(AudioLoadingError):
        Backend().read_audio(path, offset=100.0)
    with pytest.raises(AudioSavingError, match="no such folder"):
        Backend().save_audio(tmp_path / "nowhere" / "a.wav", SAMPLES, RATE)
    read = []
    with suppress_audio_loading_errors():
        read.append(Backend().read_audio(broken))
    assert read == []


@pytest.mark.parametrize(
    ("suffix", "given", "tolerance"),
    [
        ("wav", {}, 0.5 / 32768),
        ("flac", {"format": "flac"}, 0.5 / 32768),
        ("flac", {"encoding": "PCM_24"}, 0.5 / 2**23),
        ("wav", {"encoding": "FLOAT"}, 0.0),
        # By libsndfile, which takes 32767 for full scale.
        ("wav", {"encoding": "PCM_32"}, 1 / 32767),
        ("aiff", {}, 2 / 32767),
    ],
)
def test_what_is_saved_is_what_libsndfile_reads(suffix: str, given: Any, tolerance: float, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed, which lhotse needs")
    samples = numpy.random.default_rng(9).uniform(-0.9, 0.9, (2, 5000)).astype("float32")
    for source, place in (
        (samples, tmp_path / f"a.{suffix}"),
        (torch.from_numpy(samples), str(tmp_path / f"b.{suffix}")),
    ):
        Backend().save_audio(place, source, RATE, **given)
        read, rate = soundfile.read(str(place), dtype="float32", always_2d=True)
        assert rate == RATE
        assert numpy.abs(read.T - samples).max() <= tolerance * 1.001
    memory = io.BytesIO()
    Backend().save_audio(memory, samples[0], RATE, format="wav")
    assert Backend().info(memory.getbuffer()).frames == 5000


def test_a_data_set_goes_through_it(path: Path, tmp_path: Path) -> None:
    """Written to an archive as FLAC, and read again, all by our backend."""
    recording = lhotse.Recording.from_file(path)
    cuts = lhotse.CutSet.from_cuts([recording.to_cut()])
    (tmp_path / "shar").mkdir()
    shards = cuts.to_shar(tmp_path / "shar", fields={"recording": "flac"}, shard_size=1)
    (read,) = lhotse.CutSet.from_shar(fields=shards)
    assert numpy.array_equal(read.load_audio(), SAMPLES)


class Sounds(torch.utils.data.Dataset):  # type: ignore[misc, type-arg, unused-ignore]
    """The samples of cuts, and what has decoded them with how many threads."""

    def __init__(self, cuts: list[Any]) -> None:
        self.cuts = cuts

    def __len__(self) -> int:
        return len(self.cuts)

    def __getitem__(self, index: int) -> Any:
        from remotemedia._abi import config

        samples = self.cuts[index].load_audio().copy()
        return samples, type(lhotse.get_current_audio_backend()).__name__, config._in_force


@pytest.fixture
def noise(tmp_path: Path) -> Any:
    """A cut from within an Opus file, which lhotse's own backend seeks in with other results."""
    rm.write(tmp_path / "noise.opus", SAMPLES[:1], rate=RATE)
    return lhotse.Recording.from_file(tmp_path / "noise.opus").to_cut().truncate(offset=0.7, duration=0.5)


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_that_use_it_decode_alike_with_the_threads_of_their_share(method: str, noise: Any) -> None:
    loader = torch.utils.data.DataLoader(
        Sounds([noise]), batch_size=None, num_workers=2, multiprocessing_context=method, worker_init_fn=use
    )
    ((samples, backend, settings),) = loader
    assert backend == "RemotemediaBackend"
    assert settings is not None
    assert settings["workers"] == max(1, cores() // 2)
    path = noise.recording.sources[0].source
    begin = round(0.7 * noise.sampling_rate)
    expected = rm.read(path).numpy()[:, begin : begin + noise.num_samples]
    assert numpy.array_equal(samples.numpy(), expected)


@pytest.mark.filterwarnings("ignore:.*fork")
@pytest.mark.parametrize("method", ["read_audio", "info"])
def test_a_forked_worker_has_the_threads_of_its_share(method: str, path: Path) -> None:
    loader = torch.utils.data.DataLoader(
        Threads([str(path)], method), batch_size=None, num_workers=2, multiprocessing_context="fork"
    )
    (settings,) = loader
    assert settings["workers"] == max(1, cores() // 2)


class Threads(Sounds):
    """What the runtime has started with for a call of the backend."""

    def __init__(self, paths: list[Any], method: str) -> None:
        super().__init__(paths)
        self.method = method

    def __getitem__(self, index: int) -> Any:
        from remotemedia._abi import config

        getattr(Backend(), self.method)(self.cuts[index])
        return config._in_force


@pytest.mark.parametrize("order", [("lhotse", "remotemedia.integrations.lhotse"), ("remotemedia.integrations.lhotse",)])
def test_lhotse_finds_it_by_its_name_in_the_environment(order: tuple[str, ...]) -> None:
    program = f"import {', '.join(order)}, lhotse; print(type(lhotse.get_current_audio_backend()).__name__)"
    environment = {**os.environ, "LHOTSE_AUDIO_BACKEND": "RemotemediaBackend"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "RemotemediaBackend"
