"""Where audio is read from and written to: file objects, arrays, paths that begin with `~`; and what is refused."""

from __future__ import annotations

import array
import ast
import asyncio
import glob
import inspect
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import eventually
from remotemedia._files.places import file_of
from remotemedia._files.words import numbered
from remotemedia.integrations._batches import BatchRunner

SAMPLES = (np.random.default_rng(3).uniform(-0.5, 0.5, (2, 1600)) * 32768).round().astype("float32") / 32768
AUDIO = rm.Audio(SAMPLES, 16000, pts=0.0)
FLAC = Path(rm.testing.__file__).with_name("speech.flac")


class Dribble(io.RawIOBase):
    """Takes few bytes at a time, as a socket or a pipe may."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.taken += bytes(data[:1000])
        return min(len(data), 1000)


class Told(Dribble):
    """Takes all, and says so by a truth value."""

    def write(self, data: Any) -> Any:
        self.taken += bytes(data)
        return True


class AsyncFile:
    """A file whose methods are awaited on the loop that it belongs to, as of aiofiles, anyio and Starlette."""

    def __init__(self, content: bytes = b"", at_once: int = 1 << 30) -> None:
        self.file, self.at_once = io.BytesIO(content), at_once

    async def read(self, size: int = -1) -> bytes:
        asyncio.get_running_loop()
        return self.file.read(size)

    async def write(self, data: Any) -> int:
        asyncio.get_running_loop()
        return self.file.write(data[: self.at_once])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tempfile.mkdtemp(dir=tmp_path))
    return tmp_path


@pytest.mark.parametrize("file_format", ["wav", "flac", "opus"])
async def test_file_objects_are_written_and_read(file_format: Any, tmp_path: Path) -> None:
    memory = io.BytesIO()
    rm.write(memory, AUDIO, format=file_format)
    path = tmp_path / f"a.{file_format}"
    rm.write(path, AUDIO)
    if file_format != "opus":  # its serial number is random
        assert memory.getvalue() == path.read_bytes()
    memory.seek(0)
    heard = rm.read(memory)
    assert heard == rm.read(memory.getvalue())
    beside = io.BytesIO()
    await rm.awrite(beside, AUDIO, format=file_format)
    beside.seek(0)
    assert (await rm.aread(beside)).frames == heard.frames
    if file_format != "opus":
        assert heard == AUDIO
    with path.open("rb") as file:
        assert rm.info(file).frames == heard.frames
    with path.open("rb") as file:
        assert (await rm.ainfo(file)).frames == heard.frames


async def test_speech_segments_of_a_file_object() -> None:
    expected = [segment["start_s"] for segment in rm.speech_segments(FLAC)]
    with FLAC.open("rb") as file:
        assert [segment["start_s"] for segment in rm.speech_segments(file)] == expected
    with FLAC.open("rb") as file:
        assert [segment["start_s"] for segment in await rm.aspeech_segments(file)] == expected


async def test_what_takes_bytes_in_parts_gets_all() -> None:
    target, beside, awaited, told = Dribble(), Dribble(), AsyncFile(at_once=1000), Told()
    rm.write(told, AUDIO, format="wav")
    assert rm.read(told.taken) == AUDIO
    rm.write(target, AUDIO, format="wav")
    await rm.awrite(beside, AUDIO, format="wav")
    await rm.awrite(awaited, AUDIO, format="wav")
    assert rm.read(target.taken) == rm.read(beside.taken) == rm.read(awaited.file.getvalue()) == AUDIO


def test_a_folder_that_can_not_be_looked_at_is_not_called_missing(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(rm.NodeError, match=r"the links of '.*circle/a\.wav' lead round in a circle"):
        rm.write(circle / "a.wav", AUDIO)
    for missing in (tmp_path / "none" / "a.wav", FLAC / "a.wav", f"{tmp_path}/a\0b/a.wav"):
        with pytest.raises(FileNotFoundError, match=r"no such folder .*; create it first"):
            rm.write(missing, AUDIO)


@pytest.mark.parametrize("count", [0, -1])
async def test_a_write_that_takes_nothing_is_called_so(count: int) -> None:
    class Stuck:
        calls = 0

        def write(self, data: Any) -> int:
            self.calls += 1
            assert self.calls < 9, "the same bytes are written again and again"
            return 1000 if self.calls == 1 else count

    expected = rf"write of the file object returned {count}, and 1000 of {len(_wav(AUDIO))} bytes are written; it has"
    for call in (rm.write, rm.awrite):
        with pytest.raises(rm.InvalidArgumentError, match=expected):
            await _done(call(Stuck(), AUDIO, format="wav"))


def _wav(audio: rm.Audio) -> bytes:
    memory = io.BytesIO()
    rm.write(memory, audio, format="wav")
    return memory.getvalue()


async def test_members_of_archives_are_read() -> None:
    heard, packed = rm.read(FLAC), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(FLAC, "speech.flac")
    with tarfile.open(fileobj=io.BytesIO(packed.getvalue())) as tar:
        for call in (rm.read, rm.aread):
            member: Any = tar.extractfile("speech.flac")
            returned: Any = call(member)
            assert (await returned if inspect.isawaitable(returned) else returned) == heard
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(FLAC, "speech.flac")
    with zipfile.ZipFile(packed) as archive, archive.open("speech.flac") as member:
        assert rm.read(member) == heard


async def test_a_file_that_does_not_block_loses_nothing_without_a_word() -> None:
    sound = rm.Audio(np.zeros((1, 500_000), "float32"), 16000)
    for call in (rm.write, rm.awrite):
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with io.FileIO(reading) as reader, io.FileIO(writing, "wb") as file:
            with pytest.raises(BlockingIOError, match=r"does not block and has no room: .* make it block, ") as caught:
                await _done(call(file, sound, format="wav"))
            arrived = reader.read(1 << 20)
        assert 0 < len(arrived) == caught.value.characters_written


async def test_a_file_that_does_not_block_is_read_to_its_end_or_not_at_all() -> None:
    content = FLAC.read_bytes()
    for call, opened in [(rm.read, io.FileIO), (rm.read, _buffered), (rm.aread, io.FileIO), (rm.aread, _buffered)]:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        with opened(reading) as reader, io.FileIO(writing, "wb") as writer:
            for part in (b"", content[:5000]):
                writer.write(part)
                expected = rf"does not block, and its end has not come: {len(part)} bytes are read; make it block, "
                with pytest.raises(BlockingIOError, match=expected):
                    await _done(call(reader))
            writer.write(content[:20_000])
            writer.close()
            with pytest.raises(rm.NodeError, match="ends too early"):
                await _done(call(reader))


def _buffered(number: int) -> io.BufferedReader:
    return io.BufferedReader(io.FileIO(number))


async def _done(returned: Any) -> None:
    if returned is not None:
        await returned


async def test_what_is_awaited_takes_async_files() -> None:
    content = FLAC.read_bytes()
    heard, segments = rm.read(FLAC), rm.speech_segments(FLAC)
    assert await rm.aread(AsyncFile(content)) == heard
    assert (await rm.ainfo(AsyncFile(content))).frames == heard.frames
    assert len(await rm.aspeech_segments(AsyncFile(content))) == len(segments)
    first, second = await rm.aread_many([AsyncFile(content), AsyncFile(b"no sound")])
    assert first.audio == heard
    assert isinstance(second.error, rm.NodeError)
    with pytest.raises(rm.InvalidArgumentError, match=r"^the file object has nothing left to read"):
        await rm.aread(AsyncFile())


@pytest.mark.filterwarnings("error")
def test_what_awaits_nothing_refuses_async_files() -> None:
    file = AsyncFile(FLAC.read_bytes())
    for call in (rm.read, rm.info, rm.speech_segments):
        wanted = (
            f"^the file object is async, and {call.__name__} awaits nothing; pass its bytes, `await file.read\\(\\)`"
        )
        with pytest.raises(rm.InvalidArgumentError, match=wanted):
            call(file)
    (loaded,) = rm.read_many([file])
    assert "read_many awaits nothing" in str(loaded.error)
    target = AsyncFile()
    with pytest.raises(rm.InvalidArgumentError, match=r"write awaits nothing; write await rm.awrite\(...\)$"):
        rm.write(target, AUDIO, format="wav")
    assert target.file.getvalue() == b""


async def test_what_is_awaited_leaves_the_loop_free_while_an_address_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_turned = threading.Event()

    class Fsspec:
        """Opens what is there once the loop has had a turn."""

        @staticmethod
        def open(_address: str, _mode: str) -> Any:
            assert has_turned.wait(10), "the event loop stood still"
            return FLAC.open("rb")

    monkeypatch.setitem(sys.modules, "fsspec", Fsspec)
    reading = asyncio.ensure_future(rm.aread("s3://bucket/speech.flac"))
    await asyncio.sleep(0)
    has_turned.set()
    assert await reading == rm.read(FLAC)


@pytest.mark.parametrize(
    "samples",
    [
        SAMPLES,
        SAMPLES.astype("float64"),
        SAMPLES[0],
        np.asfortranarray(SAMPLES),
        array.array("f", SAMPLES[0].tolist()),
        rm.Tensor(SAMPLES.tobytes(), "float32", (2, 1600)),
    ],
    ids=["float32", "float64", "mono", "strided", "array", "tensor"],
)
async def test_an_array_is_written_with_its_rate(samples: Any, tmp_path: Path) -> None:
    rm.write(tmp_path / "a.wav", samples, rate=16000)
    await rm.awrite(tmp_path / "b.wav", samples, rate=16000)
    heard = rm.read(tmp_path / "a.wav")
    expected = SAMPLES if np.asarray(samples).ndim == 2 else SAMPLES[:1]
    assert np.array_equal(heard.samples, expected)
    assert rm.read(tmp_path / "b.wav") == heard


def test_audio_without_a_frame_is_a_file_too() -> None:
    target = io.BytesIO()
    rm.write(target, AUDIO[:0], format="wav")
    assert target.getvalue()[:4] == b"RIFF"


def test_the_format_may_be_named_instead_of_the_suffix(tmp_path: Path) -> None:
    rm.write(tmp_path / "audio.bin", AUDIO, format="flac", sample_format="s24")
    assert rm.info(tmp_path / "audio.bin").codec == "flac"


def names_in(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_a_path_may_begin_with_the_home(home: Path) -> None:
    rm.write("~/a.wav", AUDIO)
    await rm.awrite("~/b.wav", AUDIO)
    AUDIO.save("~/c.wav")
    assert names_in(home, "*.wav") == ["a.wav", "b.wav", "c.wav"]
    assert rm.read("~/a.wav") == AUDIO == rm.read(Path("~/b.wav"))
    assert rm.info("~/c.wav").frames == 1600
    assert rm.File("~/a.wav").path == str(home / "a.wav")
    assert rm.speech_segments("~/a.wav") == []
    decode = rm.Pipeline() >> rm.nodes.AudioDecode() >> rm.nodes.AudioEncode(path="~/d.wav")
    (home / "p.yaml").write_text(decode.to_yaml(), "utf-8")
    assert list(rm.Pipeline.load("~/p.yaml").run_sync([Path("~/a.wav")])) == [rm.File(str(home / "d.wav"), "audio/wav")]
    assert list(rm.execute_sync(Path("~/p.yaml"), [rm.File("~/a.wav")])) == [rm.File(str(home / "d.wav"), "audio/wav")]
    source = rm.Pipeline() >> rm.nodes.FileSource("~/*.wav") >> rm.nodes.AudioDecode()
    assert len(source.run_sync()) == 4
    async with decode.session(trace="~/trace.json"):
        pass
    assert names_in(home, "trace*") == ["trace.json"]
    assert names_in(Path(), "*") == []


def test_a_file_that_is_called_so_is_meant(home: Path) -> None:
    Path("~").mkdir()
    rm.write(home / "a.wav", AUDIO)
    os.link(home / "a.wav", "~/b.wav")
    assert rm.read("~/b.wav") == AUDIO


def test_a_user_without_a_home_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> None:
        raise KeyError

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for call in (lambda: rm.write("~/a.wav", AUDIO), lambda: rm.read("~/a.wav"), lambda: rm.nodes.FileSink("~/a.wav")):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            call()
        assert str(caught.value) == (
            "'~/a.wav': this user has no home folder, by HOME or in the system's list of users; set HOME, or write the "
            "path without ~"
        )
    assert os.listdir() == []
    # No user's folder is asked for.
    rm.write("~a.wav", AUDIO)
    assert rm.read("~a.wav") == AUDIO


LATIN_1 = os.fsdecode(b"caf\xe9.wav")


def in_latin_1(folder: Path, content: bytes) -> Path:
    path = folder / LATIN_1
    try:
        path.write_bytes(content)
    except OSError:
        pytest.skip("this file system has no such names")
    return path


async def test_files_whose_names_are_not_utf8_are_read(tmp_path: Path) -> None:
    rm.write(tmp_path / "a.wav", AUDIO)
    path = in_latin_1(tmp_path, (tmp_path / "a.wav").read_bytes())
    url = path.as_uri()
    assert url.endswith("/caf%E9.wav")
    for source in (path, str(path), os.fsencode(path).decode(errors="surrogateescape"), rm.File(path), url):
        assert rm.read(source) == AUDIO == await rm.aread(source)
        assert rm.read(source, start_s=0.05) == AUDIO[0.05:]
        assert (rm.info(source).frames, (await rm.ainfo(source)).size) == (1600, path.stat().st_size)
        assert rm.speech_segments(source) == []
        (loaded,) = rm.read_many([source])
        assert (loaded.audio, loaded.source) == (AUDIO, source)
    del loaded
    assert [each.audio for each in rm.iter_many([path] * 50)] == [AUDIO] * 50
    # The thread that opened the last one is about to forget it.
    assert await asyncio.to_thread(eventually, lambda: not numbered)


def test_errors_call_such_files_by_their_names(tmp_path: Path) -> None:
    path = in_latin_1(tmp_path, b"no sound")
    begin = f"'caf\\udce9.wav': {str(path)!r} is not audio that remotemedia knows; "
    for call in (rm.read, rm.info, rm.speech_segments):
        with pytest.raises(rm.NodeError) as caught:
            call(path)
        assert str(caught.value).startswith(f"{call.__name__} {begin}")
        assert caught.value.input == LATIN_1
    (loaded,) = rm.read_many([path])
    assert str(loaded.error).startswith(f"read_many {begin}")
    rm.write(tmp_path / "empty.wav", AUDIO[:0])
    path.write_bytes((tmp_path / "empty.wav").read_bytes())
    with pytest.raises(rm.MarshalError) as refused:
        rm.read(path)
    assert str(refused.value) == f"{str(path)!r} holds no sound, not one frame"
    with pytest.raises(rm.InvalidArgumentError) as unwritten:
        rm.write(path, AUDIO)
    assert str(unwritten.value) == (
        f"the path {str(path)!r} is not UTF-8, as a path of the runtime is; open it yourself: "
        "with open(path, 'wb') as file: write(file, audio, format='wav')"
    )
    with path.open("wb") as file:
        rm.write(file, AUDIO, format="wav")
    assert rm.read(path) == AUDIO


def test_they_are_read_without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rm.write(tmp_path / "a.wav", AUDIO)
    path = in_latin_1(tmp_path, (tmp_path / "a.wav").read_bytes())
    there = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda place: not str(place).startswith("/dev/fd/") and there(place))
    assert rm.read(path) == AUDIO
    assert file_of(path, "read").data == path.read_bytes()


def test_seeds_know_such_files_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rm.write(tmp_path / "a.wav", AUDIO)
    path = in_latin_1(tmp_path, (tmp_path / "a.wav").read_bytes())
    other, folder = tmp_path / os.fsdecode(b"caf\xe8.wav"), tmp_path / os.fsdecode(b"\xe9")
    shutil.copy(path, other)
    folder.mkdir()
    shutil.copy(path, folder / "a.wav")
    paths = [path, other, folder / "a.wav", tmp_path / "a.wav"]
    crop = rm.nodes.AudioDecode() >> rm.nodes.RandomCrop(duration_s=0.01, seed=5)

    def drawn(paths: list[Path]) -> list[bytes]:
        rows = BatchRunner(crop, call="run", strict=True).run(paths, threads=2)
        return [row.outputs[0].samples.tobytes() for row in rows if row.outputs]

    first = drawn(paths)
    assert len(set(first)) == 3
    assert first[2] == first[3]
    with open(os.devnull):
        assert drawn(paths[::-1]) == first[::-1]
    there = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda place: not str(place).startswith("/dev/fd/") and there(place))
    assert drawn(paths) == first


LATIN_1_LOCALE = """
import os, sys
import remotemedia as rm
os.chdir(sys.argv[1])
# What Python does where the locale is of ISO-8859-1, which few machines have.
sys.getfilesystemencoding = lambda: "iso8859-1"
os.fsencode = lambda path: os.fspath(path).encode("iso8859-1")
os.fsdecode = lambda path: os.fspath(path) if isinstance(path, str) else path.decode("iso8859-1")
sound = rm.testing.speech()
name = "Zo\u00c3\u00ab.wav"  # As the terminal's bytes of Zo\u00eb are read there.
(made,) = (rm.Pipeline() >> rm.nodes.AudioEncode(format="wav") >> rm.nodes.FileSink(name)).run_sync([sound])
assert made.path == name, made
rm.write("again" + name, sound)
for wrong in ("Zo\u00eb.wav", "\u65e5.wav"):
    try:
        rm.write(wrong, sound)
    except rm.InvalidArgumentError as error:
        print(ascii(str(error)))
