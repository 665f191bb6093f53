"""Numbers of the C ABI and of the wire: statuses, kinds of event, ext codes of values."""

from __future__ import annotations

from .library import lib

RM_OK: int = lib.RM_OK
RM_PENDING: int = lib.RM_PENDING
RM_WOULD_BLOCK: int = lib.RM_WOULD_BLOCK
RM_END: int = lib.RM_END
RM_GONE: int = lib.RM_GONE
RM_CANCELLED: int = lib.RM_CANCELLED

COMPLETED: int = lib.RM_EVENT_COMPLETED
CALL: int = lib.RM_EVENT_CALL
RELEASED: int = lib.RM_EVENT_RELEASED
SHUT_DOWN: int = lib.RM_EVENT_PORT_ENDED
ROOM: int = lib.RM_EVENT_ROOM
OUTPUTS: int = lib.RM_EVENT_OUTPUTS
RESUME: int = lib.RM_EVENT_REPLY_ROOM
CALLED_OFF: int = lib.RM_EVENT_CALL_OVER
SKIPPED: int = lib.RM_EVENT_SKIPPED

TENSOR, AUDIO, VIDEO, TABLE, FILE, BYTES, TIMESTAMP = 1, 2, 3, 4, 5, 6, -1
"""The ext codes of values in a document, as docs/wire.md lists them."""
