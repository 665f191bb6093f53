"""What is wrong with the inputs of a run that are no list, and how to write them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, KeysView, ValuesView
from typing import Any

from ..errors import InvalidArgumentError, MarshalError
from ..media import Audio, File


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


def require_sources(sources: Any, call: str) -> None:
    """Raises `InvalidArgumentError` for sources of `map` that are a single value."""
    if isinstance(sources, (str, bytes, bytearray, os.PathLike, Audio, File, dict)):
        written = f"[{sources!r}]" if isinstance(sources, (str, os.PathLike)) and len(str(sources)) < 80 else "[x]"
        raise InvalidArgumentError(f"{call} takes several sources, such as a list; write {written}")
    if not isinstance(sources, Iterable) and not hasattr(sources, "__aiter__"):
        raise InvalidArgumentError(
            f"{call} takes several sources, such as a list, not a value of the type {type(sources).__name__}"
        )
