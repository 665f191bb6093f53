"""Codecs that are not built in, by the FFmpeg of the machine: its program makes the files and is the reference.

Where there is no FFmpeg, only what is said then is tested.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import remotemedia as rm
from ogg_pages import checksum_of

ROOT = Path(__file__).parents[3]
SPEECH = ROOT / "examples" / "speech.flac"
PROGRAM = shutil.which("ffmpeg")

needs_ffmpeg = pytest.mark.skipif(
    PROGRAM is None or "absent" in rm.codecs()["ffmpeg"],
    reason="FFmpeg is not installed, so codecs that are not built in were NOT tested: apt install ffmpeg",
)

MADE = {
    "a.ac3": ["-ar", "48000", "-ac", "2"],
    "five.ac3": ["-ar", "48000", "-ac", "6"],
    "a.eac3": ["-ar", "48000", "-ac", "2"],
    "a.dts": ["-strict", "-2", "-ar", "48000"],
    "a.wma": ["-ar", "44100", "-ac", "2"],
    "one.wma": ["-c:a", "wmav1", "-ar", "22050"],
    "a.wv": [],
    "a.tta": [],
    "g722.wav": ["-c:a", "g722", "-ar", "16000"],
    "gsm.wav": ["-c:a", "libgsm_ms", "-ar", "8000"],
    "wma.wav": ["-c:a", "wmav2", "-ar", "44100"],
    "ac3.w64": ["-c:a", "ac3", "-ar", "48000"],
    "ac3.mkv": ["-c:a", "ac3", "-ar", "48000"],
    "ac3.mp4": ["-c:a", "ac3", "-ar", "48000"],
    "six.m4a": ["-c:a", "aac", "-ac", "6", "-ar", "48000"],
    "six.ogg": ["-c:a", "libvorbis", "-ac", "6", "-ar", "48000"],
    "speex.ogg": ["-c:a", "libspeex", "-ar", "16000"],
    "a.ts": ["-c:a", "ac3", "-ar", "48000"],
    "a.flv": ["-c:a", "adpcm_swf", "-ar", "44100"],
    "a.avi": ["-c:a", "mp3", "-ar", "44100"],
}
"""Files by the options with which `ffmpeg` makes them of two seconds of speech."""

AMR = base64.b64decode(
    "IyFBTVIKBKsIqw+cDfOwYcDMgATnFLfYVo5F+LIhgkgE+CLFyvSzaHHjfUdmBGL6n8/EyYhaT2hD0gRCSovP1OjK58iX4EQEj1+V"
    "ree/tQiozj+YBDxolj/krlqeYniQiAQ8FI+f3ryqphq85UgEPGyRndlWq9two6yMBDxfkp64wdNJ/2gsTASPGYy8DgD6354RwGQ="
)
"""A fifth of a second of the same speech in AMR-NB, by opencore-amr, whose encoder Debian's `ffmpeg` does not have."""


def ffmpeg(*arguments: str | Path) -> bytes:
    """What the program writes on stdout."""
    assert PROGRAM is not None
    command = [PROGRAM, "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, timeout=120).stdout


def reference(path: Path, channels: int) -> Any:
    """The samples that the program decodes, of shape (channels, frames)."""
    samples = numpy.frombuffer(ffmpeg("-i", path, "-f", "f32le", "-"), "<f4")
    return samples.reshape(-1, channels).T


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("codecs")

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            if name == "a.amr":
                path.write_bytes(AMR)
                return path
            try:
                ffmpeg("-t", "2", "-i", SPEECH, *MADE[name], path)
            except subprocess.CalledProcessError as error:
                path.unlink(missing_ok=True)
                pytest.skip(f"this ffmpeg can't make {name}: {error.stderr.decode()[-200:]}")
        return path

    return make


@needs_ffmpeg
@pytest.mark.parametrize("name", [*MADE, "a.amr"])
def test_the_samples_are_those_of_the_program(name: str, made: Callable[[str], Path]) -> None:
    path = made(name)
    sound = rm.read(path)
    expected = reference(path, sound.channels)
    assert sound.samples.shape == expected.shape
    # Integers become floats in another order of operations.
    assert numpy.abs(sound.samples - expected).max() <= 2**-23
    assert numpy.abs(expected).max() > 0.01
    assert sound.pts == 0.0
    again = rm.read(path.read_bytes())
    assert (again.rate, again.layout) == (sound.rate, sound.layout)
    assert numpy.array_equal(again.samples, sound.samples)


@needs_ffmpeg
def test_a_codec_without_a_decoder_is_no_damage() -> None:
    nobodys = 99
    with pytest.raises(rm.NodeError, match=r"neither remotemedia nor FFmpeg [\w.+-]+ can decode\. Use WAV"):
        rm.read(b".snd" + struct.pack(">5I", 24, 1000, nobodys, 8000, 1) + bytes(1000))


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "rate", "layout", "codec", "container"),
    [
        ("five.ac3", 48000, "5.1(side)", "ac3", "ac3"),
        ("a.wma", 44100, "stereo", "wmav2", "asf"),
        ("g722.wav", 16000, "mono", "adpcm_g722", "wav"),
        ("ac3.mkv", 48000, "mono", "ac3", "matroska"),
        ("six.ogg", 48000, "5.1", "vorbis", "ogg"),
    ],
)
def test_info_names_what_it_is(
    name: str, rate: int, layout: str, codec: str, container: str, made: Callable[[str], Path]
) -> None:
    info = rm.info(made(name))
    assert (info.rate, info.layout, info.codec, info.container) == (rate, layout, codec, container)
    assert info.frames == reference(made(name), info.channels).shape[1]


