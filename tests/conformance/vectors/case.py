"""The entries of `vectors.json` before they are written: what a case holds, and how each kind of case is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from .notation import Value
from .write_document import array, document_of, extension


@dataclass(frozen=True)
class Accepted:
    """A document with its value. `is_written`: an encoder writes exactly these bytes for the value."""

    name: str
    meaning: str
    value: Value
    document: bytes
    buffers: list[bytes] = field(default_factory=list)
    is_written: bool = False
    has_twin: bool = True


@dataclass(frozen=True)
class Refused:
    """A document that every decoder refuses."""

    name: str
    meaning: str
    document: bytes
    buffers: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Unwritable:
    """A value that an encoder refuses, where the language can hold it."""

    name: str
    meaning: str
    value: Value


@dataclass(frozen=True)
class ReadTwin:
    """A JSON text that is read as a value, and not written for it."""

    name: str
    meaning: str
    text: str
    value: Value


@dataclass(frozen=True)
class RefusedTwin:
    """A JSON text, or bytes that are none, that the library refuses."""

    name: str
    meaning: str
    text: str | bytes


def written(name: str, meaning: str, value: Value, *, has_twin: bool = True) -> Accepted:
    """A value with the document that encoders write."""
    document, buffers = document_of(value)
    return Accepted(name, meaning, value, document, buffers, is_written=True, has_twin=has_twin)


def read(name: str, meaning: str, value: Value, document: str | bytes, buffers: tuple[bytes, ...] = ()) -> Accepted:
    """Another form of a value, which decoders accept; the document may be hexadecimal text."""
    data = bytes.fromhex(document) if isinstance(document, str) else document
    return Accepted(name, meaning, value, data, list(buffers))


def payload(code: int, *fields: bytes) -> bytes:
    """An extension value whose payload is the list of these encoded fields."""
    return extension(code, array(len(fields)) + b"".join(fields))
