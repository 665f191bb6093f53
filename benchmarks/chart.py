"""The chart of the benchmarks, `docs/pictures/bench.svg`, drawn from the times that they keep in `.build/benchmarks`.

Each bar is the time of this project as a share of the peer's, by the clock, in one run of `build.py bench`. It knows
the files and their names of tasks and sides, and needs nothing beyond the standard library.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tools.machine import BUILD, ROOT, Problem

FOLDER = BUILD / "benchmarks"
PICTURE = ROOT / "docs" / "pictures" / "bench.svg"
MINE = "remotemedia"


@dataclass(frozen=True)
class Bar:
    """A bar: what is done, beside whom, and where its times are: the benchmark, the task and the two sides in it."""

    label: str
    peer: str
    benchmark: str
    task: str
    theirs: str
    ours: str = MINE
    slowest: bool = False
    """Compares the 99th percentiles, not the medians of the rounds' ratios."""


BARS = [
    Bar("Resample an hour, 48 to 16 kHz", "soxr HQ", "resample", "resample", "soxr HQ"),
    Bar("the same in chunks of 20 ms", "soxr ResampleStream", "resample", "resample_chunks", "soxr HQ"),
    Bar("Detect speech, Silero VAD", "onnxruntime", "vad", "vad", "onnxruntime"),
    Bar("Voice front end, 20 ms frames", "soxr + onnxruntime", "frontend", "frontend", "soxr + onnxruntime"),
    Bar("Voice front end, 20 ms frames", "pipecat", "frontend", "frontend_live", "pipecat"),
    Bar("Live calls in one process", "asyncio + onnxruntime", "calls", "calls", "asyncio + onnxruntime"),
    Bar("Live calls in one process", "pipecat", "calls", "calls", "pipecat"),
    Bar("20 ms beside a busy thread, p99", "PyAV", "busy", "busy", "PyAV", slowest=True),
    Bar("20 ms beside a busy thread, p99", "soxr ResampleStream", "busy", "busy", "soxr ResampleStream", slowest=True),
    Bar("Decode MP3", "PyAV", "decode", "mp3", "PyAV"),
    Bar("Decode FLAC", "PyAV", "decode", "flac", "PyAV"),
    Bar("Decode Ogg Vorbis", "PyAV", "decode", "ogg", "PyAV"),
    Bar("Decode M4A", "PyAV", "decode", "m4a", "PyAV"),
    Bar("Decode Opus", "PyAV", "decode", "opus", "PyAV"),
    Bar("Pass on a message", "asyncio queues", "relay", "relay", "asyncio"),
    Bar("Pass on a message", "pipecat", "relay", "relay", "pipecat"),
]

WIDTH, LEFT, RIGHT, TOP, STEP, THICK = 760, 404, 56, 74, 24, 14
LONGEST = 1.25
"""Where the axis ends; a longer bar is cut there, and its figure tells its length."""

STYLE = """
text { font: 14px system-ui, sans-serif; fill: #24292f }
.small { font-size: 12px; fill: #57606a } .title { font-weight: 600 } .peer { fill: #57606a }
.bar { fill: #00796b } .over { fill: #b26a00 } .one { stroke: #57606a; stroke-width: 1.5; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .small, .peer { fill: #9da7b3 }
 .bar { fill: #4db6ac } .over { fill: #e0a44a } .one { stroke: #9da7b3 } }
"""


def draw(folder: Path = FOLDER, picture: Path = PICTURE) -> None:
    """Writes the picture. Bars whose benchmark was not run are left out and named; without any, raises `Problem`."""
    found = [(bar, ratio(bar, folder)) for bar in BARS]
    shown = [(bar, value) for bar, value in found if value is not None]
    for name in dict.fromkeys(bar.benchmark for bar, value in found if value is None):
        print(f"left out: {name}, whose times are not all kept: `python3 build.py bench --only {name}`")
    if not shown:
        raise Problem(f"there is nothing to draw in {folder}: run `python3 build.py bench` first.")
    picture.write_text(svg(shown), "utf-8")
    print(picture)


def ratio(bar: Bar, folder: Path) -> float | None:
    """Our time as a share of the peer's; None if one of them is not kept."""
    try:
        kept = json.loads((folder / f"{bar.benchmark}.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    times: dict[str, list[float]] = {
        each["metadata"]["name"]: [value for run in each["runs"] for value in run["values"]]
        for each in kept["benchmarks"]
    }
    ours, theirs = times.get(f"{bar.task}: {bar.ours}"), times.get(f"{bar.task}: {bar.theirs}")
    if not ours or not theirs:
        return None
    if bar.slowest:
        return _p99(ours) / _p99(theirs)
    return statistics.median(mine / its for mine, its in zip(ours, theirs, strict=True))


def svg(shown: Sequence[tuple[Bar, float]]) -> str:
    """The picture, readable on a light and a dark ground, with all of its figures as text beside it."""
    scale = (WIDTH - LEFT - RIGHT) / LONGEST
    height = TOP + STEP * len(shown) + 20
    one = LEFT + scale
    before, lines, spoken = "", list[str](), list[str]()
    for index, (bar, value) in enumerate(shown):
        middle = TOP + STEP * index + STEP / 2
        length = min(value, LONGEST) * scale
        kind = "bar" if value <= 1 else "over"
        # Beyond the line, where the figure would be crossed by it.
        figure = LEFT + length + 6
        figure = one + 6 if one - 34 < figure < one + 6 else figure
        # Peers of the same task stand below one label.
        if bar.label != before:
            lines.append(f'<text x="12" y="{middle + 5:g}">{escape(bar.label)}</text>')
        before = bar.label
        lines += [
            f'<text class="peer" x="{LEFT - 10}" y="{middle + 5:g}" text-anchor="end">{escape(bar.peer)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{middle - THICK / 2:g}" rx="2" '
            f'width="{length:.1f}" height="{THICK}"/>',
            f'<text class="small" x="{figure:.1f}" y="{middle + 4:g}">{value:.2f}</text>',
        ]
        spoken.append(f"{bar.label} beside {bar.peer}: {value:.2f}")
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="t d">',
            '<title id="t">Time of remotemedia as a share of the time of others; shorter is faster</title>',
            f'<desc id="d">{escape("; ".join(spoken))}.</desc>',
            f"<style>{STYLE}</style>",
            '<text class="title" x="12" y="24">Time of remotemedia, as a share of the peer\'s</text>',
            '<text class="small" x="12" y="44">shorter is faster; both in one run on two cores: '
            "python3 build.py bench</text>",
            f'<text class="small" x="{one:.1f}" y="{TOP - 8}" text-anchor="middle">1 = the peer</text>',
            *lines,
            f'<line class="one" x1="{one:.1f}" y1="{TOP}" x2="{one:.1f}" y2="{height - 16}"/>',
            "</svg>",
            "",
        ]
    )


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]
