"""What of a manifest can't be read: values that can't cross, and those that JSON does not have, such as NaN and bytes.

In the words of the native library, and as it tells them: the first of the former alone, else all of the latter.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .._codec.diagnose import DEEPEST, explain
from .._manifest.foreign import check_keys, cure_for
from .._problem.outside_text import shown
from .._problem.problem import ENOUGH, Problem, refusal
from ..errors import ManifestError, MarshalError
from ..media import Audio, File
from ..table import Table
from ..video import Video
from .copies import is_media, replaced

LONGEST_PATH = 64
"""How many steps a path may have; the problem of a longer one names its first three."""

KINDS: dict[type, str] = {Audio: "audio", File: "file", Table: "table", Video: "video"}
"""The names of media values; others are tensors."""

USUAL_CURE = "pass media and bytes as inputs"

_BAD_NAME = object()


def unreadable(manifest: Mapping[str, Any]) -> list[Problem]:
    """All that a manifest, without functions, has beside what JSON has.

    Raises `ManifestError` for what can't cross, and for names of its fields that are no text.
    """
    problems: list[Problem] = []
    is_over = False
    stack: list[tuple[Any, str, int, str]] = [(manifest, "manifest", 0, "")]
    while stack:
        value, path, depth, begin = stack.pop()
        begin = path if depth <= 3 else begin
        if depth > DEEPEST:
            raise _refusal(f"{path[:60]}...", f"nested deeper than {DEEPEST} levels, or it contains itself")
        found: Problem | None = None
        if value is _BAD_NAME:
            found = Problem(_place(path), "the names in this map are not all text", suggestion="use text for the keys")
            is_last = True
        elif is_last := depth > LONGEST_PATH:
            found = Problem(_place(begin), f"lists and maps lie in each other more than {LONGEST_PATH} deep")
        kind = type(value)
        if kind in (list, tuple):
            inner = [(each, f"{path}[{index}]", depth + 1, begin) for index, each in enumerate(value)]
            stack += reversed(inner)
        elif kind is dict:
            stack += reversed([_entry(key, each, path, depth, begin) for key, each in value.items()])
        elif kind is float and not math.isfinite(value):
            found = _mismatch(path, "a finite number", "NaN" if math.isnan(value) else str(value))
        elif kind in (bytes, bytearray, memoryview, datetime):
            _require(value, path)
            size = memoryview(value).nbytes if kind is not datetime else 0
            found = _foreign(path, "timestamp" if kind is datetime else f"{size} bytes")
        elif value is None or kind in (bool, float, int, str):
            _require(value, path)
        elif value is not _BAD_NAME:
            try:
                replacement = replaced(value, path)
            except MarshalError as error:
                raise _refused(error) from None
            if is_media(replacement):
                kind_name = KINDS.get(type(replacement), "tensor")
                cure = cure_for(value) if kind_name in ("file", "tensor") else None
                found = _foreign(path, kind_name, cure or USUAL_CURE)
            else:
                stack.append((replacement, path, depth, begin))
        if found is not None and not is_over and len(problems) < ENOUGH:
            problems.append(found)
        is_over |= is_last
    check_keys(manifest)
    return problems


def _entry(key: Any, value: Any, path: str, depth: int, begin: str) -> tuple[Any, str, int, str]:
    if type(key) is not str:
        return _BAD_NAME, path, depth, begin
    wrong = explain(key, "", lambda _: None)
    if wrong is not None:
        raise _refusal(path, f"in a key, {str(wrong).removeprefix(': ')}")
    return value, f"{path}.{shown(key)}" if key.isidentifier() else f"{path}[{json.dumps(key)}]", depth + 1, begin


def _require(value: Any, path: str) -> None:
    """Raises `ManifestError` for a value of a plain type that can't cross."""
    wrong = explain(value, path, lambda _: None)
    if wrong is not None:
        raise _refused(wrong)


def _foreign(path: str, got: str, cure: str = USUAL_CURE) -> Problem:
    found = _mismatch(path, "a number, text, true, false, null, a list or a map", got)
    return found._replace(suggestion=cure)


def _mismatch(path: str, expected: str, got: str) -> Problem:
    return Problem(_place(path), f"expected {expected}, got {got}", expected=expected, got=got)


def _refused(error: MarshalError) -> ManifestError:
    path, _, message = str(error).partition(": ")
    return _refusal(path, message)


def _refusal(path: str, message: str) -> ManifestError:
    return refusal([Problem(_place(path), message)])


def _place(path: str) -> str:
    return path.removeprefix("manifest").removeprefix(".")
