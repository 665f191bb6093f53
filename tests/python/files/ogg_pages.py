"""Pages of Ogg, made by hand (RFC 3533, 6)."""

from __future__ import annotations

import struct

FIRST, LAST = 2, 4


def page_of(packet: bytes, serial: int, number: int, count: int, *, frames: int) -> bytes:
    """The page of a packet, one of `count` of a stream in pages of their own; the last one ends after `frames`."""
    is_last = number == count - 1
    flags, position = (FIRST if number == 0 else LAST if is_last else 0), frames if is_last else 0
    segments = bytes([255] * (len(packet) // 255) + [len(packet) % 255])
    head = struct.pack("<4sBBQII", b"OggS", 0, flags, position, serial, number)
    rest = bytes([len(segments)]) + segments + packet
    return head + struct.pack("<I", checksum_of(head + bytes(4) + rest)) + rest


def checksum_of(page: bytes) -> int:
    """The checksum of a page whose own field is zero."""
    checksum = 0
    for byte in page:
        checksum ^= byte << 24
        for _ in range(8):
            checksum = (checksum << 1 ^ (0x04C11DB7 if checksum >> 31 else 0)) & 0xFFFFFFFF
    return checksum
