"""The index as a Parquet file, made of its rows when a run ends. pyarrow is imported here alone, when it is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._media.file import to_text
from ...errors import InvalidArgumentError
from ..files.whole_file import whole
from ..results.records import json_text
from ..results.rows import with_names

ENDING = ".parquet"
JSON = ("last", "inputs")
ROWS = ".jsonl"
"""What the file of the rows is called beside it: they grow one by one, which Parquet can't."""


def check_pyarrow(option: str) -> None:
    """Raises `InvalidArgumentError` where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise InvalidArgumentError(
            f"{option}: Parquet is written by pyarrow, which is not installed; pip install pyarrow, or end the name in "
            ".jsonl"
        ) from None


def write_parquet(path: str, rows: Sequence[Mapping[str, Any]], measures: Sequence[str]) -> None:
    """Writes rows of an index, in the columns that it always has and those of the measures. `last` is JSON, and so is
    `inputs`, which is there for a graph with several.

    Bytes of a name that are not UTF-8 become escapes (`\\xff`), since a text of Parquet has no place for them.
    """
    import pyarrow
    import pyarrow.parquet

    text, number = pyarrow.string(), pyarrow.float64()
    fields = {
        "input": text,
        **({"inputs": text} if any("inputs" in row for row in rows) else {}),
        "duration": number,
        **dict.fromkeys(measures, number),
        "last": text,
        "files": pyarrow.list_(text),
        "bytes": pyarrow.int64(),
        "error": text,
        "node": text,
        "position": number,
        "sha256": text,
        "manifest": text,
        "shard": pyarrow.int64(),
        "key": text,
    }
    columns: dict[str, list[Any]] = {name: [] for name in fields}
    for row in (with_names(row, to_text) for row in rows):
        for name, column in columns.items():
            value = row.get(name)
            column.append(_plain(json_text(value) if name in JSON and name in row else value))
    schema = pyarrow.schema(list(fields.items()))
    table = pyarrow.Table.from_pydict(columns, schema=schema)
    with whole(path) as file:
        pyarrow.parquet.write_table(table, file)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return value
