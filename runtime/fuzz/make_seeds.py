"""Makes the seeds of the fuzz targets anew: `python3 runtime/fuzz/make_seeds.py`. Needs ffmpeg with mp3lame and vorbis.

Inputs that a fuzzer found lie beside them as `found-*`, and stay.
"""

from __future__ import annotations

import json
import struct
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = HERE / "corpus"

# What follows a file in a seed of `decode`: as a whole, then in pieces of 40, 417 and 4096 bytes.
WAYS = (0, 3, 4, 6)

SOUND = "sine=frequency=440:sample_rate={rate}:duration={seconds},aformat=channel_layouts={layout}"

# Name of the corpus, name of the seed, rate, layout, seconds, what ffmpeg is told.
MEDIA: list[tuple[str, str, int, str, float, list[str]]] = [
    ("wav", "s16.wav", 8000, "stereo", 0.03, ["-c:a", "pcm_s16le"]),
    ("wav", "u8.wav", 8000, "mono", 0.05, ["-c:a", "pcm_u8"]),
    ("wav", "s24.wav", 8000, "mono", 0.02, ["-c:a", "pcm_s24le"]),
    ("wav", "s32-5.1.wav", 8000, "5.1", 0.01, ["-c:a", "pcm_s32le"]),
    ("wav", "f32.wav", 8000, "mono", 0.02, ["-c:a", "pcm_f32le"]),
    ("wav", "f64.wav", 8000, "mono", 0.02, ["-c:a", "pcm_f64le"]),
    ("wav", "alaw.wav", 8000, "mono", 0.05, ["-c:a", "pcm_alaw"]),
    ("wav", "mulaw.wav", 8000, "mono", 0.05, ["-c:a", "pcm_mulaw"]),
    ("wav", "ms.wav", 8000, "mono", 0.1, ["-c:a", "adpcm_ms"]),
    ("wav", "ima.wav", 8000, "stereo", 0.1, ["-c:a", "adpcm_ima_wav"]),
    ("wav", "tags.wav", 8000, "mono", 0.02, ["-c:a", "pcm_s16le", "-metadata", "title=t", "-write_bext", "1"]),
    ("flac", "stereo.flac", 16000, "stereo", 0.3, ["-c:a", "flac", "-frame_size", "1024"]),
    ("flac", "mono24.flac", 8000, "mono", 0.1, ["-c:a", "flac", "-sample_fmt", "s32"]),
    ("flac", "8bit.flac", 8000, "mono", 0.05, ["-c:a", "flac", "-compression_level", "0"]),
    ("flac", "tags.flac", 8000, "mono", 0.05, ["-c:a", "flac", "-metadata", "title=t"]),
    ("flac", "5.1.flac", 8000, "5.1", 0.05, ["-c:a", "flac"]),
    ("mp3", "tag.mp3", 16000, "mono", 0.2, ["-c:a", "libmp3lame", "-b:a", "16k"]),
    ("mp3", "bare.mp3", 44100, "stereo", 0.1, ["-c:a", "libmp3lame", "-b:a", "64k", "-write_xing", "0"]),
    ("mp3", "vbr.mp3", 22050, "stereo", 0.2, ["-c:a", "libmp3lame", "-q:a", "9", "-metadata", "title=t"]),
    ("ogg", "mono.ogg", 8000, "mono", 0.1, ["-c:a", "libvorbis", "-q:a", "0"]),
    ("ogg", "flac.ogg", 8000, "mono", 0.1, ["-c:a", "flac", "-f", "ogg"]),
    ("ogg", "opus.ogg", 48000, "mono", 0.05, ["-c:a", "libopus", "-b:a", "16k", "-f", "ogg"]),
    ("ogg", "speex.ogg", 8000, "mono", 0.05, ["-c:a", "libspeex", "-f", "ogg"]),
    ("mp4", "aac.m4a", 16000, "mono", 0.2, ["-c:a", "aac", "-b:a", "16k"]),
    ("mp4", "fast.m4a", 16000, "stereo", 0.2, ["-c:a", "aac", "-b:a", "16k", "-movflags", "+faststart"]),
    ("mp4", "alac.m4a", 8000, "mono", 0.1, ["-c:a", "alac"]),
    ("mp4", "pieces.mp4", 16000, "mono", 0.3, ["-c:a", "aac", "-b:a", "16k", "-movflags", "frag_keyframe+empty_moov"]),
    ("mp4", "mp3.mp4", 16000, "mono", 0.2, ["-c:a", "libmp3lame", "-b:a", "16k"]),
    ("aac", "mono.aac", 16000, "mono", 0.3, ["-c:a", "aac", "-b:a", "16k", "-f", "adts"]),
    ("more", "rf64.wav", 8000, "mono", 0.05, ["-c:a", "pcm_s16le", "-rf64", "always"]),
    ("more", "pcm.w64", 8000, "stereo", 0.05, ["-c:a", "pcm_s16le"]),
    ("more", "pcm.aiff", 8000, "stereo", 0.05, ["-c:a", "pcm_s24be"]),
    ("more", "ima4.aifc", 8000, "mono", 0.1, ["-c:a", "adpcm_ima_qt", "-f", "aiff"]),
    ("more", "float.au", 8000, "mono", 0.05, ["-c:a", "pcm_f32be"]),
    ("more", "pcm.caf", 8000, "stereo", 0.05, ["-c:a", "pcm_s16le"]),
    ("more", "ima4.caf", 8000, "mono", 0.1, ["-c:a", "adpcm_ima_qt"]),
    ("more", "alac.caf", 8000, "mono", 0.1, ["-c:a", "alac"]),
    ("more", "mono.mp2", 16000, "mono", 0.2, ["-c:a", "mp2", "-b:a", "16k"]),
    ("more", "mp3.wav", 16000, "mono", 0.2, ["-c:a", "libmp3lame", "-b:a", "16k", "-f", "wav"]),
    ("more", "flac.mka", 8000, "mono", 0.1, ["-c:a", "flac"]),
    ("more", "vorbis.webm", 8000, "mono", 0.1, ["-c:a", "libvorbis", "-q:a", "0"]),
    ("aac", "stereo.aac", 44100, "stereo", 0.1, ["-c:a", "aac", "-b:a", "64k", "-f", "adts"]),
]


