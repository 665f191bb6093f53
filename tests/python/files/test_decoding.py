"""Parts of files in short calls: what they do without (a graph of nodes, a place in the cache) makes no difference."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from conftest import eventually, live_objects
from remotemedia._files.audio_files import decoder
from remotemedia._files.decoding import CHUNK_MS, LONG_CHUNK_MS, decode_file, manifest
from remotemedia._manifest import compile as compiling

ROOT = Path(__file__).parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
SECONDS, RATE = 90, 8000


@pytest.fixture(scope="module")
def long_wav(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """A file of 90 s in stereo, written by the standard library, and its samples."""
    integers = numpy.random.default_rng(3).integers(-32768, 32768, (SECONDS * RATE, 2)).astype("<i2")
    path = tmp_path_factory.mktemp("decoding") / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(integers.tobytes())
    return str(path), (integers.T / 32768).astype("float32")


@pytest.mark.parametrize("rate", [None, 16000])
@pytest.mark.parametrize("channels", [None, 1])
@pytest.mark.parametrize("part", [(0.0, None), (1.5, None), (0.0, 2.0), (3, 1)])
def test_the_manifest_is_that_of_the_pipeline(rate: int | None, channels: int | None, part: tuple[Any, Any]) -> None:
    written, made = manifest(rate, channels, *part), decoder(rate, channels, *part).manifest()
    chunk_ms = written["nodes"][0]["params"].pop("chunk_ms")
    assert chunk_ms == (LONG_CHUNK_MS if rate is None and channels is None else CHUNK_MS)
    assert made["nodes"][0]["params"].pop("chunk_ms") == CHUNK_MS
    assert written == made


@pytest.mark.parametrize(("rate", "channels"), [(None, 1), (11025, None), (16000, 1)])
@pytest.mark.parametrize("part", [(0.0, None), (1.5, None), (3.25, 70.0)])
def test_what_is_mixed_or_resampled_comes_in_one_chunk(
    long_wav: tuple[str, Any], rate: int | None, channels: int | None, part: tuple[Any, Any]
) -> None:
    pieces = list(decoder(rate, channels, *part).run_sync([rm.File(long_wav[0])]))
    assert len(pieces) > 1
    (chunk,) = decode_file(rm.File(long_wav[0]), os.path.getsize(long_wav[0]), rate, channels, *part)
    assert numpy.array_equal(chunk.samples, numpy.concatenate([piece.samples for piece in pieces], axis=1))
    assert (chunk.rate, chunk.pts, chunk.layout) == (pieces[0].rate, pieces[0].pts, pieces[0].layout)


def test_a_failure_keeps_what_was_resampled_before_it(long_wav: tuple[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(Path(long_wav[0]).read_bytes()[: 4 * RATE * 25])
    with pytest.raises(rm.NodeError) as expected:
        decoder(16000, 1, 0.0, None).run_sync([rm.File(path)])
    before = sum(sound.frames for sound in expected.value.outputs)
    assert before >= 16000 * 20
    with pytest.raises(rm.NodeError, match=r"^read 'cut.wav' at ") as caught:
        rm.read(path, rate=16000, channels=1)
    assert sum(sound.frames for sound in caught.value.outputs) == before
    with pytest.raises(rm.NodeError, match=r"^aread 'cut.wav' at ") as caught:
        asyncio.run(rm.aread(path, rate=16000, channels=1))
    assert sum(sound.frames for sound in caught.value.outputs) == before


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(1.0, "read 160000 frames"), (0.5, "ends too early: 39"), (0.0, "is not audio that remotemedia knows")],
)
def test_a_pipe_is_read_once(long_wav: tuple[str, Any], tmp_path: Path, sent: float, expected: str) -> None:
    rm.write(tmp_path / "whole.wav", rm.read(long_wav[0], duration_s=10.0))
    data = (tmp_path / "whole.wav").read_bytes()
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    code = (
        "import sys\n"
        "import remotemedia as rm\n"
        "try: print('read', rm.read(sys.argv[1], rate=16000, channels=1).frames, 'frames')\n"
        "except rm.NodeError as error: print(error)\n"
    )
    # A second reader would wait for ever for somebody who writes.
    with subprocess.Popen([sys.executable, "-c", code, pipe], stdout=subprocess.PIPE, text=True) as reader:
        try:
            pipe.write_bytes(data[: int(len(data) * sent)] or b"no sound " * 500)
            assert expected in reader.communicate(timeout=60)[0]
        finally:
            reader.kill()


def test_parts_leave_the_compiled_pipelines_of_others_alone(long_wav: tuple[str, Any]) -> None:
    rm.execute_sync('{"version": "v1", "nodes": [{"id": "kept", "node_type": "PassThrough"}]}', [1])
    before = dict(compiling._cache)
    objects = live_objects()
    places = random.Random(5)
    for _ in range(2 * compiling.CACHED):
        start = places.uniform(0, SECONDS - 1)
        assert rm.read(long_wav[0], start_s=start, duration_s=0.01).frames == 80
    assert compiling._cache == before
    # And each is gone with its call.
    assert eventually(lambda: live_objects()["pipelines"] == objects["pipelines"])


@pytest.mark.parametrize("length", [0.25, 12.0, 61.0])
def test_threads_read_parts_of_one_file_at_a_time(long_wav: tuple[str, Any], length: float) -> None:
    path, samples = long_wav
    starts = [random.Random(11).randrange(0, int((SECONDS - length) * RATE)) for _ in range(24)]

    def part(start: int) -> bool:
        audio = rm.read(path, start_s=start / RATE, duration_s=length)
        there = samples[:, start : start + int(length * RATE)]
        return audio.pts == start / RATE and numpy.array_equal(audio.samples, there)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(part, starts))


def test_numbers_that_are_equal_share_no_pipeline(long_wav: tuple[str, Any]) -> None:
    assert rm.read(long_wav[0], rate=16000, channels=1).rate == 16000
    for rate, channels in [(16000.0, 1), (16000, True), (16000, 1.0)]:
        with pytest.raises(rm.InvalidArgumentError, match="expected an integer"):
            rm.read(long_wav[0], rate=rate, channels=channels)  # type: ignore[arg-type]


def test_a_minute_of_sound_is_one_chunk(long_wav: tuple[str, Any]) -> None:
    path, samples = long_wav
    (chunk,) = decode_file(rm.File(path), os.path.getsize(path), None, None, 20.0, 60.0)
    assert numpy.array_equal(chunk.samples, samples[:, 20 * RATE : 80 * RATE])
    # An end that lies beyond that of the file takes no memory that it does not fill.
    (chunk,) = decode_file(rm.File(path), os.path.getsize(path), None, None, SECONDS - 2.0, 30.0)
    assert chunk.samples.shape == (2, 2 * RATE)
    assert chunk.samples.flags.c_contiguous
    assert len(decode_file(rm.File(path), os.path.getsize(path), None, None, 0.0, None)) == 2


async def test_parts_are_the_same_beside_the_loop(long_wav: tuple[str, Any]) -> None:
    path, samples = long_wav
    for start in (0, 4567, SECONDS * RATE - 100):
        audio = await rm.aread(path, start_s=start / RATE, duration_s=0.0125)
        assert numpy.array_equal(audio.samples, samples[:, start : start + 100])


@pytest.mark.parametrize("number", [numpy.float32, numpy.float64, numpy.int64, int])
def test_numbers_of_other_types_are_taken(long_wav: tuple[str, Any], number: Any) -> None:
    audio = rm.read(long_wav[0], start_s=number(3), duration_s=number(2))
    assert numpy.array_equal(audio.samples, long_wav[1][:, 3 * RATE : 5 * RATE])


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_s": -1},
        {"start_s": float("nan")},
        {"start_s": 1e300},
        {"start_s": "3"},
        {"start_s": 10**30},
        {"duration_s": -0.5},
        {"duration_s": True},
        {"start_s": 1.0, "rate": 0},
        {"start_s": 1.0, "channels": 0},
        {"start_s": 1.0, "rate": 16000.5},
    ],
)
def test_what_is_refused_is_refused_in_the_words_of_read_many(arguments: dict[str, Any]) -> None:
    # That one makes a pipeline of nodes.
    with pytest.raises(rm.errors.Error) as many:
        rm.read_many([SPEECH], **arguments)
    with pytest.raises(type(many.value)) as one:
        rm.read(SPEECH, **arguments)
    assert str(one.value).replace("read ", "read_many ") == str(many.value)


def test_a_forked_child_reads_parts_as_its_parent_did() -> None:
    code = (
        "import os, sys, warnings\n"
        "import remotemedia as rm\n"
        "warnings.simplefilter('ignore')\n"
        "path = sys.argv[1]\n"
        "before = rm.read(path, start_s=1.25, duration_s=0.5).frames, rm.read(path, duration_s=3).frames\n"
        "pid = os.fork()\n"
        "after = rm.read(path, start_s=1.25, duration_s=0.5).frames, rm.read(path, duration_s=3).frames\n"
        "assert before == after == (8000, 48000), (before, after)\n"
        "if pid == 0: os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code, os.fspath(SPEECH)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
