"""`read_many`, `iter_many` and their async twins; parts of files; URLs and addresses in place of paths."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import queue
import sys
import threading
import types
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from ogg_pages import page_of

ROOT = Path(__file__).resolve().parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
MEDIA = ROOT / "tests" / "media"


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Forty short files of different lengths and content, as WAV and FLAC."""
    chance = numpy.random.default_rng(5)
    paths = []
    for number in range(40):
        samples = chance.uniform(-0.5, 0.5, (1 + number % 2, 800 + 37 * number)).astype("float32")
        paths.append(tmp_path / f"{number}.{'wav' if number % 3 else 'flac'}")
        rm.write(paths[-1], samples, rate=16000)
    return paths


def same(left: rm.Audio | None, right: rm.Audio) -> bool:
    assert left is not None
    return left.rate == right.rate and numpy.array_equal(numpy.asarray(left), numpy.asarray(right))


def test_results_come_in_the_order_of_the_sources_and_are_what_read_gives(recordings: list[Path]) -> None:
    loaded = rm.read_many(recordings)
    assert [each.source for each in loaded] == recordings
    assert all(each.error is None and same(each.audio, rm.read(each.source)) for each in loaded)
    mixed = rm.read_many(recordings, rate=8000, channels=1, concurrency=7)
    assert all(same(each.audio, rm.read(each.source, rate=8000, channels=1)) for each in mixed)


