"""The words that the command line understands, and the sentences for those that it doesn't."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from ...errors import InvalidArgumentError
from . import help_pages

WIDEST = 100
"""Pages of help are no wider than this many columns."""
FORMATS = ("wav", "flac", "opus", "npy", "jsonl", "json", "csv")

MANIFEST = "a JSON or YAML file, - for stdin, or the text of a pipeline"


class Parser(argparse.ArgumentParser):
    """A parser that raises `InvalidArgumentError`, one sentence, and takes no shortened options.

    `page` follows the options in its help: Markdown.
    """

    def __init__(self, prog: str, description: str, page: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, width=_width()),
        )
        self._page = page

    @property
    def arguments(self) -> list[argparse.Action]:
        """Its options, and its arguments by place."""
        return self._actions

    def error(self, message: str) -> NoReturn:
        """Raises `InvalidArgumentError`."""
        raise InvalidArgumentError(f"{message}; see: {self.prog} --help")

    def format_help(self) -> str:
        """The whole page, as wide as the terminal is and no wider than people read."""
        from ..markdown import plain_text

        page = "\n".join(plain_text(self._page, _width()))
        return super().format_help() + (f"\n{page}\n" if page else "")


class CommandLine:
    """The commands with their parsers."""

    def __init__(self) -> None:
        self.commands: dict[str, Parser] = {}
        self.summaries: dict[str, str] = {}
        self._run()
        self._convert()
        self._levels()
        self._segments()
        info = self._command("info", "decode audio files and print their formats and exact lengths", help_pages.INFO)
        info.add_argument("files", nargs="*", metavar="FILE", help="files, or patterns")
        info.add_argument("--codecs", action="store_true", help="list what can be decoded here, instead of files")
        info.add_argument("--json", action="store_true", help="print a JSON object on a line for each file")
        nodes = self._command("nodes", "list the node types, or describe one", help_pages.NODES)
        nodes.add_argument("name", nargs="?", metavar="NAME", help="a node type")
        nodes.add_argument("--json", action="store_true", help="print JSON")
        validate = self._command("validate", "check a manifest and print its plan")
        validate.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        graph = self._command("graph", "show the plan of a manifest, or draw it")
        graph.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        graph.add_argument(
            "-o",
            "--output",
            action="append",
            default=[],
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
        # Options may stand before, between and behind files.
        chosen, unknown = parser.parse_known_intermixed_args(_no_options_behind_dashes(rest))
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
                "Converts and measures audio files, and runs pipelines of media nodes.",
                "",
                "commands:",
                *lines,
                "",
                help_pages.EXIT_CODES,
            ]
        )

    def _command(self, name: str, summary: str, page: str = "") -> Parser:
        self.summaries[name] = summary
        self.commands[name] = Parser(f"remotemedia {name}", f"{summary[0].upper()}{summary[1:]}.", page)
        return self.commands[name]

    def _run(self) -> None:
        run = self._command("run", "run a manifest on files, each by itself", help_pages.RUN)
        run.add_argument("manifest", metavar="MANIFEST", help=MANIFEST)
        run.add_argument(
            "-i",
            "--input",
            nargs="+",
            action="extend",
            default=[],
            metavar="FILE",
            help="files, - for stdin, or patterns such as 'calls/**/*.flac'",
        )
        _output(run, "where results go; without it they are printed")
        _format(run, FORMATS, "the format of -o - and of folders")
        _shards(run)
        run.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NODE.PARAM=VALUE",
            help="set a param: JSON, or text",
        )
        run.add_argument("--json", action="store_true", help="print a JSON object on a line for each result")
        run.add_argument("--keep-going", action="store_true", help="go on with the other files when one fails")
        _batch(run)

    def _convert(self) -> None:
        convert = self._command("convert", "convert audio files to another format, rate or layout", help_pages.CONVERT)
        _files(convert)
        _output(convert, "where they go; the ending is the format", required=True)
        _format(convert, FORMATS[:4], "the format of -o - and of folders")
        _shards(convert)
        convert.add_argument("--rate", type=_number(int), metavar="HZ", help="resample, for example to 16000")
        convert.add_argument("--channels", type=_number(int), metavar="N", help="mix to so many channels")
        convert.add_argument("--start", type=_number(float), metavar="SECONDS", help="begin there")
        convert.add_argument("--duration", type=_number(float), metavar="SECONDS", help="take so much of each file")
        convert.add_argument(
            "--normalize",
            type=_number(float),
            metavar="LUFS",
            help="make each file so loud, by EBU R 128, up to a true peak of -1 dBTP",
        )
        convert.add_argument(
            "--sample-format",
            choices=("s16", "s24", "f32"),
            metavar="FORMAT",
            help="s16 (default), s24, or f32 for .wav",
        )
        convert.add_argument("--bitrate", type=_number(int), metavar="KBPS", help="the mean rate of .opus in kbit/s")
        _batch(convert)
        _stop(convert)

    def _levels(self) -> None:
        levels = self._command("levels", "measure how loud audio files are", help_pages.LEVELS)
        _files(levels)
        levels.add_argument(
            "--window-ms", type=_number(int), metavar="MS", help="measure windows of this length instead of files"
        )
        _output(levels, "where results go; without it they are printed")
        _printed(levels)
        _batch(levels)
        _stop(levels)

    def _segments(self) -> None:
        segments = self._command("segments", "find where somebody speaks in audio files", help_pages.SEGMENTS)
        _files(segments)
        segments.add_argument(
            "--threshold", type=_number(float), metavar="P", help="the probability from which on it is speech (0.5)"
        )
        segments.add_argument(
            "--min-speech-ms", type=_number(int), metavar="MS", help="leave out what is shorter (250)"
        )
        segments.add_argument(
            "--min-silence-ms", type=_number(int), metavar="MS", help="the shortest pause between segments (100)"
        )
        segments.add_argument(
            "--pad-ms", type=_number(int), metavar="MS", help="what a segment gets before and after speech (30)"
        )
        segments.add_argument("--max-s", type=_number(float), metavar="SECONDS", help="cut segments that are longer")
        _output(segments, "where results go; without it they are printed")
        _format(segments, FORMATS, "the format of -o - and of folders")
        _shards(segments)
        _printed(segments)
        _batch(segments)
        _stop(segments)


def _no_options_behind_dashes(words: Sequence[str]) -> list[str]:
    """The words with `./` before those behind `--` that look like options: argparse forgets that they are none.

    `-` stays what it is, stdin.
    """
    end = words.index("--") + 1 if "--" in words else len(words)
    behind = [f"./{word}" if word.startswith("-") and word != "-" else word for word in words[end:]]
    return [*words[:end], *behind]


def _files(parser: Parser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="IN", help="files, - for stdin, or patterns such as 'calls/**/*.flac'"
    )
    parser.add_argument(
        "--raw",
        type=_raw,
        metavar="ENCODING:RATE[:CHANNELS]",
        help="the inputs are PCM without a header, for example s16:16000:1; encodings are u8, s16, s24, s32, f32, "
        "mulaw and alaw",
    )


def _output(parser: Parser, summary: str, *, required: bool = False) -> None:
    parser.add_argument("-o", "--output", action="append", default=[], metavar="OUT", required=required, help=summary)


def _format(parser: Parser, choices: Sequence[str], summary: str) -> None:
    parser.add_argument("-f", "--format", choices=choices, metavar="FORMAT", help=f"{summary}: {', '.join(choices)}")


def _shards(parser: Parser) -> None:
    parser.add_argument(
        "--shard-format",
        choices=("webdataset", "shar", "nemo"),
        metavar="TOOL",
        help="write audio, flac or opus, into archives that this tool reads: webdataset, shar (Lhotse), nemo",
    )
    parser.add_argument("--shard-size", type=_count, metavar="N", help="how many samples an archive has (default 1000)")


def _printed(parser: Parser) -> None:
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="print a JSON object on a line for each row")
    forms.add_argument("--csv", action="store_true", help="print comma-separated values with a head")


def _batch(parser: Parser) -> None:
    """The options of all commands that run a graph on many files."""
    parser.add_argument("-j", "--jobs", type=_jobs, default=1, metavar="N", help="files at the same time (default 1)")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="the most that one file may take")
    parser.add_argument("--failures", metavar="FILE", help="write a JSON object on a line for each file that failed")
    parser.add_argument(
        "--index",
        metavar="FILE",
        help="write a row for each file, done or failed: JSON lines, or .parquet by pyarrow",
    )
    parser.add_argument(
        "--measure",
        metavar="WORDS",
        help="what the index has of each file: duration, loudness, speech, snr; divided by commas (default duration)",
    )
    parser.add_argument("--report", metavar="FILE.html", help="write a page about the run: counts, failures, measures")
    parser.add_argument(
        "--resume", action="store_true", help="leave out the files that the index has as done and that did not change"
    )


def _stop(parser: Parser) -> None:
    parser.add_argument(
        "--fail-fast", dest="keep_going", action="store_false", help="end with the first file that fails"
    )


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


def _count(text: str) -> int:
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")


def _raw(text: str) -> tuple[str | int, ...]:
    encoding, *numbers = text.split(":")
    if encoding and 1 <= len(numbers) <= 2 and all(each.isdecimal() for each in numbers):
        return encoding, *map(int, numbers)
    raise argparse.ArgumentTypeError(
        f"expected ENCODING:RATE or ENCODING:RATE:CHANNELS, as in s16:16000:1, got {text!r}"
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    # NaN is not at least 0 either.
    if seconds >= 0:
        return seconds
    raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text!r}")


def _number(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    def number(text: str) -> int | float:
        try:
            return kind(text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"expected {what}, got {text!r}") from None

    return number


def _width() -> int:
    import shutil

    return max(40, min(shutil.get_terminal_size().columns, WIDEST) - 2)
