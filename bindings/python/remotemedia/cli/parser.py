"""The words that the command line understands, and the sentences for those that it doesn't."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from ..errors import InvalidArgumentError

MANIFEST = "a JSON or YAML file"

EPILOG = """\
exit codes:
  0    done
  1    an execution failed
  2    the command line is wrong
  3    a manifest is refused
  4    a file can't be read or written, or no file matches
  5    the native library can't be loaded
  130  interrupted
  143  terminated

What went wrong is on stderr. `remotemedia COMMAND --help` tells more about a command."""

OUTPUT_HELP = """\
where results go with -o:
  results/               a folder: a file for each input, STEM.wav for sound, STEM.jsonl for values, and
                         what a node made as a file with the ending it has
  levels.jsonl           JSON lines for all inputs together; .json is one array
  'clean/{stem}.flac'    a file for each input; sound is encoded as .wav or .flac
Names may hold {stem} and {name} (of the input, without and with its ending), {parent} (its folder), {index} (from 1),
{sink} (the node), {n} (the number of the value). Folders are made. A file appears when it is whole."""


class Parser(argparse.ArgumentParser):
    """A parser that raises `InvalidArgumentError`, one sentence, and takes no shortened options."""

    def __init__(self, prog: str, description: str, epilog: str | None = None) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    @property
    def arguments(self) -> list[argparse.Action]:
        """Its options, and its arguments by place."""
        return self._actions

    def error(self, message: str) -> NoReturn:
        raise InvalidArgumentError(f"{message}; see: {self.prog} --help")


class CommandLine:
    """The commands with their parsers."""

    def __init__(self) -> None:
        self.commands: dict[str, Parser] = {}
        self.summaries: dict[str, str] = {}
        self._run()
        validate = self._command("validate", "check a manifest and print its plan")
        validate.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        graph = self._command("graph", "show the plan of a manifest, or draw it")
        graph.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        graph.add_argument(
            "-o",
            "--output",
            metavar="FILE.svg",
            help="draw it into this file. Without it the plan is a table on a terminal, and SVG for a pipe or a file",
        )
        for each in (self.commands["run"], validate, graph):
            each.add_argument(
                "--python",
                action="append",
                default=[],
                metavar="PACKAGE",
                help="a package whose functions may be nodes: it runs code",
            )
        nodes = self._command("nodes", "list the node types, or tell all about one")
        nodes.add_argument("name", nargs="?", metavar="NAME", help="a node type")
        info = self._command("info", "decode a sound file and tell its format and exact length")
        info.add_argument("file", metavar="FILE")
        completion = self._command("completion", "print a script that completes this command line in a shell")
        completion.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
        self._command("version", "print the versions of the package and of the native library")

    def parse(self, words: Sequence[str]) -> argparse.Namespace | None:
        """What the words ask for; None if they ask for nothing. Raises `InvalidArgumentError` for what is wrong.

        `--help` prints and raises `SystemExit`.
        """
        if not words:
            return None
        name, *rest = words
        if name in ("-h", "--help"):
            print(self.help())
            raise SystemExit(0)
        if name == "--version":
            name = "version"
        if name not in self.commands:
            what = "option" if name.startswith("-") else "command"
            known = ", ".join(self.commands)
            raise InvalidArgumentError(
                f"there is no {what} {name!r}{_meant(name, self.commands) or f'; the commands are {known}'}"
            )
        parser = self.commands[name]
        chosen, unknown = parser.parse_known_args(rest)
        if unknown:
            options = [option for action in parser.arguments for option in action.option_strings]
            hint = _meant(unknown[0].partition("=")[0], options) or f"; see: {parser.prog} --help"
            if "--input" in options and not unknown[0].startswith("-"):
                hint = f"; files stand behind -i: -i {unknown[0]}"
            raise InvalidArgumentError(f"{name} has no argument {unknown[0]!r}{hint}")
        chosen.command = name
        return chosen

    def help(self) -> str:
        """What `remotemedia --help` prints."""
        width = max(map(len, self.summaries))
        lines = [f"  {name:{width}}  {summary}" for name, summary in self.summaries.items()]
        return "\n".join(
            [
                "usage: remotemedia COMMAND ...",
                "",
                "Runs pipelines of media nodes.",
                "",
                "commands:",
                *lines,
                "",
                EPILOG,
            ]
        )

    def _command(self, name: str, summary: str, epilog: str | None = None) -> Parser:
        self.summaries[name] = summary
        self.commands[name] = Parser(f"remotemedia {name}", f"{summary[0].upper()}{summary[1:]}.", epilog)
        return self.commands[name]

    def _run(self) -> None:
        run = self._command("run", "run a manifest on files, each by itself", OUTPUT_HELP)
        run.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        run.add_argument(
            "-i",
            "--input",
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
            help="files, or patterns such as 'calls/**/*.flac'",
        )
        run.add_argument("-o", "--output", metavar="OUT", help="where results go; without it they are printed")
        run.add_argument("-j", "--jobs", type=_jobs, default=1, metavar="N", help="files at the same time (default 1)")
        run.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NODE.PARAM=VALUE",
            help="set a param: JSON, or text",
        )
        run.add_argument("--json", action="store_true", help="print a JSON object on a line for each result")
        run.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="the most that one file may take")
        run.add_argument("--keep-going", action="store_true", help="go on with the other files when one fails")
        run.add_argument("--failures", metavar="FILE", help="write a JSON object on a line for each file that failed")


def meant(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if one is like it."""
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), 1)), None)


def _meant(name: str, known: Iterable[str]) -> str:
    near = meant(name, known)
    return "" if near is None else f"; did you mean {near!r}?"


def _jobs(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 1024:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to 1024, got {text!r}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    # NaN is not at least 0 either.
    if seconds >= 0:
        return seconds
    raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text!r}")
