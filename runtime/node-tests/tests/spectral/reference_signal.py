"""The signal of which the references are made, and which the tests compute too."""

import numpy as np


def signal(count: int) -> np.ndarray:
    """Two triangle waves, the second rising, and a little noise, in whole numbers."""
    state, samples = 7, []
    for n in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        noise = ((state >> 16) - 32768) // 64
        waves = [abs((n * step) % 65536 - 32768) - 16384 for step in (1801, n // 2 + 300)]
        samples.append(waves[0] // 2 + waves[1] // 4 + noise)
    return np.array(samples, np.float32) / 32768
