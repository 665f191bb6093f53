"""Tables of pandas and pyarrow through the runtime and back, by the Arrow C data interface."""

from __future__ import annotations

import copy
import datetime
import decimal
import gc
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import remotemedia as rm
from conftest import PASS_TEXT, chain, eventually, through
from remotemedia._abi.ownership import borrowed_count

pa = pytest.importorskip("pyarrow")
pd = pytest.importorskip("pandas")

LARGE = 20_000
BERLIN = "Europe/Berlin"

COLUMNS: dict[str, Any] = {
    "bools": pa.array([True, None, False]),
    "ints": pa.array([1, None, -3], pa.int64()),
    "bytes of one": pa.array([1, 2, 255], pa.uint8()),
    "halves": pa.array(np.array([1, 2, 3], "float16")),
    "floats": pa.array([1.5, None, float("nan")]),
    "strings": pa.array(["ä", None, ""]),
    "long strings": pa.array(["a", None, "b" * 100], pa.large_string()),
    "string views": pa.array(["a", None, "longer than twelve bytes"], pa.string_view()),
    "binary": pa.array([b"\0", None, b""]),
    "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "categories": pa.array(["x", None, "y"]).dictionary_encode(),
    "moments": pa.array([datetime.datetime(2026, 1, 1), None, None], pa.timestamp("us", BERLIN)),
    "dates": pa.array([datetime.date(2026, 1, 1), None, None]),
    "times": pa.array([1, None, 2], pa.time64("ns")),
    "durations": pa.array([1, None, 2], pa.duration("ms")),
    "decimals": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
    "nothing": pa.nulls(3),
    "lists": pa.array([[1, 2], None, []]),
    "fixed lists": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32(), 2)),
    "structs": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}]),
    "maps": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int8())),
    "unions": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(np.arange(12, dtype="float32").reshape(3, 2, 2)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_every_type_comes_back_as_it_went(name: str) -> None:
    table = pa.table({name: COLUMNS[name]})
    (back,) = through(table)
    assert (type(back), len(back), back.column_names) == (rm.Table, 3, [name])
    result = back.to_arrow()
    result.validate(full=True)
    assert result.schema.equals(table.schema, check_metadata=True)
    # NaN is not equal to itself, so the text of the table is compared too.
    assert result.equals(table) or result.to_pydict().__repr__() == table.to_pydict().__repr__()


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda table: pickle.loads(pickle.dumps(table))])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_copy_and_a_pickle_of_a_table_are_that_table(name: str, again: Callable[[rm.Table], rm.Table]) -> None:
    for table in (pa.table({name: COLUMNS[name]}), pa.table({name: pa.concat_arrays([COLUMNS[name]] * 2000)})):
        whole = table.replace_schema_metadata({"made by": "a test"})
        for each in (whole, whole.slice(1, 2)):
            (back,) = through(each)
            expected = str(each.to_pydict())
            made = again(back)
            del back
            gc.collect()
            result = made.to_arrow()
            result.validate(full=True)
            assert result.schema.equals(each.schema, check_metadata=True)
            assert str(result.to_pydict()) == expected
            assert str(through(made)[0].to_arrow().to_pydict()) == expected


def test_a_table_without_columns_pickles() -> None:
    (back,) = through(pa.table({}))
    assert pickle.loads(pickle.dumps(back)).column_names == []


@pytest.mark.parametrize("part", [slice(0, 2), slice(1, 3), slice(1, 1), slice(3, 3)])
def test_a_part_of_a_table_is_that_part(part: slice) -> None:
    table = pa.table(COLUMNS).slice(part.start, part.stop - part.start)
    (back,) = through(table)
    assert str(back.to_arrow().to_pydict()) == str(table.to_pydict())


