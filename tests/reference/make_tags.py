"""Makes `tags.json`: files with the tags that programs write, and what mutagen reads in them.

A file is a piece of one of `tests/media` with other bytes before and after it, or only other bytes. Texts are put in
by mutagen too, but for kinds of tags that it does not write: ID3v2.2, ID3v1 with spaces, and the list INFO of WAV,
whose texts are compared with what was put in.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path

import mutagen
from mutagen import apev2, flac, id3, mp4, oggopus, oggvorbis, wave

HERE = Path(__file__).parent
MEDIA = HERE.parent / "media"
TITLE = "Über die allmähliche Verfertigung der Gedanken beim Reden"
LONG = "A title of more than thirty letters, which ID3v1 cuts"
ID3_NAMES = {
    "TIT2": "title",
    "TPE1": "artist",
    "TPE2": "album_artist",
    "TALB": "album",
    "TCOM": "composer",
    "TCOP": "copyright",
    "TDRC": "date",
}
APE_NAMES = {"Title": "title", "Artist": "artist", "Album": "album", "Year": "date", "Genre": "genre"}
VORBIS_NAMES = {
    "albumartist": "album_artist",
    "tracknumber": "track",
    "tracktotal": "track_total",
    "discnumber": "disc",
    "disctotal": "disc_total",
}
MP4_NAMES = {
    "\xa9nam": "title",
    "\xa9ART": "artist",
    "aART": "album_artist",
    "\xa9alb": "album",
    "\xa9wrt": "composer",
    "\xa9day": "date",
    "\xa9gen": "genre",
    "\xa9cmt": "comment",
    "cprt": "copyright",
}


KINDS = {
    ".mp3": None,
    ".flac": flac.FLAC,
    ".ogg": oggvorbis.OggVorbis,
    ".opus": oggopus.OggOpus,
    ".m4a": mp4.MP4,
    ".wav": wave.WAVE,
}


def id3v2(version: int, **texts: str | list[str]) -> Callable[[bytes], bytes]:
    """Puts a tag of ID3v2.3 or 2.4 in front of a file."""

    def put(content: bytes) -> bytes:
        tag = frames(texts)
        if version == 3:
            tag.update_to_v23()
        file = io.BytesIO(content)
        tag.save(file, v1=0, v2_version=version, v23_sep="/", padding=lambda _: 0)
        return file.getvalue()

    return put


def frames(texts: dict[str, str | list[str]]) -> id3.ID3:
    """A tag with these frames; `TXXX_x` and `COMM_x` are those with the description x."""
    tag = id3.ID3()
    for key, text in texts.items():
        name, _, description = key.partition("_")
        values = [text] if isinstance(text, str) else text
        # UTF-16 is what every version has.
        if name == "COMM":
            tag.add(id3.COMM(encoding=1, lang="eng", desc=description, text=values))
        elif name == "TXXX":
            tag.add(id3.TXXX(encoding=1, desc=description, text=values))
        else:
            tag.add(getattr(id3, name)(encoding=1, text=values))
    return tag


def id3v22(**texts: str) -> Callable[[bytes], bytes]:
    """Puts a tag of ID3v2.2 in front of a file, in Latin-1."""
    bodies = []
    for key, text in texts.items():
        name, _, description = key.partition("_")
        head = {"COM": b"\0eng" + description.encode() + b"\0", "TXX": b"\0" + description.encode() + b"\0"}
        bodies.append((name, head.get(name, b"\0") + text.encode("latin-1")))
    body = b"".join(key.encode() + struct.pack(">I", len(body))[1:] + body for key, body in bodies)
    size = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return lambda content: b"ID3\2\0\0" + size + body + content


def unsynchronised(version: int, title: str) -> Callable[[bytes], bytes]:
    """Puts a tag in front of a file in which a zero follows every byte of ones (ID3v2.3, 5)."""
    body = b"\1" + title.encode("utf-16")
    raw = b"TIT2" + struct.pack(">I", len(body)) + b"\0\0" + body
    stuffed = raw.replace(b"\xff", b"\xff\0")
    size = bytes(len(stuffed) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return lambda content: b"ID3" + bytes([version, 0, 0x80]) + size + stuffed + content


def id3v1(
    title: str, artist: str = "", year: str = "", comment: str = "", track: int = 0, fill: bytes = b"\0"
) -> Callable[[bytes], bytes]:
    """Puts a tag of ID3v1 behind a file."""

    def field(text: str, size: int) -> bytes:
        return text.encode("latin-1")[:size].ljust(size, fill)

    fields = [(title, 30), (artist, 30), ("", 30), (year, 4), (comment, 28)]
    tag = b"TAG" + b"".join(field(text, size) for text, size in fields) + bytes([0, track, 255])
    return lambda content: content + tag


def ape(**texts: str | list[str]) -> Callable[[bytes], bytes]:
    """Puts a tag of APEv2 behind a file."""

    def put(content: bytes) -> bytes:
        file = io.BytesIO(content)
        tag = apev2.APEv2()
        for key, text in texts.items():
            tag[key] = text
        tag.save(file)
        return file.getvalue()

    return put


def comments(kind: type, **texts: str | list[str]) -> Callable[[bytes], bytes]:
    """Puts Vorbis comments into a file."""

    def put(content: bytes) -> bytes:
        file = io.BytesIO(content)
        found = kind(file)
        if found.tags is None:
            found.add_tags()
        found.tags.clear()
        for key, text in texts.items():
            found.tags[key] = text
        file.seek(0)
        found.save(file, padding=lambda _: 0)
        return file.getvalue()

    return put


def atoms(**texts: object) -> Callable[[bytes], bytes]:
    """Puts the tags of iTunes into an MP4 file."""
    names = {name: key for key, name in MP4_NAMES.items()} | {"trkn": "trkn", "disk": "disk"}

    def put(content: bytes) -> bytes:
        file = io.BytesIO(content)
        found = mp4.MP4(file)
        if found.tags is None:
            found.add_tags()
        found.tags.clear()
        for key, text in texts.items():
            found.tags[names[key]] = text
        file.seek(0)
        found.save(file, padding=lambda _: 0)
        return file.getvalue()

    return put


def chunk(name: bytes, content: bytes, padded: bool = True) -> bytes:
    """A chunk of RIFF."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2 * padded)