def write(corpus: str, name: str, content: bytes) -> None:
    """One seed."""
    folder = CORPUS / corpus
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def documents() -> None:
    """The vectors that every language runs are seeds of both notations."""
    for path in sorted((ROOT / "tests" / "vectors").glob("*.msgpack")):
        write("wire", path.name, path.read_bytes())
    for path in sorted((ROOT / "tests" / "vectors").glob("*.json")):
        if path.name != "vectors.json":
            write("json", path.name, path.read_bytes())


def pack(value: object) -> bytes:
    """Plain msgpack, enough for manifests."""
    if isinstance(value, dict):
        return bytes([0x80 | len(value)]) + b"".join(pack(key) + pack(entry) for key, entry in value.items())
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(pack(entry) for entry in value)
    if isinstance(value, str):
        return bytes([0xD9, len(value.encode())]) + value.encode()
    if isinstance(value, bool) or value is None:
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    return b"\xcb" + struct.pack(">d", value) if isinstance(value, float) else b"\xd2" + struct.pack(">i", value)


def manifests() -> None:
    """Small manifests that use what there is, in all notations."""
    nodes = [
        {"id": "d", "node_type": "AudioDecode", "params": {"chunk_ms": 20}},
        {"id": "m", "node_type": "AudioMixNode", "params": {"channels": 1}},
        {"id": "r", "node_type": "AudioResample", "params": {"rate": 16000}},
        {"id": "l", "node_type": "AudioLevel"},
        {"id": "e", "node_type": "AudioEncode", "params": {"format": "wav", "sample_format": "s24"}},
    ]
    connections = [
        {"from": "d", "to": "m"},
        {"from": "m", "to": "r"},
        {"from": "r.out", "to": "l"},
        {"from": "r", "to": "e"},
    ]
    values: dict[str, dict[str, object]] = {
        "audio": {"version": "v1", "metadata": {"name": "n"}, "nodes": nodes, "connections": connections},
        "host": {"version": "v1", "nodes": [{"id": "a", "node_type": "Mine", "params": {"x": [None, True, -3, 1.5]}}]},
        "sums": {
            "version": "v1",
            "nodes": [
                {"id": "a", "node_type": "Calculator", "params": {"operation": "add", "operand": 5}},
                {"id": "b", "node_type": "Echo", "capabilities": {"gpu": False}},
            ],
            "connections": [{"from": "a", "to": "b.in"}],
        },
        "wrong": {"version": "v2", "nodes": [{"id": "a", "node_type": "PassThru"}, {"id": "a"}], "extra": 1},
        "circle": {
            "version": "v1",
            "nodes": [{"id": "a", "node_type": "Echo"}, {"id": "b", "node_type": "Echo"}],
            "connections": [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
        },
    }
    for name, value in values.items():
        write("manifest", f"{name}.json", json.dumps(value).encode())
        write("manifest", f"{name}.msgpack", pack(value))
    write("manifest", "speech.yaml", (ROOT / "examples" / "speech.yaml").read_bytes())
    anchors = (
        'version: v1\nmetadata: {name: "a\\tb"}\nnodes:\n  - &a {id: a, node_type: PassThrough}\n'
        "  - <<: *a\n    id: b\n    params: {}\n  - id: c # last\n    node_type: 'Mine'\n"
        "    params: {x: .5, y: |\n      text\n      }\nconnections: [{from: a, to: b}]\n"
    )
    write("manifest", "anchors.yaml", anchors.encode())


def without_padding(flac: bytes) -> bytes:
    """A FLAC file without its blocks of padding, which are most of a short one (RFC 9639, 8.1)."""
    blocks, place, is_last = [], 4, False
    while not is_last:
        is_last, kind = bool(flac[place] & 0x80), flac[place] & 0x7F
        end = place + 4 + int.from_bytes(flac[place + 1 : place + 4], "big")
        if kind != 1:
            blocks.append(bytes([kind]) + flac[place + 1 : end])
        place = end
    blocks[-1] = bytes([blocks[-1][0] | 0x80]) + blocks[-1][1:]
    return b"fLaC" + b"".join(blocks) + flac[place:]


def media() -> None:
    """A short file of each format, in each way of arriving."""
    with tempfile.TemporaryDirectory() as folder:
        for corpus, name, rate, layout, seconds, words in MEDIA:
            target = Path(folder) / name
            source = SOUND.format(rate=rate, seconds=seconds, layout=layout)
            quiet = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", source, "-fflags", "+bitexact"]
            done = subprocess.run([*quiet, "-flags:a", "+bitexact", *words, str(target)], check=False)
            if done.returncode != 0:
                print(f"{name}: this ffmpeg can't make it")
                continue
            content = target.read_bytes()
            if name.endswith(".flac"):
                content = without_padding(content)
            for way in WAYS if len(content) < 2000 else WAYS[:2]:
                write(f"decode-{corpus}", f"{name}-{way}", content + bytes([way]))


def programs() -> None:
    """Sound for the encoder and programs of calls: the bytes are choices, see the targets."""
    for number in range(5):
        write(
            "encode", f"tone-{number}", bytes([number, 1, 0x85, *range(24), 0x41, *range(200, 224), 0xFF, 2, 0x81, 9])
        )
    make = bytes([0, 0, 0, 1, 0, 0])
    run = bytes([4, 0, 0, 1, 2, 0, 0, 0, 0])
    for number in range(8):
        pipeline = bytes([2, 0, number, 0, 0])
        submits = run + bytes([4, 0, 0, 2, 5, 0x17, 0, 1, 1]) + bytes([6, 0, 0, 3, 3, 0xF5, 0, 0, 2])
        replies = bytes([8, 0, 1, 13, 0, 0, 1, 13, 0, 0, 0, 14, 1, 0, 2, 8, 0, 1])
        ends = bytes([12, 0, 1, 12, 0, 1, 7, 0, 4, 0x61, 0, 3, 18, 0, 1, 8, 0, 0, 15, 0, 16, 0, 17, 0])
        write("abi", f"run-{number}", make + pipeline + submits + replies + ends)
        # A session that is sent to, answered, received from, finished and freed.
        opens = bytes([24, 0, 0, 4, number % 5, 0])
        sends = bytes([25, 0, 0, 0, 1, 2, 0, 26, 0, 1, 0, 0, 0, 1, 25, 0, 2, 0x65, 1, 0, 2, 25, 0, 3, 0x81, 0, 1, 0])
        gets = bytes([8, 0, 1, 13, 0, 0, 0, 27, 0, 0, 0, 0, 8, 0, 2, 13, 0, 0, 1, 27, 0, 1, 1, 1])
        closes = bytes([28, 0, 0, 8, 0, 2, 27, 0, 0, 0, 0, 28, 0, 1, 29, 0, 18, 0, 1, 8, 0, 0])
        write("abi", f"session-{number}", make + pipeline + opens + sends + gets + closes)
    write("abi", "documents", bytes([19, 0, 2, 3, 0xE1, 19, 2, 3, 0, 19, 0, 0, 19, 0, 1, 22, 0, 2, 23, 1, 1, 3, 0xE1]))


if __name__ == "__main__":
    documents()
    manifests()
    media()
    programs()
    size = sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file())
    print(f"{size} bytes in {CORPUS}")