def test_a_source_that_fails_is_a_result_and_disturbs_no_other(recordings: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.flac"
    broken.write_bytes(recordings[0].read_bytes()[:300])
    sources: list[Any] = [tmp_path / "nothing.wav", recordings[1], broken, 5, b"no sound", *recordings[2:9], tmp_path]
    loaded = rm.read_many(sources)
    assert [each.source for each in loaded] == sources
    kinds = [None if each.error is None else type(each.error) for each in loaded]
    assert kinds == [
        FileNotFoundError,
        None,
        rm.NodeError,
        rm.MarshalError,
        rm.NodeError,
        *[None] * 7,
        IsADirectoryError,
    ]
    assert all((each.audio is None) == (each.error is not None) for each in loaded)
    for each in loaded:
        if each.error is not None:
            with pytest.raises(type(each.error)) as alone:
                rm.read(each.source)
            told, expected = str(each.error).replace("read_many", "read"), str(alone.value)
            # What to do with a folder is another thing for each.
            assert told.partition(", and read")[0] == expected.partition(", and read")[0]


@pytest.mark.parametrize("options", [{}, {"rate": 8000}, {"channels": 1}])
async def test_a_file_that_changes_within_is_what_read_makes_of_it(options: dict[str, Any], tmp_path: Path) -> None:
    chain = tmp_path / "chain.opus"
    chain.write_bytes((MEDIA / "mono.opus").read_bytes() + (MEDIA / "stereo.opus").read_bytes())
    expected = None
    try:
        alone = rm.read(chain, **options)
    except rm.MarshalError as error:
        expected = error
    for loaded in (rm.read_many([chain], **options)[0], (await rm.aread_many([chain], **options))[0]):
        if expected is None:
            assert same(loaded.audio, alone)
        else:
            assert (type(loaded.error), str(loaded.error)) == (rm.MarshalError, str(expected))
            assert loaded.audio is None
    assert (expected is None) == ("channels" in options)


def test_a_file_whose_layout_changes_within_is_one_sound(tmp_path: Path) -> None:
    chain = tmp_path / "chain.oga"
    chain.write_bytes(ogg_flac("quad", 1) + ogg_flac("4.0", 2))
    alone, loaded = rm.read(chain), rm.read_many([chain])[0]
    assert (alone.layout, alone.frames) == ("quad", 1600)
    assert loaded.error is None
    assert same(loaded.audio, alone)


def ogg_flac(layout: str, serial: int) -> bytes:
    """A link of a chain in Ogg: FLAC of one frame, with its layout (xiph.org/flac/ogg_mapping.html)."""
    memory = io.BytesIO()
    rm.write(memory, rm.Audio(numpy.full((4, 800), 0.25, "float32"), 8000, layout=layout), format="flac")
    content, blocks, place, is_last = memory.getvalue(), list[bytes](), 4, False
    while not is_last:
        end = place + 4 + int.from_bytes(content[place + 1 : place + 4], "big")
        is_last = content[place] >= 0x80
        blocks.append(bytes([content[place] & 0x7F]) + content[place + 1 : end])
        place = end
    if len(blocks) == 1:
        # Ogg wants comments, if only empty ones.
        blocks.append(bytes([4, 0, 0, 8]) + bytes(8))
    blocks[-1] = bytes([blocks[-1][0] | 0x80]) + blocks[-1][1:]
    first = b"\x7fFLAC\x01\x00" + (len(blocks) - 1).to_bytes(2, "big") + b"fLaC" + blocks[0]
    packets = [first, *blocks[1:], content[place:]]
    pages = [page_of(packet, serial, number, len(packets), frames=800) for number, packet in enumerate(packets)]
    return b"".join(pages)


def test_strict_raises_the_first_error_in_the_order_of_the_sources(recordings: list[Path]) -> None:
    sources: list[Any] = [*recordings[:5], "first.wav", *recordings[5:9], "second.wav"]
    results = rm.iter_many(sources, strict=True)
    assert [next(results).source for _ in range(5)] == recordings[:5]
    with pytest.raises(FileNotFoundError, match=r"no such file 'first\.wav'"):
        next(results)
    with pytest.raises(FileNotFoundError, match=r"first\.wav"):
        rm.read_many(sources, strict=True)


@pytest.mark.parametrize("kind", ["read", "map", "aread", "amap", "stream"])
async def test_what_sources_gave_before_they_raised_is_finished_first(kind: str, recordings: list[Path]) -> None:
    def paths() -> Iterator[Path]:
        yield from recordings[:5]
        raise ConnectionError("the shard is cut off")

    async def arriving() -> AsyncIterator[Path]:
        for path in paths():
            yield path

    pipeline = rm.Pipeline() >> rm.nodes.PassThrough()
    made: list[Any] = []
    with pytest.raises(ConnectionError, match="the shard is cut off"):  # noqa: PT012
        if kind == "read":
            for each in rm.iter_many(paths(), concurrency=4):
                made.append(each.source)
        elif kind == "map":
            for result in pipeline.map_sync(paths(), concurrency=4):
                made.append(result.source)
        elif kind == "aread":
            async for each in rm.aiter_many(paths(), concurrency=4):
                made.append(each.source)
        else:
            async for result in pipeline.map(paths() if kind == "amap" else arriving(), concurrency=4):
                made.append(result.source)
    assert len(made) == 5


def test_sources_without_an_end_are_asked_for_one_at_a_time(recordings: list[Path]) -> None:
    taken = []

    def endless() -> Iterator[Path]:
        for path in itertools.cycle(recordings):
            taken.append(path)
            yield path

    results = rm.iter_many(endless(), concurrency=3)
    for number, result in enumerate(itertools.islice(results, 25), 1):
        assert result.error is None
        assert len(taken) <= number + 3
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda paths: rm.read_many(paths, rate=3), "rate: expected an integer from 1000 to 768000, got 3"),
        (lambda paths: rm.iter_many(paths, channels=0), "channels: expected an integer from 1 to 1024, got 0"),
        (lambda paths: rm.read_many(paths, start_s=-1), "start_s: expected a number"),
        (lambda paths: rm.read_many(paths, concurrency=0), "concurrency must be a whole number of 1 or more, got 0"),
        (lambda paths: rm.read_many(str(paths[0])), "read_many takes several sources, such as a list; write ["),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_read(call: Any, message: str, recordings: list[Path]) -> None:
    with pytest.raises(rm.InvalidArgumentError) as refused:
        call(recordings)
    assert str(refused.value).startswith(message)


