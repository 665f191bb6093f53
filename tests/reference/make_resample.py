"""Makes `resample.json` and `resample.f32`: what soxr HQ makes of sound below 7 kHz.

Run by `python3 tests/reference/regenerate.py`. The input, which tests make as well, is a sum of sines that swells and
dies away, so that neither end is a step: frequencies that only one of the filters passes are not compared.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soxr

HERE = Path(__file__).parent
GOLDEN = (5**0.5 - 1) / 2
SINES = 64
PAIRS = ((48_000, 16_000), (44_100, 48_000), (16_000, 48_000))


def sines(rate: int) -> np.ndarray:
    """64 sines from 100 Hz to 7 kHz under a Hann window of 100 ms, each of an amplitude of 1/64, float32."""
    frame = np.arange(rate // 10)
    number = np.arange(1, SINES + 1)[:, None]
    frequency = 100 + 6900 * (number * GOLDEN % 1)
    cycles = frequency * frame / rate + number * number * GOLDEN % 1
    window = 0.5 - 0.5 * np.cos(2 * np.pi * frame / len(frame))
    return (np.sin(2 * np.pi * (cycles % 1)).sum(axis=0) / SINES * window).astype(np.float32)


def main() -> None:
    """Write the fixture."""
    made = [soxr.resample(sines(source).astype(np.float64), source, target, "HQ") for source, target in PAIRS]
    values = np.concatenate(made).astype("<f4")
    (HERE / "resample.f32").write_bytes(values.tobytes())
    ends = np.cumsum([len(sound) for sound in made])
    cases = [
        {
            "against": f"soxr {soxr.__version__} HQ",
            "from": source,
            "to": target,
            "first": int(end - len(sound)),
            "count": len(sound),
        }
        for (source, target), end, sound in zip(PAIRS, ends, made, strict=True)
    ]
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "resample.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"resample.json: {len(cases)} cases, {len(values)} values")


if __name__ == "__main__":
    main()
