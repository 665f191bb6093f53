"""Params of Python functions that are nodes: the arguments behind the value, checked before anything runs.

Which argument is what can be seen at the definition. The first one is the value; of a function that names its inputs
the second one is the input. All others are params: they have a default or stand behind a star. All arguments of the
`__init__` of a class are params, since the value is an argument of `process`.

Annotations that mean plain values are checked: bool, int, float, str, list, dict, None, Literal and their unions. All
others let everything pass. Messages have the words of the native library.
"""

from __future__ import annotations

import difflib
import inspect
import json
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from .._problem.outside_text import SHOWN, shown
from .._problem.problem import ENOUGH, Problem
from .._process import imported
from ..errors import InvalidArgumentError
from .annotations import hints_of
from .spec import METHODS, gives_many

TAKEN = {"name": "the id of a node", "on_error": "what an error of a node means"}
"""Names that params can't have, and their meaning."""

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

_hints: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()
"""The annotations that are checked, by functions and classes, once all of theirs could be looked up.

Others are left out: a class that is annotated with itself would be kept alive for ever.
"""


def params_of(fn: Callable[..., Any], takes_port: bool) -> dict[str, inspect.Parameter]:
    """The params of a function or class by their names: its arguments without the value and the input.

    `takes_port` says that it names its inputs. Raises `InvalidArgumentError` for anything that can't be a node.
    """
    if inspect.isclass(fn):
        return _of_class(fn, takes_port)
    if not inspect.isfunction(fn):
        raise InvalidArgumentError(f"@node takes a function or a class, not {fn!r}")
    title = fn.__name__
    arguments = list(inspect.signature(fn).parameters.values())
    value = arguments[0] if arguments else None
    kinds = inspect.Parameter
    if value is None or value.kind not in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
        raise InvalidArgumentError(f"{title} takes no value; write def {title}(value, ...)")
    if takes_port:
        port = arguments.pop(1) if len(arguments) > 1 else None
        if port is None or port.kind not in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
            raise InvalidArgumentError(
                f"{title} names its inputs, so it is told at which of them a value came; "
                f"write def {title}({value.name}, port, ...)"
            )
    params: dict[str, inspect.Parameter] = {}
    for parameter in arguments[1:]:
        _require_name(title, parameter)
        if parameter.kind is kinds.POSITIONAL_OR_KEYWORD and parameter.default is kinds.empty:
            raise InvalidArgumentError(
                f"{title} has the argument {parameter.name!r} behind its value, and calls have one value: if it is a "
                f"param, give it a default or put it behind a star, def {title}({value.name}, *, {parameter.name})"
            )
        _require_free(title, parameter)
        params[parameter.name] = parameter
    return params


def problems_of(
    fn: Callable[..., Any], known: Mapping[str, inspect.Parameter], params: Mapping[str, Any], path: str
) -> list[Problem]:
    """All that is wrong with the `params` of a node at `path` in its manifest; `known` are those that `fn` has."""
    title = fn.__name__
    found: list[Problem] = []
    hints = _hints_of(fn)
    for name, value in params.items():
        if len(found) >= ENOUGH:
            break
        place = f"{path}.params.{shown(str(name))}"
        if name not in known:
            told = repr(name) if len(str(name)) <= SHOWN else f"'{shown(str(name))}'"
            found.append(Problem(place, f"{title} has no param {told}", got=told, suggestion=_nearest(known, name)))
            continue
        wrong = mismatch(value, hints.get(name, Any))
        if wrong is not None:
            message = f"expected {wrong[0]}, got {wrong[1]}"
            found.append(Problem(place, message, expected=wrong[0], got=wrong[1]))
    for name, parameter in known.items():
        if parameter.default is inspect.Parameter.empty and name not in params:
            found.append(Problem(f"{path}.params", f"{title} needs the param {name!r}"))
    return found


def mismatch(value: Any, annotation: Any) -> tuple[str, str] | None:
    """What was expected and what is there, or None if the value fits, a scalar of numpy as the number that it is."""
    numpy = imported("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        value = value.item()
    choices = _choices(annotation)
    if choices is None or any(_fits(value, choice) for choice in choices):
        return None
    names = list(dict.fromkeys(_name(choice) for choice in choices))
    expected = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return expected, described(value)


def _of_class(kind: type, takes_port: bool) -> dict[str, inspect.Parameter]:
    title, wrong = kind.__name__, _wrong_with(kind, takes_port)
    if wrong is not None:
        raise InvalidArgumentError(wrong)
    params: dict[str, inspect.Parameter] = {}
    for parameter in inspect.signature(kind).parameters.values():
        _require_name(title, parameter)
        _require_free(title, parameter)
        params[parameter.name] = parameter
    return params


def _require_name(title: str, parameter: inspect.Parameter) -> None:
    """Raises `InvalidArgumentError` for an argument that can't be given by its name."""
    kinds = inspect.Parameter
    if parameter.kind in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD):
        stars = "*" if parameter.kind is kinds.VAR_POSITIONAL else "**"
        raise InvalidArgumentError(
            f"{title} has {stars}{parameter.name}, and a param has a name and is checked; write each of them out, "
            "such as db=0.0"
        )
    if parameter.kind is kinds.POSITIONAL_ONLY:
        raise InvalidArgumentError(
            f"{title} has the argument {parameter.name!r} before the slash, and params are given by name; put it "
            "behind the slash"
        )


def _require_free(title: str, parameter: inspect.Parameter) -> None:
    """Raises `InvalidArgumentError` for a name that is an option of every node."""
    if parameter.name in TAKEN:
        meaning = TAKEN[parameter.name]
        raise InvalidArgumentError(f"{title} has the param {parameter.name!r}, which is {meaning}; call it otherwise")


def _wrong_with(kind: Any, takes_port: bool) -> str | None:
    """Why a class can't be a node, if so; `takes_port` if it names its inputs."""
    title = kind.__name__
    if not inspect.isfunction(getattr(kind, "process", None)):
        return f"{title} has no method process; write def process(self, value{', port' if takes_port else ''})"
    if takes_port and len(_arguments(kind.process)) != 3:
        return f"{title}.process takes a value and the input at which it came; write def process(self, value, port)"
    if not takes_port and len(_arguments(kind.process)) != 2:
        return f"{title}.process takes one value; write def process(self, value)"
    for name in METHODS:
        method = getattr(kind, name, None)
        if name == "process" or method is None:
            continue
        if not inspect.isfunction(method) or len(_arguments(method)) != 1:
            return f"{title}.{name} takes nothing; write def {name}(self)"
        if name != "flush" and gives_many(method):
            return f"{title}.{name} is a generator, and nobody takes what it yields; only process and flush may yield"
    return None


def _arguments(method: Callable[..., Any]) -> list[str]:
    return [name for name, each in inspect.signature(method).parameters.items() if each.default is each.empty]


def _nearest(known: Mapping[str, inspect.Parameter], name: object) -> str:
    # A longer name is no typing error, and comparing it takes quadratic time.
    near = difflib.get_close_matches(str(name), known, 1) if len(str(name)) <= SHOWN else []
    if near:
        return f"did you mean {near[0]!r}?"
    if not known:
        return "remove it: there are none"
    return f"it takes {', '.join(map(repr, known))}"


def _hints_of(fn: Callable[..., Any]) -> dict[str, Any]:
    known = _hints.get(fn)
    if known is None:
        hints = hints_of(fn.__init__ if inspect.isclass(fn) else fn)
        known = _hints[fn] = {name: hint for name, hint in hints.items() if _choices(hint) is not None}
    return known


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