def info(padded: bool = True, **texts: str) -> bytes:
    """A list INFO."""
    entries = b"".join(chunk(key.encode(), text.encode() + b"\0", padded) for key, text in texts.items())
    return chunk(b"LIST", b"INFO" + entries, padded)


def id3_chunk(name: bytes = b"id3 ", **texts: str) -> bytes:
    """A chunk that is a tag of ID3v2.4."""
    file = io.BytesIO()
    frames(texts).save(file, v1=0, padding=lambda _: 0)
    return chunk(name, file.getvalue())


def riff(before: bytes = b"", behind: bytes = b"", samples: bytes = b"\0\0" * 50, padded: bool = True) -> bytes:
    """A WAV file with chunks before and behind its sound."""
    width = 2 if len(samples) % 2 == 0 else 1
    form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 8000 * width, width, 8 * width))
    body = b"WAVE" + form + before + chunk(b"data", samples, padded) + behind
    return b"RIFF" + struct.pack("<I", len(body)) + body


def read_id3(tag: id3.ID3) -> dict[str, str]:
    """What mutagen reads, under the names of `AudioDecode`."""
    told = {}
    for frame in tag.values():
        name = ID3_NAMES.get(frame.FrameID)
        if frame.FrameID == "TCON":
            told["genre"] = "; ".join(frame.genres)
        elif frame.FrameID in ("TRCK", "TPOS"):
            name = "track" if frame.FrameID == "TRCK" else "disc"
            told |= numbers(name, *str(frame).split("/"))
        elif frame.FrameID == "COMM":
            described = f"comment:{frame.desc.lower()}" if frame.desc and frame.desc != "ID3v1 Comment" else "comment"
            told.setdefault(described, "; ".join(frame.text))
        elif frame.FrameID == "TXXX":
            told[frame.desc.lower()] = "; ".join(frame.text)
        elif name is not None:
            told[name] = "; ".join(str(text) for text in frame.text)
    return told


