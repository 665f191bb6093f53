"""Draws a recording: how loud it is, and where somebody speaks. `python3 build.py demo` builds all and runs it.

python examples/demo.py [FILE]
"""

from __future__ import annotations

import asyncio
import io
import sys
import time
from pathlib import Path

import remotemedia as rm
from remotemedia.nodes import AudioDecode, AudioLevel, AudioMix, Loudness, SpeechSegments

COLUMNS = 64
BARS = " ▁▂▃▄▅▆▇█"
SPEECH = "━"
WINDOW_MS = 100
FLOOR_DB, TOP_DB = -50.0, -14.0
"""The levels of an empty and of a full bar."""

# One decoder feeds three measurements, which run at the same time.
PIPELINE = (
    rm.Pipeline("demo")
    >> AudioDecode()
    >> AudioMix(channels=1)
    >> [
        AudioLevel(window_ms=WINDOW_MS, name="level"),
        Loudness(name="loudness"),
        SpeechSegments(name="speech"),
    ]
)


async def main(recording: Path) -> None:
    """Run the pipeline on one recording and print what it found."""
    found, first_s = await timed_run(recording)
    # The first run loads the library, compiles the plan and starts the threads.
    _, took_s = await timed_run(recording)

    levels = found["level"].packets
    if not levels:
        print(f"{recording.name} has no audio")
        return
    duration_s = sum(packet.duration or 0.0 for packet in levels)
    decibels = [packet.value["rms_db"] for packet in levels]
    loudest, quietest = (levels[decibels.index(choose(decibels))] for choose in (max, min))
    segments = [(segment["start_s"], segment["end_s"]) for segment in found["speech"]]
    spoken = ", ".join(f"{start:.2f} to {end:.2f} s" for start, end in segments)
    loudness = found["loudness"][-1]

    rows = [
        ("recording", f"{recording.name}, {duration_s:.2f} s"),
        ("level", level_line(decibels)),
        ("speech", speech_line(segments, duration_s)),
        ("", spoken or "nobody speaks"),
        ("loudness", f"{decibel(loudness['integrated_lufs'])} LUFS integrated (EBU R 128)"),
        ("peak", f"{decibel(loudness['true_peak_dbtp'])} dBTP between samples"),
        ("loudest", f"{loudest.value['rms_db']:6.1f} dBFS at {loudest.pts:.1f} s"),
        ("quietest", f"{quietest.value['rms_db']:6.1f} dBFS at {quietest.pts:.1f} s"),
        (
            "took",
            f"{took_s * 1000:.0f} ms, {duration_s / took_s:.0f} times as fast as real time"
            f" (the first run {first_s * 1000:.0f} ms)",
        ),
    ]
    for name, text in rows:
        print(f"{name:10} {text}".rstrip())


async def timed_run(recording: Path) -> tuple[rm.Outputs, float]:
    """Run the pipeline; returns the outputs of its sinks, and the seconds that it took."""
    started = time.perf_counter()
    found = await PIPELINE.run([rm.File(recording)])
    return found, time.perf_counter() - started


def level_line(decibels: list[float]) -> str:
    """A bar for each column of the line: the loudest window that falls into it."""
    columns = min(COLUMNS, len(decibels))
    bars = []
    for column in range(columns):
        first, end = (len(decibels) * edge // columns for edge in (column, column + 1))
        height = (max(decibels[first:end]) - FLOOR_DB) / (TOP_DB - FLOOR_DB)
        bars.append(BARS[round(min(max(height, 0.0), 1.0) * (len(BARS) - 1))])
    return "".join(bars)


def speech_line(segments: list[tuple[float, float]], duration_s: float) -> str:
    """A mark in each column in whose middle somebody speaks."""
    columns = min(COLUMNS, max(1, round(duration_s * 1000 / WINDOW_MS)))
    middles = [(column + 0.5) * duration_s / columns for column in range(columns)]
    return "".join(SPEECH if any(start <= at < end for start, end in segments) else " " for at in middles)


def decibel(value: float | None) -> str:
    """A value of `Loudness`, which has none for silence."""
    return "  none" if value is None else f"{value:6.1f}"


if __name__ == "__main__":
    # A terminal that can't show the bars gets question marks rather than an exception.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("speech.flac")))
