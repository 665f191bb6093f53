"""`remotemedia info`: what `remotemedia.info` knows of files, a line for each fact, or a JSON object for each file.

With `--codecs` what `remotemedia.codecs` knows, in the same ways.
"""

from __future__ import annotations

import argparse
import os
import sys

import remotemedia as rm

from .._manifest.codecs import Codecs, codecs
from .._problem.outside_text import one_line
from ..errors import Error, InvalidArgumentError
from ..media import File
from . import DONE, FAILED, NO_FILE, sentence_of
from .arguments.inputs import Input, find_inputs, opened_file
from .files.standard import read_stdin
from .results.records import json_row, json_text
from .terminal import tell


def command(chosen: argparse.Namespace) -> int:
    """Prints the format, the exact length and the tags of audio files. One that fails does not end the others."""
    if chosen.codecs:
        if chosen.files:
            raise InvalidArgumentError("--codecs takes no files; see: remotemedia info --help")
        found_codecs = codecs()
        print(json_text(found_codecs) if chosen.json else _codecs_text(found_codecs))
        return DONE
    if not chosen.files:
        raise InvalidArgumentError("no file was given; see: remotemedia info --help")
    inputs = find_inputs(chosen.files)
    code = DONE
    for number, source in enumerate(inputs):
        try:
            found = _info(source)
        except (Error, OSError) as error:
            if len(inputs) == 1:
                raise
            code = code or (NO_FILE if isinstance(error, OSError) else FAILED)
            sys.stdout.flush()
            tell(f"{source.name}: {sentence_of(error)}", sys.stderr)
            continue
        if chosen.json:
            print(json_row({"input": source.name, **found._asdict()}))
        else:
            print("\n" * (number > 0) + _text(str(source.name), found))
    return code


def _info(source: Input) -> rm.Info:
    with opened_file(source) as files:
        assert files is not None
        (file,) = files
        if file.data is None and (source.path is None or not os.path.isfile(source.path)):
            # All of it, since no path tells its size.
            file = File(read_stdin() if source.path is None else _content(source.path))
        return rm.info(file)


def _content(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _codecs_text(found: Codecs) -> str:
    ffmpeg = found["ffmpeg"]
    lines = ["built in", *_columns(found["built_in"])]
    if "absent" in ffmpeg:
        return "\n".join([*lines, "", "FFmpeg is not used", f"  {ffmpeg['absent']}"])
    libraries = ", ".join(f"{name} {version}" for name, version in ffmpeg["libraries"].items())
    about = f"FFmpeg {ffmpeg['version']} ({ffmpeg['license']})"
    return "\n".join([*lines, "", about, f"  {ffmpeg['path']}", f"  {libraries}", *_columns(ffmpeg["decoders"])])


def _columns(entries: dict[str, str]) -> list[str]:
    width = max(map(len, entries), default=0)
    return [one_line(f"  {name:{width}}  {text}") for name, text in entries.items()]


def _text(name: str, found: rm.Info) -> str:
    lines = [
        ("file", name),
        ("size", f"{found.size} bytes"),
        ("format", found.container if found.codec == found.container else f"{found.codec} in {found.container}"),
        ("rate", f"{found.rate} Hz"),
        ("channels", str(found.channels)),
        ("frames", str(found.frames)),
        ("duration", f"{found.duration:.3f} s"),
        *found.tags.items(),
    ]
    # A tag of several lines stays one.
    return "\n".join(f"{one_line(key):10}{one_line(' '.join(value.split()))}" for key, value in lines)