async def test_async_twins_give_the_same(recordings: list[Path]) -> None:
    async def sources() -> AsyncIterator[Any]:
        for path in [*recordings, "nothing.wav"]:
            yield path

    awaited = await rm.aread_many([*recordings, "nothing.wav"], rate=8000)
    iterated = [each async for each in rm.aiter_many(sources(), rate=8000)]
    for each, other in zip(awaited, iterated, strict=True):
        assert each.source == other.source
        if each.source == "nothing.wav":
            assert isinstance(each.error, FileNotFoundError)
            assert isinstance(other.error, FileNotFoundError)
        else:
            assert same(each.audio, rm.read(each.source, rate=8000))
            assert same(other.audio, rm.read(each.source, rate=8000))
    with pytest.raises(FileNotFoundError, match="nothing"):
        await rm.aread_many(["nothing.wav"], strict=True)


@pytest.mark.parametrize("call", [rm.read, rm.aread, rm.read_many, rm.iter_many, rm.aread_many, rm.aiter_many])
def test_samples_are_float32_and_other_types_are_told_how_to_be_had(call: Any) -> None:
    alone = call in (rm.read, rm.aread)

    async def awaited(found: Any) -> Any:
        return [each async for each in found] if hasattr(found, "__aiter__") else await found

    def audio_of(dtype: Any) -> Any:
        found = call(SPEECH if alone else [SPEECH], dtype=dtype)
        if hasattr(found, "__await__") or hasattr(found, "__aiter__"):
            found = asyncio.run(awaited(found))
        return found if alone else next(iter(found)).audio

    for dtype in ("float32", numpy.float32, numpy.dtype("float32")):
        assert same(audio_of(dtype), rm.read(SPEECH))
    cures = {
        "int16": "'int16'; write audio.numpy('int16')",
        numpy.int16: "<class 'numpy.int16'>; write audio.numpy('int16')",
        "float64": "'float64'; for other floats: audio.numpy().astype('float64')",
        "f4": "'f4'",
        None: "None",
    }
    for dtype, cure in cures.items():
        with pytest.raises(rm.InvalidArgumentError) as caught:
            audio_of(dtype)
        expected = f"{call.__name__}: dtype must be 'float32', which the samples of an Audio are, got {cure}"
        assert str(caught.value) == expected


@pytest.mark.parametrize("start", [0.0, 0.0001, 1.0, 3.33333, 7.0])
@pytest.mark.parametrize("duration", [None, 0.001, 0.5, 100.0])
def test_a_part_is_the_slice_of_the_whole_that_its_seconds_round_to(start: float, duration: float | None) -> None:
    whole = numpy.asarray(rm.read(SPEECH))
    first = round(start * 16000)
    last = whole.shape[1] if duration is None else min(round((start + duration) * 16000), whole.shape[1])
    part = rm.read(SPEECH, start_s=start, duration_s=duration)
    assert numpy.array_equal(numpy.asarray(part), whole[:, first:last])
    assert part.pts_ns == round(first * 1e9 / 16000)
    (many,) = rm.read_many([SPEECH], start_s=start, duration_s=duration)
    assert same(many.audio, part)


def test_urls_stand_in_place_of_paths() -> None:
    content = SPEECH.read_bytes()
    encoded = base64.b64encode(content).decode()
    whole = rm.read(SPEECH)
    percent = "".join(f"%{byte:02x}" for byte in content)
    for url in (
        f"data:audio/flac;base64,{encoded}",
        f"data:;base64,{encoded.rstrip('=')}",
        f"data:audio/flac,{percent}",
        f"DATA:audio/flac; BASE64,{base64.encodebytes(content).decode()}",
        f"data:;base64,{encoded.replace('/', '%2F%0A')}",
        SPEECH.as_uri(),
        f"file:{SPEECH}",
    ):
        assert same(rm.read(url), whole)
    with pytest.raises(rm.InvalidArgumentError, match="has no comma"):
        rm.read("data:audio/flac;base64")
    with pytest.raises(rm.InvalidArgumentError, match="the base64 of this `data:` URL is damaged"):
        rm.read("data:;base64,@@@@")


def test_addresses_are_opened_by_fsspec_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in with the one function that is called: fsspec's memory and network are not what is tried here.
    opened = []

    def open_address(address: str, mode: str) -> Any:
        opened.append((address, mode))
        return SPEECH.open(mode)

    monkeypatch.setitem(sys.modules, "fsspec", types.SimpleNamespace(open=open_address))
    assert same(rm.read("s3://bucket/speech.flac"), rm.read(SPEECH))
    assert same(rm.read("zip://speech.flac::s3://bucket/all.zip"), rm.read(SPEECH))
    assert opened == [("s3://bucket/speech.flac", "rb"), ("zip://speech.flac::s3://bucket/all.zip", "rb")]
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(rm.LibraryError, match=r"'gs://bucket/a\.wav' is an address, .* install the package fsspec"):
        rm.read("gs://bucket/a.wav")