def numbers(name: str, number: object, total: object = None) -> dict[str, str]:
    """A number, and how many there are."""
    found = {name: str(number)}
    return found | {f"{name}_total": str(total)} if total else found


def read(content: bytes, kind: type | None) -> dict[str, str]:
    """What mutagen reads in a file of this kind (None for MP3), under the names of `AudioDecode`."""
    everything: dict[str, str] = {}
    if kind is None:
        # The last one counts: ID3v2 before APE, and that before ID3v1.
        with contextlib.suppress(id3.ID3NoHeaderError):
            everything |= read_id3(id3.ID3(io.BytesIO(content)))
        with contextlib.suppress(apev2.APENoHeaderError):
            found = apev2.APEv2(io.BytesIO(content))
            everything |= {APE_NAMES.get(key, key.lower()): "; ".join(found[key]) for key in found}
        with contextlib.suppress(id3.ID3NoHeaderError):
            everything |= read_id3(id3.ID3(io.BytesIO(content), load_v1=False))
        return everything
    tags = kind(io.BytesIO(content)).tags
    if kind is wave.WAVE:
        return {} if tags is None else read_id3(tags)
    if kind is mp4.MP4:
        told = {}
        for key, values in tags.items():
            if key in ("trkn", "disk"):
                told |= numbers("track" if key == "trkn" else "disc", *values[0])
            elif key in MP4_NAMES:
                told[MP4_NAMES[key]] = "; ".join(values)
        return told
    return {VORBIS_NAMES.get(key.lower(), key.lower()): "; ".join(tags[key]) for key in dict(tags)}