"""


def test_the_bytes_of_a_path_are_those_of_the_locale(tmp_path: Path) -> None:
    code = LATIN_1_LOCALE
    found = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert names_in(tmp_path, "*") == ["Zoë.wav", "againZoë.wav"]
    not_utf8, lacking = map(ast.literal_eval, found.stdout.splitlines())
    assert not_utf8.startswith("the path 'Zoë.wav' is not UTF-8, as a path of the runtime is; open it yourself: ")
    assert lacking == (
        "the path '日.wav' has '日', which iso8859-1, the encoding of file names here, lacks; run Python with -X utf8, "
        "or give the file another name"
    )


CLOSE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* Closes as a network share does that has no room for what was written. */
int close(int file) {
    int (*system_close)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    int closed = system_close(file);
    if (length < 5 || memcmp(path + length - 5, ".part", 5) != 0) return closed;
    errno = EDQUOT;
    return -1;
}
"""


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="it takes a C compiler")
def test_a_file_that_can_not_be_closed_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "close.c").write_text(CLOSE)
    library = tmp_path / "close.so"
    subprocess.run(["cc", "-shared", "-fPIC", tmp_path / "close.c", "-o", library, "-ldl"], check=True, timeout=60)
    out = tmp_path / "out"
    out.mkdir()
    (out / "old.wav").write_bytes(b"old")
    code = """
import sys, remotemedia as rm
for name in ("new.wav", "old.wav"):
    try:
        rm.write(f"{sys.argv[1]}/{name}", rm.testing.speech())
    except rm.NodeError as error:
        print(error)
"""
    words = [sys.executable, "-c", code, out]
    preloaded = {**os.environ, "LD_PRELOAD": str(library)}
    found = subprocess.run(words, capture_output=True, text=True, env=preloaded, timeout=60)
    assert found.stdout.splitlines() == [
        f"write at 00:00:00.000: '{out}/{name}' can't be written: Disk quota exceeded (os error 122). "
        "Make room within the quota, or write to another disk."
        for name in ("new.wav", "old.wav")
    ], found.stderr
    assert names_in(out, "*") == ["old.wav"]
    assert (out / "old.wav").read_bytes() == b"old"


