"""Makes `filters.json` and `filters.f64`: what filters of `AudioFilter` give in arithmetic of 120 digits.

Run by `python3 tests/reference/regenerate.py`. The poles and zeros are those of the textbook: Butterworth's prototype,
by the bilinear transform with prewarped edges, and the formulae of the Audio EQ Cookbook. With so many digits any
pairing of poles and zeros and any structure gives the same, so the plainest is taken. Where scipy designs filters well,
its responses are compared with these before anything is written.

The input is the noise of `make_nodes.py`, halved, with an offset of a quarter, which float32 holds exactly. Each case
keeps the values at 12 frames that are spread over its output.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpfr
from make_nodes import noise
from mpmath import mp
from scipy import signal

HERE = Path(__file__).parent
DIGITS = 120
KEPT = 12
ORDERS = (1, 2, 3, 5, 8, 10, 12, 16, 24)
# Numerator and denominator of a section, in powers of the delay; the denominator begins with 1.
Section = tuple[list[Any], list[Any]]


def butterworth(kind: str, order: int, edges: tuple[float, ...], rate: int) -> list[Section]:
    """The sections of a Butterworth filter: each pole with its conjugate, the zeros as they come."""
    warped = [mp.tan(mp.pi * mp.mpf(edge) / rate) for edge in edges]
    prototype = [mp.expjpi(mp.mpf(2 * k + order + 1) / (2 * order)) for k in range(order)]
    if kind == "lowpass":
        poles, zeros, reference = [p * warped[0] for p in prototype], [mp.mpf(-1)] * order, mp.mpc(1)
    elif kind == "highpass":
        poles, zeros, reference = [warped[0] / p for p in prototype], [mp.mpf(1)] * order, mp.mpc(-1)
    else:
        width, square = warped[1] - warped[0], warped[0] * warped[1]
        halves = [p * width / 2 for p in prototype]
        poles = [half + sign * mp.sqrt(half * half - square) for half in halves for sign in (1, -1)]
        zeros = [mp.mpf(1), mp.mpf(-1)] * order
        center = mp.mpc(0, mp.sqrt(square))
        reference = (1 + center) / (1 - center)
    digital = [(1 + p) / (1 - p) for p in poles]
    small = mp.mpf(10) ** (20 - DIGITS)
    real = [p.real for p in digital if abs(mp.im(p)) < small]
    pairs = [(p, mp.conj(p)) for p in digital if mp.im(p) >= small]
    pairs += list(zip(real[::2], real[1::2], strict=False))
    alone = [(real[-1],)] if len(real) % 2 else []
    sections = []
    for group in pairs + alone:
        ours, zeros = zeros[: len(group)], zeros[len(group) :]
        b, a = (polynomial(roots) for roots in (ours, group))
        gain = abs(mp.polyval(a[::-1], 1 / reference) / mp.polyval(b[::-1], 1 / reference))
        sections.append(([gain * value for value in b], a))
    return sections


def polynomial(roots: tuple[Any, ...] | list[Any]) -> list[Any]:
    """The coefficients of a product of `1 - root / z`, in powers of the delay, padded to three."""
    first, second = (*roots, mp.mpf(0))[:2]
    return [mp.mpf(1), -mp.re(first + second), mp.re(first * second)]


def cookbook(kind: str, frequency: float, q: float, gain_db: float, rate: int) -> list[Section]:
    """The section of the Audio EQ Cookbook."""
    w0 = 2 * mp.pi * mp.mpf(frequency) / rate
    sin, cos, a = mp.sin(w0), mp.cos(w0), mp.power(10, mp.mpf(gain_db) / 40)
    alpha = sin / (2 * mp.mpf(q))
    root = 2 * mp.sqrt(a) * alpha
    common = [1 + alpha, -2 * cos, 1 - alpha]
    up, down = a + 1, a - 1
    b, den = {
        "biquad_lowpass": ([(1 - cos) / 2, 1 - cos, (1 - cos) / 2], common),
        "biquad_highpass": ([(1 + cos) / 2, -(1 + cos), (1 + cos) / 2], common),
        "biquad_bandpass": ([alpha, mp.mpf(0), -alpha], common),
        "notch": ([mp.mpf(1), -2 * cos, mp.mpf(1)], common),
        "allpass": ([1 - alpha, -2 * cos, 1 + alpha], common),
        "peaking": ([1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]),
        "low_shelf": (
            [a * (up - down * cos + root), 2 * a * (down - up * cos), a * (up - down * cos - root)],
            [up + down * cos + root, -2 * (down + up * cos), up + down * cos - root],
        ),
        "high_shelf": (
            [a * (up + down * cos + root), -2 * a * (down + up * cos), a * (up + down * cos - root)],
            [up - down * cos + root, 2 * (down - up * cos), up - down * cos - root],
        ),
    }[kind]
    return [([value / den[0] for value in b], [value / den[0] for value in den])]


def run(sections: list[Section], samples: np.ndarray) -> list[Any]:
    """What the sections make of samples."""
    values = [mpfr(float(sample)) for sample in samples]
    for b, a in sections:
        b0, b1, b2, a1, a2 = (mpfr(mp.nstr(value, DIGITS)) for value in (*b, *a[1:]))
        first = second = mpfr(0)
        for index, value in enumerate(values):
            output = b0 * value + first
            first = b1 * value - a1 * output + second
            second = b2 * value - a2 * output
            values[index] = output
    return values


def check(kind: str, order: int, edges: tuple[float, ...], rate: int, sections: list[Section]) -> None:
    """Compares the response with that of scipy's design."""
    sos = signal.butter(order, edges if len(edges) > 1 else edges[0], kind, fs=rate, output="sos")
    frequencies = np.geomspace(edges[0] / 2, min(edges[-1] * 2, rate * 0.499), 20)
    _, expected = signal.sosfreqz(sos, frequencies, fs=rate)
    for frequency, theirs in zip(frequencies, expected, strict=True):
        delay = mp.expjpi(-2 * mp.mpf(float(frequency)) / rate)
        ours = mp.mpc(1)
        for b, a in sections:
            ours *= mp.polyval(b[::-1], delay) / mp.polyval(a[::-1], delay)
        assert abs(complex(ours) - theirs) < 1e-6, (kind, order, edges, rate, frequency)