def test_large_columns_of_numbers_share_their_memory() -> None:
    numbers, flags = np.arange(LARGE, dtype="float64"), np.arange(LARGE, dtype="int32")
    (back,) = through(pa.table({"numbers": numbers, "flags": flags}))
    result = back.to_arrow()
    for name, source in {"numbers": numbers, "flags": flags}.items():
        assert np.shares_memory(result[name].chunk(0).to_numpy(), source)


def test_large_strings_come_back_from_their_buffers() -> None:
    table = pa.table({"text": [f"text {number}" for number in range(LARGE)], "part": pa.array(range(LARGE))})
    for each in (table, table.slice(7, LARGE - 100)):
        (back,) = through(each)
        assert back.to_arrow().equals(each)


# pyarrow 25, which Daft asks for, takes values of pandas 3.1 in a way that is to change.
@pytest.mark.filterwarnings("ignore:Series.values returning")
def test_a_dataframe_comes_back_with_index_categories_zones_and_nulls() -> None:
    frame = pd.DataFrame(
        {
            "numbers": np.arange(3.0),
            "missing": pd.array([1, None, 3], dtype="Int64"),
            "text": ["a", None, "c"],
            "category": pd.Categorical(["x", "y", "x"], categories=["y", "x"], ordered=True),
            "moment": pd.to_datetime(["2026-01-01", None, "2026-03-01"]).tz_localize(BERLIN),
        },
        index=pd.Index(["r1", "r2", "r3"], name="row"),
    )
    (back,) = through(frame)
    pd.testing.assert_frame_equal(back.to_pandas(), frame)


def test_numbers_of_a_dataframe_cross_without_a_copy() -> None:
    frame = pd.DataFrame({"a": np.arange(LARGE), "b": np.arange(LARGE) * 0.5})
    (back,) = through(frame)
    result = back.to_arrow()
    for name in ("a", "b"):
        assert np.shares_memory(result[name].chunk(0).to_numpy(), frame[name].to_numpy())


def test_tables_in_several_chunks_come_back_as_one() -> None:
    table = pa.concat_tables([pa.table({"a": [1, 2]}), pa.table({"a": [3]})])
    (back,) = through(table)
    assert back.to_arrow().to_pydict() == {"a": [1, 2, 3]}


@pytest.mark.parametrize("rows", [0, 3])
def test_a_reader_of_any_package_may_be_a_stream(rows: int) -> None:
    batch = pa.table({"a": pa.array(range(rows), pa.int16())}).combine_chunks()

    class Foreign:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.RecordBatchReader.from_batches(batch.schema, batches).__arrow_c_stream__()

    batches = [pa.RecordBatch.from_arrays([pa.array(range(rows), pa.int16())], ["a"])]
    (back,) = through(Foreign())
    assert back.to_arrow().equals(batch)


class Stream:
    """A table as any package gives it: a stream that can be read once, one batch for each chunk."""

    def __init__(self, table: pa.Table) -> None:
        self.reader = table.to_reader()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader.__arrow_c_stream__()


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("rows", [2, LARGE])
def test_a_stream_of_several_batches_comes_back_as_one(rows: int, engine: Any) -> None:
    first = {
        "numbers": pa.array(range(rows)),
        "text": pa.array(["ä"] * rows),
        "categories": pa.array(["x"] * rows).dictionary_encode(),
    }
    last = {
        "numbers": pa.array([None], pa.int64()),
        "text": pa.array([None], pa.string()),
        "categories": pa.array(["y"]).dictionary_encode(),
    }
    parts = [pa.table(each) for each in (first, last)]
    table = pa.concat_tables([parts[0][:0], parts[0], parts[0][:0], parts[1], parts[0][1:]])
    table = table.replace_schema_metadata({"key": "value"})
    (back,) = rm.execute_sync(PASS_TEXT, [Stream(table)], engine=engine)
    result = back.to_arrow()
    result.validate(full=True)
    assert result.to_pydict() == table.to_pydict()
    assert result.schema.equals(table.schema, check_metadata=True)


