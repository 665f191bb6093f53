"""Makes `reference.json`: what onnxruntime and the package silero-vad say of the signals that the tests compute too.

    pip install numpy onnxruntime soundfile
    pip download --no-deps silero-vad==6.2.3
    python reference.py silero_vad-6.2.3-py3-none-any.whl

Made with onnxruntime 1.32.0, numpy 2.4.6 and soundfile 0.14.0. Of the package only the functions that need no torch
run, behind a stand-in for the module.
"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
CLIPS = [ROOT / "examples/speech.flac", *sorted((ROOT / "tests/media/librivox").glob("*.flac"))]


def random_numbers(count: int) -> np.ndarray:
    """The upper 16 bits of a linear congruential generator."""
    state, numbers = 1, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        numbers.append(state >> 16)
    return np.array(numbers)


def speech() -> np.ndarray:
    """The clips, each followed by 400 ms of silence."""
    parts = []
    for clip in CLIPS:
        samples, rate = soundfile.read(clip, dtype="int16")
        assert rate == 16000
        parts += [samples, np.zeros(6400, np.int16)]
    return np.concatenate(parts)


def noise() -> np.ndarray:
    return ((random_numbers(80_000) - 32768) // 4).astype(np.int16)


def music() -> np.ndarray:
    """Chords of triangle waves that change four times a second and die away, in whole numbers."""
    steps = [[901, 1135, 1351], [1202, 1514, 1802], [1012, 1274, 1516], [1351, 1702, 2023]]
    samples = []
    for n in range(80_000):
        chord, since = steps[n // 4000 % 4], n % 4000
        waves = [abs((n * step) % 65536 - 32768) - 16384 for step in chord]
        samples.append(sum(waves) * (4000 - since) // 16000)
    return np.array(samples, np.int16)


SIGNALS = {"speech": speech(), "noise": noise(), "music": music(), "silence": np.zeros(32_000, np.int16)}

PARAMS = [
    {},
    {"threshold": 0.3},
    {"threshold": 0.9, "neg_threshold": 0.85},
    {"min_silence_duration_ms": 0},
    {"min_silence_duration_ms": 500},
    {"min_speech_duration_ms": 1000},
    {"min_speech_duration_ms": 0, "min_silence_duration_ms": 30, "speech_pad_ms": 0},
    {"speech_pad_ms": 200},
    {"speech_pad_ms": 75, "min_silence_duration_ms": 40},
    {"max_speech_duration_s": 1},
    {"max_speech_duration_s": 2.5},
    {"max_speech_duration_s": 3, "min_silence_duration_ms": 600, "speech_pad_ms": 120},
    {"max_speech_duration_s": 0.7, "min_speech_duration_ms": 100, "min_silence_duration_ms": 300},
]


def synthetic_probabilities() -> np.ndarray:
    """2000 windows of probabilities, in 1/65536: a level that wanders in whole numbers."""
    level, levels = 20_000, []
    for number in random_numbers(2_000):
        level = min(max(level + (int(number) - 32768) // 3, 0), 65535)
        levels.append(level)
    return np.array(levels) / 65536


def main(wheel: str) -> None:
    package = Path("/tmp/silero_vad_reference")
    import zipfile

    zipfile.ZipFile(wheel).extractall(package)
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    model = onnxruntime.InferenceSession(
        package / "silero_vad/data/silero_vad.onnx", options, providers=["CPUExecutionProvider"]
    )
    sys.path.insert(0, str(package))
    torch = types.ModuleType("torch")
    torch.device = torch.Tensor = torch.jit = type("Stand-in", (), {"__init__": lambda *_: None})
    torch.no_grad = lambda: lambda function: function
    torch.set_num_threads = lambda count: None
    sys.modules["torch"] = torch
    sys.modules.setdefault("packaging", types.ModuleType("packaging")).version = None
    from silero_vad.utils_vad import get_speech_timestamps_from_probs

    def segments(probabilities: list[float], rate: int, samples: int, params: dict) -> list:
        found = get_speech_timestamps_from_probs(
            probabilities, sampling_rate=rate, audio_length_samples=samples, **params
        )
        return [[each["start"], each["end"]] for each in found]

    def detect(samples: np.ndarray, rate: int) -> list[float]:
        window, context = 512 * rate // 16000, 64 * rate // 16000
        sound = np.concatenate([np.zeros(context), samples / 32768, np.zeros(-len(samples) % window)])
        state, probabilities = np.zeros((2, 1, 128), np.float32), []
        for start in range(0, len(sound) - context, window):
            part = sound[None, start : start + context + window].astype(np.float32)
            out, state = model.run(None, {"input": part, "state": state, "sr": np.array(rate)})
            probabilities.append(float(out[0, 0]))
        return probabilities

    signals = []
    for name, wide in SIGNALS.items():
        for rate in (16000, 8000):
            samples = wide[:: 16000 // rate]
            probabilities = detect(samples, rate)
            cases = [{"params": p, "segments": segments(probabilities, rate, len(samples), p)} for p in PARAMS]
            signals.append(
                {
                    "name": name,
                    "rate": rate,
                    "samples": len(samples),
                    "probabilities": [round(each, 6) for each in probabilities],
                    "cases": cases,
                }
            )
    wandering = synthetic_probabilities().tolist()
    # The last window is not complete.
    length = 2_000 * 512 - 100
    synthetic = [{"params": p, "segments": segments(wandering, 16000, length, p)} for p in PARAMS]
    reference = {"signals": signals, "synthetic": {"samples": length, "cases": synthetic}}
    (HERE / "reference.json").write_text(json.dumps(reference, separators=(",", ":")) + "\n", "utf-8")


main(sys.argv[1])
