"""Whether a param fits the annotation of a Python function, in the words that the native library uses.

Annotations that mean plain values are checked: bool, int, float, str, list, dict, None, Literal and their unions. All
others let everything pass.
"""

from __future__ import annotations

import json
import types
import typing
from typing import Any

NAMES: dict[Any, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a map",
    type(None): "null",
}


def mismatch(value: Any, annotation: Any) -> tuple[str, str] | None:
    """What was expected and what is there, or None if the value fits."""
    choices = _choices(annotation)
    if choices is None or any(_fits(value, choice) for choice in choices):
        return None
    names = list(dict.fromkeys(_name(choice) for choice in choices))
    expected = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return expected, described(value)


def described(value: Any) -> str:
    """A plain value as a message names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {json.dumps(value if len(value) <= 40 else value[:39] + '…', ensure_ascii=False)}"
    if isinstance(value, (int, float)):
        return f"the number {value!r}"
    return _name(type(value)) if type(value) in NAMES else f"a value of the type {type(value).__name__}"


def _choices(annotation: Any) -> list[Any] | None:
    """The alternatives of an annotation: types, or literal values in a tuple of one. None if it isn't checked."""
    if annotation is None:
        return [type(None)]
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        parts = [_choices(part) for part in typing.get_args(annotation)]
        return None if None in parts else [choice for part in parts if part for choice in part]
    if origin is typing.Literal:
        return [(value,) for value in typing.get_args(annotation)]
    plain = origin or annotation
    return [plain] if isinstance(plain, type) and plain in NAMES else None


def _fits(value: Any, choice: Any) -> bool:
    if isinstance(choice, tuple):
        return type(value) is type(choice[0]) and bool(value == choice[0])
    if isinstance(value, bool):
        return choice is bool
    if choice is float:
        return isinstance(value, (int, float))
    if choice in (list, tuple):
        return isinstance(value, (list, tuple))
    return isinstance(value, choice)


def _name(choice: Any) -> str:
    return json.dumps(choice[0]) if isinstance(choice, tuple) else NAMES[choice]
