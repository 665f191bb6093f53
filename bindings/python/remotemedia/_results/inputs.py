"""The inputs of a run: a list, or a list for each input by its name; and what is wrong with others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, TypeAlias

from ..errors import InvalidArgumentError, MarshalError
from ..media import Audio, File

Inputs: TypeAlias = Sequence[Any] | Mapping[str, Sequence[Any]]
"""A list with a value for each item; or, for a manifest that names its inputs, a map of such lists by their names."""


def lists_of(inputs: Any) -> list[Any] | dict[str, list[Any]]:
    """Inputs as the runtime takes them. Raises `MarshalError` for what is neither a list nor a map of lists."""
    if isinstance(inputs, list) or type(inputs) is tuple:
        return list(inputs)
    if isinstance(inputs, Mapping) and inputs and all(isinstance(values, (list, tuple)) for values in inputs.values()):
        for name in inputs:
            if not isinstance(name, str):
                raise MarshalError(f"inputs: the name {name!r} of an input is no text")
        return {name: list(values) for name, values in inputs.items()}
    raise no_list(inputs)


def count_of(inputs: Inputs) -> int:
    """The number of items."""
    return len(next(iter(inputs.values()), ())) if isinstance(inputs, Mapping) else len(inputs)


def values_of(inputs: Inputs) -> list[Any]:
    """All values, whatever input they are for."""
    if isinstance(inputs, Mapping):
        return [value for values in inputs.values() for value in values]
    return list(inputs)


def inputs_of(source: Any, names: Sequence[str]) -> list[Any] | dict[str, list[Any]]:
    """The inputs of an execution for one source of `map`: of several inputs it is a map with a value for each."""
    if len(names) > 1 and isinstance(source, Mapping):
        return {name: [value] for name, value in source.items()}
    return [source]


def listed(names: Sequence[str]) -> str:
    """`'a', 'b' and 'c'`"""
    return " and ".join(filter(None, (", ".join(map(repr, names[:-1])), repr(names[-1]))))


def no_list(inputs: Any) -> MarshalError:
    """The error for inputs that are not a list: a generator is one by `list(x)`, a single value by `[x]`."""
    begin = "inputs must be a list, one entry for each input"
    if isinstance(inputs, (str, os.PathLike)):
        return MarshalError(f"{begin}; write [x], or [remotemedia.File(x)] for a file")
    if isinstance(inputs, (Iterator, KeysView, ValuesView, set, frozenset, range)):
        return MarshalError(f"{begin}; write list(x)")
    if hasattr(inputs, "__anext__"):
        return MarshalError(f"{begin}; write [x async for x in inputs], or use pipeline.stream(inputs)")
    return MarshalError(f"{begin}; write [x]")


def require_several(values: Any, call: str, noun: str = "sources", awaited: str | None = None) -> None:
    """Raises `InvalidArgumentError` for what is a single value where `call` takes several, called by `noun`.

    A `call` that awaits nothing takes no async ones: `awaited` is then what to write instead.
    """
    if isinstance(values, (list, tuple)):
        return
    takes = f"{call} takes several {noun}, such as a list"
    if isinstance(values, (str, bytes, bytearray, memoryview, os.PathLike, Audio, File, dict)):
        written = f"[{values!r}]" if isinstance(values, (str, os.PathLike)) and len(str(values)) < 80 else "[x]"
        raise InvalidArgumentError(f"{takes}; write {written}")
    if isinstance(values, Iterable) or (awaited is None and hasattr(values, "__aiter__")):
        return
    if hasattr(values, "__aiter__"):
        raise InvalidArgumentError(f"{call} awaits no {noun}; write {awaited}")
    cure = "; await it first" if hasattr(values, "__await__") else ""
    raise InvalidArgumentError(f"{takes}, not a value of the type {type(values).__name__}{cure}")
