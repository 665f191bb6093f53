"""`Picture`: an SVG that a notebook shows; and the axes of matplotlib that are drawn into where it is installed."""

from __future__ import annotations

import os
from typing import Any


class Picture:
    """A drawing as SVG text. A notebook shows it; `save` writes it to a file."""

    __slots__ = ("svg",)

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_html_(self) -> str:
        # Not `_repr_svg_`: that is shown as an image, in which `currentColor` is black on a dark page as well.
        return self.svg

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the SVG to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg.replace("currentColor", "#666"))


def axes_of(axes: Any) -> Any:
    """The axes of matplotlib to draw into: those given, else new ones; None where matplotlib is not installed."""
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError:
        return None
    return pyplot.subplots()[1]
