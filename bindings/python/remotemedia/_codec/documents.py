"""Documents beside those of runs: options, what functions of the library return, columns of results, JSON text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._abi.library import check, ffi, lib
from .._abi.msgpack import msgpack
from .._results import outputs
from .call_buffers import acquire, release
from .decode import unpackb


def pack_plain(value: Any) -> bytes:
    """Packs a document of plain values, such as options."""
    return msgpack.packb(value)  # type: ignore[no-any-return]


def pack_alone(value: Any, name: str) -> tuple[bytes, bool]:
    """Packs a document that goes without its table of buffers, and tells whether that is empty: without large arrays.

    Raises `MarshalError`, with the path that begins with `name`, if something in it can't cross.
    """
    used = acquire()
    try:
        document, is_whole = used.pack(value, name), not used.table
        used.forget()
        return document, is_whole
    finally:
        release(used)


def ask(call: Callable[[Any, Any], int]) -> Any:
    """The document that a function of the library returns. `call` gets an `rm_output *` and an `rm_error **`."""
    used = acquire()
    try:
        used.ready()
        status = call(used.output, used.error)
        check(status, used.error)
        return used.unpack()
    finally:
        release(used)


def to_json(value: Any) -> str:
    """A value as JSON text in the library's notation, exactly. Raises `MarshalError` for values that can't cross."""
    used = acquire()
    try:
        document = used.pack(value, "value")
        table, count = used.buffers()
        output = ffi.new("rm_output *")
        status = lib.rm_document_to_json(document, len(document), table, count, 0, output, used.error)
        # Native code has read the memory, and keeps nothing.
        used.forget()
        check(status, used.error)
        data, size = ffi.new("uint8_t const **"), ffi.new("size_t *")
        buffers, counted = ffi.new("rm_buffer const **"), ffi.new("size_t *")
        held = ffi.gc(output.document, lib.rm_document_free)
        check(lib.rm_document_view(held, data, size, buffers, counted, used.error), used.error)
        return bytes(ffi.buffer(data[0], size[0])).decode("utf-8")
    finally:
        release(used)


def columns_of(document: bytes, values: list[Any] | None) -> tuple[str, Mapping[str, Any]]:
    """The only sink of a completion, and its columns. `values` are the values if they are known already."""
    used = acquire()
    try:
        decode = used.decode if values is None else _ignore
        completion = unpackb(document, ext_hook=decode, timestamp=3)
    finally:
        release(used)
    ((sink, columns),) = completion["outputs"].items()
    if values is not None:
        columns["values"] = values
    return sink, columns


def _ignore(code: int, data: bytes) -> None:
    return None


outputs.decode_columns = columns_of
