"""Makes `encoded.json`: what others find in the Opus files of `AudioEncode`.

Run by `python3 tests/reference/regenerate.py`, after `python3 build.py build`: the package in `.build/venv` writes the
files, PyAV reads them by its libopus at 48 kHz. Three kinds of sound: the tone and the sweep of `tests/media`, a tone
for each of up to eight channels, both of which tests make as well, and speech of `tests/media/librivox`. Of speech PESQ
(ITU-T P.862.2) is measured too, beside what `opusenc` of Debian's opus-tools makes of it at the same rate.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
from pesq import pesq

HERE = Path(__file__).parent
SPEECH = HERE.parent / "media" / "librivox"
PYTHON = HERE.parents[1] / ".build" / "venv" / "bin" / "python"
TONES = (
    {"rate": 48_000, "channels": 2, "params": {"format": "opus"}},
    {"rate": 44_100, "channels": 2, "params": {"format": "opus", "bitrate_kbps": 128}},
    {"rate": 16_000, "channels": 1, "params": {"format": "opus", "bitrate_kbps": 24}},
)
CLIPS = ("0880.flac", "0890.flac", "0920.flac", "0930.flac")
KBPS = (6, 8, 12, 16, 20, 24, 32, 40, 48, 64)
WRITE = """\
import json, sys
import remotemedia as rm

pcm, rate, channels, params, path = sys.argv[1:]
encode = {"id": "encode", "node_type": "AudioEncode", "params": json.loads(params)}
manifest = {"version": "v1", "metadata": {"name": "encode"}, "nodes": [encode], "connections": []}
with open(pcm, "rb") as file:
    audio = rm.Audio.from_pcm(file.read(), "s16", int(rate), int(channels))
with open(path, "wb") as file:
    file.write(rm.execute_sync(manifest, [audio])[0])
"""


def integers(planes: list[np.ndarray]) -> np.ndarray:
    """Planes as frames by channels, rounded to 16 bits."""
    return np.rint(np.stack(planes, axis=1) * 32768).astype("<i2")


def reference(rate: int, channels: int) -> np.ndarray:
    """Half a second of a tone, and of a sweep."""
    time = np.arange(rate // 2) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    sweep = 0.4 * np.sin(2 * np.pi * (200 * time + 900 * time**2))
    return integers([tone, sweep][:channels])


def tones(channels: int) -> np.ndarray:
    """Half a second of a tone for each channel, that of low frequency where there is a channel for it."""
    time = np.arange(24_000) / 48_000
    hertz = [60 if each == 3 and channels >= 6 else 300 + 130 * each for each in range(channels)]
    return integers([0.3 * np.sin(2 * np.pi * each * time) for each in hertz])


def speech() -> np.ndarray:
    """The clips one after the other, at 16 kHz."""
    frames = []
    for clip in CLIPS:
        with av.open(SPEECH / clip) as file:
            frames += [frame.to_ndarray().reshape(-1, 1) for frame in file.decode(audio=0)]
    return np.concatenate(frames).astype("<i2")


def write(sound: np.ndarray, rate: int, params: dict, path: Path) -> None:
    """Encode with the package."""
    pcm = path.with_suffix(".pcm")
    pcm.write_bytes(sound.tobytes())
    arguments = [pcm, str(rate), str(sound.shape[1]), json.dumps(params), path]
    subprocess.run([PYTHON, "-c", WRITE, *arguments], check=True)


def write_by_opusenc(sound: np.ndarray, rate: int, kbps: int, path: Path) -> None:
    """Encode with opusenc."""
    pcm = path.with_suffix(".pcm")
    pcm.write_bytes(sound.tobytes())
    raw = ["--raw", "--raw-rate", str(rate), "--raw-chan", str(sound.shape[1])]
    subprocess.run(["opusenc", "--quiet", "--bitrate", str(kbps), *raw, pcm, path], check=True)


def read(path: Path) -> np.ndarray:
    """What libopus decodes, frames by channels, as far as the file says that it lasts."""
    with av.open(path) as file:
        stream = file.streams.audio[0]
        decoder = av.CodecContext.create("libopus", "r")
        decoder.extradata, decoder.sample_rate = stream.codec_context.extradata, 48_000
        frames = [frame for packet in file.demux(stream) for frame in decoder.decode(packet)]
    # Packed 16-bit integers: a row of interleaved samples in each frame.
    planes = [frame.to_ndarray().reshape(-1, frame.layout.nb_channels) for frame in frames]
    return np.concatenate(planes) / 32768


def noise_db(decoded: np.ndarray, sound: np.ndarray) -> float:
    """The power of the difference to the sound, relative to the sound."""
    if decoded.shape != sound.shape:
        raise ValueError(f"expected {sound.shape}, got {decoded.shape}")
    expected = sound / 32768
    return round(float(10 * np.log10(((decoded - expected) ** 2).sum() / (expected**2).sum())), 2)


def cases(folder: Path) -> list[dict]:
    """All cases, measured."""
    path, found = folder / "sound.opus", []
    for case in TONES:
        write(reference(case["rate"], case["channels"]), case["rate"], case["params"], path)
        found.append(
            {"sound": "reference", **case, "noise_db": noise_db(read(path), reference(48_000, case["channels"]))}
        )
    for channels in range(3, 9):
        sound, params = tones(channels), {"format": "opus"}
        write(sound, 48_000, params, path)
        case = {"sound": "tones", "rate": 48_000, "channels": channels, "params": params}
        found.append({**case, "noise_db": noise_db(read(path), sound)})
    sound = speech()
    for kbps in KBPS:
        params = {"format": "opus", "bitrate_kbps": kbps}
        write(sound, 16_000, params, path)
        decoded = read(path)[::3]
        write_by_opusenc(sound, 16_000, kbps, path)
        theirs = read(path)[::3][: len(sound)]
        case = {
            "sound": "speech",
            "rate": 16_000,
            "channels": 1,
            "params": params,
            "noise_db": noise_db(decoded, sound),
        }
        marks = [round(float(pesq(16_000, sound[:, 0] / 32768, each[:, 0], "wb")), 3) for each in (decoded, theirs)]
        found.append({**case, "pesq": marks[0], "pesq_of_opusenc": marks[1]})
    return found


def main() -> None:
    """Write the fixture."""
    if shutil.which("opusenc") is None:
        sys.exit("make_encoded.py needs opusenc: `apt-get install opus-tools`.")
    with tempfile.TemporaryDirectory() as folder:
        found = cases(Path(folder))
    against = f"libopus in PyAV {av.__version__}"
    text = ",\n".join(json.dumps({"against": against, **case}) for case in found)
    (HERE / "encoded.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"encoded.json: {len(found)} cases")


if __name__ == "__main__":
    main()
