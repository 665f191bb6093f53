"""The command `remotemedia`: runs, checks and draws manifests, and tells about nodes and files.

Each command is a module of its own with a function `command`, imported when it is asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

DONE, FAILED, USAGE, REFUSED, NO_FILE, NO_LIBRARY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
"""The exit codes, which `remotemedia --help` explains."""


def main(words: Sequence[str] | None = None) -> int:
    """Carries out a command line, that of the process unless `words` are given. Returns the exit code."""
    from ..errors import Error, InvalidArgumentError, LibraryError, ManifestError
    from .parser import CommandLine

    # Python has no stream where the caller closed it.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        line = CommandLine()
        chosen = line.parse(sys.argv[1:] if words is None else words)
        if chosen is None:
            print(line.help(), file=sys.stderr)
            return USAGE
        code: int = import_module(f".{chosen.command}", __package__).command(chosen)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _tell("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has left, as `head` does. What is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except LibraryError as error:
        return _tell(str(error), NO_LIBRARY)
    except ManifestError as error:
        return _tell(str(error), REFUSED)
    except InvalidArgumentError as error:
        return _tell(str(error), USAGE)
    except Error as error:
        return _tell(str(error), FAILED)
    except OSError as error:
        return _tell(sentence_of(error), NO_FILE)


def sentence_of(error: BaseException) -> str:
    """What an error says; what the system says goes without its number, and with the name of the file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror if error.filename is None else f"{error.strerror}: {error.filename!r}"
    return str(error)


def _tell(message: str, code: int) -> int:
    from .terminal import tell

    tell(message, sys.stderr)
    return code
