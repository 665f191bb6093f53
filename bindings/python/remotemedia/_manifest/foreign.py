"""What Python's manifests have and JSON has not: params that are paths and arrays, with what to write in their place,
since the library knows them as files and tensors alone, and keys that are no text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .._problem.problem import refusal
from ..errors import ManifestError, Problem

STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
"""A step in the path of a problem: the place in a list, or the name in a map."""

_NOTHING = object()


def check_keys(manifest: Mapping[Any, Any]) -> None:
    """Raises `ManifestError` for a field of the manifest whose name is no text."""
    for key in manifest:
        if type(key) is not str:
            message = (
                f"the key {key!r} is no text; its fields are version, metadata, nodes, connections, inputs, outputs"
            )
            raise ManifestError(f"the manifest: {message}", [Problem("", message)])


def with_cures(error: ManifestError, manifest: Mapping[str, Any]) -> ManifestError:
    """The error with what to write where a param of the manifest is a path or an array; the same one if none is."""
    problems = []
    for problem in error.problems:
        cure = cure_for(_found(manifest, problem.path)) if problem.got in ("file", "tensor") else None
        problems.append(problem if cure is None else problem._replace(suggestion=cure))
    return error if problems == error.problems else refusal(problems)


def cure_for(value: Any) -> str | None:
    """What to write in place of a param that is a path or an array; None for others."""
    if isinstance(value, os.PathLike):
        return "params are plain values; write str(path)"
    return "params are plain values; write array.tolist()" if hasattr(value, "tolist") else None


def _found(manifest: Any, path: str) -> Any:
    """What stands in the manifest at the path of a problem."""
    value = manifest
    for place, name in STEP.findall(path):
        try:
            value = value[int(place) if place else name]
        except (TypeError, KeyError, IndexError):
            return _NOTHING
    return value
