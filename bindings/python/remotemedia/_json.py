"""A value as JSON text, in the notation of the native library: media values are maps with `$rm`."""

from __future__ import annotations

from typing import Any

from ._library import check, ffi, lib
from ._marshal import give_back, lane


def to_json(value: Any) -> str:
    """The JSON twin of a value, exactly. Raises `MarshalError` for what can't cross."""
    used = lane()
    try:
        document = used.pack(value, "value")
        table, count = used.buffers()
        output = ffi.new("rm_output *")
        status = lib.rm_document_to_json(document, len(document), table, count, output, used.error)
        # Nothing native keeps the memory after this call.
        used.forget()
        check(status, used.error)
        data, size = ffi.new("uint8_t const **"), ffi.new("size_t *")
        buffers, counted = ffi.new("rm_buffer const **"), ffi.new("size_t *")
        held = ffi.gc(output.document, lib.rm_document_free)
        check(lib.rm_document_view(held, data, size, buffers, counted, used.error), used.error)
        return bytes(ffi.buffer(data[0], size[0])).decode("utf-8")
    finally:
        give_back(used)
