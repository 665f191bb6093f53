"""The picture of a matrix of numbers, whatever holds it: what has `shape` and `tolist`."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from .heat_map import MOST_COLUMNS, MOST_ROWS, heat_map
from .picture import Picture, axes_of

MOST_NUMBERS = 1 << 20
"""A larger matrix is not drawn where nobody has asked for it: its numbers are read one by one."""


def plot(matrix: Any, axes: Any) -> Any:
    """Draws a matrix into axes of matplotlib, or as a `Picture` without it. Powers are drawn in decibels.

    Raises `ValueError` for what has not two dimensions, apart from those of extent 1.
    """
    rows = _rows(matrix)
    if rows is None:
        raise ValueError(f"a picture takes a matrix, such as a spectrogram (bands, frames); this is {matrix.shape}")
    axes = axes_of(axes)
    if axes is None:
        return Picture(heat_map(rows, _label(matrix), in_decibels=_are_powers(rows)))
    if _are_powers(rows):
        top = max((value for row in rows for value in row), default=0.0)
        rows = [[10 * math.log10(max(value, top * 1e-8, 1e-30)) for value in row] for row in rows]
    axes.imshow(rows, origin="lower", aspect="auto", interpolation="nearest")
    return axes


def page(matrix: Any) -> str:
    """What a notebook shows of a matrix: its picture if it has one, and what it is."""
    return f"<div>{page_of_matrix(matrix)}<p>{escape(repr(matrix))}</p></div>"


def page_of_matrix(value: Any) -> str:
    """The picture of a value if it is a matrix: a spectrogram; empty for all others."""
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        return ""
    rows = _rows(value) if math.prod(value.shape) <= MOST_NUMBERS else None
    return "" if rows is None else f"<div>{heat_map(rows, _label(value), in_decibels=_are_powers(rows))}</div>"


def _rows(matrix: Any) -> list[list[float]] | None:
    """The numbers in rows, thinned out to what can be seen; None if it is no matrix of real numbers."""
    extents = [extent for extent in matrix.shape if extent != 1]
    if len(extents) != 2 or 0 in extents or str(matrix.dtype) in ("bfloat16", "complex64", "complex128"):
        return None
    rows: list[list[float]] = _squeezed(matrix.tolist())
    height, width = extents
    across, down = -(-width // MOST_COLUMNS), -(-height // MOST_ROWS)
    return [row[::across] for row in rows[::down]]


def _squeezed(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    return _squeezed(values[0]) if len(values) == 1 else [_squeezed(each) for each in values]


def _are_powers(rows: list[list[float]]) -> bool:
    """Whether no number is below zero and few are near the greatest, as in a spectrogram of powers or magnitudes."""
    values = sorted(value for row in rows for value in row)
    return bool(values) and values[0] >= 0 and values[-1] > 100 * values[len(values) // 2]


def _label(matrix: Any) -> str:
    return f"matrix of the shape {' x '.join(map(str, matrix.shape))}"
