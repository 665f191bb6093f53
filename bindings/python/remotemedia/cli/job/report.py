"""`--report`: one page of HTML about a run, which opens without a network and without scripts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape

from ..._media.file import to_text
from ..._problem.outside_text import one_line
from ..files.whole_file import write_whole
from .summary import Bin, Summary, duration_bins, even_bins, percentile

TITLES = {
    "duration": ("Duration", "s"),
    "loudness_lufs": ("Integrated loudness", "LUFS"),
    "true_peak_dbtp": ("True peak", "dBTP"),
    "speech_ratio": ("Part that is speech", ""),
    "snr_db": ("Signal to noise", "dB"),
}
"""Columns of the index for people, with their units; any other one is called as it is."""
PARTS = (("least", 0.0), ("5 %", 0.05), ("median", 0.5), ("95 %", 0.95), ("most", 1.0))
WIDTH, HEIGHT, FOOT = 640, 160, 22
WIDEST_BAR = 80

STYLE = """\
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --bar: #00796b; --bad: #b42318;
  --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --bar: #4db6ac;
  --bad: #ff8a80; --paper: #0d1117; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 46rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.numbers { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 0; }
.numbers div { display: flex; flex-direction: column-reverse; }
.numbers dt { color: var(--soft); font-size: .875rem; } .numbers dd { margin: 0; font-size: 1.6rem; }
.bad { color: var(--bad); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem 1.2rem .15rem 0; text-align: right; font-weight: normal; } th { color: var(--soft); }
details { border-top: 1px solid var(--line); padding: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
li { overflow-wrap: anywhere; margin: .3rem 0; } code { font-size: .9em; }
svg { width: 100%; height: auto; display: block; margin: .8rem 0; } svg text { fill: var(--soft); font-size: 11px; }
rect { fill: var(--bar); } line { stroke: var(--line); } footer { color: var(--soft); margin-top: 3rem;
  font-size: .875rem; }"""


def write_report(path: str, summary: Summary, title: str, elapsed: float, places: Sequence[str]) -> None:
    """Writes the page. `elapsed` are the seconds of this run, `places` sentences about where the results are."""
    parts = [_numbers(summary, elapsed), _failures(summary)]
    parts += [_distribution(name, values) for name, values in summary.values.items() if values]
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    foot = "".join(f"{_text(to_text(place))}<br>" for place in places)
    page = f"""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}: {summary.done + summary.failed} files</title>
<style>
{STYLE}
</style>
<h1>{_text(title)}</h1>
{"".join(parts)}<footer>{foot}{made}</footer>
</html>
"""
    write_whole(path, page.encode("utf-8", "backslashreplace"))


def hours(seconds: float) -> str:
    """A length for people."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"


def _numbers(summary: Summary, elapsed: float) -> str:
    bad = ' class="bad"' if summary.failed else ""
    numbers = [
        ("files done", f"{summary.done:,}", ""),
        ("failed", f"{summary.failed:,}", bad),
        ("of audio", hours(summary.seconds), ""),
        ("for this run", hours(elapsed), ""),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd{mark}>{value}</dd></div>" for name, value, mark in numbers)
    return f'<dl class="numbers">{cells}</dl>\n'


def _failures(summary: Summary) -> str:
    if not summary.failed:
        return ""
    found = []
    for cause in summary.causes:
        where = "" if cause.node is None else f" at <code>{_text(cause.node)}</code>"
        examples = "".join(
            f"<li><code>{_text(to_text(name))}</code><br>{_text(text)}</li>" for name, text in cause.examples
        )
        rest = cause.total - len(cause.examples)
        more = f"<li>and {rest:,} more</li>" if rest else ""
        found.append(
            f"<details open><summary><b>{cause.total:,}</b>{where}: {_text(cause.text)}</summary>"
            f"<ul>{examples}{more}</ul></details>\n"
        )
    return f"<h2>Failures by cause</h2>\n{''.join(found)}"


def _distribution(name: str, values: Sequence[float]) -> str:
    title, unit = TITLES.get(name, (name, ""))
    bins = duration_bins(values) if name == "duration" else even_bins(values)
    values = sorted(values)
    known = [*((part, percentile(values, place)) for part, place in PARTS), ("mean", math.fsum(values) / len(values))]
    head = "".join(f"<th>{part}</th>" for part, _ in known)
    cells = "".join(f"<td>{_number(value)}</td>" for _, value in known)
    unit = f", {unit}" if unit else ""
    table = f"<table><tr>{head}</tr><tr>{cells}</tr></table>"
    return f"<h2>{_text(title)}{unit}</h2>\n{table}\n{_bars(title, bins)}\n"


def _bars(title: str, bins: Sequence[Bin]) -> str:
    """A histogram as SVG; a bar tells its numbers when it is pointed at, and to a screen reader."""
    most, step = max(each.total for each in bins), min(WIDTH / len(bins), WIDEST_BAR)
    drawn: list[str] = []
    for number, each in enumerate(bins):
        height = each.total / most * (HEIGHT - FOOT - 14)
        left, top = number * step, HEIGHT - FOOT - height
        span = (
            f"{_number(each.low)} to {_number(each.high)}" if math.isfinite(each.high) else f"from {_number(each.low)}"
        )
        drawn.append(
            f'<rect x="{left + 1:.1f}" y="{top:.1f}" width="{step - 2:.1f}" height="{height:.1f}">'
            f"<title>{span}: {each.total:,}</title></rect>"
            f'<text x="{left:.1f}" y="{HEIGHT - 6}">{_number(each.low)}</text>'
        )
        if each.total:
            drawn.append(
                f'<text x="{left + step / 2:.1f}" y="{top - 4:.1f}" text-anchor="middle">{each.total:,}</text>'
            )
    foot = HEIGHT - FOOT
    axis = f'<line x1="0" y1="{foot}" x2="{WIDTH}" y2="{foot}"/>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_text(title)}">{axis}{"".join(drawn)}</svg>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _text(text: str) -> str:
    """Text of files and messages, which may hold anything."""
    return escape(one_line(text))


def told(summary: Summary) -> Iterable[str]:
    """The last lines of a terminal: how much audio there was, and the causes of failures."""
    yield f"{hours(summary.seconds)} of audio in {summary.done} file{'s' * (summary.done != 1)}"
    for cause in summary.causes[:3]:
        where = "" if cause.node is None else f" at {cause.node!r}"
        yield f"failed: {cause.total}{where}: {cause.text.partition('. ')[0]}"
