"""Runs the vectors on a codec that is a module, as a runner does for `vector`, `refused` and `unwritable`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from vectors.notation import data_of, plain

SUITE = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).with_name("codec.py")

Case = tuple[str, Callable[[Any], str | None]]


def load(file: Path = SUITE / "vectors.json") -> list[Case]:
    """The cases, smallest document first, so that most mistakes are noticed soon."""
    its = json.loads(file.read_text("ascii"))
    sized: list[tuple[int, Case]] = []
    for vector in its["values"]:
        value, document, buffers = plain(vector["value"]), *_document(vector)
        size = len(document) + sum(map(len, buffers))
        sized.append((size, (f"vector/{vector['name']}", _read(value, document, buffers))))
        if vector["written"]:
            sized.append((size, (f"vector/{vector['name']}", _written(value, document, buffers))))
    for vector in its["refused"]:
        document, buffers = _document(vector)
        sized.append((len(document), (f"refused/{vector['name']}", _refused(document, buffers))))
    for vector in its["unwritable"]:
        sized.append((0, (f"unwritable/{vector['name']}", _unwritable(plain(vector["value"])))))
    return [case for _, case in sorted(sized, key=lambda each: each[0])]


def mutant(*changes: str) -> ModuleType:
    """The codec with changes: what stands there, what replaces it, and so on."""
    source = SOURCE.read_text("utf-8")
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in {SOURCE}, not once")
        source = source.replace(old, new)
    module = ModuleType("mutant")
    exec(compile(source, str(SOURCE), "exec"), module.__dict__)
    return module


def first_failure(codec: ModuleType, cases: list[Case]) -> str | None:
    """The first case that fails, with the reason; None if none does."""
    for name, fails in cases:
        try:
            reason = fails(codec)
        except Exception as error:
            reason = repr(error)
        if reason is not None:
            return f"{name}: {reason:.100}"
    return None


def _document(vector: dict[str, Any]) -> tuple[bytes, list[bytes]]:
    return data_of(vector["document"]), [data_of(parts) for parts in vector["buffers"]]


def _read(value: Any, document: bytes, buffers: list[bytes]) -> Callable[[Any], str | None]:
    def fails(codec: Any) -> str | None:
        found = codec.decode(document, buffers)
        return None if found == value and repr(found) == repr(value) else f"reads {found!r:.60}"

    return fails


def _written(value: Any, document: bytes, buffers: list[bytes]) -> Callable[[Any], str | None]:
    def fails(codec: Any) -> str | None:
        found = codec.encode(value)
        return None if found == (document, buffers) else f"writes {found[0][:30].hex()}"

    return fails


def _refused(document: bytes, buffers: list[bytes]) -> Callable[[Any], str | None]:
    def fails(codec: Any) -> str | None:
        try:
            found = codec.decode(document, buffers)
        except codec.Malformed:
            return None
        return f"is read as {found!r:.60}"

    return fails


def _unwritable(value: Any) -> Callable[[Any], str | None]:
    def fails(codec: Any) -> str | None:
        try:
            found = codec.encode(value)
        except codec.Malformed:
            return None
        return f"is written as {found[0][:30].hex()}"

    return fails
