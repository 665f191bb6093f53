"""Numbers of the C ABI and of the wire: statuses, kinds of event, ext codes of values."""

from __future__ import annotations

from .library import lib

RM_OK: int = lib.RM_OK
RM_PENDING: int = lib.RM_PENDING
RM_WOULD_BLOCK: int = lib.RM_WOULD_BLOCK
RM_END: int = lib.RM_END
RM_GONE: int = lib.RM_GONE

COMPLETED, CALL, RELEASED, SHUT_DOWN, ROOM, OUTPUTS, RESUME, CALLED_OFF, SKIPPED = 1, 2, 3, 4, 5, 6, 7, 8, 9
"""The kinds of event that a port hands out, as docs/abi.md lists them."""

TENSOR, AUDIO, VIDEO, TABLE, FILE, BYTES, TIMESTAMP = 1, 2, 3, 4, 5, 6, -1
"""The ext codes of values in a document, as docs/wire.md lists them."""
