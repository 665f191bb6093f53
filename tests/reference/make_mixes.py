"""Makes `mixes.json`: the gains with which FFmpeg mixes each layout to stereo and to mono, scaled to add up to 1.

Run by `python3 tests/reference/regenerate.py`. The gains are what comes of one channel at a time at full scale.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).parent
LAYOUTS = {
    "stereo": 2,
    "2.1": 3,
    "3.0": 3,
    "3.0(back)": 3,
    "3.1": 4,
    "4.0": 4,
    "quad": 4,
    "quad(side)": 4,
    "5.0": 5,
    "5.0(side)": 5,
    "5.1": 6,
    "5.1(side)": 6,
    "6.1": 7,
    "7.0": 7,
    "7.1": 8,
}


def gains(layout: str, channels: int, target: str) -> list[list[float]]:
    """A row for each output, in it a gain for each input."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=48_000, format="flt", layout=layout, time_base=Fraction(1, 48_000))
    mixer = graph.add("aresample", f"out_chlayout={target}:rematrix_maxval=1.0")
    sink = graph.add("abuffersink")
    source.link_to(mixer)
    mixer.link_to(sink)
    graph.configure()
    # One frame for each channel, in which it is alone.
    samples = np.repeat(np.eye(channels, dtype=np.float32), 64, axis=0).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    graph.push(frame)
    mixed = graph.pull().to_ndarray().reshape(64 * channels, -1).T
    return [[round(float(row[64 * channel]), 7) for channel in range(channels)] for row in mixed]


def main() -> None:
    """Write the fixture."""
    cases = [
        {"layout": layout, "stereo": gains(layout, channels, "stereo"), "mono": gains(layout, channels, "mono")}
        for layout, channels in LAYOUTS.items()
    ]
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "mixes.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"mixes.json: {len(cases)} cases")


if __name__ == "__main__":
    main()
