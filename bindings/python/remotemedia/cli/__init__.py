"""The command `remotemedia`: runs and checks manifests, and tells about nodes and files.

Exit codes: 0 done; 1 an execution failed; 2 the command line is wrong; 3 a manifest is refused; 4 a file can't be read
or written, or no file matches; 5 the native library can't be loaded; 130 interrupted. What went wrong is on stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

DONE, FAILED, USAGE, REFUSED, NO_FILE, NO_LIBRARY, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def main(words: Sequence[str] | None = None) -> int:
    """Carries out a command line, that of the process unless `words` are given. Returns the exit code."""
    chosen = _parser().parse_args(words)
    from ..errors import Error, InvalidArgumentError, LibraryError, ManifestError

    try:
        from . import commands

        code: int = getattr(commands, chosen.command)(chosen)
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
        named = f"{error.strerror}: {error.filename!r}" if error.filename is not None and error.strerror else str(error)
        return _tell(named, NO_FILE)


def _tell(message: str, code: int) -> int:
    print(f"remotemedia: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="remotemedia",
        description="Runs pipelines of media nodes.",
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary)

    run = command("run", "run a manifest on files, each by itself, and print what comes out")
    run.add_argument("manifest", metavar="MANIFEST", help="a JSON or YAML file")
    run.add_argument("-i", "--input", nargs="+", default=[], metavar="FILE", help="files, or patterns such as '*.flac'")
    run.add_argument(
        "--set", action="append", default=[], metavar="NODE.PARAM=VALUE", help="set a param: JSON, or text"
    )
    run.add_argument("--json", action="store_true", help="print a JSON object on a line for each output")
    run.add_argument("--timeout", type=float, metavar="SECONDS", help="the most that one file may take")
    run.add_argument("--keep-going", action="store_true", help="go on with the next file when one fails")
    run.add_argument("--failures", metavar="FILE", help="write a JSON object on a line for each file that failed")
    validate = command("validate", "check a manifest and print its plan")
    validate.add_argument("manifest", metavar="MANIFEST", help="a JSON or YAML file")
    for each in (run, validate):
        each.add_argument(
            "--python",
            action="append",
            default=[],
            metavar="PACKAGE",
            help="a package whose functions may be nodes",
        )
    nodes = command("nodes", "list the node types, or tell all about one")
    nodes.add_argument("name", nargs="?", metavar="NAME", help="a node type")
    info = command("info", "decode a sound file and tell its format and exact length")
    info.add_argument("file", metavar="FILE")
    command("version", "print the versions of the package and of the native library")
    return parser
