"""What a value becomes between Python and a runtime: a copy that nobody shares, of plain types, or an error.

Media values and arrays stay the same objects; the native runtime shares their memory too.
"""

from __future__ import annotations

import os
import sys
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from .._explain import complaint_about_type, explain
from ..errors import MarshalError
from ..media import NAMES_OF_FORMATS, Audio, File, Tensor


def crossed(value: Any, name: str) -> Any:
    """The value as it arrives on the other side. Raises `MarshalError` with a path that begins with `name`."""
    wrong = explain(value, name, _complaint)
    if wrong is not None:
        raise wrong
    return _copy(value)


def _copy(value: Any) -> Any:
    kind = type(value)
    if kind in (list, tuple):
        return [_copy(entry) for entry in value]
    if kind is dict:
        return {key: _copy(entry) for key, entry in value.items()}
    if kind is bytearray:
        return bytes(value)
    if kind in (type(None), bool, int, float, str, bytes, datetime, Audio, File):
        return value
    if kind is Tensor:
        return _array(value)
    return _replacement(value)


def _replacement(value: Any) -> Any:
    """What stands for a value of another type. Raises `MarshalError` if nothing does."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        return numpy.asarray(value)
    if isinstance(value, Enum):
        return _copy(value.value)
    if isinstance(value, os.PathLike):
        return File(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _copy(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "typecode") and hasattr(value, "buffer_info"):
        view = memoryview(value)
        name = NAMES_OF_FORMATS.get(view.format)
        if name is not None:
            return _array(Tensor(view, name, view.shape or ()))
    raise MarshalError(complaint_about_type(value))


def _array(tensor: Tensor) -> Any:
    """What a tensor comes back as: numpy's array where numpy is there and has its type."""
    numpy = sys.modules.get("numpy")
    return tensor if numpy is None or tensor.dtype == "bfloat16" else numpy.asarray(tensor)


def _complaint(value: Any) -> str | None:
    if type(value) in (Audio, File, Tensor):
        return None
    try:
        _replacement(value)
    except MarshalError as error:
        return str(error)
    return None
