"""What a Python function that is a node emits, as its annotation of the result says it."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import inspect
import types
import typing
from collections import abc
from typing import Any

from .._functions.annotations import hints_of
from .._functions.spec import CallSpec
from .._results.arrow_types import ARRAYS, Shape
from ..media import Audio, File, Tensor
from ..video import Video

PLAIN: dict[Any, Shape] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.datetime: "timestamp",
    Audio: "audio",
    File: "file",
    Tensor: "tensor",
    Video: "video",
}
MANY = (abc.Iterator, abc.Iterable, abc.Generator, abc.AsyncIterator, abc.AsyncIterable, abc.AsyncGenerator)


def shape_of_results(function: Any, spec: CallSpec) -> Shape | None:
    """What each value of a function or class looks like; None where its annotation does not say so."""
    return shape_of_annotation(_hint_of_results(function, spec))


def gives_arrays(function: Any, spec: CallSpec) -> bool | None:
    """Whether each value of a function or class is audio or an array; None where its annotation does not say so."""
    hint = _without_none(_hint_of_results(function, spec))
    shape = shape_of_annotation(hint)
    if shape is not None:
        return shape in ARRAYS
    kind = typing.get_origin(hint) or hint
    # What is in them may be unknown.
    return False if kind in (dict, list) or typing.is_typeddict(kind) or dataclasses.is_dataclass(kind) else None


def _hint_of_results(function: Any, spec: CallSpec) -> Any:
    """The annotation of each value of a function or class; None without one."""
    called = getattr(function, "process", None) if isinstance(function, type) else function
    while isinstance(called, functools.partial):
        called = called.func
    if called is None or spec.outputs:
        return None
    try:
        called = inspect.unwrap(called)
    except ValueError:
        return None
    hint = hints_of(called if inspect.isroutine(called) else type(called).__call__).get("return")
    if typing.get_origin(hint) in MANY:
        hint = (*typing.get_args(hint), None)[0]
    if spec.batch is not None:
        hint = typing.get_args(hint)[0] if typing.get_origin(hint) is list and typing.get_args(hint) else None
    return hint


def _without_none(hint: Any) -> Any:
    """The one type of an `Optional`; any other as it is."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    given = [each for each in typing.get_args(hint) if each is not type(None)]
    return given[0] if len(given) == 1 else hint


def shape_of_annotation(hint: Any, within: tuple[Any, ...] = ()) -> Shape | None:
    """What values of a type look like: scalars, media, lists, `TypedDict`, dataclasses; None for others.

    `within` are the types that it is a part of: one of itself has no shape.
    """
    hint = _without_none(hint)
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return None
    if origin is typing.Literal:
        kinds = {type(each) for each in inner if each is not None}
        return shape_of_annotation(kinds.pop()) if len(kinds) == 1 else None
    if origin is list and inner:
        entry = shape_of_annotation(inner[0], within)
        return None if entry is None else (entry,)
    if origin is dict:
        return "texts" if inner == (str, str) else None
    if typing.is_typeddict(hint) or (dataclasses.is_dataclass(hint) and isinstance(hint, type)):
        if hint in within:
            return None
        count = (
            len(dataclasses.fields(hint))
            if dataclasses.is_dataclass(hint)
            else len(hint.__required_keys__ | hint.__optional_keys__)
        )
        fields = {name: shape_of_annotation(each, (*within, hint)) for name, each in hints_of(hint).items()}
        known = {name: shape for name, shape in fields.items() if shape is not None}
        return known if len(known) == len(fields) == count else None
    kind = origin or hint
    if getattr(kind, "__module__", "").partition(".")[0] == "numpy" and getattr(kind, "__name__", "") == "ndarray":
        return "tensor"
    return PLAIN.get(kind) if isinstance(kind, type) else None
