"""Calls of the C ABI that the package has no door for: the JSON twin, and the counts of live objects."""

from __future__ import annotations

from typing import Any

from remotemedia._abi import ownership
from remotemedia._abi.library import NULL, check, ffi, lib
from remotemedia._codec.documents import ask

HAS_FLAGS = lib.RM_ABI_MAJOR > 0 or lib.RM_ABI_MINOR > 1
"""Whether the twin has flags and tables: since 0.2."""


def to_json(document: bytes, buffers: list[bytes]) -> bytes:
    """The JSON twin of a document."""
    kept = [ffi.from_buffer(buffer + bytes(64)) for buffer in buffers]
    table = ffi.new("rm_buffer[]", max(1, len(buffers)))
    for index, buffer in enumerate(buffers):
        table[index].data, table[index].len = ffi.cast("uint8_t *", kept[index]), len(buffer)
    out, error = ffi.new("rm_output *"), ffi.new("rm_error **")
    flags = (0,) if HAS_FLAGS else ()
    check(lib.rm_document_to_json(document, len(document), table, len(buffers), *flags, out, error), error)
    return _taken(out)[0]


def from_json(text: bytes) -> tuple[bytes, list[bytes]]:
    """The document of a JSON text."""
    out, error = ffi.new("rm_output *"), ffi.new("rm_error **")
    table = (NULL, 0) if HAS_FLAGS else ()
    check(lib.rm_document_from_json(text, len(text), *table, out, error), error)
    return _taken(out)


def live_objects() -> dict[str, int]:
    """What is alive natively. Memory that waits for a call to be freed with is freed first."""
    while ownership.pending_frees:
        lib.rm_memory_free(ffi.cast("rm_memory *", ownership.pending_frees.popleft()))
    counts: dict[str, int] = ask(lib.rm_live_objects)
    return counts


def _taken(out: Any) -> tuple[bytes, list[bytes]]:
    data, length = ffi.new("uint8_t const **"), ffi.new("size_t *")
    table, count = ffi.new("rm_buffer const **"), ffi.new("size_t *")
    error = ffi.new("rm_error **")
    check(lib.rm_document_view(out.document, data, length, table, count, error), error)
    buffers = [bytes(ffi.buffer(table[0][index].data, table[0][index].len)) for index in range(count[0])]
    document = bytes(ffi.buffer(data[0], length[0]))
    lib.rm_document_free(out.document)
    return document, buffers