@needs_ffmpeg
def test_tags_have_the_usual_names(tmp_path: Path) -> None:
    path = tmp_path / "tagged.wma"
    ffmpeg("-t", "0.5", "-i", SPEECH, "-metadata", "title=Emma", "-metadata", "artist=Jane Austen", path)
    tags = rm.info(path).tags
    assert (tags["title"], tags["artist"]) == ("Emma", "Jane Austen")


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["avi", "mka", "tta", "wma", "wv"])
def test_a_tag_behind_the_sound_is_no_damage(kind: str, tmp_path: Path) -> None:
    plain, tagged = tmp_path / f"plain.{kind}", tmp_path / f"tagged.{kind}"
    codec = ["-c:a", "ac3", "-ar", "48000"] if kind == "mka" else []
    ffmpeg("-t", "1", "-i", SPEECH, *codec, "-map_metadata", "-1", plain)
    ffmpeg("-t", "1", "-i", SPEECH, *codec, "-metadata", "title=Emma", "-metadata", "comment=" + "x" * 3000, tagged)
    whole = rm.read(plain).samples
    assert numpy.array_equal(rm.read(tagged).samples, whole)
    assert rm.info(tagged).tags["title"] == "Emma"
    if kind in ("tta", "wv"):
        # Of ID3v1, behind the other: FFmpeg's reader of WavPack takes it for a block.
        assert numpy.array_equal(rm.read(tagged.read_bytes() + b"TAG" + bytes(125)).samples, whole)


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Streams in Ogg with several pages: two that are built in, and three that are not."""
    path = tmp_path_factory.mktemp("links") / "link.ogg"
    options = {
        "flac": ["-c:a", "flac"],
        "opus": ["-c:a", "libopus"],
        "speex": ["-c:a", "libspeex", "-ar", "16000"],
        "unplaced": ["-c:a", "libopus", "-ac", "6", "-mapping_family", "255"],
        "six": ["-c:a", "libvorbis", "-ac", "6", "-ar", "48000"],
    }
    made = {}
    for name, each in options.items():
        try:
            ffmpeg("-t", "2", "-i", SPEECH, *each, "-page_duration", "300000", path)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this ffmpeg can't make {name}: {error.stderr.decode()[-200:]}")
        made[name] = path.read_bytes()
    return made


def heard(inputs: list[Any]) -> tuple[list[Any], str]:
    """The sound of each rate and number of channels in a row, and the error without the name of the file."""
    packets: list[Any] = []
    message = ""

    async def take() -> None:
        async for audio in (rm.Pipeline() >> rm.nodes.AudioDecode()).stream(inputs):
            packets.append(audio)

    try:
        asyncio.run(take())
    except rm.NodeError as error:
        message = re.sub("'[^']*'|the file|the stream", "FILE", error.cause)
    grouped = itertools.groupby(packets, lambda audio: (audio.rate, audio.channels))
    return [(key, numpy.concatenate([audio.samples for audio in each], axis=1)) for key, each in grouped], message


def heard_alike(content: bytes, path: Path) -> tuple[list[Any], str]:
    """What a file gives by path, by content and in pieces: the same each time."""
    path.write_bytes(content)
    by_path, message = heard([rm.File(path)])
    pieces = [[content[at : at + size] for at in range(0, len(content), size)] for size in (1000, 20_000)]
    for inputs in ([rm.File(content)], [content], *pieces):
        again, same = heard(inputs)
        assert same == message
        assert [key for key, _ in again] == [key for key, _ in by_path]
        assert all(numpy.array_equal(one, other) for (_, one), (_, other) in zip(again, by_path, strict=True))
    return by_path, message


@needs_ffmpeg
@pytest.mark.parametrize(
    "names",
    [
        ["opus", "unplaced", "opus"],
        ["speex", "opus"],
        ["flac", "speex", "flac"],
        ["six", "six", "unplaced", "speex", "flac"],
    ],
)
def test_links_of_a_chain_that_are_not_built_in_have_their_place(
    names: list[str], links: dict[str, bytes], tmp_path: Path
) -> None:
    alone = [heard([rm.File(links[name])])[0][0] for name in names]
    expected = [
        (key, numpy.concatenate([samples for _, samples in each], axis=1))
        for key, each in itertools.groupby(alone, lambda link: link[0])
    ]
    sound, message = heard_alike(b"".join(links[name] for name in names), tmp_path / "chain.ogg")
    assert message == ""
    assert [(key, samples.shape) for key, samples in sound] == [(key, samples.shape) for key, samples in expected]
    assert all(numpy.array_equal(one, other) for (_, one), (_, other) in zip(sound, expected, strict=True))


@needs_ffmpeg
@pytest.mark.parametrize("name", ["speex", "unplaced", "six"])
def test_a_damaged_page_ends_the_sound_that_ffmpeg_decodes(name: str, links: dict[str, bytes], tmp_path: Path) -> None:
    content = links[name]
    whole = heard([rm.File(content)])[0][0][1]
    pages = [match.start() for match in re.finditer(b"OggS", content)]
    for page in (3, 4, len(pages) - 1):
        spoilt = bytearray(content)
        spoilt[pages[page] + 60] ^= 1
        for before in ([], ["opus"]):
            chain = b"".join(links[each] for each in before) + bytes(spoilt)
            sound, message = heard_alike(chain, tmp_path / "spoilt.ogg")
            last = page == len(pages) - 1
            cut = "FILE ends too early: its last packet is not whole"
            assert message == (cut if last else f"FILE is damaged: page {page} is damaged or missing")
            samples = sound[-1][1]
            assert 0 < samples.shape[1] < whole.shape[1]
            assert numpy.array_equal(samples, whole[:, : samples.shape[1]])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["speex", "unplaced", "six"])
def test_foreign_bytes_and_repeated_pages_cost_no_sound_that_ffmpeg_decodes(
    name: str, links: dict[str, bytes], tmp_path: Path
) -> None:
    content = links[name]
    (whole,) = heard([rm.File(content)])[0]
    (behind,) = heard([rm.File(links["opus"])])[0]
    pages = [match.start() for match in re.finditer(b"OggS", content)]
    # More than FFmpeg looks for a page in.
    foreign = bytes(range(1, 251)) * 400
    for at in (pages[2], pages[4], len(content)):
        repeated = content[max(page for page in pages if page < at) : at]
        for between in (foreign, repeated):
            chain = content[:at] + between + content[at:] + links["opus"]
            sound, message = heard_alike(chain, tmp_path / "between.ogg")
            assert message == ""
            assert [(key, samples.shape) for key, samples in sound] == [
                (key, samples.shape) for key, samples in (whole, behind)
            ]
            assert numpy.array_equal(sound[0][1], whole[1])


@needs_ffmpeg
def test_an_empty_packet_has_no_sound(made: Callable[[str], Path], tmp_path: Path) -> None:
    whole = made("speex.ogg").read_bytes()
    last = whole.rindex(b"OggS")
    head, segments = whole[last : last + 26], whole[last + 26]
    # One packet more on the last page, of no bytes.
    page = head[:22] + bytes(4) + bytes([segments + 1]) + whole[last + 27 : last + 27 + segments] + b"\0"
    page += whole[last + 27 + segments :]
    page = page[:22] + checksum_of(page).to_bytes(4, "little") + page[26:]
    longer = tmp_path / "longer.ogg"
    longer.write_bytes(whole[:last] + page)
    assert numpy.array_equal(rm.read(longer).samples, rm.read(whole).samples)


@needs_ffmpeg
def test_a_pause_in_amr_is_silence() -> None:
    magic, first, frames = AMR[:6], AMR[6:19], AMR[6:]
    assert len(frames) == 11 * len(first)
    plain = rm.read(AMR)
    # A description of noise, and nothing, between the second packet and the third, and at the end.
    pause = b"\x44quiet" + b"\x7c"
    paused = rm.read(magic + frames[:26] + pause + frames[26:] + pause)
    speech = numpy.delete(paused.samples, [*range(320, 640), *range(paused.frames - 320, paused.frames)], axis=1)
    assert numpy.array_equal(speech, plain.samples)
    assert paused.frames == plain.frames + 640
    assert not paused.samples[:, 320:640].any()
    assert paused.layout == plain.layout


@needs_ffmpeg
@pytest.mark.parametrize("name", ["chapters.mka", "chapters.webm"])
def test_chapters_do_not_decide_on_the_sound(name: str, tmp_path: Path) -> None:
    """FFmpeg gives editions of chapters no number of their own."""
    codec = ["-c:a", "flac"] if name.endswith("mka") else ["-c:a", "libopus", "-ar", "48000"]
    notes = ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=9\ntitle=one\n"
    (tmp_path / "notes.txt").write_text(notes, encoding="utf-8")
    ffmpeg("-t", "1", "-i", SPEECH, *codec, tmp_path / ("plain" + name))
    ffmpeg("-t", "1", "-i", SPEECH, "-i", tmp_path / "notes.txt", "-map_chapters", "1", *codec, tmp_path / name)
    sound = rm.read(tmp_path / name)
    assert numpy.array_equal(sound.samples, rm.read(tmp_path / ("plain" + name)).samples)
    assert numpy.array_equal(rm.read(tmp_path / name, start_s=0.5).samples, sound.samples[:, sound.rate // 2 :])
    content = (tmp_path / name).read_bytes()
    pieces = [content[place : place + 700] for place in range(0, len(content), 700)]

    async def arriving() -> list[Any]:
        sound = (rm.Pipeline() >> rm.nodes.AudioDecode()).stream(pieces)
        return [audio.samples async for audio in sound]

    assert numpy.array_equal(numpy.concatenate(asyncio.run(arriving()), axis=1), sound.samples)


@needs_ffmpeg
def test_mp4_calls_all_layers_of_mpeg_audio_alike(tmp_path: Path) -> None:
    path = tmp_path / "layer2.mp4"
    ffmpeg("-t", "2", "-i", SPEECH, "-c:a", "mp2", "-ar", "44100", "-ac", "2", path)
    sound = rm.read(path)
    expected = reference(path, 2)
    length = min(sound.frames, expected.shape[1])
    assert length >= 88_000
    # FFmpeg rounds the samples of layer II to 16 bits.
    assert numpy.abs(sound.samples[:, :length] - expected[:, :length]).max() < 2**-14
    assert numpy.array_equal(rm.read(path, start_s=1.0).samples, sound.samples[:, 44_100:])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.ac3", "a.wma", "a.wv", "ac3.mp4"])
def test_a_part_is_that_of_the_whole(name: str, made: Callable[[str], Path]) -> None:
    whole = rm.read(made(name))
    chance = random.Random(name)
    for _ in range(6):
        first, last = sorted(chance.sample(range(whole.frames + 1), 2))
        part = rm.read(made(name), start_s=first / whole.rate, duration_s=(last - first) / whole.rate)
        assert numpy.array_equal(part.samples, whole.samples[:, first:last]), (first, last)
    with pytest.raises(rm.NodeError, match="start_s"):
        rm.read(made(name), start_s=whole.duration + 1)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.wv", "g722.wav", "ac3.mkv", "speex.ogg", "a.wma"])
async def test_bytes_that_arrive_are_collected(name: str, made: Callable[[str], Path]) -> None:
    content = made(name).read_bytes()
    pieces = [content[place : place + 1000] for place in range(0, len(content), 1000)]
    decoder = rm.Pipeline() >> rm.nodes.AudioDecode()
    async with decoder.session() as session:
        for piece in pieces:
            await session.send(piece)
        await session.finish()
        heard = [packet.value.samples async for packet in session]
    assert numpy.array_equal(numpy.concatenate(heard, axis=1), rm.read(made(name)).samples)


@needs_ffmpeg
@pytest.mark.parametrize("codec", ["ac3", "flac"])
@pytest.mark.parametrize(("defaults", "seconds"), [(("default", "default"), 1), (("0", "default"), 2), (("0", "0"), 1)])
def test_the_default_track_of_matroska_is_decoded_whoever_does(
    codec: str, defaults: tuple[str, str], seconds: int, tmp_path: Path
) -> None:
    path = tmp_path / "two.mkv"
    tones = ["-f", "lavfi", "-i", "sine=300:r=32000:d=1", "-f", "lavfi", "-i", "sine=300:r=32000:d=2"]
    marks = ["-disposition:a:0", defaults[0], "-disposition:a:1", defaults[1]]
    ffmpeg(*tones, "-map", "0", "-map", "1", "-c:a", codec, *marks, path)
    assert round(rm.read(path).duration) == seconds


@needs_ffmpeg
def test_many_files_at_a_time(made: Callable[[str], Path]) -> None:
    paths = [made(name) for name in ("a.ac3", "a.wma", "a.wv", "g722.wav")] * 4
    expected = {path: rm.read(path).samples for path in paths}
    for loaded in rm.read_many(paths):
        assert loaded.error is None
        assert loaded.audio is not None
        assert numpy.array_equal(loaded.audio.samples, expected[Path(str(loaded.source))])


# The seed is the name alone: of its path another folder would make other damage each time.
MUTATE = """
import pathlib, random, sys
sys.path.insert(0, sys.argv[1])
import remotemedia as rm
from tools.endurance.damaged_files import damaged
chance, decoded, refused = random.Random(pathlib.Path(sys.argv[2]).name), 0, 0
content = open(sys.argv[2], "rb").read()
for _ in range(100):
    try:
        rm.read(damaged(content, chance))
        decoded += 1
    except rm.NodeError as error:
        assert error.cause and "panic" not in str(error), error
        refused += 1
