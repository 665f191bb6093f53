"""Makes `encoded.json`: how much coding noise libopus finds in the Opus files of `AudioEncode`.

Run by `python3 tests/reference/regenerate.py`, after `python3 build.py build`: the package in `.build/venv` writes the
files, PyAV reads them by its libopus at 48 kHz. The sound is the tone and the sweep of `tests/media`, which tests make
as well.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".build" / "venv" / "bin" / "python"
CASES = (
    {"rate": 48_000, "channels": 2, "params": {"format": "opus"}},
    {"rate": 44_100, "channels": 2, "params": {"format": "opus", "bitrate_kbps": 128}},
    {"rate": 16_000, "channels": 1, "params": {"format": "opus", "bitrate_kbps": 24}},
)
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


def reference(rate: int, channels: int) -> np.ndarray:
    """Half a second of the sound, frames by channels, rounded to 16 bits."""
    time = np.arange(rate // 2) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time)
    sweep = 0.4 * np.sin(2 * np.pi * (200 * time + 900 * time**2))
    return np.rint(np.stack([tone, sweep][:channels], axis=1) * 32768).astype("<i2")


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


def noise_db(case: dict) -> float:
    """The power of the difference to the sound at 48 kHz, relative to the sound."""
    with tempfile.TemporaryDirectory() as folder:
        pcm, path = Path(folder) / "sound.pcm", Path(folder) / "sound.opus"
        pcm.write_bytes(reference(case["rate"], case["channels"]).tobytes())
        arguments = [pcm, str(case["rate"]), str(case["channels"]), json.dumps(case["params"]), path]
        subprocess.run([PYTHON, "-c", WRITE, *arguments], check=True)
        decoded = read(path)
    expected = reference(48_000, case["channels"]) / 32768
    if decoded.shape != expected.shape:
        raise ValueError(f"expected {expected.shape}, got {decoded.shape}")
    return float(10 * np.log10(((decoded - expected) ** 2).sum() / (expected**2).sum()))


def main() -> None:
    """Write the fixture."""
    against = f"libopus in PyAV {av.__version__}"
    cases = [{"against": against, **case, "noise_db": round(noise_db(case), 2)} for case in CASES]
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "encoded.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"encoded.json: {len(cases)} cases")


if __name__ == "__main__":
    main()
