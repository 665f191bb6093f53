"""Daft: a pipeline as a function of a column of files, paths or bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._problem.missing_library import require
from ..errors import InvalidArgumentError
from ._batches import given_in, take_slot, take_threads
from ._declared import ColumnRunner

__all__ = ["pipeline"]

LOCAL = "file://"


def pipeline(
    pipeline: Pipeline | Manifest,
    *,
    returns: Any = None,
    strict: bool = False,
    arrays: bool = False,
    batch_size: int | None = 64,
    cpus: float | None = None,
    max_concurrency: int | None = None,
    use_process: bool | None = None,
) -> Callable[[Any], Any]:
    """A function that takes an expression of Daft and gives one: what the pipeline makes of each value.

        prepare = remotemedia.integrations.daft.pipeline("prepare.yaml")
        frame = daft.from_files("calls/*").with_column("made", prepare(daft.col("file")))

    The column holds files of Daft, paths or the bytes of files. The result is a struct with a list for each output of
    the pipeline and `error`, what ended the row, or null; `made["error"]` is that alone. With `strict` the first error
    ends the query. Audio, video and tensors are described, and bring their samples only with `arrays`.

    `returns` is a `pyarrow.Schema` with the lists of the outputs, such as `pipeline.schema(rows="items")`, which it is
    without it; name in it the outputs of which the plan does not know the type.

    `batch_size`, `cpus`, `max_concurrency` and `use_process` are those of `daft.cls`. An instance has as many native
    threads as `cpus`, else its share of the machine beside `max_concurrency` others. `pipeline` is a
    `remotemedia.Pipeline`, a manifest or its path, which is read here.

    Raises `ManifestError`, `UnsupportedError` for an output without a known type, and `ImportError` without Daft.
    """
    daft = require("daft", "integrations.daft.pipeline", "daft")
    types = None if returns is None else _types_of(returns)
    runner = ColumnRunner(pipeline, call="integrations.daft.pipeline", strict=strict, arrays=arrays, types=types)
    import pyarrow

    form = daft.DataType.from_arrow_type(pyarrow.struct(list(runner.schema)))

    class RemoteMedia:
        def __init__(self) -> None:
            self.threads: int | None = None
            if cpus is not None:
                self.threads = take_threads(cpus)
            elif max_concurrency is not None:
                self.threads = take_slot(max_concurrency)

        # Without annotations: Daft would look them up where they can't be found.
        @daft.method.batch(return_dtype=form, batch_size=batch_size)
        def run(self, column):  # type: ignore[no-untyped-def]
            columns = runner.run([_source_of(value) for value in column.to_pylist()], threads=self.threads)
            array = pyarrow.StructArray.from_arrays(list(columns.values()), fields=list(runner.schema))
            return daft.Series.from_arrow(array, column.name())

    made = daft.cls(RemoteMedia, cpus=cpus, max_concurrency=max_concurrency, use_process=use_process)
    function: Callable[[Any], Any] = made().run
    return function


def _types_of(returns: Any) -> dict[str, Any]:
    """The types of the outputs in a schema with a column of lists for each."""
    import pyarrow

    if not isinstance(returns, pyarrow.Schema):
        raise InvalidArgumentError(
            f"returns must be a pyarrow.Schema, such as pipeline.schema(rows='items'), got {returns!r}"
        )
    for field in returns:
        if not pyarrow.types.is_list(field.type):
            raise InvalidArgumentError(
                f"returns: each row has a list of values for the output {field.name!r}; "
                f"put its type, {field.type}, into pyarrow.list_(...)"
            )
    return {field.name: field.type.value_type for field in returns}


class _Content:
    """The content of a file of Daft, read where it is needed."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def read(self, size: int = -1) -> Any:
        with self.file.open() as opened:
            return opened.read(size)


def _source_of(value: Any) -> Any:
    """A value of a column as a source: local files by their paths, parts and others by what Daft reads of them."""
    if not hasattr(value, "position"):
        # Refused where it is opened, if it is no source.
        return given_in(value)
    # Daft does not encode what stands behind it.
    path = value.path.removeprefix(LOCAL)
    return path if value.position is None and "://" not in path else _Content(value)
