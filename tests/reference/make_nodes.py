"""Makes `nodes.json` and `nodes.f64`: what numpy, scipy and pyloudnorm make of sound that tests can make as well.

Run by `python3 tests/reference/regenerate.py`. Each case names a node, its params, its input and where its expected
values lie. The input is white noise (SplitMix64, as in `NoiseSource`), float32, one seed for each channel, scaled in
sections where `sections` says so: `[frames, gain]`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import scipy
from scipy import signal

HERE = Path(__file__).parent
RATE = 48_000


def noise(seed: int, frames: int) -> np.ndarray:
    """Uniform noise between -1 and 1, as float64 values that float32 holds exactly."""
    number = np.arange(1, frames + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = np.uint64(seed) + number * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        bits = bits ^ (bits >> np.uint64(31))
    return (bits >> np.uint64(40)).astype(np.float64) / 2**23 - 1.0


class Fixture:
    """Cases, and the numbers they expect."""

    def __init__(self) -> None:
        self.cases: list[dict[str, Any]] = []
        self.values: list[np.ndarray] = []
        self.count = 0

    def add(self, node: str, against: str, params: dict[str, Any], expected: np.ndarray, **case: Any) -> None:
        """Expects these values, channel by channel."""
        flat = np.asarray(expected, dtype="<f8").ravel()
        self.cases.append(
            {"node": node, "against": against, "params": params, **case, "first": self.count, "count": len(flat)}
        )
        self.values.append(flat)
        self.count += len(flat)


def cookbook(kind: str, frequency: float, q: float, gain_db: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The formulae of the Audio EQ Cookbook, written down by themselves."""
    w0 = 2 * np.pi * frequency / RATE
    alpha, cos, a = np.sin(w0) / (2 * q), np.cos(w0), 10 ** (gain_db / 40)
    root = 2 * np.sqrt(a) * alpha
    common = [1 + alpha, -2 * cos, 1 - alpha]
    table = {
        "biquad_lowpass": ([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], common),
        "biquad_highpass": ([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], common),
        "biquad_bandpass": ([alpha, 0, -alpha], common),
        "notch": ([1, -2 * cos, 1], common),
        "allpass": ([1 - alpha, -2 * cos, 1 + alpha], common),
        "peaking": ([1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]),
        "low_shelf": (
            [
                a * ((a + 1) - (a - 1) * cos + root),
                2 * a * ((a - 1) - (a + 1) * cos),
                a * ((a + 1) - (a - 1) * cos - root),
            ],
            [(a + 1) + (a - 1) * cos + root, -2 * ((a - 1) + (a + 1) * cos), (a + 1) + (a - 1) * cos - root],
        ),
        "high_shelf": (
            [
                a * ((a + 1) + (a - 1) * cos + root),
                -2 * a * ((a - 1) + (a + 1) * cos),
                a * ((a + 1) + (a - 1) * cos - root),
            ],
            [(a + 1) - (a - 1) * cos + root, 2 * ((a - 1) - (a + 1) * cos), (a + 1) - (a - 1) * cos - root],
        ),
    }
    b, den = table[kind]
    return np.array(b) / den[0], np.array(den) / den[0]


