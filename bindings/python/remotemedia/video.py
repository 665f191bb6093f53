"""Pictures of a video: `Video`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ._media.arrays import array_of, describe_mask
from ._media.times import exact, nanoseconds
from ._problem.whole_number import require_whole
from .errors import InvalidArgumentError, MarshalError
from .media import Tensor

__all__ = ["Video"]

PIXELS = {"gray": (1,), "rgb24": (3,), "rgba": (4,), "yuv420p": (1, 1, 1), "nv12": (1, 2)}
"""The bytes of a pixel in each plane of a format."""

FORMATS = tuple(PIXELS)

MAX_EXTENT = 2**32 - 1


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

    `planes` is a list of uint8 arrays: numpy, `Tensor`, or whatever has numpy's array interface or exports such a
    buffer. Each is of shape (rows, bytes of a row), or (rows, pixels, bytes of a pixel): (height, width, 3) for
    "rgb24". `format` is gray, rgb24, rgba, yuv420p or nv12. `pts` is when it is shown, in seconds from the begin of
    the stream; `pts_ns` is exact. The memory is shared where the bytes of each row lie contiguous.

    Raises `InvalidArgumentError` for other formats, sizes and times, and `MarshalError` for planes that don't fit the
    picture.
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
        if not isinstance(format, str) or format not in FORMATS:
            raise InvalidArgumentError(f"format {format!r} is none of {', '.join(FORMATS)}")
        self.format = format
        self.width = require_whole("width", width, 0, MAX_EXTENT)
        self.height = require_whole("height", height, 0, MAX_EXTENT)
        self.planes: list[Any] = _planes(planes, format, self.width, self.height)
        self.pts_ns = exact(pts_ns) if pts_ns is not None or pts is None else nanoseconds("pts", pts)

    @property
    def pts(self) -> float | None:
        """When it is shown, in seconds, if known."""
        return None if self.pts_ns is None else self.pts_ns / 1e9

    def __repr__(self) -> str:
        at = "" if self.pts is None else f", pts={self.pts:.3f} s"
        return f"Video({self.format}, {self.width} x {self.height}{at})"


def _planes(planes: Any, name: str, width: int, height: int) -> list[Any]:
    """The planes as arrays of two dimensions, checked."""
    if not isinstance(planes, Iterable):
        raise MarshalError(f"planes must be a list of uint8 arrays, got {type(planes).__name__}")
    given = list(planes)
    for index, plane in enumerate(given):
        complaint = describe_mask(plane)
        if complaint is not None:
            raise MarshalError(f"planes[{index}]: {complaint}")
    shapes = plane_shapes(name, width, height)
    found = [array_of(plane) for plane in given]
    if len(found) != len(shapes) or not all(map(_fits, found, shapes, PIXELS[name])):
        seen = [plane if array is None else array for plane, array in zip(given, found, strict=True)]
        got = [f"{getattr(each, 'dtype', type(each).__name__)} {tuple(getattr(each, 'shape', ()))}" for each in seen]
        raise MarshalError(
            f"a picture in {name} of {width} x {height} has uint8 planes of the shapes "
            f"{', '.join(map(str, shapes))}; got {', '.join(got) or 'none'}"
        )
    return [_flat(array, shape) for array, shape in zip(found, shapes, strict=True)]


def _fits(array: Any, shape: tuple[int, int], pixel: int) -> bool:
    if array is None or str(array.dtype) != "uint8":
        return False
    # Not by the product: that of (height, 3, width) is the same.
    return tuple(array.shape) in (shape, (shape[0], shape[1] // pixel, pixel))


def _flat(array: Any, shape: tuple[int, int]) -> Any:
    if len(array.shape) == 2:
        return array
    return Tensor(array.data, array.dtype, shape) if isinstance(array, Tensor) else array.reshape(shape)
