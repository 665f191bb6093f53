"""Values as a function gets them, and as they are kept of what it returned.

Lists, dicts and tuples are copied as they are handed on, so that no function sees what another one does to them later.
Arrays are read-only, or a copy of the function's own; bytes that could change become `bytes`. All other objects, such
as dataclasses and sets, are the same ones for functions next to each other: a copy of an object can be something else,
where it has an identity, or its class more than fields.

The annotation of the first argument asks for a form: a table becomes a `DataFrame` of pandas or polars or a
`pyarrow.Table`, an array a `remotemedia.Tensor`, a file with a path a `Path`, a list a tuple (a named one too), a value
a member of an `Enum`, a dict a dataclass. `Audio`, `File`, `Table`, `Tensor` and `Video` are checked: another value is
a `TypeError`. Other annotations leave the value as it came. What needs no change stays the same object.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from .._process import imported
from ..errors import MarshalError
from ..media import Audio, File, Tensor
from ..table import Table
from ..video import Video
from .annotations import hints_of

SCALARS: frozenset[type] = frozenset({bool, bytes, float, int, str})
"""Types of values that can neither be changed nor awaited: most checks of a value end with a look here."""

_KEPT: frozenset[type] = SCALARS | {datetime, File, Table, type(None)}
"""Types of values that are the same objects for all."""

MEDIA: dict[type, str] = {
    Audio: "audio",
    File: "a file",
    Table: "a table",
    Tensor: "an array",
    Video: "a video frame",
}
"""The types whose annotation is checked, as messages name them."""

Change = Callable[[Any], Any]
"""Makes another array, or other memory, of one."""

Convert = Callable[[Any], Any]


def read_only(value: Any) -> Any:
    """The same value, with arrays that can't be written to: their memory may be in use elsewhere."""
    return value if type(value) in SCALARS else _rebuilt(value, _view, memoryview.toreadonly)


def deep_copy(value: Any) -> Any:
    """A copy of a value with all arrays in it copied too: they can be written to, and nothing else refers to them."""
    return value if type(value) in SCALARS else _rebuilt(value, _copy, bytearray)


def snapshot(value: Any) -> Any:
    """The same value, with arrays in the same memory, but else its own: later changes of it are not seen."""
    if type(value) in SCALARS:
        return value
    try:
        return _rebuilt(value, _same, _same)
    except RecursionError:
        # Too deep to cross, or it contains itself: that is refused where it is to cross.
        return value


def handed_on(value: Any) -> Any:
    """What the next function gets of a value: later changes of it are not seen, and arrays are read-only.

    Raises `MarshalError` for a value that contains itself.
    """
    try:
        return read_only(value)
    except RecursionError:
        raise MarshalError("the returned value: nested too deep, or it contains itself") from None


def converter(function: Callable[..., Any]) -> Convert | None:
    """The function that turns a value into the form that `function` asks for; None if it takes any as it is.

    It raises `TypeError` for a value that is not of the media type that the annotation names.
    """
    try:
        first = next(iter(inspect.signature(function).parameters.values()), None)
    except (TypeError, ValueError):
        return None
    if first is None or first.annotation is inspect.Parameter.empty:
        return None
    return _of(hints_of(_written(function)).get(first.name), first.name)


