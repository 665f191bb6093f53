"""The cases `vector`, `refused` and `unwritable`: documents through the codec of the package."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import remotemedia as rm
from remotemedia._abi.library import ffi
from remotemedia._codec import call_buffers
from remotemedia._codec.decode import Storage, unpackb
from vectors.notation import data_of, plain

from .cases import Case, Failed, Skip, same
from .library import to_json
from .values import built, plainly


def codec_cases(vectors: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    """Those cases with their names."""
    for vector in vectors["values"]:
        yield f"vector/{vector['name']}", partial(_accepted, vector)
    for vector in vectors["refused"]:
        yield f"refused/{vector['name']}", partial(_refused, vector)
    for vector in vectors["unwritable"]:
        yield f"unwritable/{vector['name']}", partial(_unwritable, vector)


def decoded(document: bytes, buffers: list[bytes]) -> Any:
    """The value of a document, as the package reads it."""
    used = call_buffers.acquire()
    kept = [_aligned(buffer) for buffer in buffers]
    used._storages = [Storage(address, view, None) for address, view in kept]
    try:
        return unpackb(document, ext_hook=used.decode, timestamp=3)
    finally:
        used._storages = []
        call_buffers.release(used)


def encoded(value: Any) -> tuple[bytes, list[bytes]]:
    """The document of a value, as the package writes it."""
    used = call_buffers.acquire()
    try:
        document = used.pack(value, "value")
        table, count = used.buffers()
        return document, [bytes(ffi.buffer(table[index].data, table[index].len)) for index in range(count)]
    finally:
        used.forget()
        call_buffers.release(used)


def _accepted(vector: dict[str, Any], _: str) -> None:
    document, buffers = data_of(vector["document"]), [data_of(parts) for parts in vector["buffers"]]
    expected = plain(vector["value"])
    value = built(expected)
    same(expected, plainly(decoded(document, buffers)), "read")
    if vector["written"]:
        written, table = encoded(value)
        if _has_long_bytes(expected) and document != written:
            raise Skip("an object of type bytes travels in the document, however long it is; it was read well")
        same(document, written, "written")
        same(buffers, table, "buffers")


def _refused(vector: dict[str, Any], _: str) -> None:
    document, buffers = data_of(vector["document"]), [data_of(parts) for parts in vector["buffers"]]
    # The package reads only what the library has written, which has refused this; it must not crash at it.
    try:
        decoded(document, buffers)
    except Exception:
        pass
    try:
        to_json(document, buffers)
    except rm.MarshalError:
        return
    raise Failed("it is accepted")


def _unwritable(vector: dict[str, Any], _: str) -> None:
    value = built(plain(vector["value"]))
    try:
        written, _buffers = encoded(value)
    except rm.MarshalError:
        return
    raise Failed(f"it is written as {written[:30].hex()}")


def _has_long_bytes(value: Any) -> bool:
    if value[0] == "list":
        return any(map(_has_long_bytes, value[1]))
    return value[0] == "bytes" and len(value[1]) >= 16_384


def _aligned(data: bytes) -> tuple[int, memoryview]:
    """Memory with these bytes that is aligned to 64."""
    room = np.zeros(len(data) + 64, "uint8")
    begin = -room.__array_interface__["data"][0] % 64
    part = room[begin : begin + len(data)]
    part[:] = np.frombuffer(data, "uint8")
    return part.__array_interface__["data"][0], memoryview(part)
