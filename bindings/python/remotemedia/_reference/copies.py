"""Copies values as crossing between Python and the runtime would: of plain types, shared with nothing; or an error.

Arrays stay in the same memory, also those of media, as with the native runtime, but small ones: those are copied, and
who gets them has them alone. Tensors become arrays where numpy is there. Tables and what speaks DLPack alone are read
by the native library's readers of those formats, and are refused where it can't be loaded.
"""

from __future__ import annotations

import operator
import os
import sys
from copy import copy
from dataclasses import fields, is_dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from .._codec.diagnose import describe_array, describe_type, describe_unicode, explain
from .._codec.numpy_arrays import INLINE_BYTES, is_plain_scalar, numpy_if_installed
from .._media.element_types import NAMES_OF_FORMATS
from .._media.file import native_path
from .._process import FIRST_USE, imported
from ..errors import MarshalError
from ..media import Audio, File, Tensor
from ..table import Table, is_table
from ..video import Video


def crossed(value: Any, name: str) -> Any:
    """The value as it arrives on the other side. Raises `MarshalError` with a path that begins with `name`."""
    crossing = _Crossing()
    try:
        wrong = explain(value, name, crossing.complaint)
    except RecursionError:
        wrong = MarshalError(f"{name}: nested too deep, or it contains itself")
    if wrong is not None:
        raise wrong
    return crossing.copy(value)


def replaced(value: Any, name: str) -> Any:
    """What stands for a value of a type that is not plain Python's: a media value, or one of plain types to look into.

    Raises `MarshalError` with a path that begins with `name` if it can't cross, or something in it.
    """
    crossing = _Crossing()
    wrong = explain(value, name, crossing.complaint)
    if wrong is not None:
        raise wrong
    return crossing.replacement(value)


class _Crossing:
    """Values of other types and their replacements, each made once: a stream can't be read a second time."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, Any]] = {}

    def complaint(self, value: Any) -> str | None:
        """What is wrong with a value of a type that is not plain Python's; None if it can cross."""
        try:
            replacement = _replacement(value)
        except MarshalError as error:
            return str(error)
        except UnicodeEncodeError as error:
            return describe_unicode(value, error)
        except (ValueError, TypeError, OverflowError) as error:
            # Of code of the value's own, such as `__fspath__`.
            return f"{type(value).__name__}: {error}"
        # The value too, so that nothing else gets its id.
        self._made[id(value)] = value, replacement
        if is_media(replacement):
            return None
        inner = explain(replacement, "value", self.complaint)
        return None if inner is None else str(inner).removeprefix("value: ")

    def replacement(self, value: Any) -> Any:
        """What stands for a value that was complained about, or could have been."""
        return self._made[id(value)][1]

    def copy(self, value: Any) -> Any:
        """The copy of a value that can cross."""
        kind = type(value)
        if value is None or kind in (bool, int, float, str, bytes):
            return value
        if kind in (list, tuple):
            return [self.copy(entry) for entry in value]
        if kind is dict:
            return {key: self.copy(entry) for key, entry in value.items()}
        if kind in (bytearray, memoryview):
            return bytes(value)
        if kind is datetime:
            return value.astimezone(timezone.utc)
        replacement = self.replacement(value)
        return _of_its_own(replacement) if is_media(replacement) else self.copy(replacement)


def _replacement(value: Any) -> Any:
    """The replacement of a value of another type: a media value, or one to look into. Raises `MarshalError`."""
    kind = type(value)
    if kind is Tensor:
        return _array(value)
    if kind in (Audio, Video):
        return _with_arrays(value)
    if kind is File:
        return _file(value)
    if kind is Table:
        return value
    numpy = imported("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        return value.item() if is_plain_scalar(value) else _checked(numpy.asarray(value))
    if numpy is not None and isinstance(value, numpy.ndarray):
        return _checked(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return _file(File(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if hasattr(value, "typecode") and hasattr(value, "buffer_info"):
        view = memoryview(value)
        name = NAMES_OF_FORMATS.get(view.format)
        if name is not None:
            return _array(Tensor(view, name, view.shape or ()))
    elif numpy is not None and getattr(value, "__array_interface__", None) is not None:
        return _checked(numpy.asarray(value))
    elif is_table(value):
        with FIRST_USE:
            from .._codec.arrow import table_of

        return table_of(value)
    elif hasattr(kind, "__dlpack__"):
        return _of_dlpack(value)
    raise MarshalError(describe_type(value))


def _file(file: File) -> File:
    """The file. Raises `MarshalError` if its path can't travel, `UnicodeEncodeError` if its media type is no text."""
    native_path(file)
    if file.mime is not None:
        file.mime.encode("utf-8")
    return file


def _of_dlpack(value: Any) -> Any:
    with FIRST_USE:
        from .._abi.library import ffi
        from .._codec.decode import c_strides, gather
        from .._codec.dlpack import describe

    capsule, address, name, shape, strides, _, size = describe(value)
    steps = c_strides(shape, size) if strides is None else [stride * size for stride in strides]
    spans = [(extent - 1) * step for extent, step in zip(shape, steps, strict=True)]
    low = sum(min(span, 0) for span in spans)
    length = 0 if 0 in shape else sum(map(abs, spans)) + size
    memory = memoryview(ffi.buffer(ffi.cast("char *", address + low), length))
    data = b"" if length == 0 else gather(memory, shape, steps, -low, size)
    del capsule
    return _array(Tensor(bytearray(data), name, shape))


def _checked(array: Any) -> Any:
    """A numpy array in the byte order of this machine; a `Tensor` for bfloat16, which only other packages add to numpy.

    Raises `MarshalError` for elements that can't cross.
    """
    complaint = describe_array(array)
    if complaint is not None:
        raise MarshalError(complaint)
    if array.dtype.name == "bfloat16":
        return Tensor(array.tobytes(), "bfloat16", array.shape)
    array = array.view(sys.modules["numpy"].ndarray)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _with_arrays(media: Audio | Video) -> Audio | Video:
    """Sound or a picture whose tensors are what they come back as; the same object if it has none."""
    parts = [media.samples] if isinstance(media, Audio) else media.planes
    arrays = [_array(part) if type(part) is Tensor else part for part in parts]
    if all(map(operator.is_, arrays, parts)):
        return media
    media = copy(media)
    if isinstance(media, Audio):
        (media.samples,) = arrays
    else:
        media.planes = arrays
    return media


def _of_its_own(media: Any) -> Any:
    """A media value with copies of its small arrays, which nobody else has."""
    kind = type(media)
    if kind is Audio:
        media = copy(media)
        media.samples = _of_its_own(media.samples)
    elif kind is Video:
        media = copy(media)
        media.planes = [_of_its_own(plane) for plane in media.planes]
    elif kind is Tensor:
        if media.nbytes < INLINE_BYTES:
            return Tensor(bytearray(media.data), media.dtype, media.shape)
    elif kind not in (File, Table) and media.nbytes < INLINE_BYTES:
        return media.copy()
    return media


def _array(tensor: Tensor) -> Any:
    """What a tensor comes back as: numpy's array where numpy is there and has its type."""
    numpy = None if tensor.dtype == "bfloat16" else numpy_if_installed()
    return tensor if numpy is None else numpy.asarray(tensor)


def is_media(value: Any) -> bool:
    """Whether a replacement is a media value."""
    numpy = imported("numpy")
    is_array = numpy is not None and isinstance(value, numpy.ndarray)
    return is_array or type(value) in (Audio, File, Table, Tensor, Video)