def filters(fixture: Fixture) -> None:
    """Butterworth filters by scipy's sosfilt and butter, the cookbook and the DC block by its lfilter."""
    frames = 400
    x = noise(0, frames)
    scipy_name = f"scipy {scipy.__version__} butter, sosfilt"
    for kind in ("lowpass", "highpass"):
        for order, frequency in ((1, 1000), (2, 80), (3, 5000), (4, 80), (5, 12_000), (8, 300), (12, 20_000)):
            sos = signal.butter(order, frequency, kind, fs=RATE, output="sos")
            params = {"kind": kind, "frequency_hz": frequency, "order": order}
            fixture.add("AudioFilter", scipy_name, params, signal.sosfilt(sos, x), rate=RATE, frames=frames, channels=1)
    for order, low, high in ((1, 300, 3400), (2, 300, 3400), (3, 20, 20_000), (4, 950, 1050), (5, 5000, 9000)):
        sos = signal.butter(order, (low, high), "bandpass", fs=RATE, output="sos")
        params = {"kind": "bandpass", "low_hz": low, "high_hz": high, "order": order}
        fixture.add("AudioFilter", scipy_name, params, signal.sosfilt(sos, x), rate=RATE, frames=frames, channels=1)
    lfilter = f"scipy {scipy.__version__} lfilter"
    for kind in ("biquad_lowpass", "biquad_highpass", "biquad_bandpass", "notch", "allpass"):
        for frequency, q in ((100, 0.7), (4000, 5.0)):
            params = {"kind": kind, "frequency_hz": frequency, "q": q}
            expected = signal.lfilter(*cookbook(kind, frequency, q), x)
            fixture.add("AudioFilter", lfilter, params, expected, rate=RATE, frames=frames, channels=1)
    for kind in ("peaking", "low_shelf", "high_shelf"):
        for frequency, q, gain_db in ((200, 0.7071, 9.0), (6000, 2.0, -12.0)):
            params = {"kind": kind, "frequency_hz": frequency, "q": q, "gain_db": gain_db}
            expected = signal.lfilter(*cookbook(kind, frequency, q, gain_db), x)
            fixture.add("AudioFilter", lfilter, params, expected, rate=RATE, frames=frames, channels=1)
    pole = np.exp(-2 * np.pi * 20 / RATE)
    expected = signal.lfilter([(1 + pole) / 2, -(1 + pole) / 2], [1, -pole], x)
    params = {"kind": "dc_block", "frequency_hz": 20}
    fixture.add("AudioFilter", lfilter, params, expected, rate=RATE, frames=frames, channels=1)


def edits(fixture: Fixture) -> None:
    """What numpy does in a line."""
    numpy_name = f"numpy {np.__version__}"
    frames, rate = 200, 8000
    x = np.stack([noise(0, frames), noise(1, frames)])
    time = np.arange(frames) / rate
    gain = np.interp(time, [0.005, 0.015, 0.02], [0.0, 10 ** (3 / 20), 10 ** (-6 / 20)]) * 10 ** (-2 / 20)
    params = {"gain_db": -2, "ramp": [[0.005, -120], [0.015, 3], [0.02, -6]]}
    fixture.add("AudioGain", f"{numpy_name} interp", params, x * gain, rate=rate, frames=frames, channels=2)
    windows = np.lib.stride_tricks.sliding_window_view(x, 64, axis=1)[:, ::24]
    params = {"frames": 64, "hop_frames": 24, "last": "drop"}
    against = f"{numpy_name} sliding_window_view"
    fixture.add("AudioChunk", against, params, windows, rate=rate, frames=frames, channels=2)
    params = {"before_ms": 5, "after_ms": 2.5}
    expected = np.pad(x, ((0, 0), (40, 20)))
    fixture.add("AudioPad", f"{numpy_name} pad", params, expected, rate=rate, frames=frames, channels=2)
    loud = np.flatnonzero(np.abs(x).max(axis=0) > 10 ** (-0.5 / 20))
    expected = x[:, loud[0] : loud[-1] + 1]
    params = {"threshold_db": -0.5}
    fixture.add("AudioTrim", f"{numpy_name} flatnonzero", params, expected, rate=rate, frames=frames, channels=2)
    fixture.add("AudioConcat", f"{numpy_name} concatenate", {}, x, rate=rate, frames=frames, channels=2)


def sources(fixture: Fixture) -> None:
    """Tone and noise; they have no input."""
    numpy_name = f"numpy {np.__version__}"
    frame = np.arange(500)
    params = {"frequency_hz": 997.0, "level_db": -3, "rate": 44_100, "duration_s": 500 / 44_100}
    expected = 10 ** (-3 / 20) * np.sin(2 * np.pi * 997 * frame / 44_100)
    fixture.add("ToneSource", f"{numpy_name} sin", params, expected, rate=44_100, frames=0, channels=1)
    params = {"seed": 12345, "level_db": -6, "rate": 8000, "duration_s": 0.0625}
    expected = 10 ** (-6 / 20) * np.sqrt(3) * noise(12345, 500)
    fixture.add("NoiseSource", f"{numpy_name} uint64", params, expected, rate=8000, frames=0, channels=1)