def test_a_stream_that_a_function_returns_is_read_once() -> None:
    table = pa.table({"a": [1, 2, 3]})

    def once(nested: bool) -> Any:
        stream = Stream(table)
        return {"table": stream} if nested else stream

    whole, nested = rm.execute_sync(chain(("once", once, {})), [False, True])
    assert whole.to_arrow() == nested["table"].to_arrow() == table


def test_the_batches_of_a_stream_are_freed() -> None:
    before = pa.total_allocated_bytes()
    part = pa.table({"a": list(range(LARGE))})
    (back,) = through(Stream(pa.concat_tables([part, part])))
    assert len(back) == 2 * LARGE
    del back, part
    gc.collect()
    assert eventually(lambda: borrowed_count() == 0 and pa.total_allocated_bytes() <= before)


def test_a_stream_of_several_batches_that_breaks_off_says_why() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pydict({"a": [1]})
        yield pa.RecordBatch.from_pydict({"a": [2]})
        raise ValueError("no more")

    stream = pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches())
    with pytest.raises(rm.MarshalError, match=r"^inputs\[0\]: the table can't be read: .*no more"):
        through(stream)


def test_the_cure_for_a_column_of_several_chunks_crosses() -> None:
    (back,) = through(pa.table({"name": pa.chunked_array([[1], [2]])}))
    assert back.to_arrow().to_pydict() == {"name": [1, 2]}


def test_a_table_of_ours_goes_in_again() -> None:
    (once,) = through(pa.table(COLUMNS))
    (twice,) = through(once)
    assert str(twice.to_arrow().to_pydict()) == str(pa.table(COLUMNS).to_pydict())


def test_columns_that_are_taken_out_of_a_table_outlive_it() -> None:
    (back,) = through(pa.table({"a": list(range(LARGE)), "b": ["x"] * LARGE}))
    column = back.to_arrow()["b"].chunk(0)
    gone = weakref.ref(back)
    del back
    gc.collect()
    assert gone() is not None
    assert (column[LARGE - 1].as_py(), len(column)) == ("x", LARGE)
    del column
    assert eventually(lambda: gone() is None and borrowed_count() == 0)


def test_capsules_that_nobody_takes_free_what_they_hold() -> None:
    (back,) = through(pa.table({"a": list(range(LARGE))}))
    gone = weakref.ref(back)
    capsules = [back.__arrow_c_schema__(), back.__arrow_c_array__(), back.__arrow_c_stream__()]
    del back
    assert gone() is not None
    del capsules
    assert eventually(lambda: gone() is None and borrowed_count() == 0)


def frame_length(value: pd.DataFrame) -> int:
    """A function that asks for pandas."""
    assert type(value) is pd.DataFrame
    return len(value)


def table_rows(value: pa.Table) -> int:
    """A function that asks for pyarrow."""
    assert type(value) is pa.Table
    return int(value.num_rows)


def plain_rows(value: Any) -> int:
    """A function that asks for nothing."""
    assert type(value) is rm.Table
    return len(value)


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("function", [frame_length, table_rows, plain_rows])
def test_a_function_gets_the_form_that_it_asks_for(function: Any, engine: Any) -> None:
    assert rm.execute_sync(chain(("f", function, {})), [pa.table({"a": [1, 2, 3]})], engine=engine) == [3]


