"""`Outputs`, the result of an execution: a list that remembers which input each value came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, SupportsIndex, overload

from .._process import FIRST_USE
from ..errors import InvalidArgumentError, LibraryError

if TYPE_CHECKING:
    from ..errors import NodeError

__all__ = ["Outputs", "Packet"]


class Packet(NamedTuple):
    """A value with its place: in time (`pts` and `duration`, seconds), in its stream (`seq`), and where it came from.

    `item` is the index of the input that it came from, `sink` the id of the node that it came out of.
    `pts_ns` and `duration_ns` are exact.
    """

    value: Any
    pts_ns: int | None
    duration_ns: int | None
    seq: int
    stream: int
    sink: str
    item: int

    @property
    def pts(self) -> float | None:
        """When it begins, in seconds from the start of its stream, if it has a place in time."""
        return None if self.pts_ns is None else self.pts_ns / 1e9

    @property
    def duration(self) -> float | None:
        """How long it lasts, in seconds, if it lasts."""
        return None if self.duration_ns is None else self.duration_ns / 1e9


def decode_columns(document: bytes, values: list[Any] | None) -> tuple[str, Mapping[str, Any]]:
    """The sink and the columns in a completion's document. `_codec` puts its reader of documents in this place."""
    raise NotImplementedError


class SkipReport(NamedTuple):
    """The errors that an execution has skipped, since its manifest says so: the first ones, and counts of all."""

    skipped: list[NodeError]
    skips: int
    retries: int


def log_skip(message: str) -> None:
    """Logs the first error that a node skips in an execution or session."""
    import logging

    logging.getLogger("remotemedia").warning("skipped: %s (more that this node skips is counted, not logged)", message)


