"""Packets as columns, for tables of pandas and pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..media import Audio, File, Tensor

if TYPE_CHECKING:
    from .outputs import Packet


def columns_of_packets(packets: Sequence[Packet]) -> dict[str, list[Any]]:
    """The packets by columns: sink, item, times in seconds, and `value`; values that are maps by a column for each key.

    A key that a map lacks is None there, and one that is named like a column of the packet has the prefix `value.`.
    """
    columns: dict[str, list[Any]] = {
        "sink": [packet.sink for packet in packets],
        "item": [packet.item for packet in packets],
        "pts": [packet.pts for packet in packets],
        "duration": [packet.duration for packet in packets],
    }
    keys = list(dict.fromkeys(key for packet in packets if type(packet.value) is dict for key in packet.value))
    names = {key: f"value.{key}" if key in columns or key == "value" else key for key in keys}
    for key, name in names.items():
        columns[name] = [packet.value.get(key) if type(packet.value) is dict else None for packet in packets]
    if not packets or any(type(packet.value) is not dict for packet in packets):
        columns["value"] = [None if type(packet.value) is dict else packet.value for packet in packets]
    return columns


def plain_column(values: list[Any]) -> list[Any]:
    """Values as plain Python, of which pyarrow knows the types."""
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    if isinstance(value, Audio):
        samples = _plain(value.samples)
        return {"rate": value.rate, "layout": value.layout, "pts_ns": value.pts_ns, "samples": samples}
    if isinstance(value, File):
        return {"path": value.path, "data": None if value.data is None else bytes(value.data), "mime": value.mime}
    if isinstance(value, Tensor) or (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return value.tolist()
    if type(value) is dict:
        return {key: _plain(entry) for key, entry in value.items()}
    if type(value) is list:
        return [_plain(entry) for entry in value]
    return value
