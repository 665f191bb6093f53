"""The command `remotemedia`: converts and measures files, runs, checks and draws manifests, describes nodes.

Each command is a module of its own with a function `command`, imported when it is asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What freezes programs, such as PyInstaller, goes by import statements, and by those that are not carried out too.
    from . import completion, convert, graph, info, levels, nodes, run, segments, validate, version  # noqa: F401

DONE, FAILED, USAGE, REFUSED, NO_FILE, NO_LIBRARY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
"""The exit codes, which `remotemedia --help` explains."""

CURES = (
    (r"python=\[(['\"])([^'\"]*)\1\]", r"--python \2"),
    (r"pass a dict, a path, or JSON or YAML text", "name a file, or write the text of a pipeline, or - for stdin"),
    (r"is an input: \[remotemedia\.File\((.*)\)\]", r"is an input: remotemedia run MANIFEST -i \1"),
    (r"raise limits\.output_bytes of the runtime", "use the Python package, whose configure() raises output_bytes"),
)
"""What the Python package advises, and what to type instead."""


def main(words: Sequence[str] | None = None) -> int:
    """Carries out a command line, that of the process unless `words` are given. Returns the exit code."""
    from .files.standard import standard_streams

    with standard_streams():
        return _carried_out(sys.argv[1:] if words is None else words)


def _carried_out(words: Sequence[str]) -> int:
    """Carries out a command line; what goes wrong becomes a message and an exit code."""
    from ..errors import Error, InvalidArgumentError, LibraryError, ManifestError
    from .ending import Ending
    from .files.standard import StdoutLeft

    ending = Ending()
    try:
        ending.listen()
        return _printed(words)
    except KeyboardInterrupt as error:
        # A run adds how far it came.
        word, code = ("interrupted", INTERRUPTED) if ending.by is None else ("terminated", 128 + ending.by)
        return _tell(f"{word}{error}", code)
    except StdoutLeft:
        return DONE
    except LibraryError as error:
        return _tell(sentence_of(error), NO_LIBRARY)
    except ManifestError as error:
        return _tell(sentence_of(error), REFUSED)
    except InvalidArgumentError as error:
        return _tell(sentence_of(error), USAGE)
    except Error as error:
        return _tell(sentence_of(error), FAILED)
    except OSError as error:
        return _tell(sentence_of(error), NO_FILE)
    finally:
        ending.forget()


def _printed(words: Sequence[str]) -> int:
    """Carries out a command, and returns once what it prints is written."""
    from .arguments.parser import CommandLine
    from .files.standard import print_utf8

    line = CommandLine()
    try:
        chosen = line.parse(words)
        if chosen is None:
            print(line.help(), file=sys.stderr)
            return USAGE
        if getattr(chosen, "json", False):
            print_utf8()
        code: int = import_module(f".{chosen.command}", __package__).command(chosen)
    except SystemExit:
        # So ends a page of help.
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def sentence_of(error: BaseException) -> str:
    """The message of an error, with the cures that a command line has.

    What the system reports goes without its number, and with the name of the file.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.strerror}: {error.filename!r}"
    message = str(error)
    for theirs, ours in CURES:
        message = re.sub(theirs, ours, message)
    return message


def _tell(message: str, code: int) -> int:
    from .terminal import tell

    tell(message, sys.stderr)
    return code