async def test_a_file_url_is_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a b%ü#?.wav"
    rm.write(path.as_uri(), AUDIO)
    assert rm.read(path) == AUDIO == rm.read(path.as_uri())
    AUDIO.save(path.as_uri().replace("file://", "FILE://localhost"))
    await rm.awrite(path.as_uri(), AUDIO)
    assert rm.read(path.as_uri().replace("file://", "File://")) == AUDIO
    rm.write(path.as_uri().replace("file://", "FILE:"), AUDIO)
    assert names_in(tmp_path, "*") == [path.name]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rm.write("s3://bucket/a.wav", AUDIO),
            "'s3://bucket/a.wav' is an address, and write writes files; write "
            "with fsspec.open('s3://bucket/a.wav', 'wb') as file: write(file, audio, format='wav')",
        ),
        (
            lambda: asyncio.run(rm.awrite("data:audio/wav,", AUDIO)),
            "'data:audio/wav,' is an address, and awrite writes files; write "
            "file = io.BytesIO(); awrite(file, audio, format='wav')",
        ),
        (
            lambda: rm.write("file://a/b.wav", AUDIO),
            "'file://a/b.wav' names a file of the machine 'a'; a path needs no file:// before it: 'a/b.wav'",
        ),
        (
            lambda: rm.read("file://b.wav"),
            "'file://b.wav' names a file of the machine 'b.wav'; a path needs no file:// before it: 'b.wav'",
        ),
    ],
)
def test_addresses_that_can_not_be_taken_are_called_so(call: Any, message: str) -> None:
    with pytest.raises(rm.InvalidArgumentError) as caught:
        call()
    assert str(caught.value) == message


