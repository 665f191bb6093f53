"""Draws sound over time as SVG: an outline of its peaks, filled by its RMS. Knows nothing but numbers."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT, AXIS = 720, 120, 18


def waveform(
    columns: Sequence[tuple[float, float]], start_s: float, duration_s: float, label: str, note: str = ""
) -> str:
    """An SVG of sound whose `columns` are (peak, RMS) of spans of equal length, as factors of full scale.

    `start_s` and `duration_s` are what the time axis shows, `label` is what a screen reader says. `note`
    stands above the sound, unless it is empty.
    """
    middle = HEIGHT / 2
    peaks = _outline([peak for peak, _ in columns], middle)
    levels = _outline([level for _, level in columns], middle)
    ticks = "".join(
        f'<line x1="{x:.1f}" y1="{HEIGHT}" x2="{x:.1f}" y2="{HEIGHT + 4}" stroke="currentColor"/>'
        f'<text x="{x:.1f}" y="{HEIGHT + AXIS - 2}" font-size="11" text-anchor="{anchor}" fill="currentColor">'
        f"{text}</text>"
        for x, text, anchor in _ticks(start_s, duration_s)
    )
    if note:
        note = f'<text x="4" y="12" font-size="11" fill="currentColor">{note}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + AXIS}" width="100%" '
        f'style="max-width:{WIDTH}px" role="img" aria-label="{label}">'
        f'<line x1="0" y1="{middle}" x2="{WIDTH}" y2="{middle}" stroke="currentColor" stroke-opacity="0.3"/>'
        f'<path d="{peaks}" fill="#4c8dd6" fill-opacity="0.45"/><path d="{levels}" fill="#2f6fb8"/>{ticks}{note}</svg>'
    )


def _outline(factors: Sequence[float], middle: float) -> str:
    if not factors:
        return ""
    step = WIDTH / len(factors)
    above, below = [], []
    for index, factor in enumerate(factors):
        height = min(max(factor, 0.0), 1.0) * middle
        x = (index + 0.5) * step
        above.append(f"{x:.1f} {middle - height:.1f}")
        below.append(f"{x:.1f} {middle + height:.1f}")
    return f"M{'L'.join([*above, *reversed(below)])}Z"


def _ticks(start_s: float, duration_s: float) -> list[tuple[float, str, str]]:
    """About eight round times along the axis: place, text, anchor."""
    if duration_s <= 0:
        return [(0.0, _clock(start_s, 1.0), "start")]
    step = next((each for each in _STEPS if duration_s / each <= 8), _STEPS[-1])
    while duration_s / step > 8:
        step *= 2
    first = -(-start_s // step) * step
    ticks = []
    index = 0
    while first + index * step <= start_s + duration_s + 1e-9:
        time = first + index * step
        x = (time - start_s) / duration_s * WIDTH
        anchor = "start" if x < 12 else "end" if x > WIDTH - 24 else "middle"
        ticks.append((x, _clock(time, step), anchor))
        index += 1
    return ticks


_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


def _clock(seconds: float, step: float) -> str:
    if seconds < 60 or step < 1:
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2 if step >= 0.01 else 3
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