def butterworth_cases() -> list[dict[str, Any]]:
    """Orders up to 24 over edges from the lowest to those near half the rate, and rates from 8 to 192 kHz."""
    cases: list[dict[str, Any]] = []
    for rate in (8_000, 44_100, 48_000, 192_000):
        half = rate / 2
        for at, frequency in enumerate((0.001, 1.0, 20.0, 1000.0, half * 0.5, half * 0.9, half - 20, half - 0.001)):
            orders = ORDERS if rate == 48_000 else (ORDERS[at % 4], ORDERS[4 + at % 4], 24)
            for order in orders:
                for kind in ("lowpass", "highpass"):
                    params = {"kind": kind, "frequency_hz": frequency, "order": order}
                    cases.append({"params": params, "rate": rate, "frames": 3000})
        bands = [
            (20.0, half * 20 / 24), (0.001, half - 0.001), (1.0, half - 1), (0.001, 1.0), (300.0, 3400.0),
            (1000.0, 1001.0), (50.0, 50.5), (20.0, 40.0), (999.999, 1000.001), (half - 100, half - 1),
            (half - 1, half - 0.001), (half * 0.4, half * 0.6), (0.001, 0.002),
        ]  # fmt: skip
        for at, (low, high) in enumerate(bands):
            orders = ORDERS if rate == 48_000 else (ORDERS[at % 4], ORDERS[4 + at % 4], 24)
            for order in orders:
                params = {"kind": "bandpass", "low_hz": low, "high_hz": high, "order": order}
                cases.append({"params": params, "rate": rate, "frames": 3000})
    # The bands of speech at 16 kHz, and filters so low that it takes long to see what they do.
    for order in ORDERS:
        params = {"kind": "bandpass", "low_hz": 80.0, "high_hz": 7600.0, "order": order}
        cases.append({"params": params, "rate": 16_000, "frames": 3000})
    for order in (3, 24):
        for kind in ("lowpass", "highpass"):
            params = {"kind": kind, "frequency_hz": 1.0, "order": order}
            cases.append({"params": params, "rate": 8000, "frames": 60_000})
        for low, high in ((0.5, 3990.0), (1.0, 2.0), (100.0, 101.0)):
            params = {"kind": "bandpass", "low_hz": low, "high_hz": high, "order": order}
            cases.append({"params": params, "rate": 8000, "frames": 60_000})
    return cases


def cookbook_cases() -> list[dict[str, Any]]:
    """Every kind, from the lowest frequency to the highest, broad and as narrow as the params allow."""
    cases = []
    kinds = ("biquad_lowpass", "biquad_highpass", "biquad_bandpass", "notch", "allpass")
    for rate in (8000, 192_000):
        for frequency in (0.001, 5.0, 1000.0, rate / 2 - 5, rate / 2 - 0.001):
            for q in (0.01, 0.7, 1000.0):
                cases += [
                    {"params": {"kind": kind, "frequency_hz": frequency, "q": q}, "rate": rate, "frames": 2000}
                    for kind in kinds
                ]
            for kind in ("peaking", "low_shelf", "high_shelf"):
                for q, gain_db in ((0.7, -9.0), (10.0, 60.0), (10.0, -60.0)):
                    params = {"kind": kind, "frequency_hz": frequency, "q": q, "gain_db": gain_db}
                    cases.append({"params": params, "rate": rate, "frames": 2000})
    return cases


def main() -> None:
    """Write the fixture."""
    mp.dps = DIGITS
    gmpy2.get_context().precision = 400
    cases, kept = butterworth_cases() + cookbook_cases(), []
    for case in cases:
        params, rate, frames = case["params"], case["rate"], case["frames"]
        kind = params["kind"]
        if kind in ("lowpass", "highpass", "bandpass"):
            edges = (params["low_hz"], params["high_hz"]) if kind == "bandpass" else (params["frequency_hz"],)
            sections = butterworth(kind, params["order"], edges, rate)
            if params["order"] <= 3 and edges[0] >= 20 and edges[-1] <= rate * 0.45:
                check(kind, params["order"], edges, rate, sections)
        else:
            sections = cookbook(kind, params["frequency_hz"], params["q"], params.get("gain_db", 0.0), rate)
        output = run(sections, noise(0, frames) / 2 + 0.25)
        kept.append([float(output[(index + 1) * frames // KEPT - 1]) for index in range(KEPT)])
    (HERE / "filters.f64").write_bytes(np.array(kept, dtype="<f8").tobytes())
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "filters.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"filters.json: {len(cases)} cases")


if __name__ == "__main__":
    main()
