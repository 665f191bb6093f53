"""Tables of other packages, in and out by the Arrow C data interface, as columns that share their memory.

The interface says where buffers begin, not where they end: their sizes follow from the type, as the specification of
Arrow's columnar format lays them out (arrow.apache.org/docs/format/Columnar.html).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from .._abi.library import NULL, ffi, lib
from .._abi.lifetimes import hidden
from ..errors import MarshalError
from ..table import Column, Part, Table, is_frame
from . import capsules

WIDTHS = {
    "c": 1, "C": 1, "s": 2, "S": 2, "i": 4, "I": 4, "l": 8, "L": 8, "e": 2, "f": 4, "g": 8,
    "tdD": 4, "tdm": 8, "tts": 4, "ttm": 4, "ttu": 8, "ttn": 8,
    "tDs": 8, "tDm": 8, "tDu": 8, "tDn": 8, "tiM": 4, "tiD": 8, "tin": 16,
}  # fmt: skip
"""Bytes of an element, by Arrow's format string."""

OFFSETS = {"u": 4, "z": 4, "+l": 4, "+m": 4, "U": 8, "Z": 8, "+L": 8}
"""Bytes of an offset, for the types that have one more of them than elements."""

STRUCT = "+s"
NEED_PYARROW = "a pandas DataFrame crosses in Arrow's layout, which pandas makes with pyarrow; pip install pyarrow"


def table_of(value: Any) -> Table:
    """A table that shares the memory of another package's. Raises `MarshalError` for other values, with the cure."""
    if is_frame(value):
        try:
            import pyarrow
        except ImportError:
            raise MarshalError(NEED_PYARROW) from None
        try:
            value = pyarrow.Table.from_pandas(value)
        except (pyarrow.ArrowException, TypeError, ValueError) as error:
            raise MarshalError(f"the DataFrame has no form in Arrow: {error}") from None
    if _is_of_polars(value):
        for name, dtype in value.schema.items():
            if str(dtype) == "Object":
                # In Arrow polars makes them fixed-size binary: the addresses of the objects.
                raise MarshalError(f"the column {name!r} holds Python objects, which can't cross; cast it to a type")
    try:
        schema, array, owner = _batch(value)
    except MarshalError:
        raise
    except Exception as error:
        if isinstance(error, ImportError):
            raise MarshalError(f"the {type(value).__name__} needs pyarrow to cross; pip install pyarrow") from None
        raise MarshalError(f"the {type(value).__name__} gives no access to its columns: {error}") from None
    if array.null_count > 0 and array.buffers[0] != NULL:
        raise MarshalError("the table has rows that are null as a whole; fill them, or put them into a column")
    columns = [
        _column(schema.children[index], array.children[index], owner, array.offset, array.length)
        for index in range(schema.n_children)
    ]
    return Table(array.length, _metadata(schema.metadata), columns)


def _is_of_polars(value: Any) -> bool:
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, getattr(polars, "DataFrame", ()))


def bytes_of(part: Part) -> bytes:
    """The memory of a column, copied."""
    return bytes(ffi.buffer(ffi.cast("char *", part.address), part.length))


def part_of(content: bytes) -> Part:
    """The memory of a column that is these bytes."""
    memory = ffi.from_buffer(content)
    return Part(memory, int(ffi.cast("uintptr_t", memory)), len(content))


def schema_capsule(table: Table) -> Any:
    """The schema of a table of ours."""
    schema = ffi.cast("struct ArrowSchema *", lib.rmpy_arrow_new(0))
    _fill_table_schema(table, schema)
    return capsules.capsule(schema, "arrow_schema")


def array_capsule(table: Table) -> Any:
    """The columns of a table of ours as one struct array."""
    array = ffi.cast("struct ArrowArray *", lib.rmpy_arrow_new(1))
    _fill_table(table, array)
    return capsules.capsule(array, "arrow_array")


def stream_capsule(table: Table) -> Any:
    """A table of ours as a stream of one batch."""
    schema, array = ffi.new("struct ArrowSchema *"), ffi.new("struct ArrowArray *")
    _fill_table_schema(table, schema)
    _fill_table(table, array)
    stream = lib.rmpy_arrow_stream_new(schema, array)
    if stream == NULL:
        raise MemoryError("no memory for an Arrow stream")
    return capsules.capsule(stream, "arrow_array_stream")


# ---- in