def test_a_package_that_fsspec_misses_is_a_library_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: str, mode: str) -> Any:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setitem(sys.modules, "fsspec", types.SimpleNamespace(open=refuse))
    with pytest.raises(rm.LibraryError) as caught:
        rm.read("s3://bucket/a.wav")
    assert str(caught.value) == (
        "read can't open 's3://bucket/a.wav', for which fsspec needs another package: Install s3fs to access S3"
    )


class Bucket:
    """A stand-in for fsspec: addresses below `s3://three/` are opened once three of them are asked for at a time."""

    def __init__(self) -> None:
        self.three = threading.Barrier(3)
        self.threads: set[int] = set()
        self.opened = queue.SimpleQueue[str]()

    def open(self, address: str, mode: str) -> Any:
        self.threads.add(threading.get_ident())
        self.opened.put(address)
        if "three" in address:
            self.three.wait(10)
        if "denied" in address:
            raise PermissionError(address)
        return SPEECH.open(mode)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    stand_in = Bucket()
    monkeypatch.setitem(sys.modules, "fsspec", stand_in)
    return stand_in


MANY = ["s3://three/1", "s3://three/denied", "s3://three/3", SPEECH, b"no sound", "s3://three/4", *["s3://three/5"] * 2]


def outcomes(loaded: list[rm.Loaded]) -> list[Any]:
    return [(each.source, type(each.error) if each.audio is None else each.audio.frames) for each in loaded]


async def test_several_addresses_are_fetched_at_a_time_and_come_in_their_order(bucket: Bucket) -> None:
    wrong = {"s3://three/denied": PermissionError, b"no sound": rm.NodeError}
    expected = [(source, wrong.get(source, 113600)) for source in MANY]

    async def sources() -> AsyncIterator[Any]:
        for source in MANY:
            yield source

    assert outcomes(rm.read_many(MANY, concurrency=3)) == expected
    assert outcomes(await rm.aread_many(MANY, concurrency=3)) == expected
    assert outcomes(await rm.aread_many(sources(), concurrency=3)) == expected
    assert threading.get_ident() not in bucket.threads


def test_no_more_sources_are_taken_ahead_than_are_fetched_at_a_time(bucket: Bucket) -> None:
    taken: list[str] = []

    def endless() -> Iterator[str]:
        for number in itertools.count():
            taken.append(f"s3://bucket/{number}")
            yield taken[-1]

    results = rm.iter_many(endless(), concurrency=2)
    for number, result in enumerate(itertools.islice(results, 20), 1):
        assert result.source == f"s3://bucket/{number - 1}"
        assert len(taken) <= number + 2 * 2
    results.close()  # type: ignore[attr-defined]
    # While the stand-in is there: what was taken is opened, whether or not it is wanted.
    assert sorted(bucket.opened.get(timeout=10) for _ in taken) == sorted(taken)


async def test_what_was_fetched_does_not_wait_for_a_source_that_is_not_there_yet(bucket: Bucket) -> None:
    steps = {"s3://bucket/1": asyncio.Event(), "nothing.wav": asyncio.Event(), "s3://bucket/denied": asyncio.Event()}
    closed = []

    async def sources() -> AsyncIterator[str]:
        try:
            for source, heard in steps.items():
                yield source
                await heard.wait()
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    results = rm.aiter_many(sources(), concurrency=3)
    expected = [type(None), FileNotFoundError, PermissionError]
    for (source, heard), error in zip(steps.items(), expected, strict=True):
        loaded = await asyncio.wait_for(anext(results), 10)
        assert (loaded.source, type(loaded.error)) == (source, error), loaded.error
        heard.set()
    await results.aclose()  # type: ignore[attr-defined]
    assert closed == [True]
    assert bucket.threads
