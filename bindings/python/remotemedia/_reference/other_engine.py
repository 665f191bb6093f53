"""What to do about work that only the native engine can do: run it there, or get its library."""

from __future__ import annotations

from .._process import FIRST_USE
from ..errors import LibraryError


def advice() -> str:
    """To choose the native engine; where its library can't be loaded, why, and the cure."""
    try:
        with FIRST_USE:
            from .._abi import library  # noqa: F401 - raises what keeps it from being loaded
    except LibraryError as error:
        return str(error)
    return 'run it with engine="native"'
