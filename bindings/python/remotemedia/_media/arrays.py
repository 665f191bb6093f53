"""What media take as arrays: those of numpy, what has its interface, and memory that others export."""

from __future__ import annotations

from typing import Any

from .._process import imported
from .element_types import NAMES_OF_FORMATS
from .tensor import Tensor


def describe_mask(array: Any) -> str | None:
    """What is wrong with an array that has a mask; None for others."""
    if hasattr(array, "mask") and hasattr(array, "filled"):
        name = type(array).__name__
        return f"{name} would lose its mask; write value.filled(number), and pass value.mask beside it if it matters"
    return None


def array_of(value: Any) -> Any:
    """`value` as an array of numpy or as a `Tensor` that shares its memory; None if it is neither."""
    if isinstance(value, Tensor):
        return value
    numpy = imported("numpy")
    if numpy is not None and hasattr(value, "__array_interface__"):
        return numpy.asarray(value)
    try:
        view = memoryview(value)
    except (TypeError, BufferError):
        return None
    name = NAMES_OF_FORMATS.get(view.format.lstrip("@=<"))
    return None if name is None or not view.c_contiguous else Tensor(view, name, view.shape or ())