def test_a_column_of_pyarrow_is_told_how_to_be_a_list() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    column = pyarrow.array([str(FLAC)])
    with pytest.raises(rm.MarshalError, match=r"not StringScalar; pass its as_py\(\)$"):
        rm.read(column[0])
    (loaded,) = rm.read_many(column)
    assert str(loaded.error).endswith("not StringScalar; pass column.to_pylist()")
    (loaded,) = rm.read_many(column.to_pylist())
    assert loaded.audio is not None


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: rm.read(AUDIO), rm.MarshalError, "and this is an Audio already"),
        (lambda: rm.read(["a.wav"]), rm.MarshalError, r"one at a time: \[rm.read\(each\) for each in paths\]"),
        (
            lambda: rm.info(3),
            rm.MarshalError,
            "^info takes a path, the bytes of a file, a file object or a File, not int",
        ),
        (lambda: rm.read(SAMPLES), rm.MarshalError, r"not ndarray; sound of samples is rm.Audio\(samples, rate=...\)"),
        (lambda: rm.speech_segments(None), rm.MarshalError, "^speech_segments takes an Audio, a path"),
        (lambda: rm.read(io.StringIO("a")), rm.InvalidArgumentError, r'for bytes: open\(path, "rb"\)'),
        (lambda: rm.read(io.BytesIO()), rm.InvalidArgumentError, r"nothing left to read; .* file.seek\(0\)"),
        (
            lambda: rm.read("nowhere://a.b/c.wav"),
            # Without fsspec, and with it.
            (rm.LibraryError, ValueError),
            "an address, and read takes|not known",
        ),
        (lambda: rm.read("*.wav"), FileNotFoundError, r"read takes one file; for each of them: \[rm.read\(path\) for"),
        (lambda: rm.info(os.sep), IsADirectoryError, "'/' is a folder, and info takes one file"),
        (lambda: rm.write(AUDIO, "a.wav"), rm.MarshalError, r"takes the path first: write\(path, audio\)"),
        (lambda: rm.write("a.wav", SAMPLES), rm.InvalidArgumentError, r"needs the rate of an array: write\(path, sam"),
        (lambda: rm.write("a.wav", AUDIO, rate=8000), rm.InvalidArgumentError, r"audio.resample\(8000\)"),
        (lambda: rm.write("a.wav", b"ab", rate=8000), rm.MarshalError, "Audio.from_pcm"),
        (lambda: rm.write("a.wav", None), rm.MarshalError, "takes an Audio, not NoneType"),
        (lambda: rm.write(io.BytesIO(), AUDIO), rm.InvalidArgumentError, r"write\(file, audio, format='wav'\)"),
        (lambda: rm.write(io.StringIO(), AUDIO, format="wav"), rm.InvalidArgumentError, r'open\(path, "wb"\)'),
        (
            lambda: rm.write(3, AUDIO),
            rm.MarshalError,
            "takes a path or a file object that is opened for bytes, not int",
        ),
        (lambda: rm.write(os.sep, AUDIO), IsADirectoryError, "'/' is a folder; write a file in it: '/audio.wav'"),
        (lambda: rm.write(io.BytesIO(), AUDIO, format="mp3"), rm.InvalidArgumentError, "^format: "),
    ],
)
def test_what_is_no_place_is_refused_in_the_words_of_the_call(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with nothing but two files of sound."""
    (tmp_path / "sounds").mkdir()
    for name in ("a.wav", "b.wav"):
        rm.write(tmp_path / "sounds" / name, AUDIO)
    return tmp_path / "sounds"


def sources_of(folder: Path) -> dict[str, Any]:
    """What is given for one source, though it is several."""
    return {"folder": folder, "pattern": str(folder / "*.wav"), "list": sorted(folder.iterdir())}


async def run(code: str, names: dict[str, Any]) -> Any:
    """The value of an expression as a user has typed it, with `await` where an event loop runs."""
    value = eval(
        compile(code, "cure", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT),
        {"rm": rm, "pathlib": pathlib, "glob": glob, **names},
    )
    return await value if inspect.iscoroutine(value) else value


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("given", ["folder", "pattern", "list"])
@pytest.mark.parametrize("name", ["read", "info", "speech_segments", "aread", "ainfo", "aspeech_segments"])
async def test_what_is_several_files_is_refused_with_code_that_runs(name: str, given: str, folder: Path) -> None:
    code, sources = f"{'await ' * name.startswith('a')}rm.{name}(source)", sources_of(folder)
    with pytest.raises((IsADirectoryError, FileNotFoundError, rm.MarshalError)) as refused:
        await run(code, {"source": sources[given]})
    cured = await run(str(refused.value).rpartition(": ")[2], {"paths": sources["list"]})
    assert cured == [await run(code, {"source": path}) for path in sources["list"]]
    assert len(cured) == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("given", ["folder", "pattern", "list"])
@pytest.mark.parametrize(
    "code",
    [
        "rm.read_many(sources)",
        "list(rm.iter_many(sources))",
        "await rm.aread_many(sources)",
        "[each async for each in rm.aiter_many(sources)]",
    ],
)
async def test_what_is_several_files_is_passed_as_several(code: str, given: str, folder: Path) -> None:
    (refused,) = await run(code, {"sources": [sources_of(folder)[given]]})
    message = str(refused.error)
    if given == "list":
        assert message.endswith("for each source, not list; give what is in it as sources of their own")
        return
    sources = await run(message.rpartition(": ")[2], {})
    loaded = await run(code, {"sources": sources})
    assert [each.audio for each in loaded] == [AUDIO, AUDIO]


async def test_channels_without_places_are_mixed_by_the_node_that_the_error_names() -> None:
    samples = np.random.default_rng(4).uniform(-0.5, 0.5, (3, 1600)).astype("float32")
    memory = io.BytesIO()
    rm.write(memory, rm.Audio(samples, 16000), format="wav", sample_format="f32")
    source = memory.getvalue()
    assert rm.read(source).layout is None
    errors: list[Any] = [each.error for each in rm.read_many([source], channels=2)]
    for code in ("rm.read(source, channels=2)", "await rm.aread(source, channels=2)"):
        with pytest.raises(rm.NodeError) as refused:
            await run(code, {"source": source})
        errors.append(refused.value)
    for error in errors:
        node = "AudioMix(channels=2, gains=[[1, 0, 0], [0, 1, 0]])"
        assert str(error).endswith(f". Leave channels out and mix with {node}, or pass channels=1.")
        assert error.cure is None or node in error.cure
        mixed = (rm.Pipeline() >> eval(f"rm.nodes.{node}")).run_sync([rm.read(source)])
        assert np.array_equal(np.asarray(mixed[0]), samples[:2])
    assert np.allclose(rm.read(source, channels=1).samples[0], samples.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("int16", "s16"),
        ("s16le", "s16"),
        ("pcm_s16le", "s16"),
        ("PCM_16", "s16"),
        ("S16_LE", "s16"),
        (np.int16, "s16"),
        (np.dtype("int16"), "s16"),
        (16, "s16"),
        ("float32", "f32"),
        (np.float32, "f32"),
        ("FLOAT", "f32"),
        ("s24le", "s24"),
        ("int32", "s32"),
        ("uint8", "u8"),
        ("ulaw", "mulaw"),
        ("mu-law", "mulaw"),
        ("a-law", "alaw"),
        ("mp3", None),
        ("s16\0", "s16"),
    ],
)
def test_a_wrong_format_of_samples_names_the_right_one(name: Any, meant: str | None) -> None:
    cure = "" if meant is None else f"; did you mean {meant!r}?"
    message = f"sample_format must be one of u8, s16, s24, s32, f32, mulaw, alaw, got {name!r}{cure}"
    for call in (
        lambda: rm.PCM(name, 16000, 1),
        lambda: rm.Audio.from_pcm(b"", name, 16000, 1),
        lambda: AUDIO.to_pcm(name),
    ):
        with pytest.raises(rm.InvalidArgumentError) as caught:
            call()
        assert str(caught.value) == message


def test_formats_of_samples_have_one_name_and_the_old_one() -> None:
    pcm = AUDIO.to_pcm(sample_format="s16")
    assert pcm == AUDIO.to_pcm("s16") == AUDIO.to_pcm(format="s16")
    plain = rm.Audio.from_pcm(pcm, sample_format="s16", rate=16000, channels=2)
    assert plain == rm.Audio.from_pcm(pcm, format="s16", rate=16000, channels=2)
    new, old = (
        rm.PCM(sample_format="s16", rate=16000, channels=2),
        rm.PCM(format="s16", rate=16000, channels=2),
    )
    assert repr(new) == repr(old) == "PCM('s16', 16000, 2)"
    assert (new.sample_format, new.format) == ("s16", "s16")
    with pytest.raises(rm.InvalidArgumentError, match="format is the old name of sample_format; leave one"):
        AUDIO.to_pcm("s16", format="s16")
