"""The cases `twin`, `read_twin` and `refused_twin`: the JSON twin, through the extension of the package."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import remotemedia as rm
from vectors.notation import data_of, text_of

from .cases import Case, Failed, Skip, same
from .library import from_json, to_json


def twin_cases(vectors: dict[str, Any]) -> Iterator[tuple[str, Case]]:
    """Those cases with their names."""
    for vector in vectors["values"]:
        yield f"twin/{vector['name']}", partial(_twin, vector)
    for vector in vectors["read_twins"]:
        yield f"read_twin/{vector['name']}", partial(_read, vector)
    for vector in vectors["refused_twins"]:
        yield f"refused_twin/{vector['name']}", partial(_refused, vector)


def _document(vector: dict[str, Any]) -> tuple[bytes, list[bytes]]:
    return data_of(vector["document"]), [data_of(parts) for parts in vector["buffers"]]


def _twin(vector: dict[str, Any], _: str) -> None:
    if vector["twin"] is None:
        raise Skip("its twin is too deep to be read")
    text = text_of(vector["twin"]).encode()
    document = _document(vector)
    same(text, to_json(*document), "text")
    if vector["written"]:
        same(document, from_json(text), "document")


def _read(vector: dict[str, Any], _: str) -> None:
    same(_document(vector), from_json(text_of(vector["text"]).encode()), "document")


def _refused(vector: dict[str, Any], _: str) -> None:
    text = data_of(vector["bytes"]) if "bytes" in vector else text_of(vector["text"]).encode()
    try:
        document, _buffers = from_json(text)
    except rm.MarshalError:
        return
    raise Failed(f"it is read as {document[:30].hex()}")
