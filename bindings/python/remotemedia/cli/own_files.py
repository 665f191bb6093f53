"""What a command that is resumed has made itself, and is none of its inputs, though a pattern may cover it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from .._media.file import at_home
from ..errors import InvalidArgumentError
from .index import key_of, lines_of, results_of
from .inputs import Input, Key, find_inputs
from .parquet_index import ENDING, ROWS
from .results import Destinations
from .terminal import tell


class OwnFiles:
    """The files of the run that `--resume` continues; none without it. `outputs` are all `-o`.

    What has a row as an input is one, whatever it is beside that.
    """

    def __init__(self, chosen: argparse.Namespace, outputs: Sequence[str]) -> None:
        self._index: str | None = chosen.index if chosen.resume else None
        self._names = set[str | None]()
        """The names of the inputs that have rows."""
        self._results: dict[Key, set[str]] = {}
        """The real paths of the results of each."""
        self._own = set[str]()
        if self._index is not None:
            self._read(at_home(self._index), outputs)

    def inputs(self, patterns: Sequence[str], names: Sequence[str] = ("",)) -> list[Input]:
        """The inputs that files and patterns name, as `find_inputs` has them, without the index and its results.

        Raises `InvalidArgumentError` if nothing is left of them.
        """
        own: dict[str, None] = {}

        def is_own(source: Input) -> bool:
            if source.path is None or source.name in self._names or os.path.realpath(source.path) not in self._own:
                return False
            own[source.path] = None
            return True

        found = find_inputs(patterns, names, is_own if self._own else None)
        if own and not found:
            raise InvalidArgumentError(
                f"--index {self._index}: all inputs are its results or this file itself, such as "
                f"{next(iter(own))!r}; name others, or take another --index"
            )
        _tell(f"they are results of --index {self._index} or this file itself", list(own))
        return found

    def destinations(
        self, inputs: Sequence[Input], make: Callable[[Sequence[Input]], Destinations]
    ) -> tuple[Sequence[Input], Destinations]:
        """Where the results of inputs go, and those of them that the run before has not left there without a row.

        That takes results of the same names: else it could be an input that would be replaced, which is refused.
        """
        if not self._results:
            return inputs, make(inputs)
        owners: dict[str, set[Key]] = {}
        is_same = False
        empty = make([])
        for index, source in enumerate(inputs):
            for path in map(os.path.realpath, empty.names(source, index)):
                owners.setdefault(path, set()).add(source.key)
                is_same |= path in self._results.get(source.key, ())
        left = [
            each
            for each in inputs
            if is_same
            and each.path is not None
            and not each.beside
            and each.name not in self._names
            and owners.get(os.path.realpath(each.path), set()) - {each.key}
        ]
        _tell("the run before left them unfinished", [str(each.name) for each in left])
        gone = {each.key for each in left}
        inputs = [each for each in inputs if each.key not in gone]
        return inputs, make(inputs)

    def _read(self, path: str, outputs: Sequence[str]) -> None:
        rows = path + ROWS if path.endswith(ENDING) else path
        self._own = {os.path.realpath(path), os.path.realpath(rows)}
        for _, row in lines_of(rows) if os.path.isfile(rows) else ():
            # What is no index is refused when it is opened.
            if isinstance(row, dict) and "input" in row and "error" in row:
                self._names.update((row["input"], *row.get("inputs", {}).values()))
                self._results.setdefault(key_of(row), set()).update(map(os.path.realpath, results_of(row)))
        self._own.update(*self._results.values(), map(os.path.realpath, self._grown(outputs)))

    def _grown(self, outputs: Sequence[str]) -> Iterator[str]:
        """The files of the records of all inputs, which no row has: they hold records of these and nothing else."""
        for output in outputs:
            for path in (at_home(output), at_home(output.partition("=")[2])):
                if path.endswith(".jsonl") and os.path.isfile(path):
                    records = [record for _, record in lines_of(path)]
                    if all(isinstance(record, dict) and record.get("input") in self._names for record in records):
                        yield path


def _tell(reason: str, names: Sequence[str]) -> None:
    if names:
        tell(f"left out of the inputs, since {reason}: {len(names)}, such as {names[0]!r}", sys.stderr, "bold")
