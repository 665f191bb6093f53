"""Names of files with fields in them: `out/{relative}.flac` is a name for each input."""

from __future__ import annotations

import os
import re

from ..._media.file import from_native
from ...errors import InvalidArgumentError
from .inputs import STDIN, Input
from .parser import meant

FIELDS = ("stem", "name", "parent", "relative", "index", "sink", "n")
NUMBERS = ("index", "n")
FIELD = re.compile(r"\{(\w*)(?::([^{}]*))?\}")
DIGITS = re.compile(r"0(\d)d")
"""How many digits a number has at least, as in `{index:03d}`."""


class Template:
    """A name with fields. No name that is made of it leaves the folder that stands before the first field.

    `option` is what the user typed, for messages. Raises `InvalidArgumentError` for an unknown field.
    """

    def __init__(self, option: str, pattern: str) -> None:
        self.option, self.pattern = option, pattern
        self.fields = {found[1] for found in FIELD.finditer(pattern)}
        self.folder = os.path.abspath(os.path.dirname(pattern.partition("{")[0]))
        for field in sorted(self.fields - set(FIELDS)):
            near = meant(field, FIELDS)
            known = ", ".join(f"{{{each}}}" for each in FIELDS)
            hint = f"the fields are {known}" if near is None else f"did you mean {{{near}}}?"
            raise InvalidArgumentError(f"{option}: there is no field {{{field}}}; {hint}")
        for found in FIELD.finditer(pattern):
            if found[2] is not None and not (found[1] in NUMBERS and DIGITS.fullmatch(found[2])):
                known = " and ".join(f"{{{each}:03d}}" for each in NUMBERS)
                raise InvalidArgumentError(
                    f"{option}: {found[0]} is no field; digits are for numbers alone, as in {known}"
                )

    def fill(self, source: Input, graph: str, index: int, sink: str, number: int) -> str:
        """The name for an input, a sink and a value of it; `graph` names a run without input.

        Raises `InvalidArgumentError` if it lies outside the folder.
        """
        graph = from_native(graph)
        name = "stdin" if source.name == STDIN else source.name or graph
        base = os.path.basename(name)
        values = {
            "stem": os.path.splitext(base)[0],
            "name": base,
            "parent": os.path.basename(os.path.dirname(os.path.abspath(name))),
            "relative": os.path.splitext(source.relative or graph)[0],
            "index": index + 1,
            "sink": sink,
            "n": number,
        }
        path = FIELD.sub(lambda found: format(values[found[1]], found[2] or ""), self.pattern)
        if not os.path.abspath(path).startswith(os.path.join(self.folder, "")):
            raise InvalidArgumentError(f"{self.option}: {path!r}, for {name!r}, is not below {self.folder!r}")
        return path


def both_lead_to(option: str, one: str, other: str) -> InvalidArgumentError | None:
    """The error for two names of one file that are different, by links; None if they are the same one."""
    if os.path.abspath(one) == os.path.abspath(other):
        return None
    return InvalidArgumentError(
        f"{option}: {one!r} and {other!r} are one file, to which a link leads; remove the link, or choose another name"
    )


def unused(name: str, taken: set[str]) -> str:
    """A name for a node that no other one has; takes it."""
    name = name.replace(".", "_")
    while name in taken:
        name += "_"
    taken.add(name)
    return name
