"""Records as a table for people, a line of JSON each, or CSV: what `levels` and `segments` print."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..._problem.outside_text import one_line
from ..._results.outputs import Outputs
from ...errors import InvalidArgumentError
from ..arguments.inputs import Input
from ..terminal import painted
from .records import Lines, MakeRecords


def printed_form(chosen: argparse.Namespace, example: str) -> str | None:
    """The ending of what `--json` or `--csv` prints; None for a table. Raises `InvalidArgumentError` beside `-o`."""
    if chosen.output and (chosen.json or chosen.csv):
        option = "--json" if chosen.json else "--csv"
        raise InvalidArgumentError(f"{option} prints rows and -o writes them; take one, perhaps -o {example}")
    return ".jsonl" if chosen.json else ".csv" if chosen.csv else None


class Column(NamedTuple):
    """A column of numbers: the key in the records, the title, the width, and the digits behind the point."""

    key: str
    title: str
    width: int
    digits: int


class TablePrinter:
    """Prints the records of each input. The name of the file stands last, however long it is.

    `ending` is ".jsonl" or ".csv" for programs, None for people. Numbers that are not there are dashes.
    """

    def __init__(
        self, columns: Sequence[Column], keys: Sequence[str], records: MakeRecords, ending: str | None
    ) -> None:
        self._columns, self._records = columns, records
        self._lines = None if ending is None else Lines(sys.stdout.buffer, ending, keys)
        self._has_head = False

    def add(self, found: Mapping[str, Outputs], source: Input) -> None:
        """Prints the records of one input."""
        for sink, outputs in found.items():
            records = self._records(outputs.packets, sink, source.name)
            if self._lines is not None:
                self._lines.add(records)
                continue
            for record in records:
                self._print_head()
                numbers = [_cell(record.facts.get(column.key), column) for column in self._columns]
                print("  ".join([*numbers, one_line(source.name or "")]))
        if self._lines is not None:
            sys.stdout.buffer.flush()

    def end(self) -> None:
        """Prints what waited for the end."""
        if self._lines is not None:
            self._lines.end()
            sys.stdout.buffer.flush()

    def _print_head(self) -> None:
        if not self._has_head:
            self._has_head = True
            titles = [f"{column.title:>{column.width}}" for column in self._columns]
            print(painted("  ".join([*titles, "file"]), "bold", sys.stdout))


def _cell(value: Any, column: Column) -> str:
    if isinstance(value, str):
        return f"{value:>{column.width}}"
    return f"{'-':>{column.width}}" if value is None else f"{value:{column.width}.{column.digits}f}"
