"""Ray Data: a pipeline as the class that `map_batches` makes actors of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._graph.pipeline import Pipeline as Graph
from .._manifest.compile import Manifest
from .._problem.missing_library import require
from ..errors import InvalidArgumentError
from ._batches import take_threads
from ._declared import ColumnRunner

__all__ = ["Pipeline"]


class Pipeline:
    """A pipeline for `map_batches`, which gives a row for each row.

        files = ray.data.read_binary_files(uris, include_paths=True)
        rows = files.map_batches(
            remotemedia.integrations.ray.Pipeline,
            fn_constructor_args=["prepare.yaml"],
            batch_size=64,
            concurrency=2,
        )

    A row has the content of a file in the column `bytes`, or the path of one in `path`; `bytes` is not passed on, all
    other columns are. To them come a column for each output of the pipeline, whose values are lists, and `error`: what
    ended the row, or null. With `strict` the first error ends the job. `schema` has the new columns, as
    `pipeline.schema(rows="items")` declares them; `types` says them for outputs of which the plan does not know it.
    Audio, video and tensors are described, and bring their samples only with `arrays`.

    `pipeline` is a `remotemedia.Pipeline`, a manifest, or its path, which each actor reads: give
    `remotemedia.Pipeline.load(path)` where the file is on one machine alone. An actor has as many native threads as
    CPUs (`num_cpus`).

    Raises `ManifestError`, `UnsupportedError` for an output without a known type, and `ImportError` without Ray.
    """

    def __init__(
        self,
        pipeline: Graph | Manifest,
        *,
        strict: bool = False,
        arrays: bool = False,
        types: Mapping[str, Any] | None = None,
        bytes_column: str = "bytes",
        path_column: str = "path",
    ) -> None:
        self._threads = take_actor()
        self._runner = ColumnRunner(
            pipeline, call="integrations.ray.Pipeline", strict=strict, arrays=arrays, types=types
        )
        self._bytes, self._path = bytes_column, path_column

    @property
    def schema(self) -> Any:
        """The columns that it adds, as a `pyarrow.Schema`."""
        return self._runner.schema

    def __call__(self, batch: Any) -> Any:
        """A `pyarrow.Table` with a row for each row of a batch: a dict of arrays, a DataFrame or a table of pyarrow."""
        import pyarrow

        columns = _columns_of(batch)
        given = [name for name in (self._bytes, self._path) if name in columns]
        if not given:
            raise InvalidArgumentError(
                f"a batch has no column {self._bytes!r} and none {self._path!r}, but {', '.join(map(repr, columns))}; "
                "name them: bytes_column=..., path_column=..."
            )
        kept = {name: _array_of(name, values) for name, values in columns.items() if name != self._bytes}
        taken = next((name for name in self.schema.names if name in kept), None)
        if taken is not None:
            raise InvalidArgumentError(f"the rows have a column {taken!r} already; rename it, or the pipeline's output")
        made = self._runner.run(self._sources(columns), threads=self._threads)
        return pyarrow.table({**kept, **made})

    def _sources(self, columns: Mapping[str, Any]) -> list[Any]:
        count = len(next(iter(columns.values())))
        contents = _contents_of(columns[self._bytes]) if self._bytes in columns else [None] * count
        paths = list(columns[self._path]) if self._path in columns else [None] * count
        # A row with neither is one with an error.
        return [content if content is not None else _plain(path) for content, path in zip(contents, paths, strict=True)]


def take_actor() -> int | None:
    """As many native threads as the actor that this is in has CPUs, at least 1; None outside of one."""
    ray = require("ray", "integrations.ray.Pipeline", "ray")
    if not ray.is_initialized() or (context := ray.get_runtime_context()).worker.mode != ray.WORKER_MODE:
        return None
    return take_threads(context.get_assigned_resources().get("CPU", 1))


def _columns_of(batch: Any) -> dict[str, Any]:
    if isinstance(batch, Mapping):
        return dict(batch)
    names = getattr(batch, "column_names", None)
    return {name: batch[name] for name in (batch.columns if names is None else names)}


def _array_of(name: str, values: Any) -> Any:
    """A column that is passed on, as Ray has it: of arrays as its tensors."""
    import pyarrow

    if isinstance(values, (pyarrow.Array, pyarrow.ChunkedArray)):
        return values
    try:
        are_objects = getattr(getattr(values, "dtype", None), "hasobject", False)
        if getattr(values, "ndim", 1) > 1 or (are_objects and any(getattr(each, "ndim", 0) for each in values)):
            tensors = require("ray.data.extensions", "integrations.ray.Pipeline", "ray").ArrowTensorArray
            return tensors.from_numpy(values)
        return pyarrow.array(values)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"the column {name!r} can't be passed on ({error}); pass batch_format='pyarrow' to map_batches, or drop it"
        ) from None


def _contents_of(values: Any) -> list[Any]:
    """The contents of files: of a column of pyarrow in its own memory."""
    return [each if each is None or isinstance(each, bytes) else _memory_of(each) for each in values]


def _memory_of(value: Any) -> Any:
    if hasattr(value, "as_buffer"):
        buffer = value.as_buffer()
        return None if buffer is None else memoryview(buffer)
    return value if isinstance(value, (bytearray, memoryview)) else None


def _plain(path: Any) -> Any:
    return path.as_py() if hasattr(path, "as_py") else path
