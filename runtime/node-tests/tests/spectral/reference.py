"""Makes `reference.json` and `reference.f32`: what librosa and Whisper make of a signal that the tests compute too.

    pip install librosa
    pip download --no-deps --no-binary :all: openai-whisper==20250625
    python reference.py openai_whisper-20250625.tar.gz

Made with librosa 0.11.0 and numpy 2.4.6. Whisper's own function needs torch, so its six lines are written out here with
numpy's transform; the filters are those that it ships.
"""

import io
import json
import sys
import tarfile
from pathlib import Path

import librosa
import numpy as np
from reference_signal import signal

HERE = Path(__file__).parent


STFT = [
    (600, {"n_fft": 64}),
    (600, {"n_fft": 64, "value": "magnitude", "pad_mode": "reflect"}),
    (600, {"n_fft": 64, "hop_length": 20, "win_length": 50, "center": False, "value": "power"}),
    (20, {"n_fft": 64, "hop_length": 8, "pad_mode": "reflect"}),
    (500, {"n_fft": 45, "hop_length": 100}),
    (3000, {}),
]
MEL = [
    (6000, 16000, {}),
    (3000, 16000, {"n_fft": 400, "hop_length": 160, "n_mels": 40, "mel_scale": "htk", "norm": "none"}),
    (3000, 22050, {"n_fft": 512, "hop_length": 200, "n_mels": 64, "power": 1.0, "fmin_hz": 60.0, "fmax_hz": 8000.0}),
    (3000, 44100, {"n_fft": 512, "win_length": 400, "hop_length": 128, "n_mels": 20, "norm": "none", "scale": "db"}),
    (3000, 8000, {"n_fft": 256, "hop_length": 128, "n_mels": 24, "mel_scale": "htk", "center": False}),
]
WHISPER = [(4000, 80), (4127, 128)]


def stft(samples: np.ndarray, n_fft: int = 2048, value: str = "complex", **params) -> np.ndarray:
    spectra = librosa.stft(samples, n_fft=n_fft, **params)
    return {"complex": spectra, "magnitude": np.abs(spectra), "power": np.abs(spectra) ** 2}[value]


def mel(samples: np.ndarray, rate: int, mel_scale: str = "slaney", scale: str = "linear", **params) -> np.ndarray:
    for name in ("fmin", "fmax"):
        if f"{name}_hz" in params:
            params[name] = params.pop(f"{name}_hz")
    if params.get("norm") == "none":
        params["norm"] = None
    spectra = librosa.feature.melspectrogram(y=samples, sr=rate, htk=mel_scale == "htk", **params)
    return librosa.power_to_db(spectra, top_db=None) if scale == "db" else spectra


def whisper(samples: np.ndarray, filters: np.ndarray) -> np.ndarray:
    padded = np.pad(samples, 200, "reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160] * window
    powers = np.abs(np.fft.rfft(frames)[:-1].T) ** 2
    logarithms = np.log10(np.maximum(filters @ powers, 1e-10))
    return (np.maximum(logarithms, logarithms.max() - 8.0) + 4.0) / 4.0


def main(whisper_archive: str) -> None:
    with tarfile.open(whisper_archive) as archive:
        member = next(name for name in archive.getnames() if name.endswith("mel_filters.npz"))
        filters = np.load(io.BytesIO(archive.extractfile(member).read()))
    cases, data = [], []

    def add(node: str, params: dict, rate: int, count: int, result: np.ndarray) -> None:
        numbers = np.ascontiguousarray(result)
        if np.iscomplexobj(numbers):
            numbers = numbers.astype(np.complex64).view(np.float32)
        offset = sum(map(len, data))
        data.append(numbers.astype("<f4").ravel())
        case = {"node": node, "params": params, "rate": rate, "samples": count, "shape": result.shape}
        cases.append({**case, "offset": offset, "length": numbers.size})

    for count, params in STFT:
        add("STFT", params, 16000, count, stft(signal(count), **params))
    for count, rate, params in MEL:
        add("MelSpectrogram", params, rate, count, mel(signal(count), rate, **params))
    for count, n_mels in WHISPER:
        params = {"preset": "whisper", "n_mels": n_mels}
        add("MelSpectrogram", params, 16000, count, whisper(signal(count), filters[f"mel_{n_mels}"]))
    np.concatenate(data).tofile(HERE / "reference.f32")
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "reference.json").write_text(f"[\n{lines}\n]\n", "utf-8")


main(sys.argv[1])
