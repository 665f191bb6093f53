"""Checks of the files that commands on many inputs write beside results: the index, the failures."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence

from ..._media.file import at_home
from ...errors import InvalidArgumentError
from ..arguments.inputs import Input, Key
from ..results.destinations import Destinations
from ..results.encoders import STDOUT
from ..results.rows import title_of
from .index import Index
from .parquet_index import ENDING, ROWS

FILES = ("failures", "index", "report")


def files_beside(chosen: argparse.Namespace) -> dict[str, str]:
    """The files that a command writes beside results, each with what it is."""
    found: dict[str, str] = {}
    for name in FILES:
        given = getattr(chosen, name)
        if given:
            path = os.path.realpath(at_home(given))
            found[path] = f"the file of --{name}"
            if name == "index" and path.endswith(ENDING):
                found[path + ROWS] = "the file of rows of --index"
    return found


def check(chosen: argparse.Namespace, destinations: Destinations, inputs: Sequence[Input]) -> None:
    """Raises `InvalidArgumentError` for options that don't go together, and for a file that holds something else."""
    if chosen.resume and chosen.index is None:
        raise InvalidArgumentError("--resume needs the index of the run that was cut off: --index FILE")
    if chosen.measure is not None and chosen.index is None and chosen.report is None and destinations.shards is None:
        raise InvalidArgumentError(f"--measure {chosen.measure}: it fills columns of the index; name it: --index FILE")
    for destination in destinations.shared if chosen.index is not None else ():
        if destination.ending != ".jsonl" and not destination.takes_all:
            raise InvalidArgumentError(
                f"{destination.option}: with --index it grows file by file, which {destination.ending} can't; "
                "end the name in .jsonl, or give each input a file: "
                f"-o 'out/{{relative}}{destination.ending}'"
            )
    if chosen.index is not None:
        check_first_files(destinations, [each.key for each in inputs])
    taken: dict[str, str] = {}
    for name in FILES:
        option, given = f"--{name}", getattr(chosen, name)
        if given is None:
            continue
        if given in (STDOUT, ""):
            what = "the name is empty" if not given else "stdout is for results"
            raise InvalidArgumentError(f"{option} {given}: {what}; name a file")
        path = at_home(given)
        other = taken.setdefault(os.path.realpath(path), option)
        if other != option:
            raise InvalidArgumentError(f"{option} {path}: {other} is the same file; choose another name")
        _check_kept(destinations, option, path)


def check_first_files(destinations: Destinations, keys: Iterable[Key]) -> None:
    """Refuses results of all inputs in one file that grows, if records, which have the first file, fit two inputs."""
    counts = Counter(key[0] for key in set(keys) if isinstance(key, tuple))
    name, count = next(iter(counts.most_common(1)), ("", 0))
    for destination in destinations.shared if count > 1 else ():
        if not destination.takes_all:
            raise InvalidArgumentError(
                f"{destination.option}: with --index its records are found by the first file of their input, and "
                f"{name!r} is that of {count}; give each input a file: -o 'out/{{index}}{destination.ending}'"
            )


def check_same_manifest(destinations: Destinations, index: Index) -> None:
    """Refuses results of two manifests in one file or in one set of shards, where nothing could tell them apart."""
    if not index.others or (destinations.shards is None and all(each.takes_all for each in destinations.shared)):
        return
    is_one = len(index.others) == 1
    raise InvalidArgumentError(
        f"--index {index.path}: {len(index.others)} of its inputs {'is' if is_one else 'are'} not named, such as "
        f"{title_of(index.others[0])!r}, and {'was' if is_one else 'were'} done with other options; repeat the command "
        "with these, name all inputs, or take another --index and -o"
    )


def _check_kept(destinations: Destinations, option: str, path: str) -> None:
    """Refuses a file that holds something else, under whatever name: it would be emptied."""
    for other, what in destinations.read.items():
        with contextlib.suppress(OSError):
            if os.path.samefile(path, other) and os.path.isfile(path):
                raise InvalidArgumentError(f"{option} {path}: this is {what} and would be emptied; choose another name")