def _batch(value: Any) -> tuple[Any, Any, Any]:
    """The only batch of a table: its schema, its struct array, and the object that both live as long as."""
    pyarrow: Any = sys.modules.get("pyarrow")
    if pyarrow is not None and type(value).__name__ == "Table" and isinstance(value, pyarrow.Table):
        value = _combined(value)
    if hasattr(value, "__arrow_c_array__"):
        schema_of, array_of = value.__arrow_c_array__()
        schema = capsules.pointer(schema_of, "arrow_schema", "struct ArrowSchema")
        _require_table(schema, value)
        array = capsules.pointer(array_of, "arrow_array", "struct ArrowArray")
        return schema, array, (value, schema_of, array_of)
    return _batch_of_stream(value)


def _batch_of_stream(value: Any) -> tuple[Any, Any, Any]:
    capsule = value.__arrow_c_stream__()
    stream = capsules.pointer(capsule, "arrow_array_stream", "struct ArrowArrayStream")
    schema = ffi.gc(ffi.new("struct ArrowSchema *"), lib.rmpy_arrow_schema_release)
    _checked(stream, stream.get_schema(stream, schema))
    # Before a batch is taken: most streams can be read only once.
    _require_table(schema, value)
    batches = _batches_of(stream)
    found: Any = None
    for array in batches:
        if found is not None and found.length and array.length:
            return _batch(_combined(_joined(stream, [found, array, *batches])))
        if found is None or array.length:
            found = array
    if found is None:
        if schema.n_children:
            raise MarshalError(
                "the stream has no batch; make it again if it was read before, and write pyarrow.table(value) for a "
                "table without rows"
            )
        # A table without columns: polars gives no batch of it.
        found = ffi.new("struct ArrowArray *")
    return schema, found, (value, schema, found, hidden(schema), hidden(found))


def _require_table(schema: Any, value: Any) -> None:
    if _text(schema.format) != STRUCT:
        raise MarshalError(
            f"{type(value).__name__} is a single column; write pyarrow.table({{'name': value}}), or value.to_numpy()"
        )


def _batches_of(stream: Any) -> Iterator[Any]:
    """The struct arrays that a stream has left."""
    while True:
        array = ffi.gc(ffi.new("struct ArrowArray *"), lib.rmpy_arrow_array_release)
        _checked(stream, stream.get_next(stream, array))
        if array.release == NULL:
            return
        yield array


def _combined(table: Any) -> Any:
    """The only batch of a table of pyarrow, whose chunks are copied to one if there are several."""
    import pyarrow

    batches: list[Any] = table.combine_chunks().to_batches()
    if len(batches) > 1:
        raise MarshalError(
            f"the table is too large for one batch, it has {len(batches)}; pass them as a list: "
            "pyarrow.table(value).to_batches()"
        )
    if batches:
        return batches[0]
    # Of nulls: pyarrow makes no arrays of unions, and of some extensions, from Python's values.
    empty = [pyarrow.nulls(0, field.type) for field in table.schema]
    return pyarrow.RecordBatch.from_arrays(empty, schema=table.schema)


def _joined(stream: Any, arrays: list[Any]) -> Any:
    """The batches of a stream as one table of pyarrow."""
    try:
        import pyarrow
    except ImportError:
        raise MarshalError("the table is in several batches, which pyarrow makes one; pip install pyarrow") from None
    return pyarrow.Table.from_batches([pyarrow.record_batch(_Batch(stream, array)) for array in arrays])


class _Batch:
    """A struct array of a stream, for who takes it over by the interface for one batch."""

    def __init__(self, stream: Any, array: Any) -> None:
        self._stream = stream
        self._array = array

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema = ffi.cast("struct ArrowSchema *", lib.rmpy_arrow_new(0))
        schema_of = capsules.capsule(schema, "arrow_schema")
        _checked(self._stream, self._stream.get_schema(self._stream, schema))
        array = ffi.cast("struct ArrowArray *", lib.rmpy_arrow_new(1))
        array[0] = self._array[0]
        # It has moved.
        self._array.release = NULL
        return schema_of, capsules.capsule(array, "arrow_array")


def _checked(stream: Any, code: int) -> None:
    if code:
        message = stream.get_last_error(stream)
        raise MarshalError(f"the table can't be read: {_text(message) if message != NULL else f'error {code}'}")


