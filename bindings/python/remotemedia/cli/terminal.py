"""What a terminal can do that a file can't: colour, if the user wants any."""

from __future__ import annotations

import os
from typing import TextIO

from .._problem.outside_text import printable

STYLES = {"bold": "1", "error": "1;31", "faint": "2"}


def is_terminal(stream: TextIO) -> bool:
    """Whether people see this stream, on something that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str, stream: TextIO) -> str:
    """The text in a style, on a terminal and without `NO_COLOR` (https://no-color.org); elsewhere as it is."""
    if not text or os.environ.get("NO_COLOR") or not is_terminal(stream):
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def tell(message: str, stream: TextIO, style: str = "error") -> None:
    """One message of this program, which goes to people and not to programs."""
    print(f"{painted('remotemedia:', style, stream)} {printable(message)}", file=stream)
