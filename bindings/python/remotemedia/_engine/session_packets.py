"""The documents of packets for a session, and the errors for those that can't cross."""

from __future__ import annotations

from typing import Any

from .._codec.call_buffers import CallBuffers
from ..errors import MarshalError


def pack_borrowed(used: CallBuffers, packets: list[list[Any]]) -> bytes:
    """Packs packets whose memory is borrowed, also where it could still be written to."""
    used.snapshot = False
    try:
        return used.packer.pack(packets)  # type: ignore[no-any-return]
    finally:
        used.snapshot = True


def refused_packets(used: CallBuffers, packets: list[list[Any]], error: Exception) -> MarshalError:
    """The error for packets that the packer refused, with the path that a second look finds."""
    if len(packets) == 1:
        return used.refused(packets[0][0], "value", error)
    return used.refused([packet[0] for packet in packets], "values", error)


def explained_packets(used: CallBuffers, packets: list[list[Any]], refusal: MarshalError) -> MarshalError:
    """The error for packets that native code refused: with the path, if a second look finds it."""
    if len(packets) == 1:
        return used.explained(packets[0][0], "value", refusal)
    return used.explained([packet[0] for packet in packets], "values", refusal)
