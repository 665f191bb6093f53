"""Results as records: an object of JSON each, or a row of CSV.

A command makes records of what came out of a sink; here they become text. Media values are written in the JSON twin and
have no place in a row of CSV.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..._codec.documents import to_json
from ..._media.file import to_text
from ..._problem.outside_text import printable_json
from ..._results.arrow_types import kind_of
from ..._results.outputs import Packet
from ...media import File
from ...table import Table
from .rows import with_names

ROWS = (".jsonl", ".json", ".csv")
"""The endings of files that hold records, of one input or of all."""
SPOOL_BYTES = 1 << 20
"""So many rows of CSV wait in memory until all columns are known; more wait on disk."""
NO_VALUE: Any = object()
MEDIA = ("audio", "video", "tensor")
"""The kinds that have no place in a row of CSV, and neither have tables."""


class Target(Protocol):
    """What records are written into: a file of bytes."""

    def write(self, data: bytes, /) -> object:
        """Takes bytes."""


class Record(NamedTuple):
    """Named facts, and perhaps a value of any kind behind them."""

    facts: Mapping[str, Any]
    value: Any = NO_VALUE


MakeRecords = Callable[[Sequence[Packet], str, "str | None"], Iterable[Record]]
"""Makes the records of the packets of one sink; the sink and the name of the input follow."""


def packet_records(packets: Sequence[Packet], sink: str, name: str | None) -> Iterator[Record]:
    """A record for each packet, with its place and its value."""
    for packet in packets:
        yield Record({"input": name, "sink": sink, "pts": packet.pts, "duration": packet.duration}, packet.value)


def json_line(record: Record) -> str:
    """A record as JSON on one line."""
    head = json.dumps(_facts(record), ensure_ascii=False)
    if record.value is NO_VALUE:
        return printable_json(head)
    return printable_json(f'{head[:-1]}, "value": {to_json(record.value)}}}')


def json_row(row: Mapping[str, Any]) -> str:
    """The facts of a row as JSON on one line."""
    return json_text(with_names(row, to_text))


def json_text(value: Any) -> str:
    """JSON that a terminal shows as it is, also of names of files that are not UTF-8."""
    return printable_json(json.dumps(value, ensure_ascii=False))


def document(records: Iterable[Record], ending: str, columns: Sequence[str] | None = None) -> bytes:
    """A whole file of records."""
    file = io.BytesIO()
    lines = Lines(file, ending, columns)
    lines.add(records)
    lines.end()
    return file.getvalue()


class Lines:
    """Records in a file as they come: JSON lines, one JSON array, or CSV.

    The columns of CSV are the keys of all records, so its rows wait until `end`, unless `columns` are known before.
    """

    def __init__(self, file: Target, ending: str, columns: Sequence[str] | None = None) -> None:
        self._file, self._ending, self._count = file, ending, 0
        self._table = _Table(file, columns) if ending == ".csv" else None

    def add(self, records: Iterable[Record]) -> None:
        """Adds records."""
        for record in records:
            if self._table is not None:
                self._table.add(cells(record))
                continue
            line = json_line(record).encode("utf-8")
            if self._ending == ".json":
                self._file.write((b",\n" if self._count else b"[\n") + line)
            else:
                self._file.write(line + b"\n")
            self._count += 1

    def end(self) -> None:
        """Writes what is still to be written: the end of the array, the rows that waited."""
        if self._table is not None:
            self._table.end()
        elif self._ending == ".json":
            self._file.write(b"\n]\n" if self._count else b"[]\n")


def cells(record: Record) -> dict[str, str]:
    """A record as a row: what is inside maps under `outer.inner`, lists as JSON; media values are left out.

    A key of a map that is called like a fact is `value.KEY`.
    """
    row = {key: _cell(value) for key, value in _facts(record).items()}
    if record.value is not NO_VALUE:
        for key, cell in _flat(record.value, "" if isinstance(record.value, Mapping) else "value"):
            row[f"value.{key}" if key in record.facts else key] = cell
    return row


def _facts(record: Record) -> dict[str, Any]:
    """The facts as a file or a program gets them."""
    return with_names(record.facts, to_text)


class _Table:
    def __init__(self, file: Target, columns: Sequence[str] | None) -> None:
        self._file = file
        self._is_fixed = columns is not None
        self._columns = dict.fromkeys(columns or ())
        self._has_head = False
        self._rows = tempfile.SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="ascii")  # noqa: SIM115 - see end

    def add(self, row: Mapping[str, str]) -> None:
        if self._is_fixed:
            self._write(row)
            return
        self._columns.update(dict.fromkeys(row))
        with _named_spool():
            self._rows.write(json.dumps(row) + "\n")

    def end(self) -> None:
        with _named_spool():
            # What is still buffered is written first.
            self._rows.seek(0)
        with self._rows:
            for line in self._rows:
                self._write(json.loads(line))
        if not self._has_head and self._columns:
            self._write_line(self._columns)

    def _write(self, row: Mapping[str, str]) -> None:
        if not self._has_head:
            self._has_head = True
            self._write_line(self._columns)
        self._write_line([row.get(column, "") for column in self._columns])

    def _write_line(self, values: Iterable[str]) -> None:
        text = io.StringIO()
        # Before Python 3.13 it quotes only those line ends that are in its terminator.
        csv.writer(text, lineterminator="\r\n").writerow(values)
        line = text.getvalue()[:-2] + "\n"
        # The name of a file may be any bytes, and is written as those.
        self._file.write(line.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def _named_spool() -> Iterator[None]:
    """Names the place of the rows that wait in errors: the file that they are for may be on another disk."""
    try:
        yield
    except OSError as error:
        place = tempfile.gettempdir()
        what = f"{error.strerror} for rows of CSV that wait until all columns are known; set TMPDIR to another folder"
        raise OSError(error.errno, what, place) from None


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif kind_of(value) not in MEDIA and not isinstance(value, Table):
        yield path, _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) or math.isfinite(value) else f"{value}"
    if isinstance(value, File) and value.path is not None:
        return to_text(value.path)
    return to_json(value)