def _rebuilt(value: Any, array: Change, memory: Change) -> Any:
    kind = type(value)
    if kind in _KEPT:
        return value
    if kind is Audio:
        audio = Audio.__new__(Audio)
        audio.samples = value.samples if array is _same else _rebuilt(value.samples, array, memory)
        audio.rate = value.rate
        audio.layout, audio.pts_ns = value.layout, value.pts_ns
        return audio
    if kind is list or kind is tuple:
        entries = [entry if type(entry) in _KEPT else _rebuilt(entry, array, memory) for entry in value]
        return entries if kind is list else tuple(entries)
    if kind is dict:
        return {key: _rebuilt(entry, array, memory) for key, entry in value.items()}
    if kind is bytearray or kind is memoryview:
        # A view with gaps is refused where it is to cross.
        return bytes(value) if kind is bytearray or value.c_contiguous else value
    if kind is Tensor:
        return value if memory is _same else Tensor(memory(value.data), value.dtype, value.shape)
    if kind is Video:
        video = Video.__new__(Video)
        video.format, video.width, video.height, video.pts_ns = value.format, value.width, value.height, value.pts_ns
        video.planes = [_rebuilt(plane, array, memory) for plane in value.planes]
        return video
    numpy = imported("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return array(value)
    return value


def _view(array: Any) -> Any:
    view = array.view()
    view.flags.writeable = False
    return view


def _same(memory: Any) -> Any:
    return memory


def _copy(array: Any) -> Any:
    return array.copy()


def _written(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that the annotations were written at."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    return function if inspect.isroutine(function) else type(function).__call__


def _of(annotation: Any, name: str) -> Convert | None:
    """What brings a value into the form of an annotation, which is that of the argument or field `name`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if len(kinds) > 1:
            return _of_media(typing.get_args(annotation), name)
        inner = _of(kinds[0], name)
        return None if inner is None else lambda value: None if value is None else inner(value)
    if typing.get_origin(annotation) is list:
        (entry,) = typing.get_args(annotation) or (None,)
        each = _of(entry, name)
        return None if each is None else lambda value: [each(item) for item in value] if type(value) is list else value
    if annotation is tuple or typing.get_origin(annotation) is tuple:
        return _of_tuple(typing.get_args(annotation), name)
    if not isinstance(annotation, type):
        return None
    home = annotation.__module__.partition(".")[0]
    if (home, annotation.__name__) == ("pandas", "DataFrame"):
        return lambda value: value.to_pandas() if type(value) is Table else value
    if (home, annotation.__name__) == ("pyarrow", "Table"):
        return lambda value: value.to_arrow() if type(value) is Table else value
    if (home, annotation.__name__) == ("polars", "DataFrame"):
        return lambda value: annotation(value) if type(value) is Table else value
    if annotation in MEDIA:
        return _of_media((annotation,), name)
    if issubclass(annotation, PurePath):
        return lambda value: annotation(value.path) if type(value) is File and value.path is not None else value
    if issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        return _of_named_tuple(annotation)
    if issubclass(annotation, Enum):
        return _of_enum(annotation)
    if dataclasses.is_dataclass(annotation):
        return _of_dataclass(annotation)
    return None


def _of_media(kinds: tuple[Any, ...], name: str) -> Convert | None:
    """What refuses values of other types than these, if all of them are types of media; None is one as well."""
    media = tuple(kind for kind in kinds if kind in MEDIA)
    if len(media) + (type(None) in kinds) < len(kinds):
        return None
    expected = " or ".join(MEDIA[kind] for kind in media)
    takes_tensors = Tensor in media

    def convert(value: Any) -> Any:
        if type(value) in kinds:
            return value
        if takes_tensors:
            value = _tensor(value)
        if isinstance(value, kinds):
            return value
        raise TypeError(f"expected {expected} (annotation of {name!r}), got {type(value).__name__}")

    return convert


def _of_tuple(entries: tuple[Any, ...], name: str) -> Convert:
    """What makes a list the tuple that it was, and its entries what `entries` say."""
    if len(entries) == 2 and entries[1] is Ellipsis:
        each = _of(entries[0], name)
        inner: list[Convert | None] = []
    else:
        each, inner = None, [_of(entry, name) for entry in entries]

    def convert(value: Any) -> Any:
        if type(value) is not list:
            return value
        converts = inner if len(inner) == len(value) else [each] * len(value)
        return tuple(entry if known is None else known(entry) for known, entry in zip(converts, value, strict=True))

    return convert


def _of_enum(kind: type[Enum]) -> Convert:
    def convert(value: Any) -> Any:
        try:
            return kind(value)
        except ValueError:
            if type(value) is not list:
                raise
            # What crosses has no tuples.
            return kind(tuple(value))

    return convert


def _of_named_tuple(kind: Any) -> Convert:
    # Made when it is needed: a field may be of the same type.
    inner = functools.cache(lambda: [_of(hints_of(kind).get(field), field) for field in kind._fields])

    def convert(value: Any) -> Any:
        if type(value) is not list:
            return value
        known = inner() if len(kind._fields) == len(value) else [None] * len(value)
        return kind(*(entry if each is None else each(entry) for each, entry in zip(known, value, strict=True)))

    return convert


def _tensor(value: Any) -> Any:
    numpy = imported("numpy")
    if numpy is None or type(value) is not numpy.ndarray:
        return value
    array = numpy.ascontiguousarray(value).reshape(value.shape)
    return Tensor(memoryview(array).cast("B") if array.size else b"", array.dtype.name, array.shape)


def _of_dataclass(kind: type) -> Convert:
    made = {field.name for field in dataclasses.fields(kind) if not field.init}

    @functools.cache
    def inner() -> dict[str, Convert]:
        # When it is needed: a field may be of the same type.
        hints = hints_of(kind)
        return {
            field.name: found for field in dataclasses.fields(kind) if (found := _of(hints.get(field.name), field.name))
        }

    def convert(value: Any) -> Any:
        if type(value) is not dict:
            return value
        known = inner()
        given = {name: entry for name, entry in value.items() if name not in made}
        return kind(**{name: known[name](entry) if name in known else entry for name, entry in given.items()})

    return convert