def cases() -> list[tuple[str, str | None, bytes, dict[str, str]]]:
    """Name, file of `tests/media`, content, and what mutagen can't read."""
    made: list[tuple[str, str | None, bytes, dict[str, str]]] = []

    def of(name: str, base: str, *puts: Callable[[bytes], bytes]) -> None:
        content = (MEDIA / base).read_bytes()
        for put in puts:
            content = put(content)
        made.append((name, base, content, {}))

    def of_wav(name: str, content: bytes, **more: str) -> None:
        made.append((name, None, content, more))

    cut = id3v1(LONG, "Somebody", "1999", "cut", 3)
    whole = {"TIT2": LONG, "TPE1": "Somebody", "TALB": "An album", "TRCK": "7/12", "TDRC": "2026-11-25"}
    of("ID3v1", "bare.mp3", cut)
    of("ID3v1 filled with spaces", "bare.mp3", id3v1("A title", "Somebody", "1999", fill=b" "))
    of("ID3v2.2", "bare.mp3", id3v22(TT2=LONG, TP1="J\xfcrgen", TAL="An album", TRK="7/12", TYE="2026"))
    of(
        "ID3v2.2 described",
        "bare.mp3",
        id3v22(COM_iTunNORM="0000", COM_="a comment", TXX_Mood="calm", TYE="2026", TDA="2511"),
    )
    of("ID3v2.3", "bare.mp3", id3v2(3, **whole))
    of("ID3v2.4", "bare.mp3", id3v2(4, **whole, TPE2="All", TCOM="A composer", TPOS="1/2", TCOP="2026 Nobody"))
    of("ID3v2.3 unsynchronised", "bare.mp3", unsynchronised(3, TITLE))
    of("ID3v2.2 and ID3v1", "bare.mp3", id3v22(TT2=LONG), cut)
    of("ID3v2.3 and ID3v1", "bare.mp3", id3v2(3, **whole), cut)
    of("ID3v2.4 and ID3v1", "bare.mp3", id3v2(4, TIT2=LONG), cut)
    of("several values", "bare.mp3", id3v2(4, TPE1=["One", "Two"], TIT2=TITLE))
    of("comments of programs", "bare.mp3", id3v2(3, COMM_iTunNORM="0000", COMM_="a comment", TIT2="A title"))
    of("tags of one's own", "bare.mp3", id3v2(4, TXXX_Mood="calm", TXXX_Source="a tape", TIT2="A title"))
    of("a genre by number", "bare.mp3", id3v2(3, TCON="(101)", TIT2="A title"))
    of("a genre by its number alone", "bare.mp3", id3v2(4, TCON="101", TIT2="A title"))
    of("APEv2", "bare.mp3", ape(Title=LONG, Artist=["One", "Two"], Album="An album", Year="2026"))
    of("APEv2 and ID3v1", "bare.mp3", ape(Title=LONG, Artist="Somebody"), cut)
    of("ID3v2.4, APEv2 and ID3v1", "bare.mp3", id3v2(4, TIT2=TITLE), ape(Title="of APE", Album="of APE"), cut)
    vorbis = {"title": TITLE, "artist": ["One", "Two"], "albumartist": "All", "tracknumber": "7", "date": "2026-11-25"}
    of("FLAC", "short.flac", comments(flac.FLAC, **vorbis))
    of("FLAC behind ID3v2", "short.flac", comments(flac.FLAC, title="its own"), id3v2(4, TIT2="of ID3"))
    of("Vorbis", "mono.ogg", comments(oggvorbis.OggVorbis, **vorbis))
    of("Opus", "mono.opus", comments(oggopus.OggOpus, **vorbis))
    tagged = {"title": TITLE, "artist": ["One", "Two"], "album": "An album", "date": "2026-11-25", "genre": "Speech"}
    of("M4A", "mono.m4a", atoms(**tagged, trkn=[(7, 12)], disk=[(1, 2)], comment="a comment", composer="A composer"))
    of_wav("WAV with a list", riff(info(INAM=TITLE, IART="Somebody")), title=TITLE, artist="Somebody")
    of_wav("WAV with a list behind", riff(behind=info(INAM="A title")), title="A title")
    of_wav("WAV with ID3", riff(id3_chunk(TIT2=TITLE, TPE1="Somebody")))
    of_wav("WAV with ID3 behind", riff(behind=id3_chunk(b"ID3 ", TIT2=TITLE, TRCK="7/12", TDRC="2026-11-25")))
    both = id3_chunk(TIT2="of ID3", TALB="of ID3")
    of_wav("WAV with a list and ID3", riff(info(INAM="of the list", IART="of the list"), both), artist="of the list")
    of_wav(
        "WAV with two lists",
        riff(info(INAM="A title"), info(INAM="another", IART="Somebody")),
        title="A title",
        artist="Somebody",
    )
    odd = riff(info(INAM="a list"), id3_chunk(TIT2="A title"), samples=b"\x80" * 51)
    of_wav("WAV of odd lengths", odd)
    bare = info(False, IART="Somebody", IPRD="An album", INAM="A title") + info(False, ICMT="a comment")
    texts = {"title": "A title", "artist": "Somebody", "album": "An album", "comment": "a comment"}
    of_wav("WAV of odd lengths without padding", riff(samples=b"\x80" * 51, padded=False, behind=bare), **texts)
    return made


def parts(base: str | None, content: bytes) -> dict[str, object]:
    """The content as bytes, a piece of the file, and more bytes."""
    plain = (MEDIA / base).read_bytes() if base else b""
    start = content.find(plain)
    if base and start >= 0:
        return {"head": content[:start].hex(), "from": 0, "tail": content[start + len(plain) :].hex()}
    same = next(
        (length for length in range(min(len(plain), len(content)), 0, -1) if content.endswith(plain[-length:])), 0
    )
    return {"head": content[: len(content) - same].hex(), "from": len(plain) - same, "tail": ""}


def main() -> None:
    """Write the fixture."""
    lines = []
    for name, base, content, more in cases():
        tags = more | read(content, KINDS[Path(base or "made.wav").suffix])
        lines.append(json.dumps({"name": name, "base": base, **parts(base, content), "tags": tags}, ensure_ascii=False))
    text = ",\n".join(lines)
    against = json.dumps(f"mutagen {mutagen.version_string}")
    (HERE / "tags.json").write_text(f'{{"against": {against}, "cases": [\n{text}\n]}}\n', "utf-8")
    print(f"tags.json: {len(lines)} cases, {len(text) // 1000} kB")


if __name__ == "__main__":
    main()
