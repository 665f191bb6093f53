"""Measures the levels of a recording and prints what it found; `python3 build.py demo` builds all and runs it.

python examples/demo.py [FILE]
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from pathlib import Path

import remotemedia

HERE = Path(__file__).resolve().parent
WINDOW_S = 0.1


async def main(recording: Path) -> None:
    """Run `speech.yaml` on one recording and print a table."""
    started = time.perf_counter()
    levels = await remotemedia.execute(HERE / "speech.yaml", [remotemedia.File(recording)])
    took_s = time.perf_counter() - started

    windows = list(zip(levels.packets, levels, strict=True))
    loudest, quietest = (choose(windows, key=lambda window: window[1]["rms_db"]) for choose in (max, min))
    durations = [packet.duration if packet.duration is not None else WINDOW_S for packet, _ in windows]
    duration_s = sum(durations)
    # The level of the whole is the mean of the windows' power, each weighed by its length.
    power = sum(10 ** (level["rms_db"] / 10) * length for (_, level), length in zip(windows, durations, strict=True))

    rows = [
        ("recording", recording.name),
        (
            "duration",
            f"{duration_s:.2f} s, measured at 16000 Hz mono in {len(windows)} windows of {WINDOW_S * 1000:.0f} ms",
        ),
        ("loudest", f"{loudest[1]['rms_db']:6.1f} dBFS at {loudest[0].pts:.1f} s"),
        ("quietest", f"{quietest[1]['rms_db']:6.1f} dBFS at {quietest[0].pts:.1f} s"),
        ("peak", f"{max(level['peak_db'] for level in levels):6.1f} dBFS"),
        ("RMS", f"{10 * math.log10(power / duration_s):6.1f} dBFS over all"),
        ("took", f"{took_s * 1000:.1f} ms"),
    ]
    for name, text in rows:
        print(f"{name:10} {text}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "speech.flac"))
