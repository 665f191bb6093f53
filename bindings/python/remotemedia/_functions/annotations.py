"""The annotations of a function or class: those that can be looked up. Another one says nothing, of itself alone."""

from __future__ import annotations

import sys
import types
import typing
from typing import Any


def hints_of(annotated: Any) -> dict[str, Any]:
    """The annotations by their names, as types.

    What only type checkers import, as under `if TYPE_CHECKING:`, can't be looked up here.
    """
    try:
        return typing.get_type_hints(annotated)
    except Exception:
        if not isinstance(annotated, type):
            return _each(annotated, getattr(annotated, "__globals__", None))
        found: dict[str, Any] = {}
        for kind in reversed(annotated.__mro__):
            if "__annotations__" in vars(kind) or "__annotate_func__" in vars(kind):
                found |= _each(kind, vars(sys.modules.get(kind.__module__, types)))
        return found


def _each(annotated: Any, names: dict[str, Any] | None) -> dict[str, Any]:
    """Those of one function, or of one class without its bases."""
    found = {}
    for name, annotation in _written(annotated).items():
        try:
            alone = types.SimpleNamespace(__annotations__={name: annotation})
            found[name] = typing.get_type_hints(alone, names)[name]
        except Exception:
            continue
    return found


def _written(annotated: Any) -> dict[str, Any]:
    try:
        return dict(annotated.__annotations__)
    except NameError:
        # From Python 3.14 on they are looked up when they are asked for.
        from annotationlib import Format, get_annotations  # type: ignore[import-not-found,unused-ignore]

        return dict(get_annotations(annotated, format=Format.FORWARDREF))
    except AttributeError:
        return {}
