"""Makes `mfcc.json` and `fbank.json`: what librosa and Kaldi make of the signal that the tests compute too.

    pip install librosa==0.11.0 kaldi-native-fbank==1.23.0
    python mfcc_reference.py

kaldi-native-fbank is Kaldi's code for features without Kaldi around it. Numbers are rounded to seven digits.
"""

import json
from collections.abc import Callable
from pathlib import Path

import kaldi_native_fbank as knf
import librosa
import numpy as np
from reference_signal import signal

HERE = Path(__file__).parent


LIBROSA = [
    (4000, 16000, {}),
    (4000, 22050, {"whole": False, "n_mfcc": 13, "n_mels": 40, "n_fft": 512, "hop_length": 256, "lifter": 22.0}),
    (
        4000,
        16000,
        {"top_db": 30.0, "n_fft": 400, "hop_length": 200, "mel_scale": "htk", "norm": "none", "pad_mode": "reflect"},
    ),
    (
        2000,
        8000,
        {"n_fft": 256, "win_length": 200, "hop_length": 80, "n_mels": 24, "fmin_hz": 100.0, "fmax_hz": 3800.0},
    ),
]
KALDI = [
    (2000, 16000, {}),
    (2000, 16000, {"use_energy": False, "n_mfcc": 20, "n_mels": 40, "fmin_hz": 40.0, "fmax_hz": 7600.0, "lifter": 0.0}),
    (1200, 8000, {"rate": 8000, "use_energy": False, "full_scale": 1.0}),
    (4000, 44100, {"rate": 44100}),
    (2000, 16000, {"snip_edges": False}),
    (1679, 16000, {"snip_edges": False, "use_energy": False}),
    (90, 16000, {"snip_edges": False}),
    (900, 8000, {"rate": 8000, "snip_edges": False, "hop_length": 240}),
]
# The last one is what lhotse has.
FBANK = [
    (2000, 16000, {}),
    (2000, 16000, {"n_mels": 23, "fmin_hz": 40.0, "fmax_hz": 7600.0, "full_scale": 1.0}),
    (1200, 8000, {"rate": 8000, "n_mels": 40, "scale": "linear"}),
    (4000, 44100, {"rate": 44100}),
    (1680, 16000, {"snip_edges": False, "fmax_hz": 7600.0, "full_scale": 1.0}),
]


def of_librosa(samples: np.ndarray, rate: int, params: dict) -> np.ndarray:
    params = dict(params)
    top_db = params.pop("top_db", 80.0) if params.pop("whole", True) else None
    n_mfcc, lifter = params.pop("n_mfcc", 20), params.pop("lifter", 0)
    for name in ("fmin", "fmax"):
        if f"{name}_hz" in params:
            params[name] = params.pop(f"{name}_hz")
    if params.get("norm") == "none":
        params["norm"] = None
    htk = params.pop("mel_scale", "slaney") == "htk"
    powers = librosa.feature.melspectrogram(y=samples, sr=rate, htk=htk, **params)
    levels = librosa.power_to_db(powers, top_db=top_db)
    return librosa.feature.mfcc(S=levels, n_mfcc=n_mfcc, lifter=lifter)


def with_frames_and_filters(options, rate: int, params: dict, n_mels: int):
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0.0
    options.frame_opts.snip_edges = params.get("snip_edges", True)
    options.frame_opts.frame_shift_ms = 1000 * params.get("hop_length", rate // 100) / rate
    options.mel_opts.num_bins = params.get("n_mels", n_mels)
    options.mel_opts.low_freq = params.get("fmin_hz", 20.0)
    options.mel_opts.high_freq = params.get("fmax_hz", 0.0)
    return options


def features_of(computer, samples: np.ndarray, rate: int, params: dict) -> np.ndarray:
    computer.accept_waveform(rate, (samples * params.get("full_scale", 32768.0)).tolist())
    computer.input_finished()
    return np.array([computer.get_frame(frame) for frame in range(computer.num_frames_ready)]).T


def fbank_of_kaldi(samples: np.ndarray, rate: int, params: dict) -> np.ndarray:
    options = with_frames_and_filters(knf.FbankOptions(), rate, params, 80)
    options.energy_floor = 0.0
    options.use_log_fbank = params.get("scale") != "linear"
    return features_of(knf.OnlineFbank(options), samples, rate, params)


def of_kaldi(samples: np.ndarray, rate: int, params: dict) -> np.ndarray:
    options = with_frames_and_filters(knf.MfccOptions(), rate, params, 23)
    options.num_ceps = params.get("n_mfcc", 13)
    options.use_energy = params.get("use_energy", True)
    options.cepstral_lifter = params.get("lifter", 22.0)
    return features_of(knf.OnlineMfcc(options), samples, rate, params)


def write(name: str, tables: list[tuple[dict, Callable, list]]) -> None:
    cases = []
    for chosen, of, table in tables:
        for count, rate, params in table:
            numbers = [[float(f"{number:.7g}") for number in row] for row in of(signal(count), rate, params)]
            cases.append({"params": {**chosen, **params}, "rate": rate, "samples": count, "coefficients": numbers})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (HERE / name).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write("mfcc.json", [({"convention": "librosa"}, of_librosa, LIBROSA), ({"convention": "kaldi"}, of_kaldi, KALDI)])
    write("fbank.json", [({"preset": "kaldi"}, fbank_of_kaldi, FBANK)])
