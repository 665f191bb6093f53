"""The log-mel spectra that Whisper takes, by numpy: 80 bands of 25 ms every 10 ms, at 16 kHz.

The formulas are those of openai-whisper's `log_mel_spectrogram`, with filters as `librosa.filters.mel` has them.
"""

from __future__ import annotations

import numpy as np

N_FFT, HOP, BANDS, RATE = 400, 160, 80, 16_000
WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)


def _filters() -> np.ndarray:
    """(80, 201): triangles on Slaney's scale, which is linear up to 1 kHz, each of the same area."""
    step, knee, log_step = 200 / 3, 1000.0, np.log(6.4) / 27

    def hertz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < knee / step, mel * step, knee * np.exp(log_step * (mel - knee / step)))

    top = knee / step + np.log(RATE / 2 / knee) / log_step
    edges = hertz(np.linspace(0, top, BANDS + 2))
    bins = np.fft.rfftfreq(N_FFT, 1 / RATE)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


FILTERS = _filters()


def log_mel(sound: np.ndarray) -> np.ndarray:
    """(80, frames) of float32 for (samples,) of float32."""
    padded = np.pad(sound, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:-1]
    power = np.abs(np.fft.rfft(frames * WINDOW, axis=1)) ** 2
    levels = np.log10(np.maximum(FILTERS @ power.T.astype(np.float32), 1e-10))
    return ((np.maximum(levels, levels.max() - 8) + 4) / 4).astype(np.float32)
