"""`Tensor`: an n-dimensional array without numpy."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from .._problem.whole_number import whole
from .._process import FIRST_USE
from ..errors import MarshalError
from .element_types import FORMATS, SIZES, TYPE_STRINGS


class Tensor:
    """An n-dimensional array where numpy is not installed.

    `data` is a memoryview of the bytes in C order, `dtype` the name of the element type as numpy writes it, `shape`
    the extent of each dimension. `numpy.asarray(tensor)` shares the memory (not for bfloat16, which numpy lacks).

    Raises `MarshalError` if `dtype` is none that crosses, or `data` is not as long as `shape` says.
    """

    # Where users find it, and where pickles do.
    __module__ = "remotemedia.media"
    __slots__ = ("__weakref__", "_address", "_owner", "data", "dtype", "shape")

    def __init__(self, data: Any, dtype: str, shape: Sequence[int]) -> None:
        if not isinstance(dtype, str) or dtype not in SIZES:
            raise MarshalError(f"dtype {dtype!r} is none of {', '.join(SIZES)}")
        view = _memory(data)
        if not view.c_contiguous:
            raise MarshalError("the data of a Tensor must be contiguous; copy it first: bytes(data)")
        # Without elements a view of several dimensions can't be cast.
        self.data = view.cast("B") if view.nbytes else memoryview(b"" if view.readonly else bytearray())
        self.dtype = dtype
        self.shape = _extents(shape)
        self._address: int | None = None
        self._owner: Any = None
        need = SIZES[dtype]
        for extent in self.shape:
            if extent < 0:
                raise MarshalError(f"shape {self.shape} has a negative extent; each is 0 or more")
            need *= extent
        if need != self.data.nbytes:
            raise MarshalError(f"shape {self.shape} of {dtype} needs {need} bytes, data has {self.data.nbytes}")

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance between neighbours in bytes, for each dimension."""
        step = SIZES[self.dtype]
        strides = []
        for extent in reversed(self.shape):
            strides.append(step)
            step *= max(extent, 1)
        return tuple(reversed(strides))

    @property
    def nbytes(self) -> int:
        """The size of the elements in bytes."""
        return self.data.nbytes

    @property
    def readonly(self) -> bool:
        """Whether the memory may only be read."""
        return self.data.readonly

    def tolist(self) -> Any:
        """The elements as nested lists. Raises `TypeError` for bfloat16 and complex types."""
        if self.dtype not in FORMATS:
            raise TypeError(f"plain Python has no elements of type {self.dtype}")
        if 0 in self.shape:
            return _empty(self.shape)
        if self.dtype == "float16":
            # A memoryview knows it from Python 3.12 on.
            return _nested(struct.unpack(f"{self.data.nbytes // 2}e", self.data), self.shape)
        return self.data.cast(FORMATS[self.dtype], self.shape).tolist()  # type: ignore[call-overload]

    def numpy(self) -> Any:
        """The same memory as an array of numpy. Raises `ImportError` without numpy, `TypeError` for bfloat16."""
        with FIRST_USE:
            from .._codec.array_libraries import to_numpy

        if self.dtype == "bfloat16":
            raise TypeError("numpy has no bfloat16; tensor.torch() and tensor.jax() take it")
        return to_numpy(self, "Tensor.numpy")

    def torch(self) -> Any:
        """A tensor of torch, by DLPack: the same memory, or a copy if that may only be read.

        Raises `ImportError` without torch.
        """
        with FIRST_USE:
            from .._codec.array_libraries import to_torch

        return to_torch(self, "Tensor.torch")

    def jax(self) -> Any:
        """An array of jax, by DLPack: the same memory where jax can have it, else a copy.

        jax wants an address that 64 divides. Raises `ImportError` without jax.
        """
        with FIRST_USE:
            from .._codec.array_libraries import to_jax

        return to_jax(self, "Tensor.jax")

    def plot(self, axes: Any = None) -> Any:
        """Draws a matrix, such as a mel spectrogram: into `axes` of matplotlib, or new ones; without it as an SVG."""
        with FIRST_USE:
            from .._pictures.matrix import plot

        return plot(self, axes)

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from .._pictures.matrix import page

        return page(self)

    def _refuse(self, *_: Any) -> NoReturn:
        raise TypeError(
            "a Tensor is memory without arithmetic; install numpy, and results are arrays of numpy, or make one: "
            "numpy.asarray(tensor)"
        )

    # What people do with arrays first; they would be told no more than that it can't be done.
    __getitem__ = __add__ = __sub__ = __mul__ = __rmul__ = __truediv__ = __neg__ = __abs__ = _refuse

    @property
    def __array_interface__(self) -> dict[str, Any]:
        if self.dtype == "bfloat16":
            raise AttributeError("numpy has no bfloat16")
        return {
            "version": 3,
            "shape": self.shape,
            "typestr": TYPE_STRINGS[self.dtype],
            "data": self.data if self.data.nbytes else bytearray(1),
            "strides": None,
        }

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(
        self,
        *,
        stream: object = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> object:
        if dl_device not in (None, (1, 0)):
            raise BufferError("a Tensor lies in the memory of the CPU; move it with the library that takes it")
        with FIRST_USE:
            from .._codec.dlpack import to_capsule

        if copy:
            return to_capsule(Tensor(bytearray(self.data), self.dtype, self.shape), max_version)
        return to_capsule(self, max_version)

    def __buffer__(self, flags: int) -> memoryview:
        # From Python 3.12 on numpy asks here first. What is refused it takes from `__array_interface__`.
        if self.dtype not in FORMATS or 0 in self.shape:
            what = f"elements of type {self.dtype}" if self.data.nbytes else f"a shape such as {self.shape}"
            raise BufferError(f"a memoryview has not {what}; take the bytes, tensor.data, or numpy.asarray(tensor)")
        return self.data.cast(FORMATS[self.dtype], self.shape)  # type: ignore[call-overload,no-any-return]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a Tensor without dimensions has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Tensor({self.dtype}, shape={self.shape})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Tensor, (bytes(self.data), self.dtype, self.shape)


def _memory(data: Any) -> memoryview:
    try:
        return memoryview(data)
    except TypeError:
        raise MarshalError(
            f"the data of a Tensor is memory, such as bytes, not a value of the type {type(data).__name__}; "
            "numbers in lists are an array of numpy: numpy.asarray(data)"
        ) from None


def _extents(shape: Any) -> tuple[int, ...]:
    """The extents that a shape has, as numbers of Python. Anything else is refused."""
    has_several = isinstance(shape, Iterable) and not isinstance(shape, (str, bytes))
    extents = [whole(extent) for extent in shape] if has_several else [None]
    found = tuple(extent for extent in extents if extent is not None)
    if len(found) < len(extents) or min(found, default=0) < 0:
        raise MarshalError(
            f"shape must be whole numbers of 0 or more, one for each dimension, such as (2, 3), got {shape!r}"
        )
    return found


def _nested(elements: Sequence[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return elements[0]
    step = len(elements) // shape[0]
    return [_nested(elements[at : at + step], shape[1:]) for at in range(0, len(elements), step)]


def _empty(shape: Sequence[int]) -> list[Any]:
    return [] if not shape or shape[0] == 0 else [_empty(shape[1:]) for _ in range(shape[0])]
