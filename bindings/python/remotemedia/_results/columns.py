"""Packets as columns, for tables of pandas and pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import MarshalError

if TYPE_CHECKING:
    from .outputs import Outputs, Packet

PACKET_COLUMNS = {"sink": "str", "item": "int", "pts": "float", "duration": "float"}
"""The columns that every packet has, with the kinds of their values."""


def columns_of_packets(packets: Sequence[Packet]) -> dict[str, list[Any]]:
    """The packets by columns: sink, item, times in seconds, and `value`; values that are maps by a column for each key.

    A key that a map lacks is None there, and one that is named like a column of the packet has the prefix `value.`.
    Raises `MarshalError` if another key is called like that.
    """
    columns: dict[str, list[Any]] = {
        "sink": [packet.sink for packet in packets],
        "item": [packet.item for packet in packets],
        "pts": [packet.pts for packet in packets],
        "duration": [packet.duration for packet in packets],
    }
    keys = list(dict.fromkeys(key for packet in packets if type(packet.value) is dict for key in packet.value))
    for key in keys:
        column = column_of_key(key)
        if column in columns:
            raise MarshalError(f"the keys of a result have two values for the column {column!r}; rename a key")
        columns[column] = [packet.value.get(key) if type(packet.value) is dict else None for packet in packets]
    if not packets or any(type(packet.value) is not dict for packet in packets):
        columns["value"] = [None if type(packet.value) is dict else packet.value for packet in packets]
    return columns


def column_of_key(key: str) -> str:
    """The name of the column for a key of values that are maps."""
    return f"value.{key}" if key in PACKET_COLUMNS or key == "value" else key


def columns_of_items(outputs: Outputs) -> dict[str, list[list[Any]]]:
    """The values of each sink by its id, a list for each item of the inputs."""
    parts = {sink: each.by_item for sink, each in outputs.items()}
    count = max(map(len, parts.values()), default=0)
    return {sink: part + [[] for _ in range(count - len(part))] for sink, part in parts.items()}