def loudness(fixture: Fixture) -> None:
    """Integrated loudness by pyloudnorm, with the K-weighting that is exact at every rate."""
    against = f"pyloudnorm {pyloudnorm.__version__ if hasattr(pyloudnorm, '__version__') else '0.2.0'} DeMan"
    cases = [
        (48_000, 1, [(2.0, 0.1)]),
        (48_000, 2, [(3.0, 0.05), (2.0, 0.5), (2.0, 0.001)]),
        (44_100, 2, [(2.0, 0.3), (2.0, 0.02), (1.0, 0.0), (1.0, 0.2)]),
        (16_000, 1, [(4.0, 0.02), (2.0, 0.1)]),
        (8_000, 1, [(2.0, 0.7)]),
        (96_000, 2, [(1.0, 0.2), (0.5, 0.9)]),
        (48_000, 5, [(2.0, 0.1), (1.0, 0.01)]),
    ]
    for rate, channels, parts in cases:
        sections = [[round(seconds * rate), gain] for seconds, gain in parts]
        frames = sum(length for length, _ in sections)
        gains = np.concatenate([np.full(length, gain) for length, gain in sections])
        x = np.stack([noise(channel, frames) for channel in range(channels)])
        x = (x * gains).astype(np.float32).astype(np.float64)
        meter = pyloudnorm.Meter(rate, filter_class="DeMan")
        expected = meter.integrated_loudness(x.T)
        for node in ("Loudness", "LoudnessNormalize"):
            case = {"rate": rate, "frames": frames, "channels": channels, "sections": sections}
            fixture.add(node, against, {}, np.array([expected]), **case)


def mixes(fixture: Fixture) -> None:
    """Channels mixed by gains: some of their own, and those of ITU-R BS.775, scaled so that full scale stays."""
    frames, rate, c = 200, 8000, 0.5**0.5
    surround = np.array([[1, 0, c, 0, c, 0], [0, 1, c, 0, 0, c]]) / (1 + 2 * c)
    own = [[0.5, -0.25, 0.125], [-0.3, 0.3, 0.3], [0.0, 1.0, 0.0], [0.7, 0.0, -0.2]]
    for channels, params, gains, case in (
        (2, {"channels": 1}, [[0.5, 0.5]], {}),
        (1, {"channels": 2}, [[1.0], [1.0]], {}),
        (6, {"channels": 2}, surround, {"layout": "5.1"}),
        (3, {"channels": 4, "gains": own}, own, {}),
    ):
        x = np.stack([noise(channel, frames) for channel in range(channels)])
        case = {"rate": rate, "frames": frames, "channels": channels, **case}
        fixture.add("AudioMix", f"numpy {np.__version__} matmul", params, np.array(gains) @ x, **case)


def convolutions(fixture: Fixture) -> None:
    """Sound through responses shorter and longer than a block, with the tail and without, by direct sums."""
    against = f"scipy {scipy.__version__} convolve, direct"
    rate = 8000
    for channels, responses, length, frames, block, tail in (
        (1, 1, 300, 1000, 64, True),
        (2, 1, 100, 700, 1024, False),
        (2, 2, 257, 600, 32, True),
        (1, 2, 33, 500, 100, True),
        (1, 1, 1, 300, 16, True),
        (1, 1, 400, 90, 128, True),
    ):
        x = np.stack([noise(channel, frames) for channel in range(channels)])
        taps = [np.round(noise(100 + number, length), 3).astype(np.float32) for number in range(responses)]
        pairs = [
            (x[min(channel, channels - 1)], taps[min(channel, responses - 1)].astype(np.float64))
            for channel in range(max(channels, responses))
        ]
        expected = np.stack([signal.convolve(sound, response, method="direct") for sound, response in pairs])
        numbers = [[round(float(tap), 3) for tap in response] for response in taps]
        params = {"taps": numbers, "tail": tail, "block_frames": block}
        case = {"rate": rate, "frames": frames, "channels": channels}
        fixture.add("AudioConvolve", against, params, expected if tail else expected[:, :frames], **case)


def main() -> None:
    """Write the fixture."""
    fixture = Fixture()
    for part in (filters, edits, sources, loudness, mixes, convolutions):
        part(fixture)
    values = np.concatenate(fixture.values)
    (HERE / "nodes.f64").write_bytes(values.tobytes())
    text = ",\n".join(json.dumps(case) for case in fixture.cases)
    (HERE / "nodes.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"nodes.json: {len(fixture.cases)} cases, {len(values)} values")


if __name__ == "__main__":
    main()
