"""`read`, `info` and `write`: one `Audio` of a whole file and back, and what is said of files that are none."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from remotemedia._files import fetching
from remotemedia._files.concat import AudioConcatenator, concatenate

ROOT = Path(__file__).parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
MEDIA = ROOT / "tests" / "media"


def noise(channels: int, frames: int) -> Any:
    return numpy.random.default_rng(7).uniform(-0.9, 0.9, (channels, frames)).astype("float32")


def test_what_was_written_is_read_as_one_sound(tmp_path: Path) -> None:
    # 25 seconds: three chunks, of which the last one is shorter.
    samples = noise(2, 8000 * 25 + 17)
    rm.write(tmp_path / "a.wav", rm.Audio(samples, 8000), sample_format="f32")
    back = rm.read(tmp_path / "a.wav")
    assert (back.rate, back.layout, back.pts) == (8000, "stereo", 0.0)
    assert type(back.samples) is numpy.ndarray
    assert back.samples.flags.writeable
    assert numpy.array_equal(back.samples, samples)


@pytest.mark.parametrize("sample_format", ["s16", "s24"])
async def test_flac_is_written_and_read_beside_the_loop(tmp_path: Path, sample_format: str) -> None:
    samples = noise(2, 8000 * 21)
    await rm.awrite(tmp_path / "a.flac", rm.Audio(samples, 8000), sample_format=sample_format)
    back = await rm.aread(tmp_path / "a.flac")
    # Half a step of the format.
    assert numpy.abs(back.samples - samples).max() <= 0.5001 / 2 ** (int(sample_format[1:]) - 1)


async def test_without_another_thread_chunks_are_joined_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    # A short file with much in it.
    rm.write(tmp_path / "a.flac", rm.Audio(numpy.zeros((2, 8000 * 150), "float32"), 8000))
    monkeypatch.setattr(fetching, "_threads", fetching.Levels("remotemedia-fetch"))
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert (await rm.aread(tmp_path / "a.flac")).frames == 8000 * 150


def test_rate_and_channels_are_as_asked_for() -> None:
    plain = rm.read(SPEECH)
    assert (plain.rate, plain.channels, plain.frames) == (16000, 1, 113600)
    other = rm.read(SPEECH.read_bytes(), rate=8000, channels=2)
    assert (other.rate, other.layout, other.frames) == (8000, "stereo", 56800)
    chunks = (
        rm.nodes.AudioDecode(chunk_ms=60000) >> rm.nodes.AudioMix(channels=2) >> rm.nodes.AudioResample(rate=8000)
    ).run_sync([rm.File(SPEECH)])
    assert numpy.array_equal(other.samples, numpy.concatenate([chunk.samples for chunk in chunks], axis=1))


@pytest.mark.parametrize("file", sorted(path.name for path in MEDIA.glob("*.*") if path.suffix in (".m4a", ".flac")))
def test_info_tells_what_read_gives(file: str) -> None:
    sound, info = rm.read(MEDIA / file), rm.info(MEDIA / file)
    assert (info.rate, info.channels, info.layout) == (sound.rate, sound.channels, sound.layout)
    assert (info.frames, info.size) == (sound.frames, os.path.getsize(MEDIA / file))
    assert info.duration == pytest.approx(sound.duration, abs=1e-9)


def test_info_beside_the_loop_and_of_bytes() -> None:
    assert asyncio.run(rm.ainfo(rm.File(SPEECH.read_bytes()))) == rm.info(SPEECH)


@pytest.mark.parametrize("seconds", [0.5, 119.875, 120, 120.125, 300])
def test_info_counts_small_files_of_any_length(seconds: float, tmp_path: Path) -> None:
    file = tmp_path / "silence.flac"
    rm.write(file, numpy.zeros(int(8000 * seconds), "float32"), 8000)
    assert file.stat().st_size < 1 << 18
    info = rm.info(file)
    assert (info.frames, info.duration, info.codec) == (8000 * seconds, seconds, "flac")
    assert asyncio.run(rm.ainfo(file)) == info


@pytest.mark.parametrize("call", [rm.info, lambda path: asyncio.run(rm.ainfo(path))])
def test_info_reads_a_pipe_once_and_tells_its_size(call: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def info_of(content: bytes) -> rm.Info:
        writer = threading.Thread(target=lambda: pipe.write_bytes(content))
        writer.start()
        try:
            return call(pipe)
        finally:
            writer.join(10)

    assert info_of(SPEECH.read_bytes()) == rm.info(SPEECH)
    with pytest.raises(rm.NodeError, match="the file is not audio that remotemedia knows"):
        info_of(b"no sound")


def test_info_tells_container_codec_and_tags(tmp_path: Path) -> None:
    def frame(name: str, text: str) -> bytes:
        content = b"\x03" + text.encode()
        return name.encode() + len(content).to_bytes(4, "big") + b"\0\0" + content

    frames = frame("TIT2", "Ein Titel") + frame("TPE1", "Jemand") + frame("TCON", "Speech")
    assert len(frames) < 128
    tagged = tmp_path / "tagged.mp3"
    tagged.write_bytes(b"ID3\x04\0\0\0\0\0" + bytes([len(frames)]) + frames + (MEDIA / "bare.mp3").read_bytes())
    info = rm.info(tagged)
    assert (info.container, info.codec) == ("mp3", "mp3")
    assert info.tags == {"title": "Ein Titel", "artist": "Jemand", "genre": "Speech"}
    assert (rm.info(MEDIA / "alac.m4a").container, rm.info(MEDIA / "alac.m4a").codec) == ("mp4", "alac")


def test_without_numpy_a_sound_is_joined_too(tmp_path: Path) -> None:
    # More than 1 MiB, which is joined while it is decoded where numpy is.
    samples = noise(2, 8000 * 20)
    rm.write(tmp_path / "a.wav", rm.Audio(samples, 8000), sample_format="f32")
    code = (
        # As where it is not installed.
        "import sys\nsys.modules['numpy'] = None\nimport remotemedia as rm\n"
        f"back = rm.read({str(tmp_path / 'a.wav')!r})\n"
        "assert type(back.samples) is rm.Tensor and back.samples.shape == (2, 160000)\n"
        "sys.stdout.buffer.write(back.samples.data)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=True)
    assert done.stdout == samples.tobytes()


def test_chunks_of_strided_rows_are_joined() -> None:
    wide = noise(2, 100)
    chunks = [rm.Audio(wide[:, :40], 100, pts=2.0), rm.Audio(wide[:, 40:], 100, pts=2.4)]
    whole = concatenate(chunks, "it")
    assert numpy.array_equal(whole.samples, wide)
    assert (whole.pts, chunks) == (2.0, [])


async def test_a_large_file_is_read_as_its_chunks_say(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    await rm.awrite(path, rm.Audio(noise(2, 8000 * 45 + 1), 8000), sample_format="f32")
    decode = rm.nodes.AudioDecode() >> rm.nodes.AudioMix(channels=1) >> rm.nodes.AudioResample(rate=16000)
    expected = numpy.concatenate([chunk.samples for chunk in await decode.run([rm.File(path)])], axis=1)
    back = await rm.aread(path, rate=16000, channels=1)
    assert (back.rate, back.layout, back.pts) == (16000, "mono", 0.0)
    assert numpy.array_equal(back.samples, expected)
    assert numpy.array_equal((await rm.aread(path.read_bytes(), rate=16000, channels=1)).samples, expected)


def test_a_large_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    rm.write(path, rm.Audio(noise(2, 8000 * 25), 8000), sample_format="f32")
    path.write_bytes(path.read_bytes()[: 3 << 19])
    with pytest.raises(rm.NodeError, match=r"^read 'a.wav' at ") as caught:
        rm.read(path)
    outputs = caught.value.outputs
    assert isinstance(outputs, rm.Outputs)
    assert sum(sound.frames for sound in outputs) >= 80_000, "what came before it is not lost"


@pytest.mark.parametrize("seconds", [20, 60])
@pytest.mark.parametrize("call", ["rm.read(path)", "asyncio.run(rm.aread(path))"])
def test_no_more_sound_is_joined_than_results_may_take(tmp_path: Path, seconds: int, call: str) -> None:
    # 320,000 bytes of file, which the runtime counts, and 960,000 more, which are joined as they come.
    path = tmp_path / "a.wav"
    rm.write(path, rm.Audio(noise(2, 8000 * seconds), 8000))
    assert (path.stat().st_size >= 1 << 20) == (seconds == 60)
    code = (
        "import asyncio, numpy, remotemedia as rm\n"
        f"path = {str(path)!r}\n"
        "rm.configure(limits={'output_bytes': 1_000_000})\n"
        f"try: print({call}.frames)\n"
        "except rm.LimitExceededError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=True, text=True)
    assert done.stdout == (
        f"the sound of {str(path)!r} takes more than 1000000 bytes, the limit output_bytes; take a part of it with "
        "AudioDecode(start_s=..., duration_s=...), take it chunk by chunk with Pipeline.stream, or raise the limit "
        "with remotemedia.configure\n"
    )


def test_as_much_sound_is_joined_as_results_may_take() -> None:
    whole = noise(2, 100)
    concatenator = AudioConcatenator(most_bytes=10_000, limit=800)
    concatenator.expect(1.0)
    for index in range(4):
        concatenator.add(rm.Audio(whole[:, index * 25 : (index + 1) * 25], 100))
    assert numpy.array_equal(concatenate(concatenator.chunks(), "it").samples, whole)
    with pytest.raises(rm.LimitExceededError):
        concatenator.add(rm.Audio(whole[:, :1], 100))
    # What a head claims takes no memory that the limit does not allow.
    concatenator = AudioConcatenator(most_bytes=10_000, limit=800)
    concatenator.expect(1.01)
    concatenator.add(rm.Audio(whole[:, :25], 100))
    assert concatenator.chunks()[0].samples.base is whole


@pytest.mark.parametrize("duration", [None, 0.0, 0.01, 0.5, 0.99, 1.0, 1.01, 1000.0, float("inf"), float("nan")])
@pytest.mark.parametrize("known_at", [0, 1, 4])
def test_no_length_that_is_expected_changes_the_sound(duration: float | None, known_at: int) -> None:
    whole = noise(2, 100)
    concatenator = AudioConcatenator(most_bytes=10_000, limit=1 << 30)
    for index in range(4):
        if index == known_at and duration is not None:
            concatenator.expect(duration)
        concatenator.add(rm.Audio(whole[:, index * 25 : (index + 1) * 25], 100, pts=2.0 + index / 4))
    chunks = concatenator.chunks()
    assert (len(chunks) == 1) == (duration in (1.0, 1.01) and known_at < 4)
    sound = concatenate(chunks, "it")
    assert (sound.pts, sound.layout, sound.samples.flags.c_contiguous) == (2.0, "stereo", True)
    assert numpy.array_equal(sound.samples, whole)


def test_sound_that_changes_is_not_joined_as_it_comes() -> None:
    concatenator = AudioConcatenator(most_bytes=10_000, limit=1 << 30)
    concatenator.expect(0.3)
    for channels in (2, 1, 2):
        concatenator.add(rm.Audio(noise(channels, 10), 100))
    assert [chunk.channels for chunk in concatenator.chunks()] == [2, 1, 2]


def test_a_sound_that_changes_within_its_file_is_refused() -> None:
    first, mono = rm.Audio(noise(2, 10), 100), rm.Audio(noise(1, 10), 100, pts=0.1)
    with pytest.raises(rm.MarshalError) as caught:
        concatenate([first, mono], "the sound of 'a.ogg'")
    assert str(caught.value) == (
        "the sound of 'a.ogg' changes from 2 to 1 channels at 0.100 s; pass channels=2 to have all of it alike"
    )
    with pytest.raises(rm.MarshalError) as caught:
        concatenate([mono, rm.Audio(noise(1, 10), 200)], "it")
    assert str(caught.value) == "it changes from 100 Hz to 200 Hz; pass rate=100 to have all of it alike"


def test_a_file_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(b"earlier")
    with pytest.raises(rm.NodeError, match=r"^write: FLAC holds"):
        # FLAC has at most 8 channels.
        rm.write(path, rm.Audio(noise(9, 100), 8000))
    assert path.read_bytes() == b"earlier"
    assert os.listdir(tmp_path) == ["a.flac"]


async def test_a_write_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    # Seconds of work for the encoder.
    task = asyncio.ensure_future(rm.awrite(tmp_path / "a.flac", rm.Audio(noise(2, 6_000_000), 48000)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "a.flac").exists()


SOUND = rm.Audio(numpy.zeros((1, 10), "float32"), 8000)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: rm.write("a.xyz", SOUND),
            rm.InvalidArgumentError,
            'format: expected "wav", "flac" or "opus", or a path that ends in .wav, .flac or .opus, '
            "got the path 'a.xyz'",
        ),
        (
            lambda: rm.write("a.wav", SOUND, sample_format="s12"),
            rm.InvalidArgumentError,
            'sample_format: expected "s16", "s24" or "f32", got the text "s12"; did you mean "s16"?',
        ),
        (
            lambda: rm.write("/nowhere/at/all/a.wav", SOUND),
            FileNotFoundError,
            "no such folder '/nowhere/at/all'; create it first",
        ),
        (
            lambda: rm.write("a.wav", [0.5]),  # type: ignore[arg-type]
            rm.MarshalError,
            'write takes an Audio or an array; write numpy.asarray(samples, dtype="float32")',
        ),
        (lambda: rm.read("/nowhere/a.wav"), FileNotFoundError, "no such file '/nowhere/a.wav'"),
        (lambda: rm.info("nowhere.wav"), FileNotFoundError, f"no such file 'nowhere.wav' in {os.getcwd()}"),
        (
            lambda: rm.read(SPEECH, rate=3),
            rm.InvalidArgumentError,
            "rate: expected an integer from 1000 to 768000, got 3",
        ),
        (
            lambda: rm.read(SPEECH, channels=0),
            rm.InvalidArgumentError,
            "channels: expected an integer from 1 to 1024, got 0",
        ),
    ],
)
def test_what_is_refused(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_a_file_in_a_folder_without_permission_may_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: str, **_: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "stat", refused)
    with pytest.raises(PermissionError) as caught:
        rm.read("private/a.wav")
    assert str(caught.value) == "no permission to read 'private/a.wav'; check the rights of its folders"


def test_what_can_not_be_looked_at_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    circle = tmp_path / "circle.wav"
    circle.symlink_to(circle)
    with pytest.raises(OSError, match=r"circle.wav' can't be opened: .*; check its links, and the disk or") as caught:
        rm.read(circle)
    assert caught.value.errno == errno.ELOOP

    def stale(path: str, **_: Any) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)

    monkeypatch.setattr(os, "stat", stale)
    with pytest.raises(OSError, match=r"'share/a.wav' can't be opened: .* network share") as caught:
        rm.info("share/a.wav")
    assert caught.value.errno == errno.ESTALE


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    rm.write(tmp_path / "a.wav", rm.Audio(numpy.zeros((1, 0), "float32"), 8000))
    for call in (rm.read, rm.info):
        with pytest.raises(rm.MarshalError) as caught:
            call(tmp_path / "a.wav")
        assert str(caught.value) == f"{str(tmp_path / 'a.wav')!r} holds no sound, not one frame"


def test_a_part_of_less_than_a_frame_is_refused() -> None:
    message = f"{str(SPEECH)!r} holds no sound in the 1e-06 s of `duration_s`, not one frame"
    with pytest.raises(rm.MarshalError) as caught:
        rm.read(SPEECH, start_s=0.5, duration_s=1e-6)
    assert str(caught.value) == message
    (loaded,) = rm.read_many([SPEECH], start_s=0.5, duration_s=1e-6)
    assert str(loaded.error) == message


async def test_inside_a_loop_they_block_as_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    rm.write(path, SOUND)
    assert rm.info(path).frames == SOUND.frames
    assert rm.read(path).frames == (await rm.aread(path)).frames == SOUND.frames
