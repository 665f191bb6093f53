"""numpy, where it is installed: imported when the first array comes out, and its scalars, which are plain numbers; how
large an array is that crosses without a copy.
"""

from __future__ import annotations

from typing import Any

from .._process import FIRST_USE

INLINE_BYTES = 16 * 1024
"""Payloads below this size travel in the document: up to here a copy is cheaper than a buffer's bookkeeping."""

_UNKNOWN: Any = object()
_numpy: Any = _UNKNOWN


def numpy_if_installed() -> Any:
    """The module numpy, or None where it is not installed or can't be imported.

    So what comes out has the same types in every program of an installation: arrays of numpy, else `Tensor`.
    """
    global _numpy
    if _numpy is _UNKNOWN:
        with FIRST_USE:
            try:
                import numpy
            except Exception:
                # Whatever a broken installation raises: results are worth more than the form that they have.
                _numpy = None
            else:
                _numpy = numpy
    return _numpy


def is_plain_scalar(scalar: Any) -> bool:
    """Whether plain Python has the type of a scalar of numpy, so that it crosses as a number, a text or bytes.

    Python's float holds those of up to 64 bits exactly. Complex numbers are arrays without dimensions, as they were.
    """
    kind = scalar.dtype.kind
    return kind in "biuSU" or (kind == "f" and scalar.dtype.itemsize <= 8)