def test_what_a_function_makes_comes_out_as_a_table() -> None:
    def make(value: int) -> pd.DataFrame:
        return pd.DataFrame({"a": range(value)})

    (back,) = rm.execute_sync(chain(("m", make, {})), [3])
    assert back.to_pandas()["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pa.array([1]), "inputs[0]: Int64Array is a single column; write pyarrow.table({'name': value}), or "
         "value.to_numpy()"),
        (pd.Series([1]), "inputs[0]: Series is a single column; write pyarrow.table({'name': value}), or "
         "value.to_numpy()" if hasattr(pd.Series, "__arrow_c_stream__")
         # pandas 2, the last one for Python 3.10.
         else "inputs[0]: a pandas.core.series.Series can't cross; write value.to_numpy()"),
        (pa.chunked_array([[1], [2]]), "inputs[0]: ChunkedArray is a single column; write "
         "pyarrow.table({'name': value}), or value.to_numpy()"),
        (pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int8()}), []), "inputs[0]: the stream has no batch; make "
         "it again if it was read before, and write pyarrow.table(value) for a table without rows"),
        (pd.DataFrame({"a": [1, "x"]}), "inputs[0]: the DataFrame has no form in Arrow: "),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_the_cure(value: Any, message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        through(value)
    assert str(caught.value).startswith(message)


class Column:
    """What pandas has without pyarrow, or a table whose owner is gone."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise self.error


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Column(ImportError("`Import pyarrow` failed.")), "the Column needs pyarrow to cross; pip install pyarrow"),
        (Column(RuntimeError("closed")), "the Column gives no access to its columns: closed"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(rm.MarshalError) as caught:
        through([value])
    assert str(caught.value) == f"inputs[0][0]: {message}"


def test_tables_of_polars_are_known_by_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class DataFrame:
        """What polars calls a table, as far as it is looked at."""

        def __init__(self, table: rm.Table) -> None:
            self.table = pa.table(table)
            self.schema = dict.fromkeys(self.table.column_names, "Int64")

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return self.table.__arrow_c_stream__()

    DataFrame.__module__ = "polars.dataframe.frame"
    monkeypatch.setitem(sys.modules, "polars", SimpleNamespace(DataFrame=DataFrame))

    def rows(value: DataFrame) -> int:
        return int(value.table.num_rows)

    rows.__annotations__["value"] = DataFrame
    for engine in ("native", "python"):
        assert rm.execute_sync(chain(("r", rows, {})), [pa.table({"a": [1, 2, 3]})], engine=engine) == [3]
    frame = DataFrame(pa.table({"a": [1], "o": [2]}))
    (back,) = through(frame)
    assert back.to_arrow().equals(frame.table)
    frame.schema["o"] = "Object"
    with pytest.raises(rm.MarshalError) as caught:
        through(frame)
    assert str(caught.value) == "inputs[0]: the column 'o' holds Python objects, which can't cross; cast it to a type"


@pytest.mark.parametrize("engine", ["native", "python"])
def test_a_stream_that_was_read_is_not_blamed_for_what_stands_beside_it(engine: Any) -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1]})
    stream = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    with pytest.raises(rm.MarshalError) as caught:
        rm.execute_sync(PASS_TEXT, [stream, {1}], engine=engine)
    assert str(caught.value) == "inputs[1]: a set has no order; write sorted(value) or list(value)"


def test_a_table_without_columns_crosses() -> None:
    class Empty:
        """What polars gives for one: a stream without a batch."""

        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.RecordBatchReader.from_batches(pa.schema([]), []).__arrow_c_stream__()

    (back,) = through(Empty())
    assert (len(back), back.column_names) == (0, [])
    assert back.to_arrow().equals(pa.table({}))


def test_pandas_without_pyarrow_says_what_to_install() -> None:
    program = """
import sys
sys.modules["pyarrow"] = None
import pandas, remotemedia as rm
manifest = {"version": "v1", "nodes": [{"id": "p", "node_type": "PassThrough"}]}
try:
    rm.execute_sync(manifest, [pandas.DataFrame({"a": [1]})])
except rm.MarshalError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == (
        "inputs[0]: a pandas DataFrame crosses in Arrow's layout, which pandas makes with pyarrow; pip install pyarrow"
    )


def test_a_stream_of_several_batches_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream(pa.concat_tables([pa.table({"a": [1]}), pa.table({"a": [2]})]))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(rm.MarshalError) as caught:
        through(stream)
    assert str(caught.value) == (
        "inputs[0]: the table is in several batches, which pyarrow makes one; pip install pyarrow"
    )
