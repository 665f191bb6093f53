"""Makes `loudness.json`: what libebur128 says of sound that tests can make as well.

Run by `python3 tests/reference/regenerate.py`. The input is the noise of `make_nodes.py`, one seed for each channel, in
sections `[frames, gain]`. libebur128 looks at the short-term loudness once in a second, where we do
ten times, so both percentiles of the range lie inside of a section.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyebur128
from make_nodes import noise
from pyebur128 import ChannelType, MeasurementMode

HERE = Path(__file__).parent
SIDES_AND_BACK = [
    ChannelType.LEFT,
    ChannelType.RIGHT,
    ChannelType.CENTER,
    ChannelType.UNUSED,
    ChannelType.M_PLUS_135,
    ChannelType.M_MINUS_135,
    ChannelType.M_PLUS_090,
    ChannelType.M_MINUS_090,
]


def measure(rate: int, channels: int, sections: list[list[float]], layout: str | None) -> dict[str, Any]:
    """The measures of one sound."""
    frames = sum(int(length) for length, _ in sections)
    gains = np.concatenate([np.full(int(length), gain) for length, gain in sections])
    x = np.stack([noise(channel, frames) * gains for channel in range(channels)]).astype(np.float32)
    mode = MeasurementMode.MODE_I | MeasurementMode.MODE_LRA | MeasurementMode.MODE_SAMPLE_PEAK
    state = pyebur128.R128State(channels, rate, mode)
    if layout == "7.1":
        for channel, place in enumerate(SIDES_AND_BACK):
            state.set_channel(channel, place)
    state.add_frames(np.ascontiguousarray(x.T).ravel(), frames)
    return {
        "rate": rate,
        "channels": channels,
        "layout": layout,
        "sections": sections,
        "integrated_lufs": pyebur128.get_loudness_global(state),
        "loudness_range_lu": pyebur128.get_loudness_range(state),
        "sample_peak_dbfs": 20 * np.log10(max(pyebur128.get_sample_peak(state, number) for number in range(channels))),
    }


def main() -> None:
    """Write the fixture."""
    steps = [[320_000, gain] for gain in (0.05, 0.1, 0.2, 0.1, 0.05, 0.3, 0.05)]
    cases = [
        measure(16_000, 1, steps, None),
        measure(16_000, 2, [[320_000, 0.1], [320_000, 0.03], [160_000, 0.9]], "stereo"),
        measure(44_100, 2, [[882_000, 0.1], [882_000, 0.5]], "stereo"),
        measure(8_000, 2, [[160_000, 0.3], [160_000, 0.03]], "stereo"),
        measure(16_000, 8, [[160_000, 0.2], [320_000, 0.05]], "7.1"),
    ]
    text = ",\n".join(json.dumps(case) for case in cases)
    (HERE / "loudness.json").write_text(f"[\n{text}\n]\n", "utf-8")
    print(f"loudness.json: {len(cases)} cases")


if __name__ == "__main__":
    main()
