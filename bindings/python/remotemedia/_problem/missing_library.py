"""Libraries that only some calls need: imported by them, and named with the command that installs them if missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .._process import FIRST_USE


def require(module: str, call: str, extra: str) -> Any:
    """The module of a library, imported if it has to be.

    Raises `ImportError` where it is not installed, which names `call`, what the user has called, and `extra`, the extra
    of this package that installs it. What a library raises that is there and can't be imported is raised as it is.
    """
    with FIRST_USE:
        try:
            return import_module(module)
        except ModuleNotFoundError as error:
            missing = error.name or module
            if missing.partition(".")[0] != module.partition(".")[0]:
                raise
            raise ImportError(
                f"{call} needs the package {missing}; install it: pip install 'remotemedia[{extra}]'", name=missing
            ) from None
