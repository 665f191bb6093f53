"""onnxruntime on the model of silero-vad, called for each window, on one thread."""

from __future__ import annotations

import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime

# The package itself would import torch.
MODEL = Path(sysconfig.get_paths()["purelib"]) / "silero_vad" / "data" / "silero_vad.onnx"


def vad(folder: Path) -> Callable[[], np.ndarray]:
    """The probabilities of all windows; the last one is filled up with silence."""
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    model = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    samples = np.load(folder / "input.npy")
    sound = np.concatenate([samples, np.zeros(-len(samples) % 512, np.float32)])
    rate = np.array(16000)

    def work() -> np.ndarray:
        state, context = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32)
        probabilities = []
        for begin in range(0, len(sound), 512):
            window = sound[None, begin : begin + 512]
            given = {"input": np.concatenate([context, window], 1), "state": state, "sr": rate}
            found, state = model.run(None, given)
            context = window[:, -64:]
            probabilities.append(found[0, 0])
        return np.array(probabilities, np.float32)

    return work
