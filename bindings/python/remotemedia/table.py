"""Tables: named columns in the memory layout of Arrow, for pandas, pyarrow, polars and others that read it.

Nothing of these packages is imported before `to_arrow` or `to_pandas` asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ._process import FIRST_USE
from .errors import LibraryError

if TYPE_CHECKING:
    import pandas
    import pyarrow

__all__ = ["Table"]


class Part:
    """Memory of a column, and the object that keeps it alive."""

    __slots__ = ("address", "length", "owner")

    def __init__(self, owner: Any, address: int, length: int) -> None:
        self.owner = owner
        self.address = address
        self.length = length

    def __reduce__(self) -> tuple[Any, ...]:
        with FIRST_USE:
            from ._codec import arrow

        return _unpickled_part, (arrow.bytes_of(self),)


class Column:
    """An array of the Arrow C data interface with its schema; the fields are those of docs/wire.md."""

    __slots__ = (
        "buffers", "children", "dictionary", "flags", "format", "length", "metadata", "name", "null_count", "offset",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        format: str,  # noqa: A002
        flags: int,
        metadata: bytes,
        length: int,
        null_count: int,
        offset: int,
        buffers: Sequence[Part | None],
        children: Sequence[Column],
        dictionary: Column | None,
    ) -> None:
        self.name = name
        self.format = format
        self.flags = flags
        self.metadata = metadata
        self.length = length
        self.null_count = null_count
        self.offset = offset
        self.buffers = buffers
        self.children = children
        self.dictionary = dictionary


class Table:
    """Columns of equal length, in Arrow's memory layout. It is what a DataFrame or an Arrow table comes back as.

    `len(table)` is its rows. Whatever reads the Arrow C stream takes it as it is, without a copy:
    `pyarrow.table(table)`, `polars.DataFrame(table)`. Tables are made by other packages: pass those to `execute`. It
    pickles with its memory.
    """

    __slots__ = ("__weakref__", "_columns", "_metadata", "_rows")

    def __init__(self, rows: int, metadata: bytes, columns: Sequence[Column]) -> None:
        self._rows = rows
        self._metadata = metadata
        self._columns = columns

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self._columns]

    def to_arrow(self) -> pyarrow.Table:
        """The same memory as a `pyarrow.Table`. Raises `LibraryError` without pyarrow."""
        try:
            import pyarrow
        except ImportError:
            raise LibraryError("to_arrow and to_pandas need pyarrow; pip install pyarrow") from None
        return pyarrow.table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A `pandas.DataFrame`, with the index that the table went in with. Raises `LibraryError` without pyarrow."""
        return self.to_arrow().to_pandas()

    def __arrow_c_schema__(self) -> object:
        with FIRST_USE:
            from ._codec import arrow

        return arrow.schema_capsule(self)

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        with FIRST_USE:
            from ._codec import arrow

        return arrow.schema_capsule(self), arrow.array_capsule(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        with FIRST_USE:
            from ._codec import arrow

        return arrow.stream_capsule(self)

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"Table({self._rows} rows: {', '.join(self.column_names)})"


def _unpickled_part(content: bytes) -> Part:
    with FIRST_USE:
        from ._codec import arrow

    return arrow.part_of(content)


def is_table(value: Any) -> bool:
    """Whether a value is a table of another package."""
    kind = type(value)
    return hasattr(kind, "__arrow_c_stream__") or hasattr(kind, "__arrow_c_array__") or is_frame(value)


def is_frame(value: Any) -> bool:
    """Whether a value is a `pandas.DataFrame`, which pandas gives no Arrow of without pyarrow."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, "DataFrame", ()))