print(decoded, refused)
"""


@needs_ffmpeg
@pytest.mark.parametrize(
    "name",
    ["a.ac3", "a.eac3", "a.dts", "a.wma", "a.wv", "a.tta", "g722.wav", "ac3.mkv", "ac3.mp4", "a.ts", "speex.ogg"],
)
def test_damaged_files_give_errors_and_nothing_worse(name: str, made: Callable[[str], Path]) -> None:
    """A process of its own, which shows a crash, and writes of FFmpeg's on stderr."""
    command = [sys.executable, "-c", MUTATE, str(ROOT), str(made(name))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    decoded, refused = map(int, done.stdout.split())
    assert decoded + refused == 100
    assert refused > 0


@needs_ffmpeg
@pytest.mark.parametrize(
    "name", ["g722.wav", "gsm.wav", "wma.wav", "ac3.w64", "ac3.mkv", "six.ogg", "speex.ogg", "a.wma", "a.avi"]
)
def test_a_file_that_was_cut_off_is_an_error_behind_its_sound(name: str, made: Callable[[str], Path]) -> None:
    """FFmpeg's readers end there without a word."""
    content, whole = made(name).read_bytes(), rm.read(made(name))
    for part in (0.7, 0.9):
        with pytest.raises(rm.NodeError, match="ends too early: its last packet is not whole") as caught:
            (rm.Pipeline() >> rm.nodes.AudioDecode()).run_sync([rm.File(content[: int(len(content) * part)])])
        heard = numpy.concatenate([chunk.samples for chunk in caught.value.outputs or []], axis=1)
        assert 0.4 < heard.shape[1] / whole.frames < 0.95
        # What the last packet overlaps with is not there.
        sure = heard.shape[1] - whole.rate // 10
        assert numpy.array_equal(heard[:, :sure], whole.samples[:, :sure])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.ac3", "a.eac3", "a.ts"])
def test_what_tells_no_length_ends_with_its_last_whole_packet(name: str, made: Callable[[str], Path]) -> None:
    content, whole = made(name).read_bytes(), rm.read(made(name))
    assert 0.5 < rm.read(content[: int(len(content) * 0.7)]).frames / whole.frames < 0.75


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.ac3", "a.eac3", "a.amr"])
def test_a_tag_behind_bare_frames_is_none_of_them(name: str, made: Callable[[str], Path]) -> None:
    content = made(name).read_bytes()
    item = b"\4\0\0\0\0\0\0\0TITLE\0Emma"
    part = b"APETAGEX\xd0\x07\0\0" + (len(item) + 32).to_bytes(4, "little") + b"\1\0\0\0\0\0\0\x80" + bytes(8)
    for tags in (b"TAG" + bytes(125), part + item + part, part + item + part + b"TAG" + bytes(125)):
        assert numpy.array_equal(rm.read(content + tags).samples, rm.read(content).samples)


@needs_ffmpeg
def test_a_damaged_packet_ends_the_file_after_the_sound_before_it(made: Callable[[str], Path]) -> None:
    content = bytearray(made("a.tta").read_bytes())
    # In the last of its two packets, whose checksum is wrong then.
    content[-1000:-936] = bytes(64)
    with pytest.raises(rm.NodeError, match="it holds tta, and a packet of it can't be decoded") as caught:
        (rm.Pipeline() >> rm.nodes.AudioDecode()).run_sync([rm.File(bytes(content))])
    chunks = caught.value.outputs
    assert chunks is not None
    heard = numpy.concatenate([chunk.samples for chunk in chunks], axis=1)
    whole = rm.read(made("a.tta"))
    assert 0 < heard.shape[1] < whole.frames
    assert numpy.array_equal(heard, whole.samples[:, : heard.shape[1]])
    assert caught.value.position == pytest.approx(heard.shape[1] / whole.rate)


LEAVE = """
import os, sys, threading
import remotemedia as rm
decoding = threading.Event()

@rm.node
def seen(sound: rm.Audio) -> None:
    decoding.set()
    threading.Event().wait()

pipeline = rm.nodes.AudioDecode(chunk_ms=10) >> seen()
threading.Thread(target=pipeline.run_sync, args=([rm.File(sys.argv[1])],), daemon=True).start()
assert decoding.wait(60)
"""


@needs_ffmpeg
def test_a_process_may_end_in_the_middle_of_a_file(made: Callable[[str], Path]) -> None:
    command = [sys.executable, "-c", LEAVE, str(made("a.ac3"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs_ffmpeg
def test_a_forked_child_decodes_as_well(made: Callable[[str], Path]) -> None:
    program = (
        "import os, sys; import remotemedia as rm; frames = rm.read(sys.argv[1]).frames; child = os.fork()\n"
        "if child == 0: os._exit(0 if rm.read(sys.argv[1]).frames == frames else 3)\n"
        "print(os.waitpid(child, 0)[1])"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(made("a.wma"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@needs_ffmpeg
def test_a_file_can_not_have_another_one_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    rm.write(secret, rm.testing.speech())
    playlists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n",
        f"ffconcat version 1.0\nfile '{secret}'\n",
    ]
    for text in playlists:
        with pytest.raises(rm.NodeError, match="is not audio that remotemedia knows"):
            rm.read(text.encode())


def hide_upper_band(adts: bytes) -> bytes:
    """Puts the note of HE-AAC's upper band into each frame, as encoders that hide it do; the band itself stays empty.

    It is a fill element of type 1101 (ISO/IEC 14496-3, 4.5.2.8), two bytes long, before the 111 that ends a frame.
    """
    frames, place = [], 0
    while place < len(adts):
        length = int.from_bytes(adts[place + 3 : place + 6], "big") >> 5 & 0x1FFF
        header, body = adts[place : place + 7], adts[place + 7 : place + length]
        bits = "".join(f"{byte:08b}" for byte in body).rstrip("0")
        assert bits.endswith("111")
        bits = bits[:-3] + "110" + "0010" + "1101" + "0" * 12 + "111"
        bits += "0" * (-len(bits) % 8)
        body = int(bits, 2).to_bytes(len(bits) // 8, "big")
        sized = int.from_bytes(header[3:6], "big") & ~(0x1FFF << 5) | (len(body) + 7) << 5
        frames.append(header[:3] + sized.to_bytes(3, "big") + header[6:] + body)
        place += length
    return b"".join(frames)


@needs_ffmpeg
async def test_he_aac_that_hides_its_upper_band_has_its_whole_rate(tmp_path: Path) -> None:
    plain, hidden = tmp_path / "plain.aac", tmp_path / "hidden.aac"
    ffmpeg("-t", "2", "-i", SPEECH, "-ar", "22050", "-c:a", "aac", plain)
    hidden.write_bytes(hide_upper_band(plain.read_bytes()))
    ffmpeg("-i", hidden, "-c", "copy", tmp_path / "hidden.m4a")
    # What is AAC-LC stays with the built-in decoder, which is FFmpeg's to within its rounding.
    assert rm.read(plain).rate == 22050
    for path in (hidden, tmp_path / "hidden.m4a"):
        sound = rm.read(path)
        assert sound.rate == 44100
        expected = reference(path, sound.channels)
        assert sound.samples.shape == expected.shape
        assert numpy.abs(sound.samples - expected).max() <= 2**-23
    arriving = await (rm.Pipeline() >> rm.nodes.AudioDecode()).run([hidden.read_bytes()])
    assert arriving[0].rate == 44100
    without = with_variable("off", "info", "--json", str(hidden))
    assert json.loads(without.stdout)["rate"] == 22050


def with_variable(value: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line with this choice of FFmpeg."""
    return subprocess.run(
        [sys.executable, "-m", "remotemedia", *arguments],
        env={**os.environ, "REMOTEMEDIA_FFMPEG": value, "COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def absent(value: str) -> str:
    listed = with_variable(value, "info", "--codecs", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    found = json.loads(listed.stdout)
    assert set(found["ffmpeg"]) == {"absent"}
    assert found["built_in"]["opus"] == "Opus"
    text: str = found["ffmpeg"]["absent"]
    assert text in with_variable(value, "info", "--codecs").stdout
    return text


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    assert absent("off") == "Unset REMOTEMEDIA_FFMPEG, which is off, so that FFmpeg's libraries may decode it."
    path = tmp_path / "a.wv"
    path.write_bytes(b"wvpk" + bytes(100))
    refused = with_variable("off", "info", str(path))
    assert refused.returncode == 1
    assert f"'{path}' is WavPack, which is not built in. Unset REMOTEMEDIA_FFMPEG" in " ".join(refused.stderr.split())


def test_folders_without_libraries_that_are_known_are_named(tmp_path: Path) -> None:
    assert f"REMOTEMEDIA_FFMPEG is '{tmp_path}', where there is no libavformat." in absent(str(tmp_path))
    (tmp_path / "libavformat.so.99.1.100").write_bytes(b"")
    assert "libavformat 99 is there, which this version of remotemedia does not know." in absent(str(tmp_path))
    (tmp_path / "libavformat.so.59.1.100").write_bytes(b"no library")
    assert "libavformat.so.59.1.100" in absent(str(tmp_path))
    assert "can't be read" in absent(str(tmp_path / "nowhere"))


@needs_ffmpeg
def test_what_there_is_can_be_listed() -> None:
    ffmpeg_ = rm.codecs()["ffmpeg"]
    assert os.path.isabs(ffmpeg_["path"])
    assert set(ffmpeg_["libraries"]) == {"libavformat", "libavcodec", "libavutil"}
    listed = with_variable("", "info", "--codecs")
    assert (listed.returncode, listed.stderr) == (0, "")
    lines = listed.stdout.splitlines()
    assert any(line.startswith(f"FFmpeg {ffmpeg_['version']} (") for line in lines)
    known = subprocess.run([str(PROGRAM), "-v", "error", "-decoders"], check=True, capture_output=True, text=True)
    of_program = {line.split()[1] for line in known.stdout.splitlines() if line.startswith(" A") and "=" not in line}
    # The program lists some decoders twice, and those of other libraries that it was linked with as well.
    assert of_program == set(ffmpeg_["decoders"])
    assert all(any(line.split()[:1] == [name] for line in lines) for name in ffmpeg_["decoders"])


@needs_ffmpeg
def test_nothing_is_loaded_for_what_is_built_in() -> None:
    program = (
        "import sys; import remotemedia as rm; rm.info(sys.argv[1]); rm.nodes.AudioDecode\n"
        "print('libavformat' in open('/proc/self/maps').read())"
    )
    command = [sys.executable, "-c", program, str(SPEECH)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "False\n"