def _column(schema: Any, array: Any, owner: Any, skipped: int, length: int) -> Column:
    """A column of `length` elements, before which its buffers have `skipped` others."""
    form = _text(schema.format)
    offset = array.offset + skipped
    null_count = array.null_count if skipped == 0 and length == array.length else -1
    sizes = _sizes(form, offset + length, array)
    buffers = []
    for index, size in enumerate(sizes):
        address = int(ffi.cast("uintptr_t", array.buffers[index]))
        buffers.append(Part(owner, address, size) if address else None)
    is_dictionary = schema.dictionary != NULL
    return Column(
        _text(schema.name) if schema.name != NULL else "",
        form,
        schema.flags,
        _metadata(schema.metadata),
        length,
        null_count,
        offset,
        buffers,
        [
            _column(schema.children[index], array.children[index], owner, 0, array.children[index].length)
            for index in range(schema.n_children)
        ],
        _column(schema.dictionary, array.dictionary, owner, 0, array.dictionary.length) if is_dictionary else None,
    )


def _sizes(form: str, count: int, array: Any) -> list[int]:
    """The bytes of each buffer of an array of `count` elements, its offset included."""
    valid = (count + 7) // 8
    width = _width(form)
    if width is not None:
        return [valid, count * width]
    if form == "b":
        return [valid, valid]
    if form in ("n", "+r"):
        return []
    if form in OFFSETS:
        offsets = (count + 1) * OFFSETS[form]
        if form.startswith("+"):
            return [valid, offsets]
        return [valid, offsets, _last_offset(array.buffers[1], count, OFFSETS[form])]
    if form in ("vu", "vz"):
        variadic = array.n_buffers - 3
        lengths = ffi.cast("int64_t *", array.buffers[array.n_buffers - 1])
        return [valid, count * 16, *(lengths[index] for index in range(variadic)), variadic * 8]
    if form in ("+vl", "+vL"):
        return [valid, count * (4 if form == "+vl" else 8), count * (4 if form == "+vl" else 8)]
    if form == STRUCT or form.startswith("+w:"):
        return [valid]
    if form.startswith("+us:"):
        return [count]
    if form.startswith("+ud:"):
        return [count, count * 4]
    raise MarshalError(f"a column of Arrow's type {form!r} can't cross; cast it to a type of Arrow 1.0 to 1.5")


def _width(form: str) -> int | None:
    if form in WIDTHS:
        return WIDTHS[form]
    if form.startswith("ts"):
        return 8
    if form.startswith("w:"):
        return int(form[2:])
    if form.startswith("d:"):
        parts = form[2:].split(",")
        return (int(parts[2]) if len(parts) == 3 else 128) // 8
    return None


def _last_offset(buffer: Any, count: int, width: int) -> int:
    # Offsets of an empty array may be missing.
    if buffer == NULL or count == 0:
        return 0
    return int(ffi.cast("int32_t *" if width == 4 else "int64_t *", buffer)[count])


def _text(chars: Any) -> str:
    return ffi.string(chars).decode("utf-8")  # type: ignore[no-any-return]


def _metadata(chars: Any) -> bytes:
    """Arrow's key-value metadata, whose end only its content tells: counts and lengths of 32 bits in native order."""
    if chars == NULL:
        return b""
    place = 4
    for _ in range(2 * ffi.cast("int32_t *", chars)[0]):
        place += 4 + ffi.cast("int32_t *", chars + place)[0]
    return bytes(ffi.buffer(chars, place))


# ---- out


def _fill_table_schema(table: Table, out: Any) -> None:
    _fill_schema(Column("", STRUCT, 0, table._metadata, table._rows, 0, 0, [None], table._columns, None), out)


def _fill_table(table: Table, out: Any) -> None:
    whole = Column("", STRUCT, 0, b"", table._rows, 0, 0, [None], table._columns, None)
    _fill(whole, table, out)


def _fill_schema(column: Column, out: Any) -> None:
    metadata = column.metadata
    done = lib.rmpy_arrow_schema_init(
        out,
        column.format.encode(),
        column.name.encode(),
        metadata or NULL,
        len(metadata),
        column.flags,
        len(column.children),
        column.dictionary is not None,
    )
    if not done:
        raise MemoryError("no memory for an Arrow schema")
    for index, child in enumerate(column.children):
        _fill_schema(child, out.children[index])
    if column.dictionary is not None:
        _fill_schema(column.dictionary, out.dictionary)


def _fill(column: Column, table: Table, out: Any) -> None:
    addresses = [0 if part is None else part.address for part in column.buffers]
    done = lib.rmpy_arrow_array_init(
        out,
        id(table),
        column.length,
        column.null_count,
        column.offset,
        len(addresses),
        addresses,
        len(column.children),
        column.dictionary is not None,
    )
    if not done:
        raise MemoryError("no memory for an Arrow array")
    for index, child in enumerate(column.children):
        _fill(child, table, out.children[index])
    if column.dictionary is not None:
        _fill(column.dictionary, table, out.dictionary)