class Outputs(list[Any]):
    """The outputs of an execution.

    Of a pipeline with one sink it is the list of its values, flat, ordered by input and by emission. Of one with
    several sinks it is a mapping: iterating gives their ids, and `outputs["id"]` is the `Outputs` of one of them,
    which it is for one sink as well. So `outputs["id"].packets` is right for every pipeline.

    `by_item` and `packets` are made when they are asked for, and stay as the values came out even if the list is
    changed.
    """

    __slots__ = ("_count", "_origin", "_sinks", "_skip_report")

    # Set where the outputs are made; a list made otherwise has none. The origin is the sink and its
    # columns, or the document that holds them, perhaps with the values beside it: most programs never ask.
    _origin: tuple[str, Mapping[str, Sequence[Any]]] | tuple[bytes, list[Any]] | bytes
    _count: int | None
    _skip_report: SkipReport
    # Of several sinks, by their ids; the list holds the ids then.
    _sinks: dict[str, Outputs]

    @property
    def sinks(self) -> tuple[str, ...]:
        """The ids of the sinks, in the order of the manifest's nodes."""
        return tuple(self._by_sink())

    @overload
    def __getitem__(self, key: SupportsIndex, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> list[Any]: ...
    @overload
    def __getitem__(self, key: str, /) -> Outputs: ...
    def __getitem__(self, key: Any, /) -> Any:
        """The value at an index; with the id of a sink, what came out of it."""
        if type(key) is not str:
            return list.__getitem__(self, key)
        found = self._by_sink()
        if key not in found:
            raise KeyError(f"there is no sink {key!r}; there is {' and '.join(map(repr, found))}")
        return found[key]

    def keys(self) -> tuple[str, ...]:
        """The ids of the sinks."""
        return self.sinks

    def values(self) -> list[Outputs]:
        """What came out of each sink."""
        return list(self._by_sink().values())

    def items(self) -> list[tuple[str, Outputs]]:
        """The id of each sink, and what came out of it."""
        return list(self._by_sink().items())

    def get(self, key: str, default: Outputs | None = None) -> Outputs | None:
        """What came out of a sink, or `default` if there is none of that id."""
        return self._by_sink().get(key, default)

    def to_pandas(self) -> Any:
        """A DataFrame: a row for each packet, with its sink, item and times in seconds. Raises `LibraryError`
        without pandas.

        Values that are maps have a column for each key; others stand in the column `value`. Whole numbers stay what
        they are where some are missing: such a column is of the type `Int64` of pandas, or of objects.
        """
        try:
            import pandas
        except ImportError:
            raise LibraryError("to_pandas needs pandas; pip install pandas") from None
        with FIRST_USE:
            from .columns import columns_of_packets

        columns = columns_of_packets(self.packets)
        return pandas.DataFrame({name: _column(pandas, values) for name, values in columns.items()})

    def to_arrow(self, schema: Any = None, *, rows: Literal["packets", "items"] = "packets") -> Any:
        """A table of pyarrow: a row for each packet with the columns of `to_pandas`, or for each item of the inputs.

        With `rows="items"` there is a column for each sink, by its id, whose values are lists. `Audio` is a struct of
        rate, channels, frames, layout, start in nanoseconds and samples (float32, channel by channel); a tensor is one
        of dtype, shape and data, which `Tensor(**row)` takes; `File` and `Video` are structs of what they hold.

        Types are those of `schema`, such as that of `pipeline.schema()`, else what the values show: a column without
        any is null then. Raises `LibraryError` without pyarrow, and `MarshalError` for values that have no type in
        common, or another one than the schema says.
        """
        with FIRST_USE:
            from .arrow_columns import table_of_columns
            from .arrow_types import pyarrow_for, type_of_shape
            from .columns import PACKET_COLUMNS, columns_of_items, columns_of_packets

        pyarrow_for("to_arrow")
        if rows not in ("packets", "items"):
            raise InvalidArgumentError(f"rows must be 'packets' or 'items', got {rows!r}")
        columns = columns_of_packets(self.packets) if rows == "packets" else columns_of_items(self)
        known = {name: type_of_shape(kind) for name, kind in PACKET_COLUMNS.items()} if rows == "packets" else {}
        return table_of_columns(columns, schema, known)

    def _by_sink(self) -> dict[str, Outputs]:
        if hasattr(self, "_sinks"):
            return self._sinks
        return {self._known()[0]: self}

    def __eq__(self, other: object) -> bool:
        if hasattr(self, "_sinks") and isinstance(other, Mapping):
            return dict(self._sinks) == dict(other)
        if hasattr(self, "_sinks") and isinstance(other, Outputs) and hasattr(other, "_sinks"):
            return self._sinks == other._sinks
        return list.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        with FIRST_USE:
            from .bounded_repr import bounded_repr

        return repr(self._sinks) if hasattr(self, "_sinks") else bounded_repr(self)

    def _repr_html_(self) -> str:
        with FIRST_USE:
            from .._pictures.matrix import page_of_matrix
            from .._pictures.tables import html_table

        packets = self.packets
        rows = ((packet.sink, packet.item, packet.pts, packet.duration, packet.value) for packet in packets)
        table = html_table(("sink", "item", "pts (s)", "duration (s)", "value"), rows, len(packets), "packets")
        return (page_of_matrix(packets[0].value) if packets else "") + table

    @property
    def by_item(self) -> list[list[Any]]:
        """The values of each input, sink by sink: `by_item[i]` is the list that input `i` gave; it may be empty."""
        if hasattr(self, "_sinks"):
            parts = zip_longest(*(each.by_item for each in self._sinks.values()), fillvalue=[])
            return [[value for part in of_item for value in part] for of_item in parts]
        _, columns = self._known()
        items = columns["items"]
        count = self._count if self._count is not None else max(items, default=-1) + 1
        grouped: list[list[Any]] = [[] for _ in range(count)]
        for item, value in zip(items, columns["values"], strict=True):
            while item >= len(grouped):
                grouped.append([])
            grouped[item].append(value)
        return grouped

    @property
    def packets(self) -> list[Packet]:
        """The values as packets, with their times and where they came from; sink by sink."""
        if hasattr(self, "_sinks"):
            return [packet for each in self._sinks.values() for packet in each.packets]
        sink, columns = self._known()
        values = columns["values"]
        nothing = [None] * len(values)
        rows = zip(
            values,
            columns.get("pts") or nothing,
            columns.get("durations") or nothing,
            columns.get("seqs") or nothing,
            columns.get("streams") or nothing,
            columns["items"],
            strict=True,
        )
        return [
            Packet(value, pts, duration, index if seq is None else seq, stream or 0, sink, item)
            for index, (value, pts, duration, seq, stream, item) in enumerate(rows)
        ]

    @property
    def skipped(self) -> list[NodeError]:
        """The first 100 errors after which a packet was dropped, since a node says `on_error: skip`.

        They are those of the whole execution, and the same in the outputs of each sink.
        """
        return self._skip_report.skipped if hasattr(self, "_skip_report") else []

    @property
    def skips(self) -> int:
        """How many packets were dropped after errors in the execution."""
        return self._skip_report.skips if hasattr(self, "_skip_report") else 0

    @property
    def retries(self) -> int:
        """How many times nodes tried again in the execution."""
        return self._skip_report.retries if hasattr(self, "_skip_report") else 0

    def _known(self) -> tuple[str, Mapping[str, Sequence[Any]]]:
        try:
            origin = self._origin
        except AttributeError:
            raise ValueError("this list did not come out of an execution: it has no items and no packets") from None
        document, rest = (origin, None) if isinstance(origin, bytes) else origin
        if isinstance(document, str):
            return document, rest  # type: ignore[return-value]
        known = self._origin = decode_columns(document, rest)  # type: ignore[arg-type]
        return known

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        # Copies, too, are made so. Another process may have no library that reads documents.
        if hasattr(self, "_origin"):
            self._known()
        state = {name: getattr(self, name) for name in self.__slots__ if hasattr(self, name)}
        return type(self), (), (None, state), iter(self)


def outputs_of_sinks(sinks: dict[str, Outputs], report: SkipReport | None = None) -> Outputs:
    """The outputs of several sinks as one result; of a single one, they are it."""
    if len(sinks) == 1:
        return next(iter(sinks.values()))
    outputs = Outputs(sinks)
    outputs._sinks = sinks
    if report is not None:
        outputs._skip_report = report
    return outputs


def outputs_of(sink: str, columns: Mapping[str, Any], count: int | None, report: SkipReport | None = None) -> Outputs:
    """The outputs of one sink. `columns` are those of the completion, `count` is the number of inputs if known."""
    outputs = Outputs(columns["values"])
    outputs._origin = sink, columns
    outputs._count = count
    if report is not None:
        outputs._skip_report = report
    return outputs


def _column(pandas: Any, values: list[Any]) -> Any:
    """A column for pandas, which would turn whole numbers beside None into floats."""
    # By type: `None in values` would ask arrays whether they are equal to it.
    if set(map(type, values)) != {int, type(None)}:
        return values
    try:
        return pandas.array(values, dtype="Int64")
    except OverflowError:
        return pandas.Series(values, dtype=object)
