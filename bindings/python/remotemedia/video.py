"""Pictures of a video: `Video`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._media.times import nanoseconds
from .errors import InvalidArgumentError, MarshalError
from .media import Tensor

__all__ = ["Video"]

FORMATS = ("gray", "rgb24", "rgba", "yuv420p", "nv12")


def plane_shapes(format: str, width: int, height: int) -> list[tuple[int, int]]:  # noqa: A002
    """The rows and the bytes of a row of each plane of a format."""
    half = (height + 1) // 2, (width + 1) // 2
    return {
        "gray": [(height, width)],
        "rgb24": [(height, width * 3)],
        "rgba": [(height, width * 4)],
        "yuv420p": [(height, width), half, half],
        "nv12": [(height, width), (half[0], half[1] * 2)],
    }[format]


class Video:
    """One picture of a video.

    `planes` are uint8 arrays: numpy, or `Tensor`. Each is of shape (rows, bytes of a row); for "rgb24" and "rgba" also
    (height, width, 3 or 4). `format` is gray, rgb24, rgba, yuv420p or nv12. `pts` is when it is shown, in seconds from
    the begin of the stream; `pts_ns` is exact. The memory is shared where the bytes of each row lie contiguous.

    Raises `InvalidArgumentError` for other formats, and `MarshalError` for planes that don't fit the picture.
    """

    __slots__ = ("__weakref__", "format", "height", "planes", "pts_ns", "width")

    def __init__(
        self,
        planes: Sequence[Any],
        format: str,  # noqa: A002
        width: int,
        height: int,
        *,
        pts: float | None = None,
        pts_ns: int | None = None,
    ) -> None:
        if format not in FORMATS:
            raise InvalidArgumentError(f"format {format!r} is none of {', '.join(FORMATS)}")
        shapes = plane_shapes(format, width, height)
        found = [tuple(getattr(plane, "shape", ())) for plane in planes]
        flat = [(shape[0], shape[1] * shape[2]) if len(shape) == 3 else shape for shape in found]
        if flat != shapes or any(str(getattr(plane, "dtype", "")) != "uint8" for plane in planes):
            got = [
                f"{getattr(plane, 'dtype', type(plane).__name__)} {shape}"
                for plane, shape in zip(planes, found, strict=True)
            ]
            raise MarshalError(
                f"a picture in {format} of {width} x {height} has uint8 planes of the shapes "
                f"{', '.join(map(str, shapes))}; got {', '.join(got) or 'none'}"
            )
        self.planes: list[Any] = [
            plane if isinstance(plane, Tensor) or len(plane.shape) == 2 else plane.reshape(shape)
            for plane, shape in zip(planes, shapes, strict=True)
        ]
        self.format = format
        self.width = width
        self.height = height
        self.pts_ns = pts_ns if pts_ns is not None or pts is None else nanoseconds("pts", pts)

    @property
    def pts(self) -> float | None:
        """When it is shown, in seconds, if known."""
        return None if self.pts_ns is None else self.pts_ns / 1e9

    def __repr__(self) -> str:
        at = "" if self.pts is None else f", pts={self.pts:.3f} s"
        return f"Video({self.format}, {self.width} x {self.height}{at})"
