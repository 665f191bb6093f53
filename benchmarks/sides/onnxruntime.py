"""onnxruntime on the model of silero-vad, called for each window, on one thread."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

# The package itself would import torch.
MODEL = Path(sysconfig.get_paths()["purelib"]) / "silero_vad" / "data" / "silero_vad.onnx"
WINDOW = 512


def model() -> onnxruntime.InferenceSession:
    """The network, which streams may share: what it remembers of each is given and returned."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])


class Detector:
    """The windows of one stream at 16 kHz, from its beginning."""

    def __init__(self, shared: onnxruntime.InferenceSession) -> None:
        self._run, self._rate = shared.run, np.array(16000)
        self._state, self._context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32)

    def __call__(self, window: np.ndarray) -> np.float32:
        """The probability of speech in the next window, (1, 512) of float32."""
        given = {"input": np.concatenate([self._context, window], 1), "state": self._state, "sr": self._rate}
        found, self._state = self._run(None, given)
        self._context = window[:, -64:]
        probability: np.float32 = found[0, 0]
        return probability


class Windows:
    """Cuts a stream that comes in pieces into windows, and detects speech in each."""

    def __init__(self, shared: onnxruntime.InferenceSession) -> None:
        self._detector, self._rest = Detector(shared), np.zeros(0, np.float32)

    def take(self, samples: np.ndarray) -> list[np.float32]:
        """The probabilities of the windows that these samples complete."""
        self._rest = np.concatenate([self._rest, samples])
        found = []
        while len(self._rest) >= WINDOW:
            found.append(self._detector(self._rest[None, :WINDOW]))
            self._rest = self._rest[WINDOW:]
        return found


def vad(folder: Path) -> Callable[[], np.ndarray]:
    """The probabilities of all windows; the last one is filled up with silence."""
    shared = model()
    samples = np.load(folder / "input.npy")
    sound = np.concatenate([samples, np.zeros(-len(samples) % WINDOW, np.float32)])

    def work() -> np.ndarray:
        detector = Detector(shared)
        windows = range(0, len(sound), WINDOW)
        return np.array([detector(sound[None, begin : begin + WINDOW]) for begin in windows], np.float32)

    return work
