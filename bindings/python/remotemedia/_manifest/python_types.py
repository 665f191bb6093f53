"""Looks up node types that name a Python function: `python:package.module:function`.

Looking one up imports a module, which runs code. So the caller says which packages may be.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from importlib import import_module
from typing import Any

from .._functions.spec import NodeSpec
from ..errors import InvalidArgumentError, ManifestError, Problem

PREFIX = "python:"
NAMED = re.compile(r"python:\w+(?:\.\w+)*:\w+(?:\.\w+)*")


def names_in(text: str) -> list[str]:
    """Everything in a text that may be the name of a Python function, each once."""
    return list(dict.fromkeys(NAMED.findall(text))) if PREFIX in text else []


def find(name: str, allowed: Sequence[str], path: str) -> NodeSpec:
    """The decorated function that `python:package.module:function` names, at `path` in a manifest.

    `allowed` are packages; what is inside them is allowed too. Raises `ManifestError` if it is not allowed, not there
    or not decorated.
    """
    if isinstance(allowed, str):
        raise InvalidArgumentError(f"python must be a list of packages; write python=[{allowed!r}]")
    if not isinstance(allowed, Collection):
        raise InvalidArgumentError(f"python must be a list of packages, such as ['steps'], got {allowed!r}")
    if not NAMED.fullmatch(name):
        raise _refused(path, f"{name!r} names no function; write python:package.module:function")
    _, module, function = name.split(":")
    if not any(module == package or module.startswith(f"{package}.") for package in allowed):
        package = module.partition(".")[0]
        raise _refused(
            path, f"{name!r} runs Python code of {package!r}; if you trust it, allow it with python=[{package!r}]"
        )
    try:
        found: Any = import_module(module)
    except Exception as error:
        raise _refused(path, f"the module {module!r} can't be imported: {type(error).__name__}: {error}") from error
    for part in function.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise _refused(path, f"the module {module!r} has no function {function!r}")
    if not isinstance(found, NodeSpec):
        raise _refused(path, f"{module}.{function} is no node; decorate it with @remotemedia.node")
    return found


def _refused(path: str, message: str) -> ManifestError:
    return ManifestError(f"{path}: {message}", [Problem(path, message)])
