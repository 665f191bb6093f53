"""Batches whose results are columns of pyarrow: one for each output of the pipeline, declared before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._files.places import Source
from .._graph.pipeline import Pipeline
from .._manifest.compile import Manifest
from .._results.arrow_columns import column_of
from ..errors import InvalidArgumentError
from ._batches import BatchRunner, text_of

ERROR = "error"
"""The column with what ended a row, as text; null where all went well."""


class ColumnRunner:
    """Runs one pipeline on batches of sources: a list of values for each source and output, and its error.

    `schema` has a column of lists for each output, as `pipeline.schema(rows="items")` declares them, and `error`.
    Without `arrays` audio, video and tensors are described in them and bring no samples. `types` are those of
    `pipeline.schema`. A source that fails has null in place of its lists.

    Raises what `BatchRunner` and `pipeline.schema` do, and `InvalidArgumentError` for an output that is called `error`.
    """

    def __init__(
        self,
        pipeline: Pipeline | Manifest,
        *,
        call: str,
        strict: bool = False,
        arrays: bool = False,
        types: Mapping[str, Any] | None = None,
    ) -> None:
        self.runner = BatchRunner(pipeline, call=call, strict=strict)
        declared = self.runner.pipeline.schema(rows="items", arrays=arrays, types=types)
        if ERROR in declared.names:
            raise InvalidArgumentError(
                f"{call} has a column {ERROR!r} of its own; give the output {ERROR!r} another name"
            )
        import pyarrow

        self.schema = declared.append(pyarrow.field(ERROR, pyarrow.string()))

    def run(self, sources: Sequence[Source | None], *, threads: int | None = None) -> dict[str, Any]:
        """The columns of `schema` by their names, as arrays of pyarrow with an entry for each source, in order.

        Raises `MarshalError` for values that are not of the type that `types` says.
        """
        rows = self.runner.run(sources, threads=threads)  # type: ignore[arg-type]
        columns: dict[str, Any] = {}
        for field in self.schema:
            if field.name == ERROR:
                values: list[Any] = [text_of(row.error) for row in rows]
            else:
                values = [None if row.outputs is None else list(row.outputs[field.name]) for row in rows]
            columns[field.name] = column_of(field, values)
        return columns
